"""The story of the lab in a store: two ordinary days, then four hours in which the attack happens beside ordinary work.

Records become documents by the collectors' own code, with the story's address file, and arrive five minutes after they
happened. Findings are events of Splunk, as the inputs write them.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Tuple

from aws_bridge.object_ref import ObjectRef
from collectors.records.enrichment import address_book
from collectors.records.record import Context, Record
from collectors.sinks.opensearch.index_names import index_of
from collectors.sinks.opensearch.ingested import stamped
from collectors.sources.registry import source_of
from collectors.store.templates import pieces_for, write
from es_bridge.bulk import Create
from es_bridge.config import ClusterConfig
from es_bridge.dialect import detect
from es_bridge.transport import Transport
from lab.story import cloudtrail, route53_resolver, vpc_flow, waf
from lab.story.addresses import write_mmdb
from lab.story.in_splunk import finding_events
from lab.story.windows import windows
from savedsearches.runner.knowledge import Knowledge
from savedsearches.runner.values import Row

SEED = 1
#: 2026-11-19 09:00 in Seoul: a day that detections know the ordinary from, then the one that is looked at.
BEGIN_S = 1_795_046_400
ORDINARY_S = BEGIN_S + 86_400
#: The attack is in the four hours after it.
ATTACK_S = ORDINARY_S + 86_400
END_S = ATTACK_S + 4 * 3_600
#: Until what happened at the end has arrived, and was looked at.
LOOKED_AT_S = END_S + 3_600
DELIVERY_S = 300
LOGS: Dict[str, Tuple[Any, int]] = {
    "cloudtrail": (cloudtrail, 4_000),
    "vpc_flow": (vpc_flow, 3_000),
    "route53_resolver": (route53_resolver, 1_500),
    "waf": (waf, 1_000),
}


def load(config: ClusterConfig, folder: Path, index_of: Callable[[Record], str] = index_of) -> None:
    """Write everything into a cluster; ``index_of`` gives a record's index."""
    write_mmdb(folder / "addresses.mmdb")
    book = address_book([folder / "addresses.mmdb"])
    with Transport(config, "tests") as transport:
        dialect = detect(transport)
        for piece in pieces_for(transport, dialect, "filebeat"):  # machines of the story have no agent
            write(transport, piece)
        transport.request("PUT", ("beats-filebeat-2026.11.20",), accept_status=(400,))
        for log in LOGS:
            write_records(transport, log, _documents(log, book), index_of)


def write_records(
    transport: Transport, log: str, records: Iterable[Record], index_of: Callable[[Record], str] = index_of
) -> None:
    """Write a log's templates and records; each record arrives `DELIVERY_S` after it happened."""
    for piece in pieces_for(transport, detect(transport), log):
        write(transport, piece)
    lines: List[bytes] = []
    for record in records:
        (body,) = stamped(lambda r=record: r.time_ms / 1000 + DELIVERY_S)(  # type: ignore[misc]
            [Create("i", "d", record.text, record)]
        )
        lines += [json.dumps({"create": {"_index": index_of(record), "_id": record.identity}}).encode(), body]
    for start in range(0, len(lines), 4000):
        body = b"\n".join(lines[start : start + 4000]) + b"\n"
        reply = transport.request("POST", ("_bulk",), {"refresh": "true"}, body).json()
        assert not reply["errors"], [item for item in reply["items"] if "error" in item["create"]][:1]


def _documents(log: str, book: Any) -> Iterator[Record]:
    """Yield the records of a log, the attack's among them."""
    module, count = LOGS[log]
    rng = random.Random(f"{SEED}:{log}")
    times = [
        begin + rng.randrange(end - begin)
        for begin, end, number in windows(BEGIN_S, END_S, count)
        for _ in range(number)
    ]
    background = module.Background(SEED).records(sorted(times))
    attack = [labelled.record for labelled in module.attack_records(SEED, ATTACK_S * 1000, END_S * 1000)]
    context = Context(ObjectRef("story", f"AWSLogs/{log}/all"), addresses=book)
    for made in source_of(log).records(iter([_content(log, [*background, *attack])]), context):
        assert isinstance(made, Record), made
        yield made


def _content(log: str, records: List[Dict[str, Any]]) -> bytes:
    if log == "cloudtrail":
        return json.dumps({"Records": records}).encode()
    if log == "vpc_flow":
        lines = [" ".join(records[0]), *(" ".join(map(str, record.values())) for record in records)]
    else:
        lines = [json.dumps(record) for record in records]
    return "\n".join(lines).encode() + b"\n"


def splunk_events(knowledge: Knowledge) -> List[Row]:
    """Return the findings of all products as Splunk has them."""
    return finding_events(knowledge, ATTACK_S * 1000, END_S * 1000)
