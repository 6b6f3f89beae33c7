"""The workflow in the stand-in: the definition executed, our functions called, those of others replaced by answers."""

from __future__ import annotations

import itertools
import json
import time
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any, Callable, Dict, List, Mapping, Tuple

import pytest

from lab.aws.services.state_machines import NEEDS_JSONATA
from lab.lambda_runtime.environment import Answer
from lab.lambda_runtime.front import LambdaFront
from response.actions.start import Start, Started
from response.actions.sweep import Found, Sweep
from response.aws.executions import Executions
from response.aws.incidents import Incidents, Opened
from response.aws.parameter import read_limits
from response.aws.questions import Questions
from response.core.requests import Request
from response.core.target import Target
from response.errors import StillRunning
from response.handlers import ask_approval, finish, isolate, release, status
from response.state_machines import definition
from tests.response.server_room import REGION, ServerRoom

_numbers = itertools.count()
#: Waits and questions last so much less. Functions have the time they have.
SCALE = 0.01
#: A machine under load is slow, never wrong.
LONGEST_S = 240
#: A function with its event and its settings.
Handler = Callable[[Any, Mapping[str, str]], Dict[str, Any]]
#: Ours, called for real.
REAL: Dict[str, Handler] = {
    "isolate": isolate.do, "release": release.do, "finish": finish.do, "ask_approval": ask_approval.do,
    "status": status.do,
}  # fmt: skip


