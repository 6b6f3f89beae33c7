"""The monthly report as files: months of the reader's clock, Korean that Excel shows, nothing that it computes."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Dict, List, Mapping
from zoneinfo import ZoneInfo

import pytest

from lab.splunkd import SplunkdStandIn, User
from savedsearches.runner.knowledge import Knowledge
from savedsearches.runner.moment import Moment
from savedsearches.runner.values import text
from splunk_app.dashboards.report import csv_of, tables
from tests.savedsearches.detections import story

from .place import APP, PAGES, Place
from .test_pages import told

PASSWORD = "admin-password-1"
TABLES = [panel.id for panel in PAGES["report"].panels if panel.search]
#: In Seoul the first of December has begun.
DECEMBER_S = 1_796_052_600


def read(file: bytes) -> List[List[str]]:
    return list(csv.reader(io.StringIO(file.decode("utf-8-sig"))))


def test_months_are_those_of_the_reader_and_headings_of_his_language(on_story: Place) -> None:
    late = next(row for row in on_story.events if row.get("app") == "Amazon GuardDuty")
    on_story.events = [*on_story.events, {**late, "_time": DECEMBER_S, "finding_key": "late", "version_key": "late"}]
    asked: List[str] = []

    def rows_of(search: str, earliest: str, latest: str) -> List[Mapping[str, object]]:
        asked.append(f"{earliest} {latest}")
        return [{name: text(value) for name, value in row.items()} for row in on_story.rows(search)]

    found: Dict[str, Any] = {}
    for zone in ("UTC", "Asia/Seoul"):
        on_story.moment = replace(
            Moment(DECEMBER_S + 60, story.ORDINARY_S, DECEMBER_S + 60), zone=ZoneInfo(zone)
        )  # fmt: skip
        (found[zone],) = [table for table in tables(rows_of, "ko") if table.name == "accounts"]
    assert found["UTC"].columns[:3] == ["월", "계정", "계정 이름"]
    assert [row[0] for row in found["UTC"].rows] == ["2026-11"]
    assert [row[0] for row in found["Asia/Seoul"].rows] == ["2026-11", "2026-12"]
    assert set(asked) == {"-1mon@mon @mon"} and len(asked) == 2 * len(TABLES)


#: Control -> its versions: when, what the check said, and the state of the record.
CONTROLS = {
    "failed-and-never-again": [("2026-08-03", "FAILED", "ACTIVE")],
    "mended-in-october": [("2026-09-10", "FAILED", "ACTIVE"), ("2026-10-05", "PASSED", "ACTIVE")],
    "failed-for-a-day": [("2026-10-20", "FAILED", "ACTIVE"), ("2026-10-21", "PASSED", "ACTIVE")],
    "gone-in-october": [("2026-09-01", "FAILED", "ACTIVE"), ("2026-10-02", "FAILED", "ARCHIVED")],
    "new-in-november": [("2026-11-15", "FAILED", "ACTIVE")],
    "after-the-range": [("2026-12-02", "FAILED", "ACTIVE")],
}


def test_compliance_is_what_was_open_at_each_months_end(on_story: Place, knowledge: Knowledge, golden: Any) -> None:
    """Not what was written in the month: a control that failed in August and did not change has no later event."""
    found = next(row for row in on_story.events if "Compliance" in json.loads(str(row["_raw"])))
    made = {name: found[name] for name in ("index", "sourcetype", "source", "host")}
    on_story.events = [row for row in on_story.events if row["source"] != found["source"]]
    for control, versions in CONTROLS.items():
        for day, status, record in versions:
            at_s = datetime.fromisoformat(f"{day}T12:00:00+00:00").timestamp()
            body = {**json.loads(str(found["_raw"])), "RecordState": record, "finding_key": control}
            body["Compliance"] = {**body["Compliance"], "Status": status}
            body["version_key"] = f"{control} {day}"
            row = {**made, "_time": at_s, "_indextime": at_s + 60, "_raw": json.dumps(body)}
            on_story.events.append(knowledge.apply(row))
    now_s, july_s, december_s = (
        datetime.fromisoformat(f"2026-{day}T00:00:00+00:00").timestamp() for day in ("12-10", "07-01", "12-01")
    )
    on_story.moment = Moment(now_s, july_s, december_s)
    golden("dashboards/report_months.json", told({"compliance": on_story.panels("report")["compliance"]}))


def test_excel_is_told_that_it_is_utf_8_and_computes_nothing() -> None:
    file = csv_of(
        ["대상", "n"], [["=cmd|' /C calc'!A0", "-3.5"], ["@x", "+1"], ["-x", 'a "quoted", text\nin two lines']]
    )
    assert file.startswith(b"\xef\xbb\xbf")
    assert read(file) == [
        ["대상", "n"], ["'=cmd|' /C calc'!A0", "-3.5"], ["'@x", "'+1"], ["'-x", 'a "quoted", text\nin two lines'],
    ]  # fmt: skip


@pytest.fixture(scope="module")
def splunkd(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with SplunkdStandIn(APP) as server:
        server.state.users.set_password(User("admin", ("admin",)), PASSWORD)
        logs = server.splunk_home / "var" / "log" / "splunk"
        logs.mkdir(parents=True, exist_ok=True)
        (logs / "aws_siem_bridge_inputs.log").write_text("level=INFO started\n")  # an index with an event
        yield server


def report(splunkd: SplunkdStandIn, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "aws_siem_bridge", "report", *arguments, "--splunk", splunkd.uri, "--username", "admin"],
        capture_output=True, text=True, timeout=240, check=False, env={**os.environ, "SPLUNK_PASSWORD": PASSWORD},
    )  # fmt: skip


def test_the_command_writes_a_file_a_table(splunkd: SplunkdStandIn, tmp_path: Path) -> None:
    ended = report(splunkd, "--to", str(tmp_path / "october"), "--language", "ko")
    assert ended.returncode == 0, ended.stderr
    files = {path.stem: read(path.read_bytes()) for path in (tmp_path / "october").iterdir()}
    assert sorted(files) == sorted(TABLES)
    assert files["exceptions"] == [["탐지", "대상", "일수", "숨긴 경보", "사유", "담당자", "기한"]]


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [(["--account", "x"], 2, "twelve digits"), (["--earliest", "soon"], 1, "soon")],
)
def test_what_cannot_be_done_is_said(
    splunkd: SplunkdStandIn, tmp_path: Path, arguments: List[str], status: int, says: str
) -> None:
    ended = report(splunkd, "--to", str(tmp_path), *arguments)
    assert (ended.returncode, says in ended.stderr) == (status, True), ended.stderr
