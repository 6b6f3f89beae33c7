"""What it costs that any member of CloudTrail's free-form objects is searchable by its name: time and disk.

    python -m benchmarks.objects [--rounds 5] [--records 60000] [--made-up] [--index-objects NAMES] [--url URL]

Three cases, each a process of its own, one after the other in every round, each round beginning with another one:
loading with the objects only stored, loading with them indexed, and a bulk of the documents already encoded into the
index that has them indexed (the limit). A first round is discarded, medians are compared: of events per second, and of
the CPU time of loader and engine together, which says something on a busy machine, too. After each kind of loading
the indices are merged into one segment, and what they take is compared. Events are the story's, or with ``--made-up``
those of `benchmarks.load`: every fifth of these answers with a session token of 400 random digits, which is the worst
there is for an index of everything.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Dict, List, NamedTuple

from benchmarks.load import FILES, LIMIT, LOADER, Figures, clear, made_up, rate, stored_bytes, unpacked_bytes
from benchmarks.process import median
from collectors.cli.load import WORKERS
from collectors.loading.files import find_files
from collectors.store.object_fields import ALL, Choice, parse_choice
from collectors.store.templates import ensure_template
from es_bridge.config import ClusterConfig
from es_bridge.transport import Transport

DATASET = "cloudtrail"
#: How a CloudTrail file begins and ends.
_HEAD, _TAIL = b'{"Records":[', b"]}"
#: At most so much of the rate is lost; at least so much of the limit is reached; at most so much is stored.
LOSS_TARGET, SHARE_TARGET, STORE_TARGET = 0.15, 0.8, 1.5


class Case(NamedTuple):
    """What is run, and which objects are indexed meanwhile."""

    kind: str
    choice: Choice


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--records", type=int, default=60_000)
    parser.add_argument("--workers", type=int, default=WORKERS)
    parser.add_argument("--index-objects", default=ALL, metavar="NAMES", help="those that are indexed (default: all)")
    parser.add_argument("--engine", default="opensearch-2.19", help="of the lab (default: opensearch-2.19)")
    parser.add_argument("--url", help="a cluster for the purpose: its CloudTrail indices are deleted")
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument("--made-up", action="store_true", help="records of benchmarks.load instead of the story's")
    kinds.add_argument("--files", type=Path, metavar="FOLDER", help="CloudTrail files instead")
    arguments = parser.parse_args()
    if arguments.url:
        return compare(arguments.url, 0, arguments)
    from lab.engine import start_engine

    with start_engine(arguments.engine, heap_mb=1024) as engine:
        return compare(engine.url, engine.pid, arguments)


def compare(url: str, pid: int, arguments: argparse.Namespace) -> int:
    """Run all cases and print what comes out; return 1 when an event is lost, never for a slow machine."""
    cases = {
        "stored": Case(LOADER, ()),
        "indexed": Case(LOADER, parse_choice(arguments.index_objects)),
        "limit": Case(LIMIT, parse_choice(arguments.index_objects)),
    }
    runs: Dict[str, List[Figures]] = {name: [] for name in cases}
    cpu: Dict[str, List[float]] = {name: [] for name in cases}
    disk: Dict[str, int] = {}
    with tempfile.TemporaryDirectory(prefix="benchmark_") as folder, Transport(ClusterConfig((url,))) as transport:
        files = arguments.files or (made_up if arguments.made_up else story)(DATASET, Path(folder), arguments.records)
        for number in range(arguments.rounds + 1):
            turn = number % len(cases)
            for name in [*cases, *cases][turn : turn + len(cases)]:
                before = cpu_seconds(pid)
                found = run(transport, url, cases[name], files, arguments.workers)
                used = cpu_seconds(pid) - before
                if number:
                    runs[name].append(found)
                    cpu[name].append(used)
                    print(f"round {number}: {name} {rate(found):,.0f} events/s, CPU {used:.1f} s", file=sys.stderr)
                elif cases[name].kind == LOADER:
                    disk[name] = stored_bytes(transport, DATASET)
        clear(transport, DATASET)
        raw_bytes = sum(unpacked_bytes(log.path, DATASET) for log in find_files([files]).logs)
    events = {figures.events for found in runs.values() for figures in found}
    if len(events) != 1:
        print(f"WRONG: not every run stored the same number of events: {sorted(events)}", file=sys.stderr)
        return 1
    report(runs, cpu, disk, raw_bytes, events.pop())
    return 0


def story(dataset: str, folder: Path, records: int) -> Path:
    """Write the story's events as few large files, as `made_up` does, and return their folder."""
    options = ["--events", str(records), "--logs", dataset, "--start", "2026-11-20T00:00:00Z"]
    options += ["--end", "2026-11-21T00:00:00Z"]
    command = [sys.executable, "-m", "aws_siem_bridge", "lab", "story", "write", str(folder / "small"), *options]
    subprocess.run(command, check=True, stdout=sys.stderr)
    small = [log.path for log in find_files([folder / "small"]).logs]
    (folder / "large").mkdir()
    for number in range(FILES):
        pieces = [gzip.decompress(path.read_bytes())[len(_HEAD) : -len(_TAIL)] for path in small[number::FILES]]
        (folder / "large" / f"{number}.gz").write_bytes(gzip.compress(_HEAD + b",".join(pieces) + _TAIL, 6))
    return folder / "large"


