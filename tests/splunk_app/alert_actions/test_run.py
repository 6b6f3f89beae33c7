"""An alert action as splunkd runs it: every row handed over or told why not, one line each, and no secret anywhere."""

from __future__ import annotations

import json
from typing import Any, Dict

import pytest

from lab.lambda_runtime.environment import Answer
from lab.splunkd import User
from tests.splunk_app.alert_actions.conftest import RELEASE, ROW, SEARCH, SECRET, START, Head


def fields(line: str) -> Dict[str, str]:
    """Return the key=value pairs of a line as Splunk extracts them."""
    import re

    pairs = re.findall(r'([A-Za-z_]+)=(?:"([^"]*)"|(\S+))', line.partition("sendmodaction - ")[2])
    return {name: quoted or plain for name, quoted, plain in pairs}


def test_every_row_is_handed_over_asynchronously(head: Head) -> None:
    rows = [ROW, {"dest": "i-0123456789abcdef1", "orig_sid": "o.1", "orig_rid": "5"}, {"user": "nobody"}]
    ran = head.run(rows)
    assert ran.status == 4
    (asked,) = head.asked()
    assert [each.function for each in head.lambdas.invocations] == [START]
    assert {name: asked[name] for name in ("action", "alert", "search", "user")} == {
        "action": "respond", "alert": ran.sid, "search": SEARCH, "user": "splunk-system-user",
    }  # fmt: skip
    assert asked["rows"] == [{"rid": "0", **ROW}, {"rid": "1", "instance": "i-0123456789abcdef1"}]
    assert head.lambdas.received[-1].headers["x-amz-invocation-type"] == "Event"
    assert "/eu-west-1/lambda/aws4_request" in head.lambdas.received[-1].headers["authorization"]
    found = [fields(line) for line in head.log()]
    became = [(each["rid"], each["action_status"]) for each in found]
    assert became == [("2", "failure"), ("0", "pending"), ("1", "pending")]
    assert found[2] == {
        "action_mode": "saved", "action_name": "aws_respond", "action_status": "pending", "app": "aws_siem_bridge",
        "digest_mode": "1", "orig_rid": "5", "orig_sid": "o.1", "rid": "1", "search_name": SEARCH, "sid": ran.sid,
        "signature": f"handed over as {asked['id']}; what becomes of it comes as events of aws:siem_bridge:response",
        "user": "splunk-system-user", "worker": "stand-in",
    }  # fmt: skip
    assert "names no instance and no arn" in found[0]["signature"]
    assert ran.stderr.splitlines() == [
        "ERROR aws_respond: row 2: the row names no instance and no arn: none of the columns instance, instance_id, "
        "detail.resource.instanceDetails.instanceId, dest, src; arn, resource, dest, Resources{}.Id, resources{}.uid "
        "has a fitting value"
    ]
    assert head.waiting() == head.waiting("aws_response_claims") == []


def test_the_answer_can_be_waited_for(head: Head) -> None:
    ran = head.run([ROW, {**ROW, "instance": "web01"}], params={"answer": "now"})
    assert ran.status == 4 and head.waiting() == []
    found = [fields(line) for line in head.log()]
    assert [(each["rid"], each["action_status"], each["signature"]) for each in found] == [
        ("0", "success", "started: i-0123456789abcdef0: begun"), ("1", "failure", "refused: no instance id"),
    ]  # fmt: skip


def test_one_result_at_a_time_is_one_row(head: Head) -> None:
    ran = head.run([ROW, {**ROW, "instance": "i-0123456789abcdef1"}], one=1, search="")
    assert ran.status == 0
    assert [row["instance"] for row in head.asked()[0]["rows"]] == ["i-0123456789abcdef1"]
    (found,) = map(fields, head.log())
    assert (found["digest_mode"], found["action_mode"]) == ("0", "adhoc")


def test_five_hundred_rows_and_more_arrive_in_requests_that_lambda_takes(head: Head) -> None:
    rows = [{**ROW, "instance": f"i-{number:017x}"} for number in range(1100)]
    assert head.run(rows).status == 0
    asked = sorted(head.asked(), key=lambda each: int(each["rows"][0]["rid"]))
    assert [len(each["rows"]) for each in asked] == [500, 500, 100]
    assert [row["instance"] for each in asked for row in each["rows"]] == [row["instance"] for row in rows]


def test_parameters_of_the_saved_search_and_of_the_call(head: Head) -> None:
    name = "mine"
    prefix = "action.aws_isolate_instance.param."
    head.splunkd.state.set_stanza("savedsearches", name, {f"{prefix}mode": "soft", f"{prefix}dry_run": "1"})
    assert head.run(action="aws_isolate_instance", search=name, params={"mode": "hard"}).status == 0
    assert head.asked()[0]["options"] == {"mode": "hard", "dry_run": "1", "cut_flows": "0"}


def test_a_release_goes_to_its_own_function(head: Head) -> None:
    assert head.run(action="aws_release_instance").status == 0
    head.asked()
    assert [each.function for each in head.lambdas.invocations] == [RELEASE]


