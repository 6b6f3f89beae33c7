"""What the functions ask beside what their actions ask: table, parameter, executions; every call with its faults.

Each runs as Lambda runs it, with a session that is watched. A call that an action makes has its cases where the action
is tested; a call that has none anywhere fails here.
"""

from __future__ import annotations

import itertools
import json
from typing import Any, Dict, FrozenSet, Iterator, List, NamedTuple, Set, Tuple

import pytest

from aws_bridge.errors import AwsError, CallProblem
from lab.lambda_runtime.environment import Answer
from lab.lambda_runtime.front import LambdaFront
from response.actions.isolate import Isolation
from response.aws.executions import Executions
from response.aws.incidents import RELEASED, Incidents
from response.aws.instances import Instances
from response.aws.questions import Questions
from response.aws.saved_state import SavedStates
from response.core.target import Target
from response.errors import ResponseError
from response.handlers import (
    archive,
    ask_approval,
    block_ip,
    collect_context,
    collect_logs,
    collect_volatile,
    contain_principal,
    finish,
    isolate,
    notify,
    release,
    release_principal,
    revoke_credentials,
    snapshot,
    start,
    status,
    sweep,
    sweep_blocks,
    update_finding,
)
from tests.response import test_block, test_isolate
from tests.response.server_room import REGION, Fault, ServerRoom
from tests.sampling import sample

_numbers = itertools.count(1)
#: Longer ago than a start takes.
LONG_AGO_S = 1_700_000_000.0
PARAMETER, PUBLISH = "/functions/limits", "publish_status"
WHO = ("sts:GetCallerIdentity",)
SWITCH = ("ssm:GetParameter",)
#: What the record of an instance is read with, and how isolated it is.
READ = tuple(call for call in test_isolate.READING if call != "s3:GetObject")
CLOSED = ("ec2:DescribeSecurityGroups", "ec2:DescribeSecurityGroupRules")
NETWORK = ("ec2:DescribeInstances", "ec2:DescribeNetworkInterfaces")


class Scene:
    """A table, a parameter and a state machine; and one function at work with what it needs."""

    #: Questions and changes that are tried here.
    asked: Tuple[str, ...] = ()
    changed: Tuple[str, ...] = ()
    #: Calls with cases elsewhere.
    elsewhere: FrozenSet[str] = frozenset()

    def __init__(self, room: ServerRoom, office: Office) -> None:
        self.room, self.office, self.number = room, office, next(_numbers)
        self.table = self.table_of(office)
        self.incidents = Incidents(room.area, self.table)
        self.settings = office.settings(TABLE=self.table)
        self.prepare()

    def table_of(self, office: Office) -> str:
        """Return the name of its table."""
        return office.new_table()

    def prepare(self) -> None:
        """Make what the function finds."""

    def act(self) -> Any:
        """Call the function; return what it said."""
        raise NotImplementedError

    def holds(self, said: Any) -> bool:
        """Whether what was said is so, by what AWS says. ``error`` was raised, and nobody takes it for an answer."""
        raise NotImplementedError

    def is_well(self, said: Any) -> bool:
        """Whether all is as it has to be after a call without a fault."""
        raise NotImplementedError

    @property
    def states(self) -> SavedStates:
        return SavedStates(self.room.area, self.room.bucket)

    def row(self, target: Target) -> Dict[str, str]:
        return {"instance": target.instance, "account": target.account, "region": target.region}

    def opened(self, target: Target, **more: Any) -> str:
        """Open an incident as it is while its workflow runs."""
        known = {**self.row(target), "action": "respond", "dry_run": False, **more}
        found = self.incidents.open(target, "sid-1", lambda id: json.dumps({**known, "incident": id}))
        self.incidents.run(target.key, found.id, (found.state,))
        return found.id

    def isolate(self, target: Target, incident: str) -> None:
        assert Isolation(self.room.area, self.states).isolate(target, incident).result == "done"


