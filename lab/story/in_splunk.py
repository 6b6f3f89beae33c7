"""The story as Splunk has it: findings as the app's inputs write them, with the fields that its props give them."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping

from collectors.sinks.splunk_events.sink import SOURCE_PREFIX, sourcetype_of
from collectors.sources.registry import source_of
from lab.story.findings import event, findings
from savedsearches.runner.knowledge import Knowledge
from savedsearches.runner.values import Row

INDEX = "aws_findings"
#: From when a finding is seen until it is indexed.
_FINDING_S, _OWN_S = 60, 5


def finding_events(knowledge: Knowledge, start_ms: int, end_ms: int) -> List[Row]:
    """Return the findings of all products, each version as one event."""
    rows: List[Row] = []
    for labelled in findings(start_ms, end_ms):
        kind = {"inspector2": "inspector"}.get(labelled.product, labelled.product)
        for found in source_of(kind).of_event(event(labelled)):
            record = found.record
            origin = record.origin
            row: Dict[str, Any] = {
                "_time": record.time_ms / 1000,
                "_indextime": labelled.time_ms / 1000 + _FINDING_S,
                "_raw": record.text.decode(),
                "index": INDEX,
                "sourcetype": sourcetype_of(record.dataset),
                "source": f"{SOURCE_PREFIX}{record.dataset}:{origin.account}:{origin.region}",
                "host": origin.account,
            }
            rows.append(knowledge.apply(row))
    return rows


def own_event(knowledge: Knowledge, time_s: float, kind: str, members: Mapping[str, Any]) -> Row:
    """Return an event of the app itself: ``health`` of an input, or ``response``, what became of one."""
    row: Dict[str, Any] = {
        "_time": time_s,
        "_indextime": time_s + _OWN_S,
        "_raw": json.dumps({"time": time_s, **members}),
        "index": INDEX,
        "sourcetype": f"aws:siem_bridge:{kind}",
        "source": f"{SOURCE_PREFIX}{kind}:test",
        "host": "h",
    }
    return knowledge.apply(row)
