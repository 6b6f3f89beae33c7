"""A finding is told that its incident is dealt with, and an incident is closed: read back from the stand-in."""

from __future__ import annotations

import itertools
import json
from typing import Any, Callable, Dict, NamedTuple, Tuple

import pytest

import aws_siem_bridge
from aws_bridge.errors import CallProblem
from response.actions.closure import ClosingRecords
from response.actions.isolate import Isolation
from response.actions.update_finding import update_finding
from response.aws.saved_state import SavedStates
from response.core.closure import Closure
from response.core.findings import Finding, finding_of
from response.core.result import ActionResult
from response.core.target import Subject
from response.errors import BadRequest, BadTarget
from response.handlers import update_finding as handler
from tests.response.faults import cases, seen
from tests.response.server_room import REGION, Fault, ServerRoom

_numbers = itertools.count(1)
PRODUCTS = ("guardduty", "securityhub", "securityhub_v2")


class Case(NamedTuple):
    """One finding of the stand-in, and how its state is read there."""

    finding: Finding
    state: Callable[[], str]
    closed: str


def case(room: ServerRoom, product: str) -> Case:
    account = room.account
    account.speed(1000)
    account.enable(product, REGION)
    (id,) = account.add(product, REGION)

    def version() -> Dict[str, Any]:
        found = [each for each in account.versions() if (each["product"], each["id"]) == (product, id)]
        return dict(found[-1]["finding"])

    if product == "guardduty":
        return Case(Finding(product, id), lambda: str(version()["service"]["archived"]), "True")
    if product == "securityhub":
        of = Finding(product, version()["Id"], version()["ProductArn"])
        return Case(of, lambda: str(version()["Workflow"]["Status"]), "RESOLVED")
    uid = str(version()["metadata"]["uid"])
    return Case(Finding(product, uid), lambda: str(version().get("status")), "Resolved")


def update(room: ServerRoom, found: Case, **how: Any) -> ActionResult:
    return update_finding(room.area, found.finding, "i-0123456789abcdef0-1", **how)


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_finding_is_set_once_with_the_incidents_id(room, product):
    found = case(room, product)
    before = found.state()
    assert update(room, found, dry_run=True).result == "planned" and found.state() == before
    result = update(room, found)
    assert (result.result, found.state()) == ("done", found.closed), result.says
    assert update(room, found).result == "already_done"
    latest = json.dumps([each["finding"] for each in room.account.versions() if each["product"] == product][-1])
    assert product == "guardduty" or "Incident i-0123456789abcdef0-1 of aws-siem-bridge: closed." in latest
    other = update(room, case(room, product), state="NOTIFIED")
    assert other.result == ("refused" if product == "guardduty" else "done")
    with pytest.raises(BadTarget, match="there is no finding"):
        update_finding(room.area, found.finding._replace(id="0" * 32), "i-1", "RESOLVED")


READING = {
    "guardduty": ("guardduty:ListDetectors", "guardduty:GetFindings"), "securityhub": ("securityhub:GetFindings",),
    "securityhub_v2": ("securityhub:GetFindingsV2",),
}  # fmt: skip
CHANGING = {
    "guardduty": "guardduty:ArchiveFindings", "securityhub": "securityhub:BatchUpdateFindings",
    "securityhub_v2": "securityhub:BatchUpdateFindingsV2",
}  # fmt: skip


@pytest.mark.parametrize("product", PRODUCTS)
def test_every_call_has_a_case(room, product):
    found = case(room, product)
    room.session.made.clear()
    update(room, found)
    made = {f"{service}:{call}" for service, call in room.session.made}
    assert made == {*READING[product], CHANGING[product]}


@pytest.mark.parametrize(
    "product, call, kind, times",
    seen(
        "update_finding",
        [(product, *case) for product in PRODUCTS for case in cases(READING[product], (CHANGING[product],))],
    ),
)
def test_a_failure_is_never_called_done(room, product, call, kind, times):
    found = case(room, product)
    room.session.fault, room.session.failed = Fault(call, kind, times), 0
    try:
        said = update(room, found).result
    except CallProblem:
        said = "error"
    finally:
        room.session.fault = None
    assert room.session.failed, "the fault never came"
    assert (said in ("done", "already_done")) <= (found.state() == found.closed), said
    assert update(room, found).result in ("done", "already_done") and found.state() == found.closed


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"alert": f"guardduty:{'a' * 32}:2026-11-21T10:00:00.000Z"}, Finding("guardduty", "a" * 32)),
        ({"options": {"finding": "x", "product_arn": "arn"}}, Finding("securityhub", "x", "arn")),
        ({"options": {"finding": "u", "product": "securityhub_v2"}}, Finding("securityhub_v2", "u")),
        ({"alert": "scheduler__x"}, None), ({"options": {"finding": "x", "product": "macie"}}, None),
        ({"options": {"finding": "x", "product": "securityhub"}}, None),
    ],
)  # fmt: skip
def test_which_finding_is_meant(event, expected):
    if expected:
        assert finding_of(event) == expected
        return
    with pytest.raises(BadRequest):
        finding_of(event)


