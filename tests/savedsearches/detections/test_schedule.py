"""Detections as Splunk schedules them: each alert once, whatever is late, skipped or down; offices keep their hours.

The stanzas are the rendered ones, the scheduler a stand-in (`lab.splunkd.scheduler`), the clock is given; the store,
the commands and the documents are real.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple
from zoneinfo import ZoneInfo

import pytest

pytest.importorskip("pydantic", reason="detections are read where they are worked on, with Python 3.11")

from collectors.store.templates import pieces_for, write
from es_bridge.config import ClusterConfig
from es_bridge.dialect import detect
from es_bridge.transport import Transport
from lab.splunkd.conf import read_conf
from lab.splunkd.scheduler import Scheduler
from savedsearches.content.catalog import catalog
from savedsearches.content.detection import Detection, seconds
from savedsearches.content.reading import FOLDER, read_files
from savedsearches.content.render import savedsearches_conf, settings_of, stanza_of
from savedsearches.runner.app_commands import AppCommands
from savedsearches.runner.local_settings import LocalSettings
from savedsearches.runner.lookups import Lookup, shipped_lookups
from savedsearches.runner.macros import Macro, shipped_macros
from savedsearches.runner.moment import Moment
from savedsearches.runner.run import run_to_list
from savedsearches.runner.session import Session
from savedsearches.runner.values import Row

from .cases import _document, put
from .forked import ForkServer
from .harness import APP
from .plain_records import plain

(DETECTION,) = read_files([FOLDER / "cloudtrail_root_use.yml"])[0].values()
INDEX = "aws-cloudtrail-scheduled"
#: 2026-11-20 05:00 UTC.
START = 1_795_150_800
MINUTE = 60
#: (account, minutes after the start at which it happened, and at which it arrived).
EVENTS = [
    ("111111111111", 3, 5),
    ("222222222222", -57, 7),  # an hour late
    ("333333333333", 14, 15),  # at the edge of two windows
    ("444444444444", 22, 24),  # while the search is skipped
    ("555555555555", 31, 33),  # while the search head is down
    ("111111111111", 34, 36),  # goes on
]


@pytest.fixture(scope="module")
def store(engine: Any) -> Iterator[ClusterConfig]:
    config = ClusterConfig((engine.url,), name="scheduled")
    lines: List[bytes] = []
    for number, (account, happened, arrived) in enumerate(EVENTS):
        record = plain("cloudtrail", "")
        put(record, "userIdentity", {"type": "Root", "accountId": account, "arn": f"arn:aws:iam::{account}:root"})
        put(record, "recipientAccountId", account)
        time = datetime.fromtimestamp(START + happened * MINUTE, timezone.utc)
        put(record, "eventTime", time.strftime("%Y-%m-%dT%H:%M:%SZ"))
        put(record, "eventID", f"00000000-0000-4000-a000-00000000000{number}")
        body = _document("cloudtrail", record, time.timestamp(), START + arrived * MINUTE)
        lines += [json.dumps({"create": {"_index": INDEX, "_id": str(number)}}).encode(), body]
    with Transport(config, "tests") as transport:
        for piece in pieces_for(transport, detect(transport), "cloudtrail"):
            write(transport, piece)
        reply = transport.request("POST", ("_bulk",), {"refresh": "true"}, b"\n".join(lines) + b"\n").json()
        assert not reply["errors"], reply
    return config


def stanzas(tmp_path: Path, detection: Detection = DETECTION) -> Dict[str, Dict[str, str]]:
    """Return the rendered stanzas as an admin switches them on."""
    (tmp_path / "savedsearches.conf").write_text(savedsearches_conf([detection]), "utf-8")
    found = read_conf(tmp_path / "savedsearches.conf")
    return {stanza_of(detection): {**found[stanza_of(detection)], "disabled": "0"}}


def test_each_alert_is_raised_once(store: ClusterConfig, tmp_path: Path) -> None:
    """Late events, events at an edge, a search that is skipped twice, a search head that is down for 20 minutes."""
    macros = {**shipped_macros(APP), "aws_cloudtrail_raw": Macro(INDEX)}
    lookups = {**shipped_lookups(APP), "aws_detections": Lookup([dict(row) for row in catalog([DETECTION])])}
    skipped: Counter[float] = Counter()

    def may_run(name: str, scheduled_s: float) -> bool:
        skipped[scheduled_s] += 1
        return not 25 * MINUTE <= scheduled_s - START < 30 * MINUTE or skipped[scheduled_s] > 2

    with LocalSettings(store) as settings:

        def run(search: str, moment: Moment) -> List[Row]:
            own = AppCommands(settings, lambda level, text: None)
            return run_to_list(search, Session(moment, lookups=lookups, macros=macros, own=own))

        def scheduler(began_s: float) -> Scheduler:
            return Scheduler(stanzas(tmp_path), run, tmp_path / "state", began_s=began_s, may_run=may_run)

        before, after = scheduler(START), scheduler
        alerts = [alert for minute in range(5, 36, 5) for alert in before.tick(START + minute * MINUTE)]
        again = after(START + 55 * MINUTE)
        alerts += [alert for minute in range(55, 66, 5) for alert in again.tick(START + minute * MINUTE)]
    assert before.failures == again.failures == []
    assert max(skipped.values()) > 1, "nothing was skipped"
    raised = Counter(str(row["account"]) for alert in alerts for row in alert.rows)
    assert raised == {account: 1 for account, _, _ in EVENTS}


LINUX = list(read_files(sorted(FOLDER.glob("linux_*.yml")))[0].values())


@pytest.mark.fast
@pytest.mark.parametrize("detection", LINUX, ids=lambda each: str(each.name))
def test_who_selects_by_the_time_of_the_event_says_how_late_is_too_late(detection: Detection) -> None:
    """Beats' documents have no time of arrival. The last run that has a time in its window is so much later than it."""
    schedule = detection.schedule
    seen_minutes = (seconds(schedule.window) + seconds(schedule.lag) - seconds(schedule.every)) // 60
    assert "time_field=@timestamp" in detection.search and "event.ingested" not in detection.search
    assert seen_minutes >= 60, "an event that comes an hour late is seen"
    assert f"an event that comes up to {seen_minutes} minutes late is seen" in " ".join(detection.description.split())


