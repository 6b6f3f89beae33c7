"""How Splunk hears of each step: by HEC, else as an object; tried again, and never in the workflow's way."""

from __future__ import annotations

import json
from typing import Any, Dict, Iterator, List

import pytest

from lab.splunkd.hec import HecReceiver, Token
from response.core.status import MOST_CHARACTERS, status_of, statuses_of_rows
from response.errors import BadRequest, BadSettings, StatusNotPublished
from response.handlers import release
from response.handlers.publish_status import do
from response.status.hec import HecStatus
from response.status.objects import StatusObjects
from response.status.publisher import Publisher
from tests.response.server_room import REGION, Fault, ServerRoom
from tests.response.test_start import Desk, handled, row

TOKEN = "0f9a7c5e-1111-4222-8333-444455556666"
EVENT = {
    "incident": "i-0123456789abcdef0-1", "account": "111122223333", "region": REGION, "instance": "i-0123456789abcdef0",
    "alert": "sid-1", "sid": "sid-1", "rid": "3", "search": "a search", "action": "respond", "dry_run": False,
    "options": {"mode": "hard"}, "ask": {"approvers": ["x"]}, "token": "never shown",
    "step": "hard_isolation", "state": "step", "result": "done", "says": "isolated", "time": 1_780_000_000.5,
    "execution": "arn:aws:states:x",
}  # fmt: skip
STATUS = status_of(EVENT, 0.0)


@pytest.fixture
def collector() -> Iterator[HecReceiver]:
    """A collector as Splunk Cloud has it: without acknowledgement."""
    with HecReceiver(Token(TOKEN, use_ack=False, index="aws"), index_after_s=0.0) as running:
        yield running


@pytest.fixture(scope="module")
def secret(room: ServerRoom) -> str:
    made = room.account.client("secretsmanager", REGION).create_secret(Name="hec", SecretString=TOKEN)
    return str(made["ARN"])


def settings(room: ServerRoom, **named: str) -> Dict[str, str]:
    return {"AWS_REGION": REGION, **{f"AWS_SIEM_BRIDGE_{name}": value for name, value in named.items()}}


def objects(room: ServerRoom) -> List[Dict[str, Any]]:
    """Return what is in the bucket, and empty it."""
    s3 = room.account.client("s3", REGION)
    found = []
    for each in s3.list_objects_v2(Bucket=room.bucket, Prefix="status/").get("Contents", []):
        found.append(json.loads(s3.get_object(Bucket=room.bucket, Key=each["Key"])["Body"].read()))
        s3.delete_object(Bucket=room.bucket, Key=each["Key"])
    return found


def test_a_step_becomes_an_event_that_is_known_again() -> None:
    assert list(STATUS) == [
        "time", "incident", "account", "region", "target", "action", "step", "state", "result", "says", "sid", "rid",
        "search", "execution", "dry_run", "status_id",
    ]  # fmt: skip
    assert (STATUS["target"], STATUS["sid"], STATUS["time"]) == ("i-0123456789abcdef0", "sid-1", 1_780_000_000.5)
    assert status_of({**EVENT, "token": "other"}, 1.0) == STATUS
    assert status_of({**EVENT, "result": "failed"}, 0.0)["status_id"] != STATUS["status_id"]
    assert "never shown" not in json.dumps(STATUS)
    clock = status_of({**EVENT, "clock": "report-24h", "due": 1.5}, 0.0)
    assert (clock["clock"], clock["due"]) == ("report-24h", 1.5) and "due" not in STATUS
    long = status_of({**EVENT, "says": "x" * 9000, "instance": "", "addresses": ["203.0.113.7/32"]}, 0.0)
    assert len(long["says"]) < MOST_CHARACTERS + 40 and long["target"] == "203.0.113.7/32"
    for wrong in (None, {}, {**EVENT, "state": "over"}):
        with pytest.raises(BadRequest):
            status_of(wrong, 0.0)


