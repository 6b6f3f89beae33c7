"""Prowler's files out of a queue: what is written of a scan, and of the next one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List

import pytest

from aws_bridge.objects import LocalObjects
from aws_bridge.queue import Queue
from collectors.polling.budget import DailyBudget
from collectors.polling.counts import Counts
from collectors.polling.finding_files import FindingFiles
from collectors.polling.memory import Memory
from collectors.polling.position import Risk
from collectors.polling.writer import FindingWriter, Rules
from tests.collectors.polling.listed import NOW_MS
from tests.collectors.polling.test_events import Sqs
from tests.collectors.polling.test_poller import Kept
from tests.collectors.sources.findings.test_golden import CASES

pytestmark = pytest.mark.splunk_python

OCSF = {name: each["api"] for name, each in CASES["prowler"].items()}
ASFF = CASES["securityhub"]["prowler"]["api"]


class Input:
    def __init__(self, folder: Path) -> None:
        self.folder, self.sqs, self.kept, self.now_ms = folder, Sqs(), Kept(), NOW_MS
        self.counts = Counts()
        writer = FindingWriter(
            self.kept, Memory(folder / "seen", 1024), DailyBudget(0), self.counts, Rules(), lambda: self.now_ms,
            risks=[Risk(0, NOW_MS)], undeleted_is_unwritten=True,
        )  # fmt: skip
        objects = LocalObjects(folder, "scans")
        self.files = FindingFiles(
            Queue(self.sqs, "https://sqs/q"), objects, writer, self.kept, lambda: self.now_ms, 300
        )

    def put(self, name: str, content: str) -> None:
        (self.folder / name).write_text(content, "utf-8")
        event = {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "scans"}, "object": {"key": name}}}
        self.sqs.put(json.dumps({"Records": [event]}))

    def events(self) -> List[Dict[str, Any]]:
        return [json.loads(record.text) for record in self.kept.records]


@pytest.fixture
def world(tmp_path: Path) -> Input:
    return Input(tmp_path)


def test_both_formats_in_both_forms_and_the_next_scan_is_written_where_a_result_changed(world: Input):
    failed, other = OCSF["failed"], {**OCSF["failed"], "finding_info": {**OCSF["failed"]["finding_info"], "uid": "2"}}
    passed = {**other, "status_code": "PASS", "finding_info": {**other["finding_info"], "uid": "3"}}
    world.put("a.ocsf.json", json.dumps([failed, other, passed], indent=2))
    world.put("a.asff.json", json.dumps(ASFF) + "\n" + json.dumps({**ASFF, "Id": "prowler-2"}))
    turn = world.files.turn(0)
    assert (turn.written, turn.passed, turn.bad) == (4, 1, [])
    assert [record.dataset for record in world.kept.records] == ["prowler"] * 2 + ["securityhub"] * 2
    assert all("KISA-ISMS-P-2023 2.5" in " ".join(event["compliance_ids"]) for event in world.events())
    again = [OCSF["scanned_again"], {**other, "time": other["time"] + 86_400, "status_code": "PASS"}]
    world.put("b.ocsf.json", json.dumps(again))
    world.now_ms += 86_400_000
    turn = world.files.turn(0)
    assert (turn.written, turn.only_times) == (1, 1) and world.events()[-1]["status_code"] == "PASS"
    world.now_ms += 301_000
    assert world.files.delete_due() == [] and not world.sqs.hidden


def test_what_is_no_finding_is_said_and_a_broken_list_stays_in_the_queue(world: Input):
    world.put("a.json", json.dumps([OCSF["failed"], {"x": 1}, OCSF["without_a_uid"], 7]))
    world.put("b.json", "[" + json.dumps(OCSF["scanned_again"]) + ', {"metadata": ')
    turn = world.files.turn(0)
    said = " ".join(turn.bad)
    assert turn.written == 1 and turn.only_times == 1
    assert "record 2: it is a finding neither in OCSF" in said and "record 3: a finding of prowler without" in said
    assert "record 4: the record is no JSON object" in said and "redrive policy decides" in said
    assert world.files.waiting == 1
