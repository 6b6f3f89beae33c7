"""A whole response, and every other function of the template, in Lambda's own runtime from the built package.

One story for the module: what was seen of it is asked by the tests.
"""

from __future__ import annotations

import json
import os
import re
import time
from typing import Any, Dict, Iterator, List, Set

import pytest

pytest.importorskip("moto", reason="the stand-in for AWS needs Python 3.11")

from aws_bridge import errors as aws_errors
from lab.aws import AwsStandIn, AwsUnavailable
from lab.aws.faults import Fault
from lab.engine import Engine
from lab.lambda_runtime import LambdaRuntimeUnavailable
from lab.lambda_runtime.environment import NO_HOME, PROGRAMS
from response import errors as response_errors
from response.state_machines import definition
from tests.deploy.response.conftest import REGION, STACK, source
from tests.deploy.response.scenes import enforce
from tests.deploy.response.stage import LABS, LAMBDAS, Stage

pytestmark = pytest.mark.slow("Lambda's runtime")
USER = "kim"
LIMITS = ("Timeout", "MemorySize")
FORM = {"content-type": "application/x-www-form-urlencoded"}


class Story:
    """What happened."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.member, self.room = stage.member, stage.room
        self.ends: Dict[str, Any] = {}
        self.says: Dict[str, Any] = {}

    def play(self) -> None:
        stage = self.stage
        self.target = stage.server()
        self.before = self.room.groups_of(self.target)
        # As the schedule of the template asks.
        self.says["readiness"] = stage.ask("readiness", {"accounts": [self.member.id], "regions": [REGION]})
        (begun,) = stage.start("respond", stage.row(self.target))
        self.incident = begun["incident"]
        self._others()
        self._response()
        self._watched()
        self._finding()
        self._swept()
        self.says["status"] = stage.ask("status", {"rows": [stage.row(self.target)]})["rows"][0]
        self.open_before_release = self.room.is_open(self.target)
        self.says["release"] = stage.ask("release", {"rows": [stage.row(self.target)], "alert": "sid-r"})["rows"][0]
        self.after = self.room.groups_of(self.target)
        for name, end in list(self.ends.items()):
            self.ends[name] = (end, *stage.ended(end))
        stage.front.wait()

    def _others(self) -> None:
        """Begin what runs beside the response: a workflow for each action of one step, and one that asks."""
        stage, iam = self.stage, self.member.client("iam")
        iam.create_user(UserName=USER)
        iam.create_access_key(UserName=USER)
        nobody = json.dumps({"Version": "2012-10-17", "Statement": []})
        iam.create_role(RoleName="batch", AssumeRolePolicyDocument=nobody)
        at = {"account": self.member.id, "region": REGION}
        # Its calls are throttled for longer than a function waits, and nobody answers those of the other for a while.
        self.member.fault(Fault("ThrottlingException", "ListAccessKeys", times=8))
        self.member.fault(Fault("ServiceUnavailable", "ListIPSets", times=4))
        self._begin("revoke", "revoke_credentials", {**at, "principal": f"user/{USER}"})
        self._begin("contain", "contain_principal", {**at, "principal": "role/batch"}, everybody="yes")
        self._begin("block", "block_ip", {**at, "address": "203.0.113.7"})
        self._begin("refused", "block_ip", {**at, "address": "198.51.100.9"}, trusted="198.51.100.0/24")
        self._begin("broken", "block_ip", {**at, "address": "203.0.113.9"}, hours='"soon" \\ ')
        self._begin("notify", "notify", {**at, "principal": "hello"})
        node = stage.server(tags={"aws:eks:cluster-name": "shop"})
        (asked,) = stage.start("isolate_instance", stage.row(node))
        assert asked["result"] == "waits_for_approval", asked
        self.waits = asked["incident"]
        # How it ends is never known, which the sweep tells of.
        stage.home.fail_state(self.waits, "Finish", "denied")

    def _begin(self, name: str, action: str, row: Dict[str, Any], **options: str) -> None:
        (begun,) = self.stage.start(action, row, **options)
        assert begun["result"] == "started", begun
        self.ends[name] = begun["incident"]

    def _response(self) -> None:
        stage = self.stage
        # The flow records of the time after the isolation are there when the step has asked for them once.
        stage.until(lambda: [each for each in stage.answers("collect-logs") if each.error_type == "StillRunning"])
        stage.flows(self.target, int(time.time()) - 3600, accepted=False)
        stage.hours_later = True
        self.response = stage.ended(self.incident)
        self.open_at_the_end = self.room.is_open(self.target)

    def _watched(self) -> None:
        stage = self.stage
        self.says["watch"] = [stage.ask("watch", {})]
        stage.flows(self.target, int(time.time()) + 60, accepted=True)
        self.says["watch"].append(stage.ask("watch", {}))

    def _finding(self) -> None:
        """Say in three products that a finding is dealt with."""
        stage, account = self.stage, self.member
        account.speed(1000)
        self.says["update"] = {}
        for product in ("guardduty", "securityhub", "securityhub_v2"):
            account.enable(product, REGION)
            (id,) = account.add(product, REGION)
            (version,) = [each for each in account.versions() if (each["product"], each["id"]) == (product, id)]
            known = version["finding"]
            options = {"product": product, "finding": id, "state": "RESOLVED"}
            if product == "securityhub":
                options.update(finding=known["Id"], product_arn=known["ProductArn"])
            if product == "securityhub_v2":
                options.update(finding=known["metadata"]["uid"])
            event = {**stage.row(self.target), "incident": self.incident, "dry_run": False, "options": options}
            self.says["update"][product] = stage.ask("update-finding", event)

    def _swept(self) -> None:
        """Take back what was done to principals and addresses, and let a workflow break."""
        stage = self.stage
        at = {"account": self.member.id, "region": REGION}
        assert stage.ended(self.ends["contain"])[0] == "SUCCEEDED"
        assert "not enforced" in stage.ended(self.ends["block"])[1]["cause"]
        enforce(self.member, self.room)
        self._begin("release principal", "release_principal", {**at, "principal": "role/batch"})
        self._begin("unblock", "unblock_ip", {**at, "address": "203.0.113.7"})
        self._begin("for a moment", "block_ip", {**at, "address": "203.0.113.8"}, hours="0.000001")
        assert stage.ended(self.ends["for a moment"])[0] == "SUCCEEDED"
        self.says["sweep blocks"] = stage.ask("sweep-blocks", {})
        (question,) = stage.until(lambda: stage.called("ask-approval", self.waits))
        stage.secrets["task token"] = question["token"]
        stage.until(lambda: stage.answers("ask-approval"))
        # Who may approve follows the link, looks, and agrees.
        (link,) = stage.until(self.links)
        stage.secrets["id of the link"] = link.rpartition("/")[2]
        self.says["page"] = []
        for method, more in (("GET", {}), ("POST", {"headers": FORM, "body": "answer=approve&name=Alice"})):
            context = {"http": {"method": method, "sourceIp": "198.51.100.7"}}
            event = {"rawPath": f"/{link.rpartition('/')[2]}", "requestContext": context, **more}
            self.says["page"].append(stage.ask("approval-page", event)["statusCode"])
        assert stage.ended(self.waits)[0] == stage.ended(self.ends["broken"])[0] == "FAILED"
        self.says["sweep"] = stage.ask("sweep", {})

    def links(self) -> List[str]:
        """Return the addresses that were sent to who may approve."""
        links = [each for posted in self.stage.receiver.taken for each in posted.body.get("links", ())]
        return [each["url"] for each in links if "lambda-url" in each["url"]]


@pytest.fixture(scope="module")
def story(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    try:
        # The stacks of the other modules have buckets of the same names, and names of buckets are for all accounts.
        with AwsStandIn() as aws, Stage(aws, engine, tmp_path_factory.mktemp("package")) as stage:
            told = Story(stage)
            told.play()
            yield told
    except (AwsUnavailable, LambdaRuntimeUnavailable) as error:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))


def functions() -> Set[str]:
    """Return the names of all functions of the template."""
    return {
        each["Properties"]["FunctionName"]["Fn::Sub"].replace("${AWS::StackName}", STACK)
        for each in source("template")["Resources"].values()
        if each["Type"] == "AWS::Serverless::Function"
    }


def test_the_instance_is_isolated_kept_as_evidence_and_released(story: Story) -> None:
    status, output = story.response
    assert (status, output["problems"]) == ("SUCCEEDED", ""), output
    assert not story.open_at_the_end and not story.open_before_release
    assert (story.says["status"]["result"], story.says["release"]["result"]) == ("hard", "done"), story.says
    assert story.after == story.before


def test_every_function_of_the_template_has_run(story: Story) -> None:
    ran = {each.function for each in story.stage.runtime.answers if not each.answer.failed}
    assert ran == functions() == set(story.stage.functions)
    lost = [each for each in story.stage.runtime.answers if each.answer.error_type.startswith(("Runtime.", "Sandbox."))]
    assert lost == []


def test_the_others_end_as_they_should(story: Story) -> None:
    told = {name: (status, end.get("result", end.get("error"))) for name, (_, status, end) in story.ends.items()}
    assert {name for name, (status, _) in told.items() if status == "FAILED"} == {"block", "refused", "broken"}, told
    assert {result for status, result in told.values() if status == "SUCCEEDED"} == {"done"}, told
    assert {product: each["result"] for product, each in story.says["update"].items()} == {
        "guardduty": "done", "securityhub": "done", "securityhub_v2": "done",
    }  # fmt: skip
    assert [each["found"] for each in story.says["watch"]] == [0, 1]
    # Two blocks that failed, and the isolation whose end is not known.
    assert story.says["sweep"] == {"found": 3, "left": 0}
    assert [each["result"] for each in story.says["sweep blocks"]["results"]] == ["done"]
    assert story.says["page"] == [200, 200]
    assert story.says["readiness"]["result"] in ("done", "partial")
    steps = {(each["step"], each["result"]) for each in story.stage.statuses()}
    assert {("watch", "accepted_flows"), ("sweep", "broken"), ("end", "done"), ("release", "done")} <= steps


def test_a_process_has_the_package_and_the_templates_variables_and_nothing_else(story: Story) -> None:
    stage = story.stage
    assert set(stage.processes) == functions()
    usual = source("template")["Globals"]["Function"]
    limits = {
        each["Properties"]["Handler"]: tuple(str({**usual, **each["Properties"]}[name]) for name in LIMITS)
        for each in source("template")["Resources"].values()
        if each["Type"] == "AWS::Serverless::Function"
    }
    for name, (arguments, variables, folder) in stage.processes.items():
        wanted = stage.functions[name]
        assert arguments[1:] == ["-S", "-m", "awslambdaric", wanted.handler]
        assert folder == variables["PYTHONPATH"].split(os.pathsep)[0] == str(stage.code)
        settings = {key for key in wanted.environment if key.startswith("AWS_SIEM_BRIDGE_")}
        assert {key: variables[key] for key in wanted.environment} == wanted.environment
        assert set(variables) - LAMBDAS - LABS == settings
        assert (variables["PATH"], variables["HOME"]) == (PROGRAMS, NO_HOME)
        # Which end a process that takes longer, or more.
        told = (variables["AWS_LAMBDA_FUNCTION_TIMEOUT"], variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"])
        assert told == limits[wanted.handler]


def test_an_error_reaches_the_workflow_by_the_name_that_it_looks_for(story: Story) -> None:
    stage = story.stage
    named = set(re.findall(r'"ErrorEquals": \[([^]]*)\]', definition.text().replace("\n", " ")))
    classes = {each for names in named for each in re.findall(r'"(\w+)"', names)}
    ours = {name for module in (aws_errors, response_errors) for name in vars(module)}
    assert classes == {"StillRunning", "Throttled", "Unavailable"} and classes <= ours
    errors = {name: [each["error"] for each in stage.history(end)] for name, (end, *_) in story.ends.items()}
    errors["response"] = [each["error"] for each in stage.history(story.incident)]
    # Each was tried again, for it is in a workflow that ended well.
    assert set(errors["response"]) == {"StillRunning"}, errors
    assert errors["revoke"] == ["Throttled"] and errors["block"] == ["Unavailable"], errors
    # What is refused is an answer; what is wrong is an error that every state catches.
    assert (errors["refused"], errors["broken"]) == ([], ["BadRequest"]), errors
    assert "trusted 198.51.100.0/24" in story.ends["refused"][2]["cause"]


def test_what_a_function_raised_is_said_in_words(story: Story) -> None:
    cause = story.ends["broken"][2]["cause"]
    assert """BadRequest: hours is '"soon" \\\\': a number from 0 to 87,840 is needed""" in cause
    assert "stackTrace" not in cause and "requestId" not in cause, cause


def test_the_log_is_one_json_object_a_line(story: Story) -> None:
    for name in functions():
        lines = [json.loads(line) for line in story.stage.runtime.log(name)]
        assert all(isinstance(each, dict) for each in lines)
    raised = [json.loads(line) for line in story.stage.runtime.log(f"{STACK}-collect-logs")]
    assert "StillRunning" in {each.get("errorType") for each in raised}


def test_no_secret_is_in_a_log_a_status_or_a_notice(story: Story) -> None:
    stage = story.stage
    shown = {f"log of {name}": "\n".join(stage.runtime.log(name)) for name in functions()}
    shown["statuses"] = json.dumps(stage.statuses())
    (link,) = story.links()
    notices = [json.dumps(each.body) for each in stage.receiver.taken]
    shown["notices"] = "\n".join(each for each in notices if link not in each)
    (shown["the notice with it"],) = [each for each in notices if link in each]
    sqs = stage.home.client("sqs", REGION)
    received = sqs.receive_message(QueueUrl=stage.queue, MaxNumberOfMessages=10).get("Messages", [])
    shown["mail"] = json.dumps([each["Body"] for each in received])
    shown["answers"] = json.dumps([each.answer.payload or dict(each.answer.error) for each in stage.runtime.answers])
    shown["ends"] = json.dumps([story.response, *story.ends.values()])
    assert all(shown[name] for name in ("statuses", "notices", "mail", "answers", "ends"))
    secrets = {**stage.secrets, **stage.session_secrets()}
    assert len(secrets) > len(functions())
    for place, text in shown.items():
        for name, secret in secrets.items():
            # The link is for the channel that may approve, and for nobody else.
            if (name, place) != ("id of the link", "the notice with it"):
                assert secret not in text, f"{name} is in the {place}"
        for sign in ("X-Amz-Signature", "X-Amz-Credential", "Signature=", "ASIA"):
            assert sign not in text, f"{sign} is in the {place}"