def test_without_a_time_of_arrival_an_hour_late_is_seen_once_and_more_than_the_margin_never(
    store: ClusterConfig, tmp_path: Path
) -> None:
    (module_loaded,) = (each for each in LINUX if each.name == "linux_module_loaded")
    index = "beats-filebeat-scheduled"
    late = {"on-time": 1, "an-hour": 60, "at-the-margin": 70, "beyond": 76}  # host: minutes on the way
    written: List[str] = []
    macros = {**shipped_macros(APP), "linux_raw": Macro(index)}
    lookups = {**shipped_lookups(APP), "aws_detections": Lookup([dict(row) for row in catalog([module_loaded])])}
    happened = START + 2 * MINUTE
    alerts: List[str] = []
    with Transport(store, "tests") as transport, LocalSettings(store) as settings, ForkServer() as fork:
        for piece in pieces_for(transport, detect(transport), "filebeat"):
            write(transport, piece)
        transport.request("PUT", (index,))

        def run(search: str, moment: Moment) -> List[Row]:
            own = AppCommands(settings, lambda level, text: None, popen=fork.popen)
            return run_to_list(search, Session(moment, lookups=lookups, macros=macros, own=own))

        scheduler = Scheduler(stanzas(tmp_path, module_loaded), run, tmp_path / "state", began_s=START)
        for minute in range(90):
            for host in [host for host, way in late.items() if 2 + way == minute]:
                record = plain("linux", "")
                members = {
                    "@timestamp": datetime.fromtimestamp(happened, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
                    "host.name": host, "event.action": "syscall", "auditd.log.syscall": "init_module",
                    "process.name": "insmod",
                }  # fmt: skip
                for path, value in members.items():
                    put(record, path, value)
                transport.request("PUT", (index, "_doc", host), {"refresh": "true"}, json.dumps(record).encode())
                written.append(host)
            alerts += [str(row["dest"]) for alert in scheduler.tick(START + minute * MINUTE) for row in alert.rows]
        assert scheduler.failures == []
    assert sorted(written) == sorted(late)
    assert sorted(alerts) == ["an-hour", "at-the-margin", "on-time"]


@pytest.mark.fast
@pytest.mark.parametrize("head", ["UTC", "Asia/Seoul"])
@pytest.mark.parametrize(
    ("utc", "hour", "weekday"),
    [
        ("2026-11-20T05:30:00", 14, 5),
        ("2026-11-20T14:59:59", 23, 5),
        ("2026-11-20T15:00:00", 0, 6),
        ("2026-11-21T15:00:00", 0, 0),
        ("2026-12-31T23:00:00", 8, 5),
    ],
)
def test_office_hours_are_seoul_s_wherever_the_search_head_is(head: str, utc: str, hour: int, weekday: int) -> None:
    time = datetime.fromisoformat(utc + "+00:00").timestamp()
    macros = {**shipped_macros(APP), "aws_local_offset_s(1)": Macro("32400", ("time",))}
    session = Session(Moment(time, zone=ZoneInfo(head)), macros=macros)
    (row,) = run_to_list("| makeresults | `aws_local_time`", session)
    assert (row["local_hour"], row["local_weekday"]) == (hour, weekday)


@pytest.mark.fast
@pytest.mark.parametrize("head", ["UTC", "Asia/Seoul"])
def test_days_and_ranges_do_not_depend_on_the_search_head_s_zone(head: str, tmp_path: Path) -> None:
    """A day has as many runs in each zone, and their windows leave no gap."""
    seen: List[Tuple[float, float]] = []

    def run(search: str, moment: Moment) -> List[Row]:
        assert moment.earliest_s is not None and moment.latest_s is not None
        seen.append((moment.earliest_s, moment.latest_s))
        return []

    settings = {**settings_of(DETECTION), "disabled": "0"}
    scheduler = Scheduler({"a": settings}, run, tmp_path / "state", began_s=START, zone=ZoneInfo(head))
    scheduler.tick(START + 86_400)
    assert len(seen) == 288
    assert all(later[0] <= earlier[1] for earlier, later in zip(seen, seen[1:]))
