"""Events looked up in the store: one ``| elasticlookup`` against one search for each event.

    python -m benchmarks.lookup [--documents 300000] [--events 1000] [--searches 50] [--rounds 3] [--url URL]

Flows of ten days lie in an index a day; an event asks for the flows of one address, 15 minutes before and after it.
What others do for each event is done for ``--searches`` of them and told for all: a command that splunkd starts for
each (``| map``, a subsearch), and a search for each in one process that is there already. Every case must find the same
flows. Medians of the rounds are compared.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from typing import Any, Dict, List, Tuple

from benchmarks.process import PeakMemory, median
from es_bridge.config import ClusterConfig
from es_bridge.query import SearchRequest
from es_bridge.search import open_search
from es_bridge.transport import Transport
from lab.app_command import AppCommand
from lab.splunkd import SplunkdStandIn, User, add_cluster
from splunk_bridge.chunked import Job

DAYS, DAY_MS = 10, 86_400_000
START_MS = 1_700_006_400_000
WINDOW_MS = 15 * 60_000
PATTERN = "aws-benchflows-*"
ADDRESSES = [f"10.{n // 250 % 250}.0.{n % 250}" for n in range(2000)]
USER = User("root", ("admin",))
#: (address, epoch milliseconds)
Event = Tuple[str, int]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=300_000)
    parser.add_argument("--events", type=int, default=1000)
    parser.add_argument("--searches", type=int, default=50, help="events for which others are measured (default: 50)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--url", help="a cluster for the purpose; default: an engine of the lab")
    arguments = parser.parse_args()
    if arguments.url:
        return run(arguments.url, arguments)
    from lab.engine import start_engine

    with start_engine("opensearch-2.19", heap_mb=1024) as engine:
        return run(engine.url, arguments)


def run(url: str, arguments: argparse.Namespace) -> int:
    """Fill the cluster, run the cases, print the table."""
    config = ClusterConfig((url,), name="lab")
    with Transport(config) as transport, SplunkdStandIn() as splunkd:
        fill(transport, arguments.documents)
        add_cluster(splunkd.state, config)
        rng = random.Random(2)
        events = [(rng.choice(ADDRESSES), START_MS + rng.randrange(DAYS * DAY_MS)) for _ in range(arguments.events)]
        some = events[: arguments.searches]
        taken: Dict[str, List[float]] = {"lookup": [], "command each": [], "search each": []}
        peaks: List[float] = []
        for _ in range(arguments.rounds):
            started = time.monotonic()
            found, peak = look_up(splunkd, events)
            taken["lookup"].append(time.monotonic() - started)
            peaks.append(peak)
            for case, search in (("command each", by_command), ("search each", by_search)):
                started = time.monotonic()
                of_case = [search(splunkd, transport, event) for event in some]
                taken[case].append((time.monotonic() - started) * len(events) / len(some))
                if of_case != found[: len(some)]:
                    print(f"{case} found {of_case[:10]}, the lookup {found[:10]}", file=sys.stderr)
                    return 1
    print(f"{arguments.documents:,} documents, {len(events):,} events, {sum(found):,} matches, "
          f"{arguments.rounds} rounds, medians; others measured on {len(some)} events")  # fmt: skip
    lookup_s = median(taken["lookup"])
    print(f"{'one lookup':32} {lookup_s:9.2f} s {len(events) / lookup_s:10,.0f} events/s  {median(peaks):.0f} MiB")
    for case, title in (("search each", "a search each, one process"), ("command each", "a command each")):
        seconds = median(taken[case])
        print(f"{title:32} {seconds:9.2f} s {len(events) / seconds:10,.0f} events/s  {seconds / lookup_s:.1f} times")
    return 0


def fill(transport: Transport, documents: int) -> None:
    """Write the flows, a tenth of them into each day's index."""
    transport.request("DELETE", (PATTERN,))
    rng = random.Random(1)
    fields = {"srcaddr": "ip", "dstaddr": "ip", "dstport": "integer", "bytes": "long", "action": "keyword"}
    properties = {name: {"type": kind} for name, kind in {"@timestamp": "date", **fields}.items()}
    for day in range(DAYS):
        index = PATTERN.replace("*", f"2023.11.{15 + day}")
        body = {"settings": {"number_of_shards": 1, "number_of_replicas": 0}, "mappings": {"properties": properties}}
        transport.request("PUT", (index,), body=body)
        lines: List[str] = []
        for number in range(documents // DAYS):
            at = START_MS + day * DAY_MS + rng.randrange(DAY_MS)
            lines.append(
                f'{{"create":{{}}}}\n{{"@timestamp":{at},"srcaddr":"{rng.choice(ADDRESSES)}",'
                f'"dstaddr":"{rng.choice(ADDRESSES)}","dstport":{rng.choice((22, 53, 443))},'
                f'"bytes":{rng.randrange(10**6)},"action":"ACCEPT","note":"{"x" * 300}"}}\n'
            )
            if len(lines) == 5000 or number == documents // DAYS - 1:
                transport.request("POST", (index, "_bulk"), {"refresh": True}, "".join(lines).encode())
                lines.clear()


def look_up(splunkd: SplunkdStandIn, events: List[Event]) -> Tuple[List[int], float]:
    """Return how many flows one command finds for each event, and its peak memory in MiB."""
    args = [f"index={PATTERN}", "match=srcaddr=src", "fields=dstaddr,bytes", "window=15m", "max=1000"]
    rows = [{"_time": f"{at / 1000:.3f}", "src": address} for address, at in events]
    job = Job(args, args, splunkd.uri, splunkd.state.session(USER), user=USER.name, command="elasticlookup")
    with AppCommand(job, home=splunkd.splunk_home) as command:
        memory = PeakMemory(command.process.pid)
        replies = list(command.run_on(rows))
        peak = memory.mib()
        failed = [text for reply in replies for level, text in reply.messages if level == "ERROR"]
        if command.wait() or failed:
            raise RuntimeError(f"exit status {command.process.returncode}: {failed}")
    found = [row for reply in replies for row in reply.rows()]
    for row in found:
        dstaddr: Any = row.get("dstaddr", [])
        if int(str(row["elasticlookup_matched"])) != len([dstaddr] if isinstance(dstaddr, str) else dstaddr):
            raise RuntimeError(f"{row} does not have as many values as matches")
    return [int(str(row["elasticlookup_matched"])) for row in found], peak


def by_command(splunkd: SplunkdStandIn, _: Transport, event: Event) -> int:
    """Return how many flows ``| elasticsearch`` finds for an event, as ``| map`` would start it."""
    address, at = event
    args = [f"index={PATTERN}", f"query=srcaddr:{address}", "size=1000", "fields=dstaddr,bytes"]
    args += [f"start_time={at - WINDOW_MS}", f"end_time={at + WINDOW_MS + 1}"]
    job = Job(args, args, splunkd.uri, splunkd.state.session(USER), user=USER.name)
    with AppCommand(job, home=splunkd.splunk_home) as command:
        found = sum(1 for reply in command.run() for _ in reply.rows())
        if command.wait():
            raise RuntimeError(command.stderr())
    return found


def by_search(_: SplunkdStandIn, transport: Transport, event: Event) -> int:
    """Return how many flows a search finds for an event, in this process and over its connection."""
    address, at = event
    request = SearchRequest(
        PATTERN,
        dsl={"term": {"srcaddr": address}},
        earliest_ms=at - WINDOW_MS,
        latest_ms=at + WINDOW_MS + 1,
        size=1000,
        unknown_fields="ignore",
    )
    with open_search(transport, request) as search:
        return sum(page.count for page in search)


if __name__ == "__main__":
    sys.exit(main())
