"""Rows per second of the SPL runner on one core: `stats`, `sort` and `eval`, beside plain Python.

    python -m benchmarks.spl [--rows 200000] [--rounds 5] [--case NAME ...]

Every case is a process of its own on one core, the cases of a round one after the other: a CSV file is read, the rows
go through the commands, and those that come out are counted. The peer does the same with `csv`, a `Counter` and
`sorted`, for this search alone and without any of SPL's rules: the limit of what a runner in Python can do. Seconds are
CPU time without start and imports; memory is the peak of the whole process. Medians are compared.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Set, Tuple

from benchmarks.process import median

#: Case -> the search, and what plain Python does in its place.
SEARCHES: Dict[str, str] = {
    "stats": "| inputlookup t | stats count, sum(bytes) AS bytes, dc(src) AS sources by user, action",
    "sort": "| inputlookup t | sort 0 -bytes, src",
    "eval": '| inputlookup t | eval kib=bytes/1024 | where kib>512 AND action="read" | stats count by user',
}
WHO = ("runner", "plain")


class Figures(NamedTuple):
    """What one process measured."""

    rows_in: int
    rows_out: int
    cpu_s: float
    peak_mib: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", action="append", choices=list(SEARCHES), help="default: all")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--one", nargs=3, metavar=("WHO", "CASE", "FILE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        who, case, path = arguments.one
        print(json.dumps(measure(who, case, Path(path))))
        return 0
    with tempfile.TemporaryDirectory(prefix="benchmark_") as folder:
        path = Path(folder) / "t.csv"
        write_rows(path, arguments.rows)
        print(
            f"{'case':6} {'who':7} {'rows in':>9} {'out':>8} {'CPU s':>7} {'rows/s':>9} {'of plain':>8} {'peak MiB':>8}"
        )
        for case in arguments.case or SEARCHES:
            found = compare(case, path, arguments.rounds)
            plain_s = median([each.cpu_s for each in found["plain"]])
            for who in WHO:
                runs = found[who]
                cpu_s = median([each.cpu_s for each in runs])
                print(
                    f"{case:6} {who:7} {runs[0].rows_in:>9,} {runs[0].rows_out:>8,} {cpu_s:>7.2f} "
                    f"{runs[0].rows_in / cpu_s:>9,.0f} {plain_s / cpu_s:>8.2f} "
                    f"{median([each.peak_mib for each in runs]):>8.0f}"
                )
    return 0


def write_rows(path: Path, count: int) -> None:
    """Write made-up rows, the same each time."""
    chance = random.Random(7)  # noqa: S311 - no secret
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["user", "action", "src", "bytes", "text"])
        for number in range(count):
            out.writerow([
                f"user{chance.randrange(300)}", chance.choice(("read", "write", "list", "delete")),
                f"10.{chance.randrange(4)}.{chance.randrange(256)}.{chance.randrange(256)}",
                chance.randrange(1 << 20), f"event number {number}",
            ])  # fmt: skip


def compare(case: str, path: Path, rounds: int) -> Dict[str, List[Figures]]:
    """Run both ``rounds`` times, interleaved, and return the figures."""
    found: Dict[str, List[Figures]] = {who: [] for who in WHO}
    for _ in range(rounds):
        for who in WHO:
            command = [sys.executable, "-m", "benchmarks.spl", "--one", who, case, str(path)]
            printed = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
            found[who].append(Figures(*json.loads(printed)))
    outs = {figures.rows_out for runs in found.values() for figures in runs}
    if len(outs) != 1:
        raise RuntimeError(f"{case}: the runner and plain Python give different numbers of rows: {sorted(outs)}")
    return found


def measure(who: str, case: str, path: Path) -> Figures:
    """Do the work of one case, once, on one core."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    work = _runner(case) if who == "runner" else PLAIN[case]
    with path.open("rb") as file:
        rows_in = sum(1 for _ in file) - 1
    started = time.process_time()
    rows_out = work(path)
    cpu_s = time.process_time() - started
    return Figures(rows_in, rows_out, cpu_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def _runner(case: str) -> Callable[[Path], int]:
    from savedsearches.runner.lookups import read_csv
    from savedsearches.runner.moment import Moment
    from savedsearches.runner.run import run_search
    from savedsearches.runner.session import Session

    def work(path: Path) -> int:
        session = Session(Moment(1_700_000_000), lookups={"t": read_csv(path)})
        return sum(1 for _ in run_search(SEARCHES[case], session))

    return work


def _plain_stats(path: Path) -> int:
    counts: Counter[Tuple[str, str]] = Counter()
    sums: Counter[Tuple[str, str]] = Counter()
    sources: Dict[Tuple[str, str], Set[str]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        next(reader)
        for user, action, src, size, _ in reader:
            group = (user, action)
            counts[group] += 1
            sums[group] += int(size)
            sources.setdefault(group, set()).add(src)
    return len([(*group, counts[group], sums[group], len(sources[group])) for group in sorted(counts)])


def _plain_sort(path: Path) -> int:
    with path.open(newline="", encoding="utf-8") as file:
        rows: List[Dict[str, Any]] = list(csv.DictReader(file))
    return len(sorted(rows, key=lambda row: (-int(row["bytes"]), row["src"])))


def _plain_eval(path: Path) -> int:
    counts: Counter[str] = Counter()
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        next(reader)
        for user, action, _, size, _ in reader:
            if int(size) / 1024 > 512 and action == "read":
                counts[user] += 1
    return len(sorted(counts.items()))


PLAIN: Dict[str, Callable[[Path], int]] = {"stats": _plain_stats, "sort": _plain_sort, "eval": _plain_eval}

if __name__ == "__main__":
    sys.exit(main())