class Office:
    """What scenes share."""

    def __init__(self, room: ServerRoom) -> None:
        self.room = room
        account = room.account
        self.steps = account.client("stepfunctions", REGION)
        waits = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}
        role = f"arn:aws:iam::{account.id}:role/steps"
        made = self.steps.create_state_machine(name="functions", definition=json.dumps(waits), roleArn=role)
        self.machine = made["stateMachineArn"]
        account.client("ssm", REGION).put_parameter(
            Name=PARAMETER, Type="String", Value=json.dumps({"mode": "live", "most_an_hour": 1000})
        )
        self.topic = account.client("sns", REGION).create_topic(Name="people")["TopicArn"]
        sqs = account.client("sqs", REGION)
        self.queue = sqs.create_queue(QueueName="people")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        account.client("sns", REGION).subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=arn)
        channels = {"channels": [{"name": "people", "kind": "sns", "topic": self.topic}]}
        secrets = account.client("secretsmanager", REGION)
        self.channels = secrets.create_secret(Name="channels", SecretString=json.dumps(channels))["ARN"]
        #: With all that isolation takes from an instance; one that nobody touches; one that is isolated for good.
        self.shop, self.open, self.closed = (room.server() for _ in range(3))
        room.behind_load_balancer(instance=self.shop.instance)
        room.in_scaling_group(self.shop.instance)
        self.as_it_was = Instances(room.area).read(self.shop)
        #: Incidents of the first, one after the other.
        self.table = self.new_table()
        Isolation(room.area, SavedStates(room.area, room.bucket)).isolate(self.closed, "closed-1")
        self.front = LambdaFront({PUBLISH: lambda _: Answer({})})
        account.serve_functions(self.front.url)

    def new_table(self) -> str:
        name = f"functions-{next(_numbers)}"
        self.room.account.client("dynamodb", REGION).create_table(
            TableName=name, KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        )  # fmt: skip
        return name

    def settings(self, **more: str) -> Dict[str, str]:
        known = {
            "BUCKET": self.room.bucket, "PARAMETER": PARAMETER, "STATE_MACHINE": self.machine,
            "PUBLISH_FUNCTION": PUBLISH, "CHANNELS": self.channels, **more,
        }  # fmt: skip
        return {"AWS_REGION": REGION, **{f"AWS_SIEM_BRIDGE_{name}": value for name, value in known.items()}}

    def executions(self, target: Target) -> List[str]:
        found = self.steps.list_executions(stateMachineArn=self.machine)["executions"]
        return [each["name"] for each in found if each["name"].startswith(target.instance)]

    def messages(self, part: str) -> List[str]:
        """Return what the topic sent, as far as it has a text in it."""
        sqs, found = self.room.account.client("sqs", REGION), []
        while True:
            got = sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
            if not got:
                return [each for each in found if part in each]
            for each in got:
                found.append(each["Body"])
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=each["ReceiptHandle"])


class Started(Scene):
    """``start``: what was begun is begun once, and nothing is called begun that is not."""

    asked = (*WHO, *SWITCH, "dynamodb:GetItem", "ec2:DescribeInstances")
    changed = ("dynamodb:UpdateItem", "stepfunctions:StartExecution")

    def prepare(self) -> None:
        self.target = self.room.server()

    def act(self) -> Any:
        event = {"id": f"h-{self.number}", "action": "respond", "alert": "sid-1", "rows": [self.row(self.target)]}
        return start.begin(event, self.settings)["rows"][0]["result"]

    def holds(self, said: Any) -> bool:
        return said in ("error", "failed") or bool(self.office.executions(self.target))

    def is_well(self, said: Any) -> bool:
        names = self.office.executions(self.target)
        return said in ("started", "attached") and names == [f"{self.target.instance}-1"]


class Status(Scene):
    """``status``: what could not be read is not called open, and not called isolated."""

    asked = (*WHO, "dynamodb:GetItem", *NETWORK, *CLOSED)

    def act(self) -> Any:
        rows = [self.row(self.office.open), self.row(self.office.closed)]
        return tuple(each["result"] for each in status.do({"rows": rows}, self.settings)["rows"])

    def holds(self, said: Any) -> bool:
        return said == "error" or all(each in (truth, "failed") for each, truth in zip(said, ("open", "hard")))

    def is_well(self, said: Any) -> bool:
        return bool(said == ("open", "hard"))


class Finished(Scene):
    """``finish``: an instance that is open never ends well, and how it ended is in the table."""

    asked = (*WHO, "dynamodb:GetItem", *NETWORK, CLOSED[0])
    changed = ("dynamodb:UpdateItem",)

    def prepare(self) -> None:
        self.incident = self.opened(self.office.open)

    def act(self) -> Any:
        event = {**self.row(self.office.open), "incident": self.incident, "action": "respond", "dry_run": False}
        return finish.do({**event, "ended": "whole", "problems": "", "last": ""}, self.settings)["result"]

    def holds(self, said: Any) -> bool:
        return said in ("error", "failed")

    def is_well(self, said: Any) -> bool:
        found = self.incidents.find(self.office.open)
        return bool(said == "failed" and found and found.outcome == "failed")


class Asked(Scene):
    """``ask_approval``: a question that is not kept is not called asked."""

    asked, changed = WHO, ("dynamodb:UpdateItem",)

    def act(self) -> Any:
        event = {**self.row(self.office.open), "incident": "i-1", "token": "t", "approver": "kim"}
        ask_approval.do(event, self.settings)
        return "asked"

    def holds(self, said: Any) -> bool:
        return said == "error" or self.is_well(said)

    def is_well(self, said: Any) -> bool:
        found = Questions(self.room.area, self.table).find("i-1")
        return bool(found and found.approver == "kim")


