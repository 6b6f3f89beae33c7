"""Stacks of CloudFormation in the stand-in for AWS, and what it does not create of them."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Dict, List, Mapping

import boto3

from lab.aws.stand_in import ACCESS_KEY, REGION, AwsStandIn


@dataclass(frozen=True)
class Stack:
    """A created stack: its outputs, the physical ids of its resources, and what the stand-in did not create."""

    aws: AwsStandIn
    outputs: Dict[str, str]
    ids: Dict[str, str]
    template: Dict[str, Any]
    skipped: List[str]
    region: str = REGION
    access_key: str = ACCESS_KEY
    _statements: Dict[str, List[Dict[str, Any]]] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        return _client(self.aws, service, self.region, self.access_key)

    def statements(self, role: str) -> List[Dict[str, Any]]:
        """Return the statements of the role with this logical name, resolved."""
        if role not in self._statements:
            self._statements[role] = self._read_statements(role)
        return self._statements[role]

    def _read_statements(self, role: str) -> List[Dict[str, Any]]:
        iam, name = self.client("iam"), self.ids[role]
        found = []
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
            # Of a policy that is a resource of its own, moto keeps what Python prints of it.
            found += (ast.literal_eval(document) if isinstance(document, str) else document)["Statement"]
        # Where AWS::NoValue stands in a list, CloudFormation leaves the entry out and moto a null.
        return [statement for statement in found if statement]

    def trust(self, role: str) -> Dict[str, Any]:
        """Return the trust policy of the role with this logical name."""
        return self.client("iam").get_role(RoleName=self.ids[role])["Role"]["AssumeRolePolicyDocument"]


def create_stack(
    aws: AwsStandIn,
    template: Dict[str, Any],
    parameters: Mapping[str, str],
    name: str,
    region: str = REGION,
    access_key: str = ACCESS_KEY,
) -> Stack:
    """Create a stack of a template without transforms, in the account that the key belongs to."""
    cloudformation = _client(aws, "cloudformation", region, access_key)
    logged = len(aws.log())
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
    )
    skipped = sorted(set(re.findall(r"No Moto CloudFormation support for (\S+)", aws.log()[logged:])))
    (described,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    assert described["StackStatus"] == "CREATE_COMPLETE"
    resources = cloudformation.list_stack_resources(StackName=name)["StackResourceSummaries"]
    return Stack(
        aws=aws,
        outputs={output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]},
        ids={found["LogicalResourceId"]: found["PhysicalResourceId"] for found in resources if "ResourceType" in found},
        template=template,
        skipped=skipped,
        region=region,
        access_key=access_key,
    )


def _client(aws: AwsStandIn, service: str, region: str, access_key: str) -> Any:
    return _client_of(aws.url, service, region, access_key)


@cache
def _client_of(url: str, service: str, region: str, access_key: str) -> Any:
    session = boto3.session.Session(aws_access_key_id=access_key, aws_secret_access_key="lab", region_name=region)
    return session.client(service, endpoint_url=url)


def resolved(value: Any, known: Mapping[str, Any], conditions: Mapping[str, bool]) -> Any:
    """Return a part of a template as CloudFormation would see it, for what the stand-in does not create.

    ``known``: what ``Ref`` gives by name, what ``Fn::GetAtt`` gives by ``name.attribute``.
    """
    if isinstance(value, list):
        found = [resolved(each, known, conditions) for each in value]
        return [each for each in found if each is not NO_VALUE]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((function, given),) = value.items()
        if function == "Ref":
            return NO_VALUE if given == "AWS::NoValue" else known[given]
        if function == "Fn::GetAtt":
            return known[".".join(given) if isinstance(given, list) else given]
        if function == "Fn::If":
            return resolved(given[1 if conditions[given[0]] else 2], known, conditions)
        if function == "Fn::Sub":
            return re.sub(r"\$\{([^}]+)\}", lambda name: known[name.group(1)], given)
    found = {key: resolved(each, known, conditions) for key, each in value.items()}
    return {key: each for key, each in found.items() if each is not NO_VALUE}


#: What stands where a template says AWS::NoValue.
NO_VALUE = object()
