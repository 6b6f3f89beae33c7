"""Figures of the dashboards over a day of raw events: when the first panel has its rows, and what is moved for it.

    python -m benchmarks.dashboards [--events 2000000] [--rounds 1] [--page NAME] [--url URL]

Each page is opened as its data sources do it in a browser: its searches as jobs, at most three at once, each asked for
until it has ended, then the rows of every panel, with the panel's chain where it has one; range and inputs are what the
page has at first. The jobs are those of `lab.splunkd`: the app's commands are processes of their own, what is around
them is the project's runner in the place of splunkd, and Splunk's own events are those of the story. What the engine
remembers of earlier searches is dropped before each page. Beside it is the plain pull of the raw events a page is about
(`benchmarks.peers.limit`, nothing decoded): what a page that counts in Splunk has to wait for at least. Nothing is
drawn: no browser is needed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Iterable, List, Mapping, NamedTuple, Sequence, Tuple
from urllib.parse import quote

import psutil

from benchmarks.day import DAY_S, DELIVERY_S, load_day
from benchmarks.process import PeakMemory, median, run_program
from benchmarks.relay import Relay
from es_bridge.config import ClusterConfig
from es_bridge.transport import Transport
from lab.splunkd import SplunkdStandIn, User, add_cluster
from lab.splunkd.jobs import World
from lab.story.in_splunk import INDEX, finding_events, own_event
from response.core.status import status_of
from savedsearches.runner.app_commands import SCRIPTS
from savedsearches.runner.knowledge import read_knowledge
from savedsearches.runner.macros import Macro, shipped_macros
from splunk_app.dashboards.definitions import Dashboard, definitions
from splunk_app.dashboards.page import MOST_SEARCHES
from splunk_app.dashboards.reading import LANGUAGES
from splunk_app.dashboards.tokens import filled
from splunk_bridge.rest import RestError, Splunkd

PASSWORD = "benchmark-password-1"
#: Between two looks at a job; Splunk's page takes a second.
POLL_S = 0.02
#: Rows that a panel asks for.
MOST_ROWS = 1_000
#: Seconds until the first panel has its rows, and MB from the engine, that a page may take.
TARGET_S, TARGET_MB = 3.0, 1.0
#: Of the table, and their widths.
_COLUMNS = (
    ("searches", 9), ("panels", 8), ("first s", 9), ("last s", 8), ("kB moved", 10), ("kB shown", 10), ("peak MiB", 10),
    ("raw MB", 9), ("raw s", 8), ("of raw bytes", 14), ("of raw time", 13),
)  # fmt: skip
_RANGE = "input_time"
#: A search that counts raw events, and the macro that says where they are.
_COUNTED = re.compile(r"\| elastic(?:stats|search)\b[^|]*?index=`(\w+)`")


@dataclass
class Opened:
    """One page, opened once. Seconds are counted from its opening."""

    #: Search -> when it had ended.
    ended_s: Dict[str, float] = field(default_factory=dict)
    #: Panel's data source -> when its rows were there, and how many.
    panels: Dict[str, Tuple[float, int]] = field(default_factory=dict)
    #: Bytes from the engine, and of rows to the page.
    moved: int = 0
    shown: int = 0
    #: Of the app's processes together.
    peak_mib: float = 0.0

    @property
    def first_s(self) -> float:
        """When the first panel had its rows, or knew that it has none."""
        return min(seconds for seconds, _ in self.panels.values())

    @property
    def last_s(self) -> float:
        """When the last one had them."""
        return max(seconds for seconds, _ in self.panels.values())


class Pull(NamedTuple):
    """The raw events of one index pattern, pulled."""

    events: int
    seconds: float
    moved: int


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=2_000_000, help="of all logs together (default: 2,000,000)")
    parser.add_argument("--rounds", type=int, default=1, help="of opening every page (default: 1)")
    parser.add_argument("--page", action="append", help="only this page; default: all")
    parser.add_argument("--url", help="a cluster for the purpose, without logs")
    parser.add_argument("--loaded", type=int, metavar="END_S", help="the cluster has the day that ended then")
    arguments = parser.parse_args()
    if arguments.url:
        return measure(arguments.url, arguments)
    from lab.engine import start_engine

    with start_engine("opensearch-2.19", heap_mb=1536) as engine:
        return measure(engine.url, arguments)


def measure(url: str, arguments: argparse.Namespace) -> int:
    """Load a day, open every page, and print the figures; 1 where a panel without an error has none."""
    end_s = arguments.loaded or int(time.time()) // 3600 * 3600
    if not arguments.loaded:
        with tempfile.TemporaryDirectory(prefix="benchmark_") as folder:
            stored = load_day(url, arguments.events, end_s, Path(folder), addresses=True)
        print(f"{sum(stored.values()):,} events: " + ", ".join(f"{log} {count:,}" for log, count in stored.items()))
    pages = [each for each in definitions() if each.language == LANGUAGES[0]]
    pages = [each for each in pages if not arguments.page or each.page in arguments.page]
    with Relay(url) as relay:
        pulls = pull_each(relay, {pattern for each in pages for pattern in raw_patterns(each)})
        with SplunkdStandIn(SCRIPTS.parent) as splunkd:
            furnish(splunkd, relay.url, end_s)
            runs: Dict[str, List[Opened]] = defaultdict(list)
            for _ in range(arguments.rounds):
                for each in pages:
                    forget(url)
                    runs[each.page].append(open_page(splunkd, relay, each))
            tell(pages, runs, pulls)
            tell_searches(pages, runs)
    return 0


def furnish(splunkd: SplunkdStandIn, url: str, end_s: int) -> None:
    """Give the stand-in a user, the cluster, and Splunk's own events of the day; start what a first search starts."""
    knowledge = read_knowledge(SCRIPTS.parent / "default")
    macros = {**shipped_macros(SCRIPTS.parent), "aws_findings_index": Macro(f"index={INDEX}")}
    splunkd.state.users.set_password(User("analyst"), PASSWORD)
    add_cluster(splunkd.state, ClusterConfig((url,), name="local"))
    events = [*finding_events(knowledge, (end_s - DAY_S) * 1000, end_s * 1000)]
    place = {"account": "111122223333", "region": "ap-northeast-2"}
    beat = {**place, "input": "aws_guardduty://all", "dataset": "guardduty", "status": "ok", "heartbeat_s": 600}
    events += [own_event(knowledge, at_s, "health", beat) for at_s in range(end_s - DAY_S + 600, end_s, 600)]
    incident = {**place, "action": "respond", "incident": "i-0f1e2d3c4b5a60001-1", "target": "i-0f1e2d3c4b5a60001"}
    for minutes, step in ((70, "begin"), (68, "soft_isolation"), (66, "collect_context"), (40, "snapshot")):
        status = {**incident, "time": end_s - minutes * 60, "step": step, "result": "done", "state": "step"}
        events.append(own_event(knowledge, status["time"], "response", status_of({**status, "says": "done"}, end_s)))
    splunkd.state.jobs.world = World(events, macros=macros, now_s=end_s + DELIVERY_S)
    signed_in(splunkd).run("| elasticstats index=`aws_waf_raw`", earliest_time="-1h")


