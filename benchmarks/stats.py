"""Figures of ``| elasticstats``: counting in the engine against pulling the events and counting them here.

    python -m benchmarks.stats [--events 300000] [--rounds 3] [--url URL [--load] --index PATTERN]

Each question is asked four ways: by the two commands as whole processes, from their start to their last byte, and by
the code beneath them in this process, from the first request to the last row. Where fields can be chosen, pulling asks
for those of the question. The four must agree. The engine's request cache is off, or a second round would measure it.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Tuple

from benchmarks.process import PeakMemory, median
from benchmarks.search import load_story
from es_bridge.aggregations.request import stats_request
from es_bridge.aggregations.statistics import Statistics
from es_bridge.config import ClusterConfig
from es_bridge.query import SearchRequest
from es_bridge.search import open_search
from es_bridge.transport import Transport
from lab.app_command import AppCommand
from lab.splunkd import SplunkdStandIn, User, add_cluster
from splunk_bridge.chunked import Job

#: Fields of each question: few groups, and many.
QUESTIONS = (("eventSource", "eventName"), ("sourceIPAddress", "eventName"))

Groups = Dict[Tuple[str, ...], int]


class Run(NamedTuple):
    """What one way took, and found."""

    seconds: float
    groups: Groups
    #: Of the command's process; 0: not measured.
    peak_mib: float = 0.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--url", help="a cluster that holds the events already")
    parser.add_argument("--load", action="store_true", help="load the events there first")
    parser.add_argument("--index", default="aws-cloudtrail-*")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.url:
            if arguments.load:
                load_story(arguments.url, arguments.events, Path(folder), "default")
            return compare(arguments.url, arguments.index, arguments.rounds)
        from lab.engine import start_engine

        with start_engine("opensearch-2.19", heap_mb=1024) as engine:
            load_story(engine.url, arguments.events, Path(folder), "default")
            return compare(engine.url, arguments.index, arguments.rounds)


def compare(url: str, index: str, rounds: int) -> int:
    """Ask each question in each way and print the medians."""
    config = ClusterConfig((url,), name="prod")
    with Transport(config) as transport, SplunkdStandIn() as splunkd:
        transport.request("PUT", (index, "_settings"), body={"index.requests.cache.enable": False})
        add_cluster(splunkd.state, config)
        key = splunkd.state.session(User("analyst"))
        for fields in QUESTIONS:
            ways: Dict[str, Callable[[], Run]] = {
                "elasticstats, whole command": lambda: counted(splunkd, key, index, fields),  # noqa: B023
                "elasticsearch and counting, whole command": lambda: pulled(splunkd, key, index, fields),  # noqa: B023
                "aggregation, in this process": lambda: aggregated(transport, index, fields),  # noqa: B023
                "pull and count, in this process": lambda: read(transport, index, fields),  # noqa: B023
            }
            runs: Dict[str, List[Run]] = {name: [] for name in ways}
            for _ in range(rounds):
                for name, way in ways.items():
                    runs[name].append(way())
            tell(fields, runs)
    return 0


def tell(fields: Tuple[str, ...], runs: Dict[str, List[Run]]) -> None:
    """Print the figures of one question. Raises `RuntimeError` where two ways disagree."""
    found = [run.groups for each in runs.values() for run in each]
    if any(groups != found[0] for groups in found):
        raise RuntimeError(f"the ways disagree on {fields}")
    print(f"\ncount by {', '.join(fields)}: {len(found[0]):,} groups of {sum(found[0].values()):,} events")
    seconds = {name: median([run.seconds for run in each]) for name, each in runs.items()}
    names = list(runs)
    for number, name in enumerate(names):
        peak = median([run.peak_mib for run in runs[name]])
        memory = f"{peak:8.0f} MiB" if peak else ""
        times = f"{seconds[name] / seconds[names[number - 1]]:8.1f} times" if number % 2 else ""
        print(f"{name:45}{seconds[name]:10.3f} s{memory:14}{times}")


def counted(splunkd: SplunkdStandIn, key: str, index: str, fields: Tuple[str, ...]) -> Run:
    """Run ``| elasticstats``."""
    rows: Groups = {}

    def take(row: Dict[str, str]) -> None:
        rows[tuple(row[name] for name in fields)] = int(row["count"])

    return _command("elasticstats", [f"index={index}", f"by={','.join(fields)}"], splunkd, key, take, rows)


def pulled(splunkd: SplunkdStandIn, key: str, index: str, fields: Tuple[str, ...]) -> Run:
    """Run ``| elasticsearch`` for the fields, and count its rows while they come."""
    rows: Counter[Tuple[str, ...]] = Counter()

    def take(row: Dict[str, str]) -> None:
        values = tuple(row.get(name) or "" for name in fields)
        if all(values):
            rows[values] += 1

    options = [f"index={index}", "size=0", f"fields={','.join(fields)}"]
    return _command("elasticsearch", options, splunkd, key, take, rows)


def _command(
    name: str,
    options: List[str],
    splunkd: SplunkdStandIn,
    key: str,
    take: Callable[[Dict[str, str]], None],
    rows: Groups,
) -> Run:
    csv.field_size_limit(1 << 30)
    started = time.monotonic()
    job = Job(options, options, splunkd.uri, key, command=name)
    with AppCommand(job, python=sys.executable, home=splunkd.splunk_home) as command:
        memory = PeakMemory(command.process.pid)
        for reply in command.run():
            for level, text in reply.messages:
                if level == "ERROR":
                    raise RuntimeError(text)
            for row in csv.DictReader(reply.body.decode().splitlines(keepends=True)):
                take(row)
        seconds = time.monotonic() - started
        return Run(seconds, dict(rows), memory.mib())


def aggregated(transport: Transport, index: str, fields: Tuple[str, ...]) -> Run:
    """Ask for the groups."""
    started = time.monotonic()
    with Statistics(transport, SearchRequest(index, size=0), stats_request(by=",".join(fields))) as statistics:
        rows = [row for page in statistics for row in page]
    groups = {tuple(str(row[name]) for name in fields): int(str(row["count"])) for row in rows}
    return Run(time.monotonic() - started, groups)


def read(transport: Transport, index: str, fields: Tuple[str, ...]) -> Run:
    """Pull all documents, and count."""
    started = time.monotonic()
    groups: Counter[Tuple[str, ...]] = Counter()
    with open_search(transport, SearchRequest(index, size=0)) as search:
        for page in search:
            for hit in page.hits:
                document = json.loads(hit.source)
                values = tuple(str(document.get(name) or "") for name in fields)
                if all(values):
                    groups[values] += 1
    return Run(time.monotonic() - started, dict(groups))


if __name__ == "__main__":
    sys.exit(main())