def test_the_function_updates_only_when_event_and_parameter_say_so(room):
    found, name = case(room, "guardduty"), f"/response/finding-{next(_numbers)}"
    settings = {"AWS_REGION": REGION, "AWS_SIEM_BRIDGE_PARAMETER": name}
    event = {"incident": "i-1", "account": room.account.id, "region": REGION, "dry_run": False,
             "alert": f"guardduty:{found.finding.id}:2026"}  # fmt: skip
    assert handler.do(event, settings)["result"] == "planned" and found.state() == "False"
    room.account.client("ssm", REGION).put_parameter(Name=name, Type="String", Value='{"mode": "live"}')
    assert handler.do(event, settings)["result"] == "done" and found.state() == "True"


def test_a_responder_updates_a_finding_at_the_command_line(room, capsys):
    found = case(room, "securityhub")
    argv = ["update-finding", found.finding.id, "--product", "securityhub", "--product-arn", found.finding.product_arn]
    where = ["--region", REGION, "--incident", "i-1"]
    assert aws_siem_bridge.main(["respond", *argv, *where, "--dry-run"]) == 0 and found.state() != "RESOLVED"
    assert aws_siem_bridge.main(["respond", *argv, *where, "--state", "NOTIFIED"]) == 0 and found.state() == "NOTIFIED"
    assert "is NOTIFIED, read back" in capsys.readouterr().out
    assert aws_siem_bridge.main(["respond", *argv[:-2], *where]) == 2


def test_a_response_to_a_search_of_splunk_has_no_finding_and_no_failure(room):
    settings = {"AWS_REGION": REGION, "AWS_SIEM_BRIDGE_PARAMETER": "/response/none"}
    event = {"incident": "i-1", "account": room.account.id, "region": REGION, "instance": "i-0123456789abcdef0",
             "dry_run": False, "alert": "scheduler__admin__app__RMD5_at_1", "action": "respond"}  # fmt: skip
    said = handler.do(event, settings)
    assert said["result"] == "already_done" and "names no finding" in said["says"]
    for wrong in ({"action": "collect_evidence"}, {"options": {"product": "macie"}}):
        with pytest.raises(BadRequest):
            handler.do({**event, **wrong}, settings)


def closure(incident: str, **changes: Any) -> Closure:
    known: Dict[str, Any] = {"cause": "a weak password", "restore_point": "ami-1", "keys_rotated": "no", "by": "kim",
                             "at_s": 1, **changes}  # fmt: skip
    return Closure(incident, **known)


@pytest.mark.parametrize(
    "changes",
    [{"cause": " "}, {"restore_point": ""}, {"keys_rotated": "perhaps"}, {"cause": "x" * 2001}],
)
def test_an_answer_that_is_missing(changes):
    with pytest.raises(BadRequest):
        closure("i-1", **changes)


RECORD = ("s3:PutObject", "s3:GetObject", "s3:ListObjectsV2")


@pytest.mark.parametrize(
    "call, kind, times",
    [*seen("records of closing", cases((), RECORD)), *((call, "half_done", 1) for call in RECORD)],
)
def test_a_record_is_written_once_or_not_called_written(room, call, kind, times):
    incident, subject = f"user-kim-{next(_numbers)}", Subject(room.account.id, "", "user-kim")
    records = ClosingRecords(room.area, room.bucket)
    room.session.fault, room.session.failed = Fault(call, kind, times), 0
    try:
        said = records.close(subject, closure(incident)).result
    except CallProblem:
        said = "error"
    finally:
        room.session.fault = None
    assert room.session.failed, "the fault never came"
    s3 = room.account.client("s3", REGION)
    listed = s3.list_objects_v2(Bucket=room.bucket, Prefix=records.key(subject, incident)).get("Contents", [])
    assert (said == "done") <= bool(listed)
    assert records.close(subject, closure(incident)).result == "done"
    assert records.close(subject, closure(incident, cause="another")).result == "already_done"
    kept = json.loads(s3.get_object(Bucket=room.bucket, Key=records.key(subject, incident))["Body"].read())
    assert kept["cause"] == "a weak password"


def test_a_responder_closes_what_was_released_and_the_finding_with_it(room, capsys):
    found, target = case(room, "guardduty"), room.server()
    incident = f"{target.instance}-1"
    where = ["--region", REGION, "--bucket", room.bucket]
    answers = ["--cause", "Log4Shell", "--restore-point", "ami-1", "--keys-rotated", "no"]

    def respond(*argv: str) -> Tuple[int, str, str]:
        try:
            status = aws_siem_bridge.main(["respond", *argv, *where])
        except SystemExit as exc:
            status = int(exc.code or 0)
        return (status, *capsys.readouterr())

    Isolation(room.area, SavedStates(room.area, room.bucket)).isolate(target, incident)
    status, out, _ = respond("close", incident, *answers)
    assert status == 1 and "is not released yet" in out
    assert respond("release", target.instance)[0] == 0
    status, _, err = respond("close", incident)
    assert status == 2 and "--cause is needed where nobody can be asked" in err
    status, out, _ = respond("close", incident, *answers, "--dry-run")
    assert status == 0 and "would be written" in out
    status, out, _ = respond("close", incident, *answers, "--finding", found.finding.id)
    assert status == 0 and "is closed: s3://" in out and "is ARCHIVED, read back" in out
    assert "keys that were exposed are still in use" in out and found.state() == "True"
    # Another answer: the same one within the same second is the same record.
    status, out, _ = respond("close", incident, "--cause", "another", *answers[2:])
    assert status == 0 and "was closed before" in out
