"""Labelled events as cases: documents of the raw store and events of Splunk, made by the collectors' own code.

Each case has a window of its own, 98 days (whole weeks) before the next one's, so that all cases of a detection share
an index and none sees another's events.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from aws_bridge.object_ref import ObjectRef
from collectors.records.addresses import Address, AddressBook, looked_up
from collectors.records.record import Context, Origin, Record
from collectors.sinks.opensearch.ingested import stamped
from collectors.sinks.splunk_events.sink import SOURCE_PREFIX, sourcetype_of
from collectors.sources.registry import source_of
from collectors.sources.waf.selected import kept
from es_bridge.bulk import Create
from lab.story.addresses import network_of
from savedsearches.content.detection import SPLUNK, Change, Detection, Events, seconds

from .plain_records import ACCOUNT, REGION, plain

#: End of the window of the first case: a Friday, 14:30 in Seoul.
FIRST_END_S = 1_795_152_600
APART_S = 98 * 86_400
#: How long an event is on its way where nobody says.
DELIVERY_S = 120
PREFIXES = {
    "cloudtrail": "aws-cloudtrail-",
    "vpc_flow": "aws-vpcflow-",
    "route53_resolver": "aws-dns-",
    "waf": "aws-waf-",
    "linux": "beats-filebeat-",
}
MACROS = {
    "cloudtrail": "aws_cloudtrail_raw",
    "vpc_flow": "aws_vpc_flow_raw",
    "route53_resolver": "aws_dns_raw",
    "waf": "aws_waf_raw",
    "linux": "linux_raw",
}


@dataclass
class Case:
    """Events of one case, and what the search has to give. ``expect`` None: at least one row; empty: none."""

    detection: Detection
    name: str
    number: int
    change: Mapping[str, Change]
    expect: Optional[List[Dict[str, Any]]]
    #: Raw events it pulls; None: at most what the detection says.
    raw_rows: Optional[int] = None
    documents: List[Tuple[str, str, bytes]] = field(default_factory=list)
    events: List[Dict[str, Any]] = field(default_factory=list)

    @property
    def id(self) -> str:
        return f"{self.detection.name}: {self.name}"

    @property
    def end_s(self) -> int:
        """End of the window: the search's latest."""
        return FIRST_END_S - self.number * APART_S

    @property
    def lookups(self) -> Dict[str, List[Dict[str, str]]]:
        """Rows of lookup tables, after the change."""
        tables = dict(self.detection.labelled.lookups)
        for name, rows in self.change.items():
            if name.startswith("lookup:"):
                tables[name.partition(":")[2]] = list((rows or {}).get("rows", []))
        return {name: [self._timed(row) for row in rows] for name, rows in tables.items()}

    def _timed(self, row: Dict[str, str]) -> Dict[str, str]:
        """Return a row of a table in which ``{end-2h}`` is that time before the window's end, in epoch seconds."""
        return {
            name: re.sub(r"\{end-(\w+)\}", lambda found: str(self.end_s - seconds(found.group(1))), value)
            for name, value in row.items()
        }


def cases_of(detection: Detection) -> List[Case]:
    """Return the cases of a detection, in the order of its file, without their documents."""
    labelled = detection.labelled
    found = [Case(detection, "events", 0, {}, labelled.expect)]
    for positive in labelled.positive:
        name, expect = f"positive {positive.name}", positive.expect or None
        found.append(Case(detection, name, len(found), positive.change, expect, positive.raw_rows))
    for negative in labelled.negative:
        name = f"negative {negative.name}"
        found.append(Case(detection, name, len(found), negative.change, [], negative.raw_rows))
    return found


def index_of(data: str, detection: Detection) -> str:
    """Return the index that has a detection's documents of a log."""
    return f"{PREFIXES[data]}{detection.name}"


def fill(case: Case) -> None:
    """Make the documents and events of a case."""
    for group, events in case.detection.labelled.changed(case.change).items():
        for number, (record, event_s, arrival_s) in enumerate(_records(group, events, case.end_s)):
            where = f"{case.id}: {group}[{number}]"
            try:
                if events.data in SPLUNK:
                    case.events.extend(_splunk_event(events, group, record, event_s, arrival_s))
                else:
                    body = _document(events.data, record, event_s, arrival_s)
                    identity = f"{case.number}-{group}-{number}"
                    case.documents.append((index_of(events.data, case.detection), identity, body))
            except Exception as exc:
                raise AssertionError(f"{where}: no {events.data} of ours: {exc}") from exc


def _records(group: str, events: Events, end_s: int) -> Iterator[Tuple[Dict[str, Any], float, float]]:
    """Yield (record, its time, its arrival), epoch seconds."""
    for number in range(events.repeat):
        record = plain(events.data, events.kind)
        later = number * seconds(events.every)
        event_s = end_s - _offset(events.at) + later
        arrival_s = event_s + DELIVERY_S
        if events.arrives is not None:
            arrival_s = end_s - _offset(events.arrives) + later
        elif event_s < end_s <= arrival_s:
            arrival_s = end_s - 1
        for path, value in events.set.items():
            put(record, path, value)
        for path, values in events.vary.items():
            drawn = values.replace("{n}", str(number + 1)) if isinstance(values, str) else values[number % len(values)]
            put(record, path, drawn)
        given = {*events.set, *events.vary}
        _stamp(events, group, number, record, given, event_s)
        yield record, event_s, arrival_s


def put(record: Dict[str, Any], path: str, value: Any) -> None:
    """Set a member by its dotted path; numbers are positions in lists, null takes the member away."""
    *above, last = path.split(".")
    node: Any = record
    for name in above:
        if isinstance(node, list):
            node = node[int(name)]
            continue
        if not isinstance(node.get(name), (dict, list)):
            node[name] = {}
        node = node[name]
    if isinstance(node, list):
        node[int(last)] = value
    elif value is None:
        node.pop(last, None)
    else:
        node[last] = value


