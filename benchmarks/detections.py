"""Figures of the detections over a day of raw events, against pulling the day and counting it here.

    python -m benchmarks.detections [--events 2000000] [--url URL]

The story's day is loaded so that each event arrived two minutes after it happened (``event.ingested``). Then every
detection that reads the raw store alone is run once with the whole day as its window, and those of a five-minute
schedule once as they are scheduled, at the story's end. Commands are processes of their own, as in Splunk, and their
start is in the figures; the SPL around them is run by the project's runner. The peer pulls each log of the day once and
counts it in one pass, for all detections together: less than any of them would need.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from datetime import timezone
from pathlib import Path
from typing import Callable, List, NamedTuple

import psutil

from benchmarks.day import DAY_S, DELIVERY_S, load_day
from benchmarks.process import PeakMemory
from benchmarks.relay import Relay
from collectors.sinks.opensearch.index_names import all_indices
from collectors.sources.registry import LOGS
from es_bridge.config import ClusterConfig
from es_bridge.query import SearchRequest
from es_bridge.search import open_search
from es_bridge.transport import Transport
from savedsearches.backtest.runs import Around
from savedsearches.content.detection import SPLUNK, Detection
from savedsearches.content.dispatch import moment_at
from savedsearches.content.reading import read_detections
from savedsearches.runner.app_commands import SCRIPTS
from savedsearches.runner.local_settings import LocalSettings
from savedsearches.runner.lookups import shipped_lookups
from savedsearches.runner.macros import shipped_macros
from savedsearches.runner.moment import Moment

FIVE_MINUTES_S = 300
#: Seconds of all five-minute detections together, of five minutes.
TARGET = 0.1
#: What no log of the story has.
NOT_IN_THE_STORY = ("linux",)


class Figures(NamedTuple):
    """What something took."""

    seconds: float
    received: int
    peak_mib: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=2_000_000, help="of all logs together (default: 2,000,000)")
    parser.add_argument("--rounds", type=int, default=1, help="of everything but the load (default: 1)")
    parser.add_argument("--url", help="a cluster for the purpose, without logs")
    arguments = parser.parse_args()
    if arguments.url:
        return measure(arguments.url, arguments.events, arguments.rounds)
    from lab.engine import start_engine

    with start_engine("opensearch-2.19", heap_mb=1536) as engine:
        return measure(engine.url, arguments.events, arguments.rounds)


def measure(url: str, events: int, rounds: int) -> int:
    """Load a day, run everything, and print the figures."""
    end_s = int(time.time()) // 3600 * 3600
    with tempfile.TemporaryDirectory(prefix="benchmark_") as folder:
        stored = load_day(url, events, end_s, Path(folder))
    print(f"{sum(stored.values()):,} events: " + ", ".join(f"{log} {count:,}" for log, count in stored.items()))
    detections = [each for each in read_detections() if not set(each.data) & {*SPLUNK, *NOT_IN_THE_STORY}]
    for _ in range(rounds):
        with Relay(url) as relay, LocalSettings(ClusterConfig((relay.url,), name="local")) as settings:
            around = Around(settings, shipped_macros(SCRIPTS.parent), shipped_lookups(SCRIPTS.parent))
            whole = run_all(around, relay, detections, Moment(end_s, end_s - DAY_S, end_s + DELIVERY_S, timezone.utc))
            often = [each for each in detections if each.schedule.every == "5m"]
            scheduled = run_scheduled(around, relay, often, end_s)
            pulled = pull_and_count(relay, end_s)
        tell(len(detections), whole, len(often), scheduled, pulled)
    return 0


def run_all(around: Around, relay: Relay, detections: List[Detection], moment: Moment) -> Figures:
    """Run each detection once over a range."""
    return _measured(relay, lambda: [_run(around, each, moment) for each in detections])


def run_scheduled(around: Around, relay: Relay, detections: List[Detection], end_s: float) -> Figures:
    """Run each detection once as it is scheduled."""
    return _measured(relay, lambda: [_run(around, each, moment_at(each, end_s)) for each in detections])


def _run(around: Around, detection: Detection, moment: Moment) -> None:
    outcome = around.run(detection, moment)
    if outcome.error:
        raise RuntimeError(f"{detection.name}: {outcome.error}")


def pull_and_count(relay: Relay, end_s: int) -> Figures:
    """Pull each log of the day and count it by one field."""

    def work() -> None:
        with Transport(ClusterConfig((relay.url,))) as transport:
            for log in LOGS:
                counted: Counter[object] = Counter()
                request = SearchRequest(all_indices(log), size=0, latest_ms=end_s * 1000)
                with open_search(transport, request) as search:
                    for page in search:
                        for hit in page.hits:
                            event = json.loads(hit.source)
                            counted[(event.get("eventName"), event.get("srcaddr"), event.get("query_name"))] += 1

    return _measured(relay, work)


def _measured(relay: Relay, work: Callable[[], object]) -> Figures:
    before, began = relay.received, time.monotonic()
    engines = [each.pid for each in psutil.Process().children()]
    memory = PeakMemory(os.getpid(), without=engines)
    work()
    return Figures(time.monotonic() - began, relay.received - before, memory.mib())


def tell(every: int, whole: Figures, often: int, scheduled: Figures, pulled: Figures) -> None:
    """Print the figures."""
    print(f"\n{'':44}{'seconds':>9}{'MB moved':>11}{'peak MiB':>10}")
    for name, each in (
        (f"{every} detections, the day as their window", whole),
        ("pulling the day once and counting", pulled),
        (f"{often} of a five-minute schedule, once", scheduled),
    ):
        print(f"{name:44}{each.seconds:9.1f}{each.received / 1e6:11.1f}{each.peak_mib:10.0f}")
    print(f"bytes moved, of those of pulling: {whole.received / max(pulled.received, 1):.4f}")
    share = scheduled.seconds / FIVE_MINUTES_S
    print(f"five-minute detections, of five minutes: {share:.3f} (target: at most {TARGET})")


if __name__ == "__main__":
    sys.exit(main())
