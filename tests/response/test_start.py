"""How a response begins: one incident an instance, whoever asks and how often; limits and protected instances wait."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import time
from typing import Any, Dict, List, Optional, Tuple

import pytest

from aws_bridge.accounts.account import Account
from aws_bridge.accounts.area import Area
from aws_bridge.accounts.caller import Caller
from aws_bridge.accounts.session import AwsSession
from response.actions.resume import resume
from response.actions.start import Start, Started
from response.actions.sweep import Found, Sweep
from response.aws import incidents
from response.aws.executions import Executions
from response.aws.incidents import RELEASED, RUNNING, WAITING, Incidents
from response.aws.questions import Questions
from response.core.budget import Budget, budget_of, seconds_of
from response.core.limits import LIVE, Limits, limits_of
from response.core.requests import Request
from response.core.target import Target
from response.errors import BadRequest, BadSettings, NoIncident, StillRunning
from response.handlers import release, status
from response.handlers.start import begin
from tests.response.server_room import REGION, Fault, ServerRoom
from tests.response.workshop import Workshop

_numbers = itertools.count()
HOUR_S = 3600.0
LIVE_JSON = json.dumps({"mode": "live"})


class Desk:
    """A table and a state machine of their own, and what was started."""

    def __init__(self, room: ServerRoom) -> None:
        self.room = room
        name = f"incidents-{next(_numbers)}"
        room.account.client("dynamodb", REGION).create_table(
            TableName=name, KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        )  # fmt: skip
        self.steps = room.account.client("stepfunctions", REGION)
        definition = {"StartAt": "End", "States": {"End": {"Type": "Wait", "Seconds": 600, "End": True}}}
        role = f"arn:aws:iam::{room.account.id}:role/steps"
        made = self.steps.create_state_machine(name=name, definition=json.dumps(definition), roleArn=role)
        self.machine, self.table, self.now_s = made["stateMachineArn"], name, 1_000_000 * HOUR_S
        self.incidents = Incidents(room.area, name, lambda: self.now_s)

    def start(self, alert: str, *rows: Any, **limits: Any) -> List[Tuple[str, str]]:
        return [(each.result, each.says) for each in self.ask(Request(alert, list(rows)), **limits)]

    def ask(self, request: Request, budget: Optional[Budget] = None, **limits: Any) -> List[Started]:
        known = Limits(**{"mode": LIVE, **limits})
        desk = Start(known, self.incidents, self.executions, lambda _: self.room.area, self.room.account.id)
        rows = [each if isinstance(each, dict) else row(each) for each in request.rows]
        return desk.start(request._replace(rows=rows), budget or Budget())

    @property
    def executions(self) -> Executions:
        return Executions(self.room.area, self.machine)

    def arn(self, name: str) -> str:
        return f"{self.machine.replace(':stateMachine:', ':execution:')}:{name}"

    def sweep(self) -> Sweep:
        questions = Questions(self.room.area, self.table, lambda: self.now_s)
        return Sweep(self.incidents, self.executions, questions, lambda: self.now_s, 900)

    def swept(self) -> List[Found]:
        return self.sweep().sweep().found

    def started(self) -> Dict[str, Dict[str, Any]]:
        """Return name of an execution -> its input."""
        found = self.steps.list_executions(stateMachineArn=self.machine)["executions"]
        described = [self.steps.describe_execution(executionArn=each["executionArn"]) for each in found]
        return {each["name"]: json.loads(each["input"]) for each in described}


def row(target: Target) -> Dict[str, str]:
    return {"instance": target.instance, "account": target.account, "region": target.region}


@pytest.fixture
def desk(room: ServerRoom) -> Desk:
    return Desk(room)


def test_an_instance_has_one_open_incident_and_after_its_release_the_next(room, desk):
    target = room.server()
    ((result, says),) = desk.start("sid-1", target)
    assert (result, f"incident {target.instance}-1 started" in says) == ("started", True)
    assert desk.start("sid-2", target)[0][0] == "attached"
    assert desk.started() == {
        f"{target.instance}-1": {
            **row(target), "incident": f"{target.instance}-1", "alert": "sid-1", "dry_run": False,
            "action": "respond", "sid": "sid-1", "rid": "", "search": "", "options": {},
            "ask": {
                "key": target.key, "when": "", "reason": "", "approvers": [""], "seconds": 900, "no_answer": "leave",
            },
        }
    }  # fmt: skip
    assert desk.incidents.move(target, f"{target.instance}-1", RUNNING, RELEASED)
    # GuardDuty uses a finding's id again, so the same alert may come of something new.
    assert desk.start("sid-1", target)[0][0] == "started"
    assert set(desk.started()) == {f"{target.instance}-1", f"{target.instance}-2"}


def _at_once(environment: Dict[str, str], barrier: Any, table: str, machine: str, target: Target, alert: str) -> str:
    os.environ.update(environment)
    area = Area(Caller(AwsSession(Account("shop")), wait_s=lambda _: 0.1), target.account, target.region)
    incidents = Incidents(area, table)
    opened = incidents.open

    def open_together(target: Target, alert: str, input_of: Any) -> Any:
        def wait_and_tell(id: str) -> str:
            if id.endswith("-1"):
                barrier.wait(60)
            return str(input_of(id))

        return opened(target, alert, wait_and_tell)

    incidents.open = open_together  # type: ignore[method-assign]
    start = Start(Limits(mode=LIVE), incidents, Executions(area, machine), lambda _: area)
    return start.start(Request(alert, [row(target)]))[0].result


def test_ten_responses_at_once_make_one_incident(room):
    target = room.server()
    name = f"{target.instance}-1"
    context = multiprocessing.get_context("spawn")
    environment = room.account.environment(REGION)
    # Five of Splunk and five of EventBridge.
    alerts = ["sid-1", "finding-1"] * 5
    with Workshop(room) as workshop:
        with context.Manager() as manager, context.Pool(10) as pool:
            barrier = manager.Barrier(10)
            given = [(environment, barrier, workshop.table, workshop.machine, target, alert) for alert in alerts]
            results = pool.starmap(_at_once, given)
        assert sorted(results) == ["attached"] * 9 + ["started"]
        assert workshop.well(name) == "done"
        # One isolation, one set of evidence.
        assert [each["mode"] for each in workshop.called("isolate", name)] == ["soft", "hard"]
        assert len(workshop.called("archive", name)) == len(workshop.called("collect_volatile", name)) == 1
        assert workshop.incident(target).alerts == ("finding-1", "sid-1")
        assert workshop.invoke("release", {"rows": [row(target)]})["rows"][0]["result"] == "done"
        (again,) = workshop.ask(Request("finding-1", [row(target)]))
        assert (again.result, again.incident) == ("started", f"{target.instance}-2")


def test_rows_are_answered_one_by_one(room, desk):
    good, gone = room.server(), room.server()
    room.ec2.terminate_instances(InstanceIds=[gone.instance])
    arn = f"arn:aws:ec2:{REGION}:{good.account}:instance/{good.instance}"
    rows: List[Any] = [
        {}, {"instance": "i-1; reboot", "account": good.account, "region": REGION}, {"instance": ["i-1", "i-2"]},
        {**row(good), "instance": "i-0123456789abcdef0"}, {"arn": arn, "region": "us-east-1"}, gone, {"arn": arn}, good,
        {**row(good), "account": "999988887777"},
    ]  # fmt: skip
    answers = desk.start("sid-1", *rows, accounts=frozenset({good.account}))
    assert [result for result, _ in answers] == ["refused"] * 6 + ["started", "attached", "refused"]
    expected = (
        "there is no instance id", "'i-1; reboot' is no instance id", "one text is needed", "there is no instance i-0",
        "is another than the one in", "is terminated", "started", "attached", "is not among those that a response may",
    )  # fmt: skip
    for (_, says), part in zip(answers, expected):
        assert part in says
    assert list(desk.started()) == [f"{good.instance}-1"]


def test_more_rows_than_one_alert_takes_are_refused_one_by_one(desk):
    answers = desk.start("sid-1", *[{}] * 502)
    assert [says.startswith("more than 500 rows") for _, says in answers] == [False] * 500 + [True] * 2


def test_what_exceeds_a_limit_waits_for_a_person_and_others_go_on(room, desk):
    first, second, third, fourth = (room.server() for _ in range(4))
    assert [result for result, _ in desk.start("sid-1", first, second, most_an_alert=1)] == [
        "started", "waits_for_approval",
    ]  # fmt: skip
    assert [result for result, _ in desk.start("sid-2", third, fourth, most_an_hour=2)] == [
        "started", "waits_for_approval",
    ]  # fmt: skip
    assert desk.start("sid-3", fourth)[0][0] == "waits_for_approval", "it waits until somebody approves"
    asked = {name: each["ask"]["when"] for name, each in desk.started().items()}
    assert asked == {f"{each.instance}-1": "" if each in (first, third) else "first" for each in
                     (first, second, third, fourth)}  # fmt: skip
    fifth, sixth = room.server(), room.server()
    assert desk.start("sid-4", fifth, most_an_hour=2)[0][0] == "waits_for_approval"
    desk.now_s += HOUR_S
    assert desk.start("sid-5", sixth, most_an_hour=2)[0][0] == "started"
    assert desk.start("sid-6", room.server(), most_an_hour=0)[0][0] == "waits_for_approval"


def test_dry_runs_take_no_room_from_what_is_meant(room, desk):
    first, second, third = (room.server() for _ in range(3))
    given = {"most_an_hour": 2, "most_an_alert": 2}
    plans = desk.start("sid-1", first, second, third, mode="dry-run", **given)
    assert [result for result, _ in plans] == ["started", "started", "waits_for_approval"]
    # Evidence in earnest is not put to what was only tried.
    (evidence,) = desk.ask(Request("sid-1", [first], "collect_evidence", "hand-over-1"))
    assert evidence.result == "started" and evidence.incident != f"{first.instance}-1"
    # The same alert, after the switch was thrown: new incidents, and room for two of them.
    meant = desk.start("sid-1", first, second, third, **given)
    assert [result for result, _ in meant] == ["started", "started", "waits_for_approval"]
    assert [desk.incidents.find(each).id for each in (first, third)] == [f"{first.instance}-2", f"{third.instance}-2"]
    assert [each["dry_run"] for _, each in sorted(desk.started().items())].count(False) == 4


@pytest.mark.parametrize(
    ("tags", "limits", "when", "says"),
    [
        ({"aws-siem-bridge:protected": "yes"}, {}, "before_hard", "it has the tag aws-siem-bridge:protected=yes"),
        ({"aws-siem-bridge:protected": "yes"}, {"soft_while_protected": False}, "first", "it has the tag"),
        ({"aws:eks:cluster-name": "shop"}, {}, "first", "a node of the EKS cluster shop"),
        ({"kubernetes.io/cluster/blue": "owned"}, {}, "first", "a node of the Kubernetes cluster blue"),
        ({"AmazonECSManaged": ""}, {}, "first", "a node of an ECS cluster"),
        ({}, {"approve_hard": True}, "before_hard", "every hard isolation waits for a person here"),
    ],
)  # fmt: skip
def test_protected_instances_and_nodes_wait_for_a_person(room, desk, tags, limits, when, says):
    target = room.server(tags=tags)
    ((result, said),) = desk.start("sid-1", target, **limits)
    assert result == "waits_for_approval" and says in said
    ((name, given),) = desk.started().items()
    assert (given["ask"]["when"], says in given["ask"]["reason"]) == (when, True)
    found = desk.incidents.find(target)
    assert found and (found.state, found.id) == (WAITING, name)


def test_until_it_is_switched_on_everything_is_a_dry_run(room, desk):
    target = room.server(tags={"aws-siem-bridge:protected": "false"})
    ((result, says),) = desk.start("sid-1", target, mode="dry-run")
    assert result == "started" and "as a dry run" in says
    assert [each["dry_run"] for each in desk.started().values()] == [True]
    assert Limits().mode == "dry-run"


@pytest.mark.parametrize("kind", ("denied", "half_done", "throttled", "timeout"))
@pytest.mark.parametrize("call", ("dynamodb:GetItem", "dynamodb:UpdateItem", "stepfunctions:StartExecution"))
def test_a_start_that_breaks_is_taken_up_by_the_next_alert(room, desk, call, kind):
    target = room.server()
    room.session.fault, room.session.failed = Fault(call, kind), 0
    try:
        ((result, says),) = desk.start("sid-1", target)
    finally:
        room.session.fault = None
    assert result == "failed" and call in says, says
    assert desk.start("sid-2", target)[0][0] in ("started", "attached")
    assert list(desk.started()) == [f"{target.instance}-1"]
    assert desk.incidents.find(target).state == RUNNING


@pytest.mark.parametrize("kind", ("denied", "half_done", "timeout"))
@pytest.mark.parametrize("call", ("dynamodb:UpdateItem", "stepfunctions:StartExecution"))
@pytest.mark.parametrize("action", ("revoke_credentials", "collect_evidence"))
def test_what_is_begun_in_an_open_incident_and_breaks_is_found_and_taken_up(room, desk, action, call, kind):
    target = room.server()
    name = f"{target.instance}-1"
    desk.ask(Request("sid-1", [target], "isolate_instance"))
    request = Request("sid-2", [target], action, "hand-over-1")
    room.session.fault, room.session.failed = Fault(call, kind), 0
    try:
        # A condition that no longer holds when it is asked for again: what was noted half done is found.
        assert desk.ask(request)[0].result in (("failed", "attached") if kind == "half_done" else ("failed",))
    finally:
        room.session.fault = None
    noted = [each for each in desk.incidents.everything() if each.is_further]
    desk.now_s += HOUR_S
    # Half done it runs: only that is not noted, and nothing has to be mended.
    lost = bool(noted) and kind != "half_done"
    assert [each.kind for each in desk.swept()] == (["never_started"] if lost else [])
    if lost:
        (found,) = desk.swept()
        assert f"{action} of the incident {name} has no execution; resume it: " in found.says
        assert found.to_event()["incident"] == name and found.says.endswith(noted[0].id)
        again = resume(desk.incidents, desk.executions, noted[0])
        assert again.execution == noted[0].id
    (after,) = desk.ask(request)
    assert (after.result, after.incident) == ("attached" if noted else "started", name)
    assert len(desk.started()) == 2 and desk.swept() == []


def test_what_is_noted_of_an_execution_is_what_is_started_whoever_starts_it(room, desk):
    target = room.server(tags={"aws:eks:cluster-name": "shop"})
    name = f"{target.instance}-1"
    desk.ask(Request("sid-1", [target], "isolate_instance"))
    room.session.fault, room.session.failed = Fault("stepfunctions:StartExecution", "denied"), 0
    try:
        assert desk.ask(Request("sid-2", [target], "respond"))[0].result == "waits_for_approval"
        desk.incidents.run(target.key, name, [WAITING])
        assert desk.ask(Request("sid-2", [target], "respond"))[0].result == "failed"
    finally:
        room.session.fault = None
    noted = desk.incidents.execution(f"{name}-respond")
    # A person is asked before, and nobody gets round that by resuming it.
    with pytest.raises(NoIncident, match=f"the execution {name}-respond waits for a person: resume it with --agree"):
        resume(desk.incidents, desk.executions, noted)
    assert resume(desk.incidents, desk.executions, noted, agreed=True).state == RUNNING
    assert desk.started()[f"{name}-respond"]["ask"] == {"when": ""}
    assert desk.ask(Request("sid-3", [target], "respond"))[0].result == "attached"
    assert len(desk.started()) == 2


def test_a_question_about_what_was_begun_beside_the_first_is_told_of_too(room, desk):
    target = room.server(tags={"AmazonECSManaged": ""})
    name = f"{target.instance}-1"
    desk.ask(Request("sid-1", [target], "isolate_instance"))
    desk.incidents.run(target.key, name, [WAITING])
    assert desk.ask(Request("sid-2", [target], "respond"))[0].result == "waits_for_approval"
    Questions(room.area, desk.table, lambda: desk.now_s).ask(name, "token", "alice")
    assert desk.swept() == []
    desk.now_s += HOUR_S
    assert [(each.incident.id, each.kind) for each in desk.swept()] == [(f"{name}-respond", "unanswered")]
    desk.incidents.close(target.key, name)
    assert desk.swept() == [], "with its incident it is over"


def test_one_that_breaks_at_any_moment_of_its_start_is_found(room, desk):
    opened, counted, ended = room.server(), room.server(), room.server()
    # Opened, and whoever opened it died before he started it.
    desk.incidents.open(opened, "sid-1", lambda id: json.dumps({**row(opened), "incident": id, "action": "respond"}))
    # Resumed, and whoever resumed it died before he started it.
    for target in (counted, ended):
        desk.start("sid-2", target, most_an_hour=9)
        desk.steps.stop_execution(executionArn=desk.arn(f"{target.instance}-1"))
    desk.incidents.resumed(desk.incidents.find(counted))
    wait_until(lambda: desk.executions.describe(f"{ended.instance}-1").status == "ABORTED")
    assert [(each.incident.key, each.kind) for each in desk.swept()] == [(ended.key, "broken")], "others: not yet"
    desk.now_s += HOUR_S
    found = {each.incident.key: each.kind for each in desk.swept()}
    assert found == {opened.key: "never_started", counted.key: "never_started", ended.key: "broken"}
    for target, name in ((opened, "-1"), (counted, "-1-resumed-1"), (ended, "-1-resumed-1")):
        known = desk.incidents.find(target)
        assert resume(desk.incidents, desk.executions, known).execution == f"{target.instance}{name}"
        assert f"{target.instance}{name}" in desk.started()
    assert desk.swept() == []
    # AWS forgets executions 90 days after their end: an incident that is open longer is none that never started.
    desk.incidents.note(opened.key, f"{opened.instance}-1", "done", "isolated")
    desk.machine = desk.machine[:-1] + "x"
    assert [each.incident.key for each in desk.swept() if each.kind == "never_started"].count(opened.key) == 0


def wait_until(holds: Any) -> None:
    for _ in range(1200):
        if holds():
            return
        time.sleep(0.1)
    raise TimeoutError


def test_a_sweep_looks_at_the_rest_when_one_cannot_be_looked_at_and_says_what_it_left(room, desk):
    targets = [room.server() for _ in range(3)]
    for target in targets:
        desk.incidents.open(target, "sid-1", lambda id: json.dumps({"incident": id, "action": "respond"}))
    desk.now_s += HOUR_S
    room.session.fault, room.session.failed = Fault("stepfunctions:DescribeExecution", "denied", 1), 0
    try:
        found = desk.swept()
    finally:
        room.session.fault = None
    assert sorted(each.kind for each in found) == ["never_started", "never_started", "unknown"]
    ticks = itertools.count()
    found, _, left = desk.sweep().sweep(Budget(1, lambda: next(ticks)))
    # It does at least one each time, and begins with another.
    assert (len(found), left) == (1, 2)


@pytest.mark.parametrize(
    ("known", "says"),
    [
        ({"mode": "on"}, "neither dry-run nor live"),
        ({"moed": "live"}, "no setting moed; there is accounts"),
        ({"accounts": "111122223333"}, "a list of texts is needed"),
        ({"most_an_hour": True}, "a number is needed"),
        ({"most_an_alert": -1}, "a number from 0"),
        ({"minutes_each": 0}, "a number from 1"),
        ({"no_answer": "perhaps"}, "neither leave nor go_on"),
        ({"approve_hard": "false"}, "true or false is needed"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(known, says):
    with pytest.raises(BadSettings, match=says):
        limits_of(known)


def test_settings_are_read_whole():
    known = {"mode": "live", "accounts": ["111122223333"], "never": ["i-0123456789abcdef0"], "most_an_hour": 3}
    found = limits_of(known)
    assert (found.mode, found.accounts, found.never, found.most_an_hour) == (
        "live", {"111122223333"}, {"i-0123456789abcdef0"}, 3,
    )  # fmt: skip


def guardduty_event(target: Target, **changes: Any) -> Dict[str, Any]:
    """Return an event as EventBridge has it: of the administrator's account, about a member's instance."""
    detail: Dict[str, Any] = {
        "id": "16afba5c5c43e07c9e3e5e2e544e95df",
        "type": "Trojan:EC2/BlackholeTraffic",
        "accountId": target.account,
        "region": target.region,
        "severity": 8,
        "updatedAt": "2026-11-21T10:00:00.000Z",
        "resource": {"resourceType": "Instance", "instanceDetails": {"instanceId": target.instance}},
        "service": {"archived": False},
    }
    return {
        "detail-type": "GuardDuty Finding",
        "account": "999988887777",
        "region": REGION,
        "detail": {**detail, **changes},
    }


def handled(desk: Desk, event: Any, **settings: str) -> Dict[str, Any]:
    known = {"TABLE": desk.table, "STATE_MACHINE": desk.machine, "PARAMETER": f"/response/{desk.table}", **settings}
    return begin(event, {"AWS_REGION": REGION, **{f"AWS_SIEM_BRIDGE_{name}": value for name, value in known.items()}})


def test_the_function_takes_both_roads_to_one_incident_and_the_parameter_is_the_switch(room, desk):
    target, ssm = room.server(), room.account.client("ssm", REGION)
    name = f"/response/{desk.table}"
    ((first,),) = handled(desk, guardduty_event(target)).values()
    assert (first["result"], "as a dry run" in first["says"]) == ("started", True)
    desk.incidents.move(target, first["incident"], RUNNING, RELEASED)
    ssm.put_parameter(Name=name, Type="String", Value=json.dumps({"mode": "live", "regions": [REGION]}))
    ((second,),) = handled(desk, {"alert": "sid-1", "rows": [row(target)]}).values()
    assert second["result"] == "started" and "dry run" not in second["says"]
    ((third,),) = handled(desk, guardduty_event(target)).values()
    assert (third["result"], third["incident"]) == ("attached", second["incident"])
    assert [each["dry_run"] for _, each in sorted(desk.started().items())] == [True, False]
    ssm.put_parameter(Name=name, Type="String", Value="live", Overwrite=True)
    with pytest.raises(BadSettings, match="is no JSON"):
        handled(desk, guardduty_event(target))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"service": {"additionalInfo": {"sample": True}}}, "it is a sample finding"),
        ({"severity": 5.5}, "its severity 5.5 is below 7"),
        ({"resource": {"resourceType": "AccessKey"}}, "is about no instance"),
    ],
)
def test_a_finding_that_is_not_acted_on(room, desk, changes, says):
    ((only,),) = handled(desk, guardduty_event(room.server(), **changes)).values()
    assert only["result"] == "refused" and says in only["says"]
    assert desk.started() == {}


def test_a_sample_in_a_row_of_splunk_is_not_acted_on_either(room, desk):
    ((only,),) = handled(desk, {"alert": "sid-1", "rows": [{**row(room.server()), "sample": "true"}]}).values()
    assert only["result"] == "refused" and "it is a sample finding" in only["says"]


@pytest.mark.parametrize(
    "event",
    [
        None, [], {}, {"alert": "", "rows": []}, {"alert": "x"}, {"alert": "x", "rows": [1]},
        {"detail-type": "GuardDuty Finding", "detail": {}}, {"alert": "x" * 1001, "rows": []},
        {"alert": "x", "rows": [], "action": "terminate"}, {"alert": "x", "rows": [], "options": {"mode": 1}},
        {"alert": "x", "rows": [], "id": "x" * 1001},
    ],
)  # fmt: skip
def test_a_request_of_no_known_shape_begins_nothing(desk, event):
    with pytest.raises(BadRequest):
        handled(desk, event)


ROLE_ARN = "arn:aws:iam::{}:role/path/web"


@pytest.mark.parametrize(
    ("action", "given", "options", "expected"),
    [
        ("collect_evidence", {"instance": "i"}, {"volatile": "yes"}, {"options": {"volatile": "yes"}}),
        ("revoke_credentials", {"principal": ROLE_ARN}, {}, {"target": "role/web"}),
        ("revoke_credentials", {"access_key": "AKIAIOSFODNN7EXAMPLE"}, {}, {"target": "user/AKIAIOSFODNN7EXAMPLE"}),
        ("contain_principal", {"principal": "alice"}, {"kind": "user"}, {"target": "user/alice"}),
        ("contain_principal", {"principal": "arn:aws:sts::{}:assumed-role/web/i-1"}, {}, {"target": "role/web"}),
        ("block_ip", {"address": "203.0.113.7, 2001:db8::/64"}, {}, {"addresses": ["2001:db8::/64", "203.0.113.7/32"]}),
        ("unblock_ip", {"address": ["203.0.113.7"]}, {}, {"addresses": ["203.0.113.7/32"]}),
        ("notify", {"instance": "i"}, {"text": "hello"}, {"action": "notify"}),
    ],
)  # fmt: skip
def test_every_other_action_becomes_one_execution(room, desk, action, given, options, expected):
    target = room.server()
    row_ = row(target) if "instance" in given else {
        name: value.format(target.account) if isinstance(value, str) else value for name, value in given.items()
    }  # fmt: skip
    request = Request("sid-1", [{**row_, "rid": "7"}], action, "hand-over-1", "Beacons", options=options)
    ((first),) = desk.ask(request)
    assert (first.result, "started" in first.says) == ("started", True)
    # The same hand-over again, and once more as if its answer had not been kept.
    assert desk.ask(request) == [first]
    assert desk.ask(request._replace(id="hand-over-1"), most_an_hour=0) == [first]
    ((name, event),) = desk.started().items()
    assert {**event, **expected} == event
    assert (event["action"], event["sid"], event["rid"], event["search"]) == (action, "sid-1", "7", "Beacons")
    assert event["incident"] == first.incident == name


def test_evidence_belongs_to_the_incident_that_is_open_and_a_release_needs_one(room, desk):
    target = room.server()
    release = Request("sid-9", [target], "release_instance", "hand-over-1")
    assert desk.ask(release)[0].result == "refused"
    desk.start("sid-1", target)
    (evidence,) = desk.ask(Request("sid-2", [target], "collect_evidence", "hand-over-2"))
    assert evidence.incident == f"{target.instance}-1"
    # A refusal was an answer, too: another hand-over asks again.
    assert desk.ask(release)[0].result == "refused"
    (released,) = desk.ask(release._replace(id="hand-over-3"))
    assert (released.result, released.incident) == ("started", f"{target.instance}-1")
    names = sorted(desk.started())
    assert len(names) == 3 and all(name.startswith(target.instance) for name in names)


def test_a_principal_has_one_open_incident_and_counts_against_the_limits(room, desk):
    contain = Request("sid-1", [{"principal": "user/alice"}, {"principal": "user/bob"}], "contain_principal")
    alice, bob = desk.ask(contain, most_an_alert=1)
    assert (alice.result, bob.result) == ("started", "waits_for_approval")
    assert alice.incident.startswith("user-") and alice.incident.endswith("-1")
    assert desk.ask(contain._replace(alert="sid-2"))[0].result == "attached"
    (back,) = desk.ask(Request("sid-3", [{"principal": "user/alice"}], "release_principal"))
    assert (back.result, back.incident) == ("started", alice.incident)


@pytest.mark.parametrize(
    ("action", "given", "says"),
    [
        ("contain_principal", {"principal": "alice"}, "which kind of principal is 'alice'?"),
        ("contain_principal", {"principal": "user/a b;c"}, "is no name of a user"),
        ("contain_principal", {"principal": ROLE_ARN.format("111122223333"), "account": "999988887777"}, "is another"),
        ("revoke_credentials", {"access_key": "secret!"}, "is no id of an access key"),
        ("block_ip", {"address": "10.0.0.1; rm"}, "is no address and no network"),
        ("block_ip", {}, "there is no address"),
        ("collect_evidence", {"principal": "user/alice"}, "there is no instance id"),
    ],
)
def test_a_row_that_names_nothing_of_the_sort_is_refused(desk, action, given, says):
    (only,) = desk.ask(Request("sid-1", [given], action))
    assert only.result == "refused" and says in only.says
    assert desk.started() == {}


def test_a_hand_over_that_failed_can_be_repeated_and_begins_nothing_twice(room, desk):
    target = room.server()
    request = Request("sid-1", [target], id="hand-over-1")
    room.session.fault, room.session.failed = Fault("stepfunctions:StartExecution", "half_done"), 0
    try:
        assert desk.ask(request)[0].result == "failed"
    finally:
        room.session.fault = None
    assert desk.ask(request)[0].result == "attached"
    assert list(desk.started()) == [f"{target.instance}-1"]


def test_incidents_are_listed_over_all_pages_of_the_table(room, desk):
    # A page of a scan has 1 MB: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Scan.html
    for number in range(6):
        desk.incidents.keep_answer(f"hand-over-{number}", [{"says": "x" * 1000}] * 500)
    targets = [Target(room.account.id, REGION, f"i-{number:017x}") for number in range(9)]
    for target in targets:
        desk.incidents.open(target, "sid-1", lambda id: json.dumps({"incident": id}))
    room.session.made.clear()
    assert {each.key for each in desk.incidents.all()} == {target.key for target in targets}
    assert room.session.made.count(("dynamodb", "Scan")) > 1
    assert desk.incidents.named(f"{targets[8].instance}-1").event == {"incident": f"{targets[8].instance}-1"}
    with pytest.raises(NoIncident, match="there is no incident i-9-1"):
        desk.incidents.named("i-9-1")


def test_alerts_without_end_fill_no_item(room, desk, monkeypatch):
    monkeypatch.setattr(incidents, "MOST_ALERTS", 3)
    target = Target(room.account.id, REGION, "i-0123456789abcdef0")
    found = [desk.incidents.open(target, f"sid-{number}", lambda id: "{}").id for number in range(5)]
    assert set(found) == {f"{target.instance}-1"}
    assert desk.incidents.find(target).alerts == ("sid-0", "sid-1", "sid-2")


def test_rows_there_was_no_time_for_are_begun_when_the_hand_over_comes_again(room, desk):
    targets = [room.server() for _ in range(3)]
    request = Request("sid-1", [row(each) for each in targets], id="hand-over-1")
    ticks = itertools.count()
    for left in (2, 1):
        with pytest.raises(StillRunning, match=f"{left} of 3 rows are not begun: send the hand-over again"):
            desk.ask(request, budget=Budget(0, lambda: next(ticks)))
        assert len(desk.started()) == 3 - left
    room.session.made.clear()
    answers = desk.ask(request, budget=Budget(0, lambda: next(ticks)))
    # It goes on with the row at which it was, and reads no other instance again.
    assert room.session.made.count(("ec2", "DescribeInstances")) == 1
    assert [each.result for each in answers] == ["started"] * 3 and desk.ask(request) == answers
    assert sorted(desk.started()) == sorted(f"{each.instance}-1" for each in targets)


def test_a_start_asks_ec2_one_question_of_each_row(room, desk):
    targets = [room.server() for _ in range(2)]
    room.session.made.clear()
    desk.start("sid-1", *targets)
    assert [name for service, name in room.session.made if service != "dynamodb" and service != "stepfunctions"] == [
        "DescribeInstances"
    ] * 2


@pytest.mark.parametrize(("function", "first", "says"), [
    (release.do, "refused", "it was not released: there was no time left for it, send it again"),
    (status.do, "open", "it was not looked at: there was no time left, ask for it again"),
])  # fmt: skip
def test_rows_there_was_no_time_for_are_said(room, desk, function, first, says):
    room.account.client("ssm", REGION).put_parameter(Name="/live", Type="String", Value=LIVE_JSON, Overwrite=True)
    known = {"TABLE": desk.table, "BUCKET": room.bucket, "PARAMETER": "/live"}
    settings = {"AWS_REGION": REGION, **{f"AWS_SIEM_BRIDGE_{name}": value for name, value in known.items()}}
    ticks = itertools.count()
    event = {"alert": "sid-1", "rows": [row(room.server()) for _ in range(2)]}
    answers = function(event, settings, budget=Budget(1, lambda: next(ticks)))["rows"]
    assert [each["result"] for each in answers] == [first, "failed"] and answers[1]["says"] == says


def test_a_function_stops_before_its_time_is_over():
    class Context:
        def __init__(self, left_s: float) -> None:
            self.get_remaining_time_in_millis = lambda: left_s * 1000

    assert [seconds_of(each and Context(each)) for each in (None, 900, 40)] == [float("inf"), 840, 10]
    assert not budget_of(Context(900)).is_over and not budget_of(None).is_over