class Swept(Scene):
    """``sweep``: never quiet when it could not look, and what it found is told."""

    asked = (*WHO, "dynamodb:Scan", "stepfunctions:DescribeExecution", "dynamodb:GetItem")
    changed = ("lambda:Invoke",)

    def prepare(self) -> None:
        # One that nobody started, long ago; and one that runs and may have a question.
        self.lost = Target(self.room.account.id, REGION, f"i-{self.number:017x}")
        old = Incidents(self.room.area, self.table, lambda: LONG_AGO_S)
        old.open(self.lost, "sid-1", lambda id: json.dumps({**self.row(self.lost), "incident": id}))
        runs = Target(self.room.account.id, REGION, f"i-1{self.number:016x}")
        made = self.incidents.open(runs, "sid-1", lambda id: json.dumps({**self.row(runs), "incident": id}))
        Executions(self.room.area, self.office.machine).start(made.id, "{}")

    def act(self) -> Any:
        self.before = len(self.told())
        return sweep.do({}, self.settings)["found"]

    def told(self) -> List[str]:
        sent = [json.loads(each.body) for each in list(self.office.front.invocations)]
        return [each["result"] for each in sent if each.get("instance") == self.lost.instance]

    def holds(self, said: Any) -> bool:
        return said == "error" or (said >= 1 and len(self.told()) > self.before)

    def is_well(self, said: Any) -> bool:
        return bool(said == 1 and self.told()[-1] == "never_started")


class Released(Scene):
    """``release``: what is not as it was is not called released, and the incident stays open."""

    asked = (*WHO, *SWITCH, "dynamodb:GetItem", "s3:GetObject", *(call for call in READ if call != CLOSED[1]))
    changed = (
        "dynamodb:UpdateItem", "s3:PutObject", "ec2:ModifyNetworkInterfaceAttribute", "ec2:ModifyInstanceAttribute",
        "autoscaling:ExitStandby", "elbv2:RegisterTargets",
    )  # fmt: skip

    def table_of(self, office: Office) -> str:
        return office.table

    def prepare(self) -> None:
        self.target, self.was = self.office.shop, self.office.as_it_was
        self.isolate(self.target, self.opened(self.target))

    def act(self) -> Any:
        rows = {"rows": [self.row(self.target)]}
        return release.do(rows, self.settings, sleep=lambda _: None)["rows"][0]["result"]

    def is_open(self) -> bool:
        found = self.incidents.find(self.target)
        return bool(found and found.state != RELEASED)

    def holds(self, said: Any) -> bool:
        as_it_was = Instances(self.room.area).read(self.target) == self.was
        return (as_it_was or self.is_open()) and (as_it_was or said in ("error", "failed"))

    def is_well(self, said: Any) -> bool:
        as_it_was = Instances(self.room.area).read(self.target) == self.was
        # Refused is a release of what the call with the fault has released already.
        return as_it_was and not self.is_open() and said in ("done", "already_done", "refused")


class Isolated(Scene):
    """``isolate``: nothing is changed where table or parameter do not say that it may be."""

    asked = (*WHO, *SWITCH, "dynamodb:GetItem")
    elsewhere = frozenset({*test_isolate.READING, *test_isolate.CHANGING, *CLOSED})

    def prepare(self) -> None:
        self.target = self.room.server()
        self.incident = self.opened(self.target)

    def act(self) -> Any:
        event = {**self.row(self.target), "incident": self.incident, "action": "isolate_instance", "dry_run": False}
        return isolate.do(event, self.settings)["result"]

    def holds(self, said: Any) -> bool:
        return bool(said == "error") and self.room.is_open(self.target)

    def is_well(self, said: Any) -> bool:
        return said == "done" and not self.room.is_open(self.target)


class Blocks(Scene):
    """``sweep_blocks``: a table or a parameter that cannot be read is no table without blocks."""

    asked = (*WHO, *SWITCH, "dynamodb:Scan")
    elsewhere = frozenset({*test_block.READING, *test_block.CHANGING})

    def act(self) -> Any:
        return len(sweep_blocks.swept(self.settings))

    def holds(self, said: Any) -> bool:
        return bool(said == "error")

    def is_well(self, said: Any) -> bool:
        return bool(said == 0)


class Told(Scene):
    """``notify``: never raises, and nobody is called told who was not."""

    asked = ("secretsmanager:GetSecretValue", "organizations:DescribeAccount")
    changed = ("sns:Publish",)
    #: test_notify.py: threads of Slack and Discord.
    elsewhere = frozenset({*WHO, "dynamodb:GetItem", "dynamodb:PutItem"})

    def act(self) -> Any:
        self.incident = f"i-told-{next(_numbers)}-1"
        event = {**self.row(self.office.open), "incident": self.incident, "kind": "began", "dry_run": False}
        return notify.do(event, self.settings)["result"]

    def holds(self, said: Any) -> bool:
        return said == "failed" or (said == "done" and bool(self.office.messages(self.incident)))

    def is_well(self, said: Any) -> bool:
        return said == "done" and bool(self.office.messages(self.incident))