@pytest.mark.parametrize(
    ("refusal", "says"),
    [
        (
            (
                403,
                "AccessDeniedException",
                "x is not authorized to perform: lambda:InvokeFunction on y",
            ),
            "has to allow lambda:InvokeFunction",
        ),
        ((404, "ResourceNotFoundException", "Function not found"), f"{START}: lambda:Invoke in account 'responder'"),
        ((429, "TooManyRequestsException", "Rate Exceeded"), "AWS allows fewer calls"),
        ((500, "ServiceException", "unwell"), "region eu-west-1: ServiceException"),
    ],
)
def test_what_lambda_refuses_is_kept(head: Head, refusal: Any, says: str) -> None:
    head.lambdas.refusals += [refusal] * 3
    ran = head.run()
    head.lambdas.refusals.clear()
    assert ran.status == 2, ran.stderr
    (line,) = ran.stderr.splitlines()
    assert line.startswith("ERROR aws_respond: 1 rows not handed over: ") and says in line
    assert line.endswith("It is in the queue, and tried again for 72 hours")
    (entry,) = head.waiting()
    assert json.loads(entry["body"])["rows"] == [{"rid": "0", **ROW}] and head.asked() == []
    assert [fields(text)["action_status"] for text in head.log()] == ["failure"]


def test_a_function_that_fails_is_kept_when_it_was_waited_for(head: Head) -> None:
    head.lambdas.functions[START] = lambda body: Answer(None, "BadSettings", "the parameter is no JSON")
    ran = head.run(params={"answer": "now"})
    assert ran.status == 2 and "failed: BadSettings: the parameter is no JSON" in ran.stderr
    assert len(head.waiting()) == 1


def changed(head: Head, **values: str) -> None:
    head.splunkd.state.set_stanza("aws_siem_bridge_settings", "response", values)


@pytest.mark.parametrize(
    ("settings", "params", "says", "status"),
    [
        ({"region": ""}, {}, "region is missing", 2),
        ({"region": "europe"}, {}, "'europe' is no region such as eu-west-1", 2),
        ({"start_function": "a b"}, {}, "start_function: 'a b' is no function's name", 2),
        ({}, {"aws_account": "other"}, "there is no AWS account 'other' in this app", 2),
        ({}, {"answer": "soon"}, "answer=soon is neither later nor now", 3),
    ],
)
def test_a_mistake_of_the_user_is_one_line(head: Head, settings: Any, params: Any, says: str, status: int) -> None:
    changed(head, **settings)
    try:
        ran = head.run(params=params)
    finally:
        changed(head, region="eu-west-1", start_function=START)
    assert ran.status == status and len(ran.stderr.splitlines()) == 1 and says in ran.stderr
    assert head.asked() == []


def test_the_alert_is_handed_over_where_the_kv_store_is_down(head: Head) -> None:
    for name in ("aws_response_queue", "aws_response_claims"):
        settings = head.splunkd.state.collections.settings()[name]
        head.splunkd.state.collections.drop(name)
        try:
            ran = head.run()
        finally:
            head.splunkd.state.collections.define(name, settings)
        assert ran.status == 0 and "WARN aws_respond: handed over without being kept first" in ran.stderr
    assert len(head.asked()) == 2


def test_whoever_is_no_administrator_makes_nothing_happen(head: Head) -> None:
    ran = head.run(user=User("kim", ("user",)), params={"aws_account": "default"})
    assert ran.status == 3 and "belongs to an administrator" in ran.stderr
    assert head.asked() == head.waiting() == []


def test_no_secret_is_in_a_log_in_a_message_or_on_the_way(head: Head) -> None:
    ran = head.run(action="aws_notify", rows=[{"session": SECRET}, {**ROW, "user": "x"}])
    head.lambdas.refusals += [(403, "AccessDeniedException", "no")] * 2
    refused = head.run()
    head.lambdas.refusals.clear()
    everything = head.texts() + ran.stderr + refused.stderr + json.dumps(head.waiting())
    keys = [each.payload["session_key"] for each in (ran, refused)]
    assert not [secret for secret in [*keys, "AKIAOPSEXAMPLE000001"] if secret in everything]
    sent = b"".join(each.body + json.dumps(each.headers).encode() for each in head.lambdas.received)
    assert not [key for key in keys if key.encode() in sent]
    assert SECRET not in everything


@pytest.mark.parametrize("given", [b"", b"{}", b"<alert/>"])
def test_it_is_started_by_splunkd_alone(head: Head, given: bytes) -> None:
    process, _, _ = head.actions.start("aws_respond", [ROW])
    _, err = process.communicate(given)
    assert process.returncode == 3 and b"splunkd gave no JSON" in err and b"Traceback" not in err


def test_a_results_file_that_is_cut_off(head: Head) -> None:
    process, _, payload = head.actions.start("aws_respond", [ROW] * 50)
    with open(payload["results_file"], "r+b") as file:
        file.truncate(40)
    _, err = process.communicate(json.dumps(payload).encode())
    assert process.returncode == 3 and b"cannot be read" in err