def test_rows_that_begin_nothing_are_told_of_and_the_others_by_the_workflow() -> None:
    rows = [{"rid": "7", "instance": "web01"}, {"rid": "8"}, {"rid": "9", "instance": "i-1"}]
    answers = [
        {"row": 0, "result": "refused", "says": "no id", "incident": ""},
        {"row": 1, "result": "started", "says": "", "incident": "x"},
        {"row": 2, "result": "waits_for_approval", "says": "a person", "incident": "i-1-1"},
    ]
    request = {"alert": "sid-1", "action": "respond", "search": "s", "id": "h"}
    found = statuses_of_rows(request, rows, answers, 5.0)
    again = statuses_of_rows(request, rows, answers, 900.0)
    assert [each["status_id"] for each in again] == [each["status_id"] for each in found]
    assert len({each["status_id"] for each in found}) == 2
    shown = [tuple(each[name] for name in ("rid", "target", "state", "result", "says", "incident")) for each in found]
    assert shown == [
        ("7", "web01", "failed", "refused", "no id", ""),
        ("9", "i-1", "step", "waits_for_approval", "a person", "i-1-1"),
    ]  # fmt: skip


def test_it_is_posted_with_the_token_of_secrets_manager(room: ServerRoom, collector: HecReceiver, secret: str) -> None:
    answer = do(
        EVENT, settings(room, STATUS_HEC_URL=collector.url, STATUS_HEC_SECRET=secret, STATUS_BUCKET=room.bucket)
    )
    assert (answer["result"], answer["says"]) == ("done", "sent by hec")
    collector.wait_for(lambda events: events)
    (event,) = collector.events
    assert json.loads(event["_raw"]) == STATUS
    assert {name: event[name] for name in ("_time", "index", "sourcetype", "source", "host")} == {
        "_time": EVENT["time"], "index": "aws", "sourcetype": "aws:siem_bridge:response",
        "source": f"aws_siem_bridge:response:111122223333:{REGION}", "host": "111122223333",
    }  # fmt: skip
    assert objects(room) == []


def test_a_busy_collector_is_tried_again_and_then_s3_takes_it(
    room: ServerRoom, collector: HecReceiver, secret: str, capsys: pytest.CaptureFixture[str]
) -> None:
    named = settings(room, STATUS_HEC_URL=collector.url, STATUS_HEC_SECRET=secret, STATUS_BUCKET=room.bucket)
    pauses: List[float] = []
    collector.next_codes = [9, 9]
    assert do(EVENT, named, sleep=pauses.append)["says"] == "sent by hec" and len(pauses) == 2
    collector.next_codes = [9] * 3
    assert do(EVENT, named, sleep=pauses.append)["says"] == "sent by s3"
    collector.tokens[0].disabled = True
    assert do(EVENT, named, sleep=pauses.append)["says"] == "sent by s3", "the same event is the same object"
    assert objects(room) == [STATUS] and len(collector.events) == 1
    with pytest.raises(StatusNotPublished, match="hec: .*Token disabled"):
        do(EVENT, settings(room, STATUS_HEC_URL=collector.url, STATUS_HEC_SECRET=secret), sleep=pauses.append)
    assert TOKEN not in capsys.readouterr().out


def test_where_nothing_is_set_nobody_is_told(room: ServerRoom) -> None:
    assert "nobody is told" in do(EVENT, settings(room))["says"]


@pytest.mark.parametrize("kind", ("denied", "half_done", "throttled", "timeout"))
@pytest.mark.parametrize("call", ("secretsmanager:GetSecretValue", "s3:PutObject"))
def test_a_call_that_breaks_is_a_status_that_comes_later_once(
    room: ServerRoom, collector: HecReceiver, secret: str, call: str, kind: str
) -> None:
    ways = {"hec": HecStatus(room.area, collector.url, secret)} if call.startswith("secrets") else {}
    publisher = Publisher({**ways, "s3": StatusObjects(room.area, room.bucket)}, sleep=lambda _: None)
    room.session.made.clear()
    room.session.fault, room.session.failed = Fault(call, kind), 0
    try:
        if ways:
            assert publisher.publish([STATUS]) == "s3"
        else:
            with pytest.raises(StatusNotPublished, match="s3:PutObject"):
                publisher.publish([STATUS])
    finally:
        room.session.fault = None
    assert {f"{service}:{operation}" for service, operation in room.session.made} <= {
        "secretsmanager:GetSecretValue", "s3:PutObject",
    }  # fmt: skip
    assert publisher.publish([STATUS]) == ("hec" if ways else "s3")
    assert objects(room) == [STATUS]


