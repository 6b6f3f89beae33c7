"""What detections would have raised: as a user asks on the command line, and against every window tried one by one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, Iterator, List
from zoneinfo import ZoneInfo

import pytest

pytest.importorskip("pydantic", reason="detections are read where they are worked on, with Python 3.11")

from es_bridge.config import ClusterConfig
from es_bridge.transport import Transport
from savedsearches.backtest import backtest
from savedsearches.backtest.backtest import days_of, is_monotone
from savedsearches.backtest.runs import Around
from savedsearches.cli.office_zone import definition
from savedsearches.content.reading import FOLDER, read_files
from savedsearches.runner.expression import parse_value
from savedsearches.runner.local_settings import LocalSettings
from savedsearches.runner.lookups import shipped_lookups
from savedsearches.runner.macros import Macro, shipped_macros
from savedsearches.runner.moment import Moment
from tests.savedsearches.detections.cases import _document, put
from tests.savedsearches.detections.harness import APP
from tests.savedsearches.detections.plain_records import plain

(ROOT_USE,) = read_files([FOLDER / "cloudtrail_root_use.yml"])[0].values()
INDEX = "aws-cloudtrail-backtest"
#: 2026-11-20 00:00 UTC.
DAY = 1_795_132_800
#: (account, hours after it at which its root user was seen): two are within one period of suppression.
SEEN = (("111111111111", 1.01), ("111111111111", 1.6), ("222222222222", 23.7), ("333333333333", 24.2))


@pytest.fixture(scope="module")
def store(engine: Any) -> ClusterConfig:
    config = ClusterConfig((engine.url,), name="backtest")
    lines: List[bytes] = []
    for number, (account, hour) in enumerate(SEEN):
        record = plain("cloudtrail", "")
        put(record, "userIdentity", {"type": "Root", "accountId": account})
        put(record, "recipientAccountId", account)
        time_s = DAY + hour * 3600
        put(record, "eventTime", datetime.fromtimestamp(time_s, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"))
        put(record, "eventID", f"00000000-0000-4000-a000-00000000000{number}")
        lines += [json.dumps({"create": {"_index": INDEX, "_id": str(number)}}).encode()]
        lines += [_document("cloudtrail", record, time_s, time_s + 60)]
    with Transport(config, "tests") as transport:
        reply = transport.request("POST", ("_bulk",), {"refresh": "true"}, b"\n".join(lines) + b"\n").json()
        assert not reply["errors"], reply
    return config


@pytest.fixture
def around(store: ClusterConfig) -> Iterator[Around]:
    with LocalSettings(store) as settings:
        yield Around(settings, {**shipped_macros(APP), "aws_cloudtrail_raw": Macro(INDEX)}, shipped_lookups(APP))


def test_many_windows_at_once_are_as_each_by_itself(around: Around, monkeypatch: pytest.MonkeyPatch) -> None:
    since, until = DAY + 3600, DAY + 2 * 3600
    together = [(day.day, day.runs, [row["scheduled_time"] for row in day.alerts], day.suppressed) for day in
                days_of(ROOT_USE, around, since, until)]  # fmt: skip
    monkeypatch.setattr(backtest, "MOST_AT_ONCE", 1)
    alone = [(day.day, day.runs, [row["scheduled_time"] for row in day.alerts], day.suppressed) for day in
             days_of(ROOT_USE, around, since, until)]  # fmt: skip
    assert together == alone == [("2026-11-20", 12, [DAY + 3600 + 600], 1)]


@pytest.mark.fast
@pytest.mark.parametrize(
    ("search", "monotone"),
    [
        ('| elasticstats index=`aws_waf_raw` stats="count, dc(x) as n" by=y where="count>=10 AND n>2"', True),
        ("| elasticstats index=x by=y | where count>=10 | rename y AS src", True),
        ('| elasticstats index=x by=y where="count<10"', False),
        ('| elasticstats index=x by=y where="count=10"', False),
        ('| elasticstats index=x by=y where="NOT count>10"', False),
        ("| elasticstats index=x by=y | where errors/count > 0.5", False),
        ("| elasticstats index=x by=y | eval few=if(count>3,0,1) | where few=1", False),
        ("| elasticstats index=x by=y | addinfo | where first >= info_max_time - 60", False),
        ("| elasticstats index=x by=y | stats count by src", False),
        ("| elasticstats index=x by=y | append [| elasticstats index=z]", False),
        ("| elasticsearch index=x", False),
        ("`aws_findings` severity=high", False),
    ],
)
def test_which_searches_may_be_tried_at_once(search: str, monotone: bool) -> None:
    end = "\n| `aws_detection(cloudtrail_root_use, account)`"
    assert is_monotone(ROOT_USE.model_copy(update={"search": search + end}), shipped_macros(APP)) is monotone


def detections(store: ClusterConfig, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "AWS_SIEM_BRIDGE_URL": store.hosts[0]}
    return subprocess.run(
        [sys.executable, "-m", "aws_siem_bridge", "detections", *arguments],
        capture_output=True, text=True, env=environment, timeout=120, check=False,
    )  # fmt: skip


def test_a_backtest_is_a_row_a_day_and_what_cannot_be_run_is_said(store: ClusterConfig, tmp_path: Path) -> None:
    findings = sorted(path.stem for path in FOLDER.glob("findings_*.yml"))[:1]
    (tmp_path / "macros.conf").write_text(f"[aws_cloudtrail_raw]\ndefinition = {INDEX}\n")
    ended = detections(
        store, "backtest", "cloudtrail_root_use", *findings,
        "--since", "2026-11-20T23:00Z", "--until", "2026-11-21T01:00Z",
        "--format", "jsonl", "--alerts", str(tmp_path / "alerts.jsonl"), "--macros", str(tmp_path / "macros.conf"),
    )  # fmt: skip
    rows = [json.loads(line) for line in ended.stdout.splitlines()]
    found = {(row["detection"], row["day"]): row for row in rows}
    assert [found["cloudtrail_root_use", day]["alerts"] for day in ("2026-11-20", "2026-11-21")] == [1, 1]
    assert found["cloudtrail_root_use", "2026-11-20"]["runs"] == 12
    for name in findings:
        row = found[name, ""]
        assert row["outcome"].startswith("not run: it reads") and row.get("alerts") is None
    assert ended.returncode == (1 if findings else 0), ended.stderr
    alerts = [json.loads(line) for line in (tmp_path / "alerts.jsonl").read_text().splitlines()]
    assert [alert["account"] for alert in alerts] == ["222222222222", "333333333333"]


def test_one_run_prints_its_rows(store: ClusterConfig, tmp_path: Path) -> None:
    (tmp_path / "macros.conf").write_text(f"[aws_cloudtrail_raw]\ndefinition = {INDEX}\n")
    ended = detections(store, "run", "cloudtrail_root_use", "--at", str(DAY + 3600 + 600), "--format", "jsonl",
                       "--macros", str(tmp_path / "macros.conf"))  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert [json.loads(line)["user"] for line in ended.stdout.splitlines()] == ["root"]
    assert "cloudtrail_root_use: 1 rows of what arrived from 2026-11-20" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["backtest", "cloudtrail_rot_use", "--since=-1d"], "Did you mean cloudtrail_root_use?"),
        (["backtest", "--pack", "clodtrail", "--since=-1d"], "Did you mean cloudtrail?"),
        (["backtest", "--since", "now", "--until=-1d"], "is not before"),
        (["backtest", "--since=-1d", "--events", "none.jsonl"], "none.jsonl cannot be read: No such file"),
        (["backtest", "--since=-1d", "--events", "setup.py"], "setup.py holds neither JSON lines nor CSV"),
        (["run", "cloudtrail_root_use", "--events", "/nowhere"], "--events /nowhere"),
        (["run", "cloudtrail_root_use", "--lookup", "x"], "write NAME=FILE"),
    ],
)
def test_wrong_usage_is_said_before_anything_runs(store: ClusterConfig, arguments: List[str], says: str) -> None:
    ended = detections(store, *arguments)
    assert (ended.returncode, says in ended.stderr) == (2, True), ended.stderr


@pytest.mark.fast
@pytest.mark.parametrize("zone", ["Asia/Seoul", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"])
def test_the_macro_of_an_office_is_what_its_clock_says(zone: str) -> None:
    text = definition(ZoneInfo(zone), 2026).replace("$time$", "_time")
    evaluate = parse_value("eval", text, Moment(0.0)).evaluate
    for hours in range(0, 24 * 3650, 37):
        time_s = 1_767_225_600 + hours * 3600
        offset = datetime.fromtimestamp(time_s, ZoneInfo(zone)).utcoffset()
        assert offset is not None
        row: Dict[str, Any] = {"_time": time_s}
        assert evaluate(row) == offset.total_seconds(), datetime.fromtimestamp(time_s, timezone.utc)


def test_events_are_read_as_splunk_exports_them(store: ClusterConfig, tmp_path: Path) -> None:
    from savedsearches.backtest.events import read_events
    from savedsearches.runner.knowledge import read_knowledge

    raw = json.dumps({"finding_key": "k", "version_key": "v", "severity_label": "high", "detail": {"type": "T"}})
    event = {"_time": "2026-11-20T00:00:00.000+00:00", "source": "aws_siem_bridge:guardduty:1:r", "_raw": raw,
             "sourcetype": "aws:cloudwatch:guardduty"}  # fmt: skip
    (tmp_path / "a.jsonl").write_text(json.dumps({"result": event}) + "\n" + json.dumps({**event, "_time": DAY}) + "\n")
    quoted = raw.replace('"', '""')
    (tmp_path / "b.csv").write_text(
        f'_time,_indextime,source,sourcetype,_raw\n{DAY},{DAY + 5},{event["source"]},{event["sourcetype"]},"{quoted}"\n'
    )
    events = read_events([tmp_path / "a.jsonl", tmp_path / "b.csv"], read_knowledge(APP / "default"))
    assert [(found["_time"], found["_indextime"], found["signature"]) for found in events] == [
        (DAY, DAY, "T"), (DAY, DAY, "T"), (DAY, DAY + 5, "T"),
    ]  # fmt: skip
