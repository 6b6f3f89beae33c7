"""The macros over findings: each version once, the newest of each finding."""

from __future__ import annotations

import json
from typing import Any, Dict

from tests.splunk_app.inputs.indexed import search


def event(finding: str, version: str, time_s: int, arrived_s: int, **more: Any) -> Dict[str, Any]:
    text = json.dumps({"finding_key": finding, "version_key": version, **more})
    source = "aws_siem_bridge:guardduty:111122223333:eu-west-1"
    return {"_time": time_s, "_indextime": arrived_s, "index": "aws", "source": source, "_raw": text}


EVENTS = [
    event("a", "a1", 100, 1),
    event("a", "a2", 200, 2, status="NEW"),
    event("a", "a3", 200, 3, status="SUPPRESSED"),
    event("a", "a2", 200, 9, status="NEW"),  # a message of the queue that came again after a restart
    event("b", "b1", 50, 4),
    event("b", "b1", 50, 5),
    event("s", "s1", 60, 5, sample=True),
    {"_time": 1, "_indextime": 1, "index": "aws", "source": "other", "_raw": '{"finding_key":"x","version_key":"x"}'},
    {"_time": 1, "_indextime": 1, "index": "aws", "source": "aws_siem_bridge:health:x", "_raw": '{"status":"ok"}'},
]


def versions(spl: str) -> list[str]:
    return sorted(row["version_key"] for row in search(spl, EVENTS))


def test_each_version_once_and_no_samples_but_on_request():
    assert versions("`aws_findings`") == ["a1", "a2", "a3", "b1"]
    assert versions("`aws_findings_with_samples`") == ["a1", "a2", "a3", "b1", "s1"]


def test_the_newest_is_what_arrived_last_of_one_time():
    assert versions("`aws_findings_latest`") == ["a3", "b1"]


def test_a_macro_is_the_beginning_of_a_search():
    (row,) = search("`aws_findings` | stats dc(finding_key) AS findings count", EVENTS)
    assert (row["findings"], row["count"]) in (("2", "4"), (2, 4))
