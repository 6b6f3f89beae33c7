"""What changes a Splunk: packs are switched on, exceptions are rows of a lookup that the end of a detection heeds."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, Iterator, List

import pytest

pytest.importorskip("pydantic", reason="detections are read where they are worked on, with Python 3.11")

from lab.splunkd import SplunkdStandIn, User
from savedsearches.runner.lookups import Lookup, shipped_lookups
from savedsearches.runner.macros import shipped_macros
from savedsearches.runner.moment import Moment
from savedsearches.runner.run import run_to_list
from savedsearches.runner.session import Session
from tests.savedsearches.detections.harness import APP

PASSWORD = "admin-password-1"
STANZA = "AWS - cloudtrail_root_use - Rule"
NOW = datetime(2026, 11, 20, 5, 0, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def splunkd() -> Iterator[SplunkdStandIn]:
    with SplunkdStandIn(APP) as server:
        server.state.users.set_password(User("admin", ("admin",)), PASSWORD)
        yield server


def detections(splunkd: SplunkdStandIn, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "aws_siem_bridge", "detections", *arguments, "--splunk", splunkd.uri,
         "--username", "admin"],
        capture_output=True, text=True, timeout=120, check=False, env={**os.environ, "SPLUNK_PASSWORD": PASSWORD},
    )  # fmt: skip


def test_a_pack_is_switched_on_and_given_to_somebody(splunkd: SplunkdStandIn) -> None:
    ended = detections(splunkd, "enable", "cloudtrail_root_use", "--owner", "siem", "--enterprise-security")
    assert ended.returncode == 0, ended.stderr
    stanzas = splunkd.state.stanzas("savedsearches") or {}
    assert {name for name, settings in stanzas.items() if settings["disabled"] == "0"} == {STANZA}
    assert (stanzas[STANZA]["action.notable"], stanzas[STANZA]["action.risk"]) == ("1", "1")
    assert splunkd.state.owners == {STANZA: "siem"}
    assert detections(splunkd, "disable", "cloudtrail_root_use").returncode == 0
    assert (splunkd.state.stanzas("savedsearches") or {})[STANZA]["disabled"] == "1"
    refused = detections(splunkd, "enable")
    assert (refused.returncode, "--pack or --all" in refused.stderr) == (2, True)


def exception(until: str = "", **more: str) -> List[str]:
    last = until or (datetime.now(timezone.utc) + timedelta(days=30)).date().isoformat()
    given = {
        "detection": "cloudtrail_root_use",
        "entity": "1111*",
        "reason": "r",
        "owner": "kim",
        "until": last,
        **more,
    }
    return [word for name, value in given.items() for word in (f"--{name}", value)]


def test_an_exception_is_added_replaced_listed_and_removed(splunkd: SplunkdStandIn) -> None:
    for reason in ("ticket 1", "ticket 2"):
        ended = detections(splunkd, "exceptions", "add", *exception(reason=reason))
        assert ended.returncode == 0, ended.stderr
    (row,) = splunkd.state.collections.find("aws_detection_exceptions", {})
    assert (row["reason"], row["owner"], row["created_by"]) == ("ticket 2", "kim", "admin")
    listed = detections(splunkd, "exceptions", "list", "--format", "csv")
    assert "cloudtrail_root_use,1111*" in listed.stdout and "applies" in listed.stdout
    removed = detections(splunkd, "exceptions", "remove", "--detection", "cloudtrail_root_use", "--entity", "1111*")
    assert removed.returncode == 0, removed.stderr
    assert not splunkd.state.collections.find("aws_detection_exceptions", {})
    again = detections(splunkd, "exceptions", "remove", "--detection", "cloudtrail_root_use", "--entity", "1111*")
    assert (again.returncode, "no such exception" in again.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (exception("2020-01-01"), "ends between today and 400 days"),
        (exception("tomorrow"), "write a day such as"),
        (exception(entity="*"), "switch the detection off"),
        (exception(detection="cloudtrail_rot_use"), "there is no detection"),
        (["--detection", "cloudtrail_root_use"], "needs --entity, --reason, --owner, --until"),
    ],
)
def test_an_exception_without_an_end_or_about_everything_is_refused(
    splunkd: SplunkdStandIn, arguments: List[str], says: str
) -> None:
    ended = detections(splunkd, "exceptions", "add", *arguments)
    assert (ended.returncode, says in ended.stderr) == (2, True), ended.stderr


@pytest.mark.fast
@pytest.mark.parametrize(
    ("rows", "raised", "hidden"),
    [
        ([], True, 0),
        ([{"detection": "cloudtrail_root_use", "entity": "111122223333", "until": "2026-11-20"}], False, 1),
        ([{"detection": "cloudtrail_root_use", "entity": "111122223333", "until": "2026-11-19"}], True, 0),
        ([{"detection": "cloudtrail_*", "entity": "1111*", "until": "2027-01-01"}], False, 1),
        ([{"detection": "dns_*", "entity": "1111*", "until": "2027-01-01"}], True, 0),
        (  # one that ended beside one that holds
            [{"detection": "cloudtrail_root_use", "entity": "111122223333", "until": "2026-11-01"},
             {"detection": "cloudtrail_root_use", "entity": "1111*", "until": "2026-12-01"}], False, 1,
        ),
    ],
)  # fmt: skip
def test_an_exception_hides_until_its_last_day_and_is_counted(
    rows: List[Dict[str, Any]], raised: bool, hidden: int
) -> None:
    lookups = shipped_lookups(APP)
    lookups["aws_detection_exceptions"].replace(rows)
    session = Session(Moment(NOW.timestamp()), lookups=lookups, macros=shipped_macros(APP))
    search = '| makeresults | eval account="111122223333" | `aws_detection(cloudtrail_root_use, account)`'
    for _ in range(2):  # the next run of an overlapping window counts the same thing once
        assert bool(run_to_list(search, session)) is raised
    counted = lookups["aws_detection_hidden"].rows
    assert [(row["entity"], row["day"], row["hidden"]) for row in counted] == [
        ("111122223333", "2026-11-20", 1)
    ] * hidden


@pytest.mark.fast
def test_what_exceptions_hid_is_listed_for_the_month_before() -> None:
    import configparser
    import re

    parser = configparser.RawConfigParser(strict=True, delimiters=("=",), comment_prefixes=("#",))
    text = (APP / "default" / "savedsearches.conf").read_text("utf-8")
    parser.read_string(re.sub(r"\\\n", "\n ", text))
    lookups = shipped_lookups(APP)
    lookups["aws_detection_hidden"].replace(
        [{"detection": "cloudtrail_root_use", "entity": "e", "day": day, "hidden": "2", "hidden_key": day}
         for day in ("2026-09-30", "2026-10-01", "2026-10-31", "2026-11-01")]
    )  # fmt: skip
    lookups["aws_detection_exceptions"] = Lookup(
        [{"detection": "cloudtrail_root_use", "entity": "e", "reason": "r", "owner": "kim", "until": "2026-12-01"}]
    )
    session = Session(Moment(NOW.timestamp()), lookups=lookups, macros=shipped_macros(APP))
    (row,) = run_to_list(parser["AWS - what exceptions hid last month"]["search"], session)
    assert (row["days"], row["alerts"], row["owner"], row["last_day"]) == (2, 4, "kim", "2026-10-31")