def signed_in(splunkd: SplunkdStandIn) -> Splunkd:
    """Return splunkd as the user sees it."""
    user = Splunkd(splunkd.uri)
    user.sign_in("analyst", PASSWORD)
    return user


def forget(url: str) -> None:
    """Have the engine drop what it remembers of earlier searches."""
    with Transport(ClusterConfig((url,))) as transport:
        transport.request("POST", ("_cache", "clear"))


def open_page(splunkd: SplunkdStandIn, relay: Relay, page: Dashboard) -> Opened:
    """Open a page as its data sources do. Raises RestError where a search fails, or gives a panel no rows it has."""
    inputs = page.definition["inputs"]
    earliest, _, latest = inputs[_RANGE]["options"]["defaultValue"].partition(",")
    tokens = {each["options"]["token"]: each["options"]["defaultValue"] for each in inputs.values()}
    sources = page.data_sources
    shown_by: Dict[str, List[Tuple[str, str]]] = {name: [] for name in sources if sources[name]["type"] == "ds.search"}
    used = {
        name for each in page.definition["visualizations"].values() for name in each.get("dataSources", {}).values()
    }
    for name in sorted(used):
        options = sources[name]["options"]
        chain = filled(options["query"], tokens) if "extend" in options else ""
        shown_by[options.get("extend", name)].append((name, chain))
    opened = Opened()
    own = [psutil.Process(), *psutil.Process().children(recursive=True)]
    before, memory = relay.received, PeakMemory(os.getpid(), without=[each.pid for each in own])
    user = signed_in(splunkd)
    began_s = time.monotonic()

    def run(search: str) -> None:
        sid = user.start(
            filled(sources[search]["options"]["query"], tokens), earliest_time=earliest, latest_time=latest
        )
        job = user.look(sid)
        while not job.content["isDone"]:
            time.sleep(POLL_S)
            job = user.look(sid)
        if job.is_failed:
            raise RestError(f"{page.page}: {search}: {'; '.join(job.texts('FATAL', 'ERROR'))}")
        opened.ended_s[search] = time.monotonic() - began_s
        for name, chain in shown_by[search]:
            query = [("count", str(MOST_ROWS)), *([("search", chain)] if chain else [])]
            status, body = user.raw("GET", f"/services/search/v2/jobs/{quote(sid, safe='')}/results", query=query)
            if status != 200:
                raise RestError(f"{page.page}: {name}: {body.decode()}", status)
            opened.panels[name] = (time.monotonic() - began_s, len(json.loads(body)["results"]))
            opened.shown += len(body)

    with ThreadPoolExecutor(MOST_SEARCHES) as pool:
        list(pool.map(run, shown_by))
    opened.peak_mib = memory.mib()
    opened.moved = relay.received - before
    return opened