def _offset(text: str) -> int:
    return -seconds(text[1:]) if text.startswith("-") else seconds(text)


def _stamp(events: Events, group: str, number: int, record: Dict[str, Any], given: set[str], event_s: float) -> None:
    """Give a record its time and an id of its own, where the events do not."""
    iso = datetime.fromtimestamp(event_s, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    digest = hashlib.sha256(f"{group} {number}".encode()).hexdigest()
    event_id = str(uuid.UUID(digest[:32], version=4))
    defaults: Dict[str, Any] = {
        "cloudtrail": {
            "eventTime": iso,
            "eventID": event_id,
        },
        "vpc_flow": {"start": int(event_s) - 30, "end": int(event_s)},
        "route53_resolver": {"query_timestamp": iso},
        "waf": {"timestamp": int(event_s * 1000)},
        "waf_detections": {"timestamp": int(event_s * 1000)},
        "linux": {"@timestamp": iso},
        "assets": {},
        "health": {},
        "app_log": {},
        "findings": {
            "guardduty": {"updatedAt": iso, "id": hashlib.sha256(group.encode()).hexdigest()[:32]},
            "securityhub": {"UpdatedAt": iso, "Id": f"arn:aws:securityhub:{REGION}:{ACCOUNT}:finding/{group}"},
            "securityhub_v2": {
                "finding_info.modified_time": int(event_s * 1000),
                "finding_info.modified_time_dt": iso,
                "metadata.uid": f"arn:aws:securityhub:{REGION}:{ACCOUNT}:finding/{group}",
            },
            "inspector": {"updatedAt": iso, "findingArn": f"arn:aws:inspector2:{REGION}:{ACCOUNT}:finding/{group}"},
            "macie": {"updatedAt": iso, "id": group},
            "accessanalyzer": {"updatedAt": iso, "id": group},
        }.get(events.kind, {"time": iso, "id": digest[:32]}),
    }[events.data]
    for path, value in defaults.items():
        if path not in given:
            put(record, path, value)


def _document(data: str, record: Dict[str, Any], event_s: float, arrival_s: float) -> bytes:
    """Return the document of a record, as the loader sends it at its arrival."""
    if data == "linux":
        put(record, "event.ingested", datetime.fromtimestamp(arrival_s, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"))
        return json.dumps(record).encode()
    made = _made(data, record)
    (body,) = stamped(lambda: arrival_s)([Create("i", "d", made.text, made)])
    return body


def _place(address: Address) -> Dict[str, Any]:
    """Return what the story's MMDB file knows of an address."""
    try:
        network = network_of(str(address))
    except LookupError:
        return {}
    return looked_up(network.country, network.as_number, network.as_organization)


def _made(data: str, record: Dict[str, Any]) -> Record:
    if data == "cloudtrail":
        content = json.dumps({"Records": [record]})
    elif data == "vpc_flow":
        columns = {name.replace("_", "-"): value for name, value in record.items()}
        content = f"{' '.join(columns)}\n{' '.join(map(str, columns.values()))}\n"
    else:
        content = json.dumps(record) + "\n"
    reference = ObjectRef("labelled", f"AWSLogs/{ACCOUNT}/{data}/{REGION}/2026/11/20/labelled")
    context = Context(reference, addresses=AddressBook(_place))
    (made,) = source_of(data).records(iter([content.encode()]), context)
    assert isinstance(made, Record), made
    return made


def _splunk_event(
    events: Events, group: str, record: Dict[str, Any], event_s: float, arrival_s: float
) -> Iterator[Dict[str, Any]]:
    """Yield an event as the input writes it, if it writes one, before Splunk's search-time knowledge."""
    if events.data == "app_log":
        line = " ".join(f'{name}="{value}"' for name, value in record.items())
        log, sourcetype = (
            ("scheduler", "scheduler") if events.kind == "scheduler" else ("aws_siem_bridge_search", "splunkd")
        )
        yield {**record, "_time": event_s, "_indextime": arrival_s, "_raw": line, "index": "_internal", "host": "sh",
               "source": f"/opt/splunk/var/log/splunk/{log}.log", "sourcetype": sourcetype}  # fmt: skip
        return
    index = {"assets": "aws_assets"}.get(events.data, "aws_findings")
    if events.data in ("assets", "health"):
        dataset = events.data.rstrip("s") if events.data == "assets" else "health"
        members = {"time": datetime.fromtimestamp(event_s, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"), **record}
        made = Record(dataset, int(event_s * 1000), "", json.dumps(members).encode(), 0, Origin(ACCOUNT, REGION))
    elif events.data == "waf_detections":
        line = json.dumps(record, separators=(",", ":")).encode()
        identity = hashlib.sha256(f"{group} {event_s}".encode()).hexdigest()[:28]
        made = kept(line, identity, 1, Context(ObjectRef("labelled", "waf"))).record
        if not made.text:
            return
    elif events.kind in ("event", "signin"):
        made = next(source_of(events.kind).of_event(record)).record
    else:
        made = source_of(events.kind).finding(record, Origin(ACCOUNT, REGION)).record
    origin = made.origin or Origin(ACCOUNT, REGION)
    yield {
        "_time": made.time_ms / 1000,
        "_indextime": arrival_s,
        "_raw": made.text.decode(),
        "index": index,
        "sourcetype": sourcetype_of(made.dataset),
        "source": f"{SOURCE_PREFIX}{made.dataset}:{origin.account}:{origin.region}",
        "host": origin.account,
    }