SCENES = (Started, Status, Finished, Asked, Swept, Released, Isolated, Blocks, Told)


@pytest.fixture(scope="module")
def office(room: ServerRoom) -> Iterator[Office]:
    made = Office(room)
    yield made
    room.account.serve_functions("")
    made.front.stop()


@pytest.fixture(autouse=True)
def watched(room: ServerRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    room.watch_functions(monkeypatch)


def made_by(room: ServerRoom) -> Set[str]:
    return {f"{service}:{call}" for service, call in room.session.made}


@pytest.mark.parametrize("kind", SCENES)
def test_every_call_has_a_case(room, office, kind):
    scene = kind(room, office)
    room.session.made.clear()
    said = scene.act()
    made = made_by(room)
    assert scene.is_well(said), said
    assert made - scene.elsewhere == {*scene.asked, *scene.changed} - scene.elsewhere
    assert {*scene.asked, *scene.changed} <= made


#: Faults that get through to a function: of a question, and of a change. It takes "no answer" as it takes "denied".
ASKED, CHANGED = ("denied",), ("denied", "half_done")
UNANSWERED = [(kind, call, "timeout") for kind in SCENES for call in (*kind.asked, *kind.changed)]


@pytest.mark.parametrize(
    ("kind", "call", "fault"),
    [
        *(
            (kind, call, fault)
            for kind in SCENES
            for calls, faults in ((kind.asked, ASKED), (kind.changed, CHANGED))
            for call in calls
            for fault in faults
        ),
        *sample("unanswered calls of functions", UNANSWERED, 10),
    ],
)
def test_a_failure_is_never_taken_for_an_answer_and_the_next_call_is_well(room, office, kind, call, fault):
    scene = kind(room, office)
    room.session.fault, room.session.failed = Fault(call, fault), 0
    try:
        said = scene.act()
    except (AwsError, ResponseError):
        said = "error"
    finally:
        room.session.fault = None
    assert room.session.failed, "the fault never came"
    assert scene.holds(said), said
    again = scene.act()
    assert scene.is_well(again), again


class Switched(NamedTuple):
    """A function that changes something, and what its event has beside the instance."""

    do: Any
    more: Dict[str, Any] = {}


USER = {"instance": "", "principal": {"kind": "user", "name": "kim"}}
FINDING = {"options": {"finding": "a" * 32, "product": "guardduty"}}
SWITCHED = {
    "isolate": Switched(isolate.do), "release": Switched(release.do),
    "revoke_credentials": Switched(revoke_credentials.do), "contain_principal": Switched(contain_principal.do, USER),
    "release_principal": Switched(release_principal.do, USER), "update_finding": Switched(update_finding.do, FINDING),
    "block_ip": Switched(lambda *given: block_ip.run(*given, "block_ip"), {"addresses": ["203.0.113.7"]}),
    "unblock_ip": Switched(lambda *given: block_ip.run(*given, "unblock_ip"), {"addresses": ["203.0.113.7"]}),
    "collect_context": Switched(collect_context.do), "collect_logs": Switched(collect_logs.do),
    "collect_volatile": Switched(collect_volatile.do), "snapshot": Switched(snapshot.do),
    "archive": Switched(archive.do),
}  # fmt: skip
READS = ("Describe", "Get", "List", "Scan", "Query")


@pytest.mark.parametrize("function", SWITCHED)
def test_a_switch_that_cannot_be_read_is_off(room, office, function):
    wanted = {
        "TABLE": office.new_table(), "SIGNING_KEY": "alias/none", "DOCUMENT": "none",
        "UPLOAD_ROLE": room.account.role("uploads"),
        "JOBS_BUCKET": "none", "TOOLS_BUCKET": "none", "TOOLS_PARAMETER": "none",
    }  # fmt: skip
    target = office.open
    event = {"incident": "i-1", "account": target.account, "region": REGION, "instance": target.instance,
             "action": "respond", "dry_run": False, **SWITCHED[function].more}  # fmt: skip
    room.session.made.clear()
    room.session.fault, room.session.failed = Fault("ssm:GetParameter", "denied"), 0
    try:
        with pytest.raises(CallProblem) as caught:
            SWITCHED[function].do(event, office.settings(**wanted))
    finally:
        room.session.fault = None
    assert room.session.failed and caught.value.call == "ssm:GetParameter"
    assert [call for call in made_by(room) if not call.partition(":")[2].startswith(READS)] == []
