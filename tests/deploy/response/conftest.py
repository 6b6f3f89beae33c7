"""The templates of the response, created in the stand-in for AWS, and its functions, run with the stacks' settings."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional

import pytest

pytest.importorskip("moto", reason="the stand-in for AWS needs Python 3.11")

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from aws_bridge.accounts.session import AwsSession
from lab.aws.account import AwsAccount
from lab.aws.watched_client import WatchedClient
from response.state_machines.definition import FILE as DEFINITION
from tests.deploy.stacks import Stack, create_stack

FOLDER = Path(__file__).resolve().parents[3] / "deploy" / "response"
REGION = "eu-west-1"
CODE = "code-of-the-response"
SPLUNK_ID, MEMBER_ID = "8f1c2e9a7b6d4c3f0a1b2c3d4e5f6071", "0a1b2c3d4e5f60718f1c2e9a7b6d4c3f"
TOOLS, LOGS, STATUS = "tools-of-the-response", "logs-of-the-response", "status-of-the-response"
STACK, PREFIX = "response-home", "response-member"
HOME = {
    "SplunkRoleArn": "arn:aws:iam::222233334444:role/search-heads",
    "SplunkExternalId": SPLUNK_ID,
    "MemberRolePrefix": PREFIX,
    "MemberExternalId": MEMBER_ID,
    "ToolsBucketName": TOOLS,
    "ChannelTopicArns": "arn:aws:sns:eu-west-1:222233334444:people",
    "StatusBucketName": STATUS,
    "AnswerByLink": "yes",
    "ChannelsSecretArn": "arn:aws:secretsmanager:eu-west-1:222233334444:secret:channels-Xa1b2C",
}


class Called(NamedTuple):
    """A call to AWS: by which function, in the account itself or by the role there."""

    function: str
    role: str
    service: str
    operation: str
    given: Mapping[str, Any]


def source(name: str) -> Dict[str, Any]:
    """Return a template as it is written, intrinsic functions in their long form."""
    return yaml_parse((FOLDER / f"{name}.yaml").read_text("utf-8"))


def expanded(inline: bool = True) -> Dict[str, Any]:
    """Return ``template.yaml`` after the SAM transform, code and definition in a bucket as ``sam package`` does."""
    template = source("template")
    template["Globals"]["Function"]["CodeUri"] = f"s3://{CODE}/response.zip"
    workflow = template["Resources"]["Workflow"]["Properties"]
    workflow["DefinitionUri"] = f"s3://{CODE}/respond.asl.json"
    if inline:  # the stand-in reads no definition from a bucket
        del workflow["DefinitionUri"]
        workflow["Definition"] = json.loads(DEFINITION.read_text("utf-8"))
    return Translator({}, Parser(), boto_session=boto3.session.Session(region_name=REGION)).translate(template, {})


@dataclass(frozen=True)
class Deployed:
    """Both stacks, of one account here, and what their functions called."""

    account: AwsAccount
    home: Stack
    member: Stack
    #: ARN of the key for copies of snapshots.
    copies: str
    calls: List[Called] = field(default_factory=list)

    def call(self, function: str, event: Mapping[str, Any], **changed: str) -> Dict[str, Any]:
        """Run a function as Lambda would, with the stack's settings, and note what it calls."""
        found = self.home.client("lambda").get_function_configuration(FunctionName=f"{STACK}-{function}")
        variables = {**self.account.environment(REGION), **found["Environment"]["Variables"], "AWS_REGION": REGION}
        variables.update({f"AWS_SIEM_BRIDGE_{key}": value for key, value in changed.items()})
        module_name, _, name = found["Handler"].rpartition(".")
        module = import_module(module_name)
        session_client = AwsSession.client

        def client(session: AwsSession, service: str, region: str) -> Any:
            roles = session.account.roles
            role = roles[-1].arn.rpartition("/")[2] if roles else ""

            def noted(operation: str, method: Any, given: Dict[str, Any]) -> Any:
                self.calls.append(Called(function, role, service, operation, given))
                return method(**given)

            return WatchedClient(session_client(session, service, region), noted)

        with pytest.MonkeyPatch.context() as patch:
            for variable, value in variables.items():
                patch.setenv(variable, str(value))
            patch.setattr(AwsSession, "client", client)
            answer: Dict[str, Any] = getattr(module, name)(dict(event), None)
        return answer


@pytest.fixture(scope="package")
def deployed(aws: Any) -> Iterator[Deployed]:
    account = aws.account()
    yield deploy(account)


def deploy(
    account: AwsAccount, home: Optional[Mapping[str, str]] = None, member: Optional[AwsAccount] = None
) -> Deployed:
    """Create both stacks, as ``sam deploy`` does; ``member`` in an account of its own, if one is given."""
    member = member or account
    s3 = account.client("s3", REGION)
    s3.create_bucket(Bucket=CODE, CreateBucketConfiguration={"LocationConstraint": REGION})
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("nothing.py", "")
    s3.put_object(Bucket=CODE, Key="response.zip", Body=packed.getvalue())
    key, forensics = account.access_key, account.another()
    copies = member.client("kms", REGION).create_key()["KeyMetadata"]["Arn"]
    parameters = {**HOME, "SnapshotKeyArn": copies, "ForensicsAccount": forensics.id, **(home or {})}
    central = create_stack(account.aws, expanded(), parameters, STACK, REGION, key)
    given = {
        "HomeAccount": account.id, "HomeStack": STACK, "ExternalId": MEMBER_ID, "RolePrefix": PREFIX,
        "SnapshotKeyArn": copies,
    }  # fmt: skip
    there = create_stack(account.aws, source("member"), given, "member", REGION, member.access_key)
    return Deployed(account, central, there, copies)