def raw_patterns(page: Dashboard) -> Tuple[str, ...]:
    """Return the index patterns of the raw events that a page counts."""
    macros = shipped_macros(SCRIPTS.parent)
    queries = [each["options"]["query"] for each in page.data_sources.values() if each["type"] == "ds.search"]
    named = {name for query in queries for name in _COUNTED.findall(query)}
    return tuple(sorted({pattern for name in named for pattern in macros[name].definition.split(",")}))


def pull_each(relay: Relay, patterns: Iterable[str]) -> Dict[str, Pull]:
    """Pull the raw events of each pattern once. All of them are of the day."""
    found = {}
    for pattern in sorted(patterns):
        before = relay.received
        said = json.loads(run_program("benchmarks.peers.limit", relay.url, pattern)[1])
        found[pattern] = Pull(said["events"], said["seconds"], relay.received - before)
    return found


def tell(pages: Sequence[Dashboard], runs: Mapping[str, Sequence[Opened]], pulls: Mapping[str, Pull]) -> None:
    """Print a line for each page: medians, and what is asked of it."""
    print("\n" + " " * 12 + "".join(f"{heading:>{width}}" for heading, width in _COLUMNS))
    late, large = [], []
    for page in pages:
        name, opened = page.page, runs[page.page]
        first_s, last_s = median([each.first_s for each in opened]), median([each.last_s for each in opened])
        moved = max(each.moved for each in opened)
        figures = [str(len(opened[0].ended_s)), str(len(opened[0].panels)), f"{first_s:.2f}", f"{last_s:.2f}"]
        figures += [f"{moved / 1e3:,.0f}", f"{max(each.shown for each in opened) / 1e3:,.0f}"]
        figures.append(f"{max(each.peak_mib for each in opened):.0f}")
        of_it = [pulls[pattern] for pattern in raw_patterns(page)]
        if of_it:
            raw, raw_s = sum(each.moved for each in of_it), sum(each.seconds for each in of_it)
            figures += [f"{raw / 1e6:,.0f}", f"{raw_s:.1f}", f"{moved / raw:.5f}", f"{last_s / raw_s:.2f}"]
        print(f"{name:12}" + "".join(f"{figure:>{width}}" for figure, (_, width) in zip(figures, _COLUMNS)))
        late += [name] if first_s > TARGET_S else []
        large += [name] if moved > TARGET_MB * 1e6 else []
    print(f"first panel later than {TARGET_S:.0f} s: {', '.join(late) or 'none'}")
    print(f"more than {TARGET_MB:.0f} MB moved: {', '.join(large) or 'none'}")


def tell_searches(pages: Sequence[Dashboard], runs: Mapping[str, Sequence[Opened]]) -> None:
    """Print when each search of each page had ended, the last first: where a slow page spends its time."""
    print(f"\n{'seconds until a search had ended':40}")
    ended = [
        (median([each.ended_s[search] for each in runs[page.page]]), f"{page.page} {search}")
        for page in pages
        for search in runs[page.page][0].ended_s
    ]
    for seconds, name in sorted(ended, reverse=True):
        print(f"{name:40}{seconds:8.2f}")


if __name__ == "__main__":
    sys.exit(main())