@pytest.mark.parametrize("text", ("", "{}", '{"token": ""}'))
def test_a_secret_without_a_token_is_said(room: ServerRoom, collector: HecReceiver, text: str) -> None:
    made = room.account.client("secretsmanager", REGION).create_secret(Name=f"odd{len(text)}", SecretString=text or " ")
    with pytest.raises(BadSettings, match="has no token"):
        HecStatus(room.area, collector.url, made["ARN"]).publish([STATUS])
    with pytest.raises(BadSettings, match="no URL of an event collector"):
        HecStatus(room.area, "splunk.example", made["ARN"])


def test_a_token_may_be_json(room: ServerRoom, collector: HecReceiver) -> None:
    made = room.account.client("secretsmanager", REGION).create_secret(
        Name="as-json", SecretString=json.dumps({"token": TOKEN})
    )
    HecStatus(room.area, collector.url, made["ARN"], "other").publish([STATUS, STATUS])
    collector.wait_for(lambda events: len(events) == 2)
    assert {each["index"] for each in collector.events} == {"other"}


def test_start_tells_of_rows_that_begin_nothing_and_begins_the_others_all_the_same(room: ServerRoom) -> None:
    desk = Desk(room)
    target = room.server()
    request = {"id": "h-1", "alert": "sid-9", "rows": [{"rid": "4", "instance": "web01"}, {"rid": "5", **row(target)}]}
    answers = handled(desk, request, STATUS_BUCKET=room.bucket)["rows"]
    assert [each["result"] for each in answers] == ["refused", "started"]
    (told,) = objects(room)
    assert {name: told[name] for name in ("sid", "rid", "step", "result", "target")} == {
        "sid": "sid-9", "rid": "4", "step": "start", "result": "refused", "target": "web01",
    }  # fmt: skip
    again = {**request, "id": "h-2", "alert": "sid-10"}
    assert handled(desk, again, STATUS_BUCKET="no-such-bucket")["rows"][1]["result"] == "attached"


def test_release_tells_of_each_row_since_no_workflow_does(room: ServerRoom) -> None:
    desk, target = Desk(room), room.server()
    (opened,) = handled(desk, {"alert": "sid-11", "rows": [row(target)]}, STATUS_BUCKET=room.bucket)["rows"]
    ssm = room.account.client("ssm", REGION)
    ssm.put_parameter(Name=f"/response/{desk.table}", Type="String", Value='{"mode": "live"}', Overwrite=True)
    arn = f"arn:aws:ec2:{REGION}:{target.account}:instance/{target.instance}"
    request = {
        "id": "h-3", "action": "release_instance", "alert": "sid-12", "search": "a search",
        "rows": [{"rid": "0", "arn": arn}, {"rid": "1", "instance": "web01"}],
    }  # fmt: skip
    named = {"TABLE": desk.table, "PARAMETER": f"/response/{desk.table}", "BUCKET": room.bucket}
    answers = release.do(request, settings(room, **named, STATUS_BUCKET=room.bucket))["rows"]
    assert [each["result"] for each in answers] == ["done", "failed"]
    names = ("rid", "target", "account", "region", "incident", "step", "state", "result", "sid", "search", "dry_run")
    here = (target.account, REGION, opened["incident"])
    shown = sorted(tuple(each[name] for name in names) for each in objects(room))
    assert shown == [
        ("0", target.instance, *here, "release", "finished", "done", "sid-12", "a search", False),
        ("1", "web01", "", "", "", "release", "failed", "failed", "sid-12", "a search", False),
    ]
    # Who cannot be told hinders nothing.
    again = release.do(request, settings(room, **named, STATUS_BUCKET="no-such-bucket"))["rows"]
    assert [each["result"] for each in again] == ["refused", "failed"]
