"""Runs a program and measures it as a whole: seconds to its first rows and to its last byte, and peak memory."""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Collection, Dict, List, Sequence

import psutil

from lab.app_command import SCRIPT, AppCommand
from lab.splunkd import SplunkdStandIn
from splunk_bridge.chunked import Job


@dataclass(frozen=True)
class Run:
    """Figures of one run. ``events`` are counted in the output, not taken from the program's word."""

    events: int
    seconds: float
    first_row_s: float
    peak_mib: float


class PeakMemory:
    """Samples the resident memory of a process and its children, but for ``without``, until it ends."""

    def __init__(self, pid: int, without: Collection[int] = ()) -> None:
        self.peak_bytes = 0
        self._without = frozenset(without)
        self._process = psutil.Process(pid)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._stop.wait(0.02):
            try:
                family = [self._process, *self._process.children(recursive=True)]
                counted = [each for each in family if each.pid not in self._without]
                self.peak_bytes = max(self.peak_bytes, sum(each.memory_info().rss for each in counted))
            except psutil.Error:
                continue  # a child ended between the two calls

    def mib(self) -> float:
        """Stop, and return the largest sum seen."""
        self._stop.set()
        self._thread.join()
        return self.peak_bytes / 2**20


def run_command(
    options: Dict[str, object],
    splunkd: SplunkdStandIn,
    session_key: str,
    script: Path = SCRIPT,
    python: str = sys.executable,
) -> Run:
    """Run a search command over the chunked protocol, as splunkd does, and read every reply."""
    args = [f"{name}={value}" for name, value in options.items()]
    job = Job(args, args, splunkd.uri, session_key)
    bodies: List[bytes] = []
    started = time.monotonic()
    first = 0.0
    with (
        tempfile.TemporaryFile() as kept,
        AppCommand(job, python=python, script=script, home=splunkd.splunk_home) as command,
    ):
        memory = PeakMemory(command.process.pid)
        sizes: List[int] = []
        for reply in command.run():
            for level, text in reply.messages:
                if level == "ERROR":
                    raise RuntimeError(text)
            if reply.body:
                first = first or time.monotonic() - started
                sizes.append(len(reply.body))
                kept.write(reply.body)
        seconds = time.monotonic() - started
        peak = memory.mib()
        command.close_input()  # the SDK waits for it
        if command.wait():
            raise RuntimeError(f"exit status {command.process.returncode}: {command.stderr()[-500:]}")
        kept.seek(0)
        bodies = [kept.read(size) for size in sizes]
    return Run(sum(rows_in(body) for body in bodies), seconds, first, peak)


def rows_in(body: bytes) -> int:
    """Return how many rows a CSV body holds."""
    csv.field_size_limit(1 << 30)
    return sum(1 for _ in csv.reader(body.decode("utf-8", "replace").splitlines(keepends=True))) - 1


def run_program(module: str, *args: str) -> tuple[Run, bytes]:
    """Run ``python -m module args`` and return its figures and what it printed."""
    started = time.monotonic()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen([sys.executable, "-m", module, *args], stdout=out)
        memory = PeakMemory(process.pid)
        if process.wait():
            raise RuntimeError(f"{module} ended with exit status {process.returncode}")
        seconds = time.monotonic() - started
        peak = memory.mib()
        out.seek(0)
        printed = out.read()
    return Run(printed.count(b"\n"), seconds, 0.0, peak), printed


def median(values: Sequence[float]) -> float:
    """Return the median of the values."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