def run(transport: Transport, url: str, case: Case, files: Path, workers: int) -> Figures:
    """Load everything once, into indices that are made anew."""
    ensure_template(transport, DATASET, case.choice)
    clear(transport, DATASET)
    command = [sys.executable, "-m", "benchmarks.load", "--one", case.kind, DATASET, str(files), "--url", url]
    printed = subprocess.run([*command, "--workers", str(workers)], check=True, stdout=subprocess.PIPE).stdout
    return Figures(*json.loads(printed))


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that ended children and process ``pid`` (0: none) took so far."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = ended.ru_utime + ended.ru_stime
    if pid:
        # Behind the name, which may hold anything: the 12th and 13th are user and system time.
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        used += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return used


def report(
    runs: Dict[str, List[Figures]], cpu: Dict[str, List[float]], disk: Dict[str, int], raw_bytes: int, events: int
) -> None:
    """Print the medians, what the indices take, and the targets."""
    rates = {name: median([rate(each) for each in found]) for name, found in runs.items()}
    # Round by round, as a busy machine changes between rounds.
    lost = median([1 - rate(new) / rate(old) for old, new in zip(runs["stored"], runs["indexed"])])
    share = median([rate(new) / rate(limit) for limit, new in zip(runs["limit"], runs["indexed"])])
    print(f"{events:,} events, raw {raw_bytes / events:,.0f} B each")
    for name, value in rates.items():
        print(f"  {name:<8} {value:9,.0f} events/s, CPU {median(cpu[name]) / events * 1e6:,.0f} microseconds an event")
    print(f"  lost by indexing the objects: {lost:.1%} (target: at most {LOSS_TARGET:.0%}; median of the rounds)")
    more = median([new / old for old, new in zip(cpu["stored"], cpu["indexed"])])
    print(f"  CPU time of loader and engine: {more:.2f} times (median of the rounds; without the engine's with --url)")
    print(f"  end to end / limit: {share:.2f} (target: at least {SHARE_TARGET}; median of the rounds)")
    print(
        f"  on the disk: {disk['stored'] / events:,.0f} B each stored, {disk['indexed'] / events:,.0f} B indexed, "
        f"{disk['indexed'] / disk['stored']:.2f} times (target: at most {STORE_TARGET}), "
        f"{disk['indexed'] / raw_bytes:.2f} of the raw log"
    )


if __name__ == "__main__":
    sys.exit(main())
