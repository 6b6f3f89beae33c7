"""The templates of deploy/findings, created in the stand-in for AWS: central account, a member, a region of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Mapping

import pytest

pytest.importorskip("moto", reason="the stand-in for AWS needs Python 3.11")

from samtranslator.yaml_helper import yaml_parse

from lab.aws.stand_in import ACCESS_KEY, ACCOUNT, REGION, AwsStandIn
from tests.deploy.stacks import Stack, create_stack, resolved

FOLDER = Path(__file__).resolve().parents[3] / "deploy" / "findings"
TEMPLATES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
#: A region that is not the central one.
ELSEWHERE = "eu-west-1"
EXTERNAL_ID = "8f1c2e9a7b6d4c3f0a1b2c3d4e5f6071"
ORGANIZATION = "o-a1b2c3d4e5"
ARCHIVE = "777788889999"
PRODUCTS = ("GuardDuty", "SecurityHub", "Inspector", "Macie", "AccessAnalyzer")
INPUTS = (*PRODUCTS, "Shield", "Assets", "Organization")
CENTRAL = {
    "OrganizationId": ORGANIZATION,
    "AccountIds": "222233334444",
    "ExternalId": EXTERNAL_ID,
    "WafTopicArn": f"arn:aws:sns:{REGION}:{ARCHIVE}:waf",
    "WafBucketArns": "arn:aws:s3:::aws-waf-logs-shop,arn:aws:s3:::aws-waf-logs-blog",
    "ProwlerBucketArn": "arn:aws:s3:::acme-prowler",
    "ProwlerKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/5b6d4c7e-0a1b-4c6d-8e9f-0a1b2c3d4e5f",
    "WafKeyArns": f"arn:aws:kms:{REGION}:{ARCHIVE}:key/3f2c9a10-5b6d-4c7e-8f90-a1b2c3d4e5f6",
}
EXPORT = {
    "ExportBucketName": "acme-findings-export",
    "ExportKeyArns": f"arn:aws:kms:{ELSEWHERE}:{ACCOUNT}:key/3c1d5f0e-2a4b-4c6d-8e9f-0a1b2c3d4e5f",
}


def source(name: str) -> Dict[str, Any]:
    """Return a template as it is written, intrinsic functions in their long form."""
    return yaml_parse((FOLDER / f"{name}.yaml").read_text("utf-8"))


@dataclass(frozen=True)
class Deployed:
    """The three stacks. In the stand-in all are of one account, so names and not accounts tell them apart."""

    central: Stack
    account: Stack
    region: Stack
    _cache: Dict[int, Dict[str, Any]] = field(default_factory=dict)

    def policy(self, stack: Stack, name: str, key: str = "PolicyDocument") -> Dict[str, Any]:
        """Return the policy in a resource that the stand-in does not create."""
        value = stack.template["Resources"][name]["Properties"][key]
        return resolved(value, self._known(stack), dict.fromkeys(stack.template.get("Conditions", {}), True))

    def _known(self, stack: Stack) -> Dict[str, Any]:
        if id(stack) not in self._cache:
            self._cache[id(stack)] = _known(stack, {**CENTRAL, **EXPORT})
        return self._cache[id(stack)]


def deploy(aws: AwsStandIn, central: Mapping[str, str], choice: str, access_key: str = ACCESS_KEY) -> Deployed:
    """Create the stacks; ``choice``: ``yes`` or ``no`` for every input."""
    hub = create_stack(aws, source("central"), central, f"hub-{choice}", access_key=access_key)
    read = {
        "CollectorArn": hub.outputs["CollectorRoleArn"],
        "ExternalId": EXTERNAL_ID,
        "ReadRoleName": f"read-{choice}",
        "ForwardRoleName": f"forward-{choice}",
        "CentralBusArn": hub.outputs["BusArn"] if choice == "yes" else "",
        **dict.fromkeys(INPUTS, choice),
        **(EXPORT if choice == "yes" else {}),
    }
    forward = {
        "CentralBusArn": hub.outputs["BusArn"],
        "ForwardRoleName": f"forward-{choice}",
        **dict.fromkeys((*PRODUCTS, "SignIn"), choice),
        "GuardDuty": "yes",
    }
    return Deployed(
        hub,
        create_stack(aws, source("account"), read, f"account-{choice}", access_key=access_key),
        create_stack(aws, source("region"), forward, f"region-{choice}", ELSEWHERE, access_key),
    )


@pytest.fixture(scope="session")
def deployed(aws: AwsStandIn) -> Deployed:
    """Everything that can be chosen is chosen."""
    return deploy(aws, CENTRAL, "yes")


@pytest.fixture(scope="session")
def least(aws: AwsStandIn) -> Deployed:
    """Nothing that need not be is chosen."""
    return deploy(aws, {"ExternalId": EXTERNAL_ID}, "no")


def _known(stack: Stack, parameters: Mapping[str, str]) -> Dict[str, Any]:
    known: Dict[str, Any] = {**parameters, "AWS::AccountId": ACCOUNT, "AWS::Region": stack.region}
    known["AWS::Partition"] = "aws"
    known["Bus.Arn"] = stack.outputs.get("BusArn")
    for name, resource in stack.template["Resources"].items():
        kind, found = resource["Type"], stack.ids.get(name)
        if not found:
            continue
        known[name] = found
        if kind == "AWS::SQS::Queue":
            attributes = stack.client("sqs").get_queue_attributes(QueueUrl=found, AttributeNames=["QueueArn"])
            known[f"{name}.Arn"] = attributes["Attributes"]["QueueArn"]
        elif kind == "AWS::Events::Rule":
            known[f"{name}.Arn"] = rule(stack, name)["Arn"]
    return known


def rule(stack: Stack, name: str) -> Dict[str, Any]:
    """Return a rule of the stack as EventBridge describes it, its targets beside it."""
    events = stack.client("events")
    # moto's id of a rule is its ARN, AWS's is its name, with the bus before it.
    on_own_bus = "EventBusName" in stack.template["Resources"][name]["Properties"]
    bus = stack.outputs["BusArn"].rpartition("/")[2] if on_own_bus else "default"
    plain = stack.ids[name].rpartition("/")[2]
    found = events.describe_rule(Name=plain, EventBusName=bus)
    targets: List[Dict[str, Any]] = events.list_targets_by_rule(Rule=plain, EventBusName=bus)["Targets"]
    return {**found, "Targets": targets}