class Workshop:
    """A table, a parameter and a state machine of their own. Use it as a context manager."""

    def __init__(self, room: ServerRoom, more: Mapping[str, Handler] = MappingProxyType({}), **settings: str) -> None:
        """``more``: functions that are called for real, too; ``settings`` of them by names without prefix."""
        if find_spec("jsonata") is None:
            pytest.fail(NEEDS_JSONATA)
        self.room = room
        number = next(_numbers)
        self.table, self.parameter = f"workflow-{number}", f"/workflow/{number}"
        account = room.account
        account.client("dynamodb", REGION).create_table(
            TableName=self.table, KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        )  # fmt: skip
        self.set(mode="live")
        self.settings = {
            "AWS_REGION": REGION, "AWS_SIEM_BRIDGE_TABLE": self.table, "AWS_SIEM_BRIDGE_BUCKET": room.bucket,
            "AWS_SIEM_BRIDGE_PARAMETER": self.parameter,
            **{f"AWS_SIEM_BRIDGE_{name}": value for name, value in settings.items()},
        }  # fmt: skip
        self.real = {**REAL, **more}
        self.waited: Dict[str, int] = {}
        self.front = LambdaFront({name: self._function(name) for name in definition.functions(definition.text())})
        self.steps = account.client("stepfunctions", REGION)
        arns = {name: f"arn:aws:lambda:{REGION}:{account.id}:function:{name}" for name in self.front.functions}
        made = self.steps.create_state_machine(
            name=f"respond-{number}", definition=definition.rendered(arns), roleArn=f"arn:aws:iam::{account.id}:role/w"
        )
        self.machine = made["stateMachineArn"]
        self.incidents = Incidents(room.area, self.table)
        self.executions = Executions(room.area, self.machine)

    def __enter__(self) -> Workshop:
        self.room.account.serve_functions(self.front.url)
        self.room.account.scale_time(SCALE)
        return self

    def __exit__(self, *error: Any) -> None:
        self.room.account.serve_functions("")
        self.front.stop()

    def set(self, **limits: Any) -> None:
        """Set the parameter."""
        ssm = self.room.account.client("ssm", REGION)
        ssm.put_parameter(Name=self.parameter, Type="String", Value=json.dumps(limits), Overwrite=True)

    def ask(self, request: Request) -> List[Started]:
        """Ask ``start``."""
        limits = read_limits(self.room.area, self.parameter)
        desk = Start(limits, self.incidents, self.executions, lambda _: self.room.area, self.room.account.id)
        return desk.start(request)

    def respond(self, target: Target, **options: str) -> Started:
        """Ask for the whole response to one instance."""
        row = {"instance": target.instance, "account": target.account, "region": target.region, "rid": "3"}
        return self.ask(Request(f"sid-{next(_numbers)}", [row], search="Beacons", options=options))[0]

    def begin(self, target: Target, **options: str) -> None:
        """Begin the whole response without asking ``start``, for what is about the workflow alone."""
        known = {
            "account": target.account, "region": target.region, "instance": target.instance, "action": "respond",
            "incident": f"{target.instance}-1", "sid": "sid", "rid": "", "search": "", "options": options,
            "dry_run": False, "ask": {"when": ""},
        }  # fmt: skip
        self.executions.start(f"{target.instance}-1", json.dumps(known))

    def ended(self, name: str) -> Tuple[str, Dict[str, Any]]:
        """Wait for the end of an execution; return its status, and its output or ``error`` and ``cause``."""
        arn = f"{self.machine.replace(':stateMachine:', ':execution:')}:{name}"
        deadline = time.monotonic() + LONGEST_S
        while time.monotonic() < deadline:
            found = self.steps.describe_execution(executionArn=arn)
            if found["status"] != "RUNNING":
                shown = {key: found[key] for key in ("error", "cause") if key in found}
                return found["status"], json.loads(found["output"]) if "output" in found else shown
            time.sleep(0.3)
        raise TimeoutError(f"{name} is still running after {LONGEST_S} s")

    def well(self, name: str) -> str:
        """Wait for the end of an execution, which has to be a good one; return its result."""
        status, output = self.ended(name)
        assert status == "SUCCEEDED" and "result" in output, f"{name} {status}: {output}"
        return str(output["result"])

    @property
    def questions(self) -> Questions:
        """The questions of the table."""
        return Questions(self.room.area, self.table)

    @property
    def sweep_settings(self) -> Dict[str, str]:
        """The settings of the sweep."""
        more = {"STATE_MACHINE": self.machine, "PUBLISH_FUNCTION": "publish_status", "NOTIFY_FUNCTION": "notify"}
        return {**self.settings, **{f"AWS_SIEM_BRIDGE_{name}": value for name, value in more.items()}}

    def swept(self) -> List[Found]:
        """Return what a sweep finds now."""
        return Sweep(self.incidents, self.executions, self.questions, time.time, 900).sweep().found

    def asked(self, incident: str, times: int) -> List[Dict[str, Any]]:
        """Wait until a person was asked so often about an incident; return with what `ask_approval` was called."""
        deadline = time.monotonic() + LONGEST_S
        while time.monotonic() < deadline:
            found = self.called("ask_approval", incident)
            question = self.questions.find(incident) if len(found) >= times else None
            if question and not question.answer:
                return found
            time.sleep(0.1)
        raise TimeoutError(f"nobody is asked about {incident}")

    def invoke(self, name: str, event: Dict[str, Any]) -> Any:
        """Call one of our functions as Lambda does."""
        return self.real[name](event, self.settings)

    def incident(self, target: Target) -> Opened:
        """Return what the table has of an instance."""
        found = self.incidents.find(target)
        assert found
        return found

    def statuses(self, incident: str) -> Dict[str, Dict[str, Any]]:
        """Return step -> the last status of it."""
        sent = [each for name, each in self.calls if name == "publish_status"]
        return {each["step"]: each for each in sent if each["incident"] == incident}

    def called(self, name: str, incident: str) -> List[Dict[str, Any]]:
        """Return the events with which a function was called for an incident."""
        return [each for called, each in self.calls if called == name and each["incident"] == incident]

    @property
    def calls(self) -> List[Tuple[str, Any]]:
        """The name and the event of every call of a function, in their order."""
        return [(each.function, json.loads(each.body)) for each in list(self.front.invocations)]

    def _function(self, name: str) -> Callable[[bytes], Answer]:
        def call(body: bytes) -> Answer:
            event = json.loads(body)
            try:
                return Answer(self.real[name](event, self.settings) if name in self.real else self._other(name, event))
            except Exception as exc:  # whatever a function raises, Lambda answers
                return Answer(error_type=type(exc).__name__, error_message=str(exc))

        return call

    def _other(self, name: str, event: Dict[str, Any]) -> Dict[str, Any]:
        """Answer for a function of another part. Snapshots take a while, as they do."""
        key = f"{name} {event['incident']}"
        self.waited[key] = self.waited.get(key, 0) + 1
        if name == "snapshot" and self.waited[key] <= 2:
            raise StillRunning("the snapshots are made")
        return {"result": "done", "says": f'{name} did "it" \\ well'}
