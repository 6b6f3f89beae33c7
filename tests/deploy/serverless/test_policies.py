"""The functions' policies: nothing for a linter of policies, nothing wide without a reason."""

from __future__ import annotations

import json

import pytest

from tests.deploy.serverless.conftest import SIGNED, source
from tests.deploy.stacks import Stack

ROLES = ("LoaderRole", "ResumeRole", "WatcherRole")
#: Actions that AWS offers for all resources only: https://docs.aws.amazon.com/service-authorization/latest/reference/
ONLY_FOR_ALL = {"lambda:ListEventSourceMappings", "cloudwatch:ListMetrics", "cloudwatch:GetMetricData"}


def actions(statement) -> set:
    found = statement["Action"]
    return {found} if isinstance(found, str) else set(found)


@pytest.mark.parametrize("role", ROLES)
def test_the_linter_of_policies_finds_nothing(stack: Stack, role):
    from parliament import analyze_policy_string

    document = json.dumps({"Version": "2012-10-17", "Statement": stack.statements(role)})
    assert [str(finding) for finding in analyze_policy_string(document).findings] == []


@pytest.mark.slow("the linter of templates")
def test_the_linter_of_policies_would_find_something():
    from parliament import analyze_policy_string

    wrong = {"Sid": "A", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket"}
    assert analyze_policy_string(json.dumps({"Version": "2012-10-17", "Statement": [wrong]})).findings


@pytest.mark.parametrize("role", ROLES)
def test_only_what_has_no_narrower_form_is_for_all_resources(stack: Stack, role):
    for statement in stack.statements(role):
        assert not any("*" in action for action in actions(statement))
        if statement["Resource"] == "*":
            assert actions(statement) <= ONLY_FOR_ALL


def test_the_loader_changes_nothing_but_its_queue_its_mapping_and_its_dead_letters(stack: Stack):
    writing = {}
    for statement in stack.statements("LoaderRole"):
        for action in actions(statement):
            if action.partition(":")[2].startswith(
                ("Put", "Delete", "Send", "Change", "Update", "Tag", "ESHttp", "API")
            ):
                writing[action] = statement["Resource"]
    bucket = stack.outputs["DeadLetters"].replace("s3://", "arn:aws:s3:::")
    assert writing.pop("s3:PutObject") == f"{bucket}/*"
    for action in ("sqs:DeleteMessage", "sqs:SendMessage", "sqs:ChangeMessageVisibility"):
        assert writing.pop(action) == stack.outputs["QueueArn"]
    for action in ("lambda:UpdateEventSourceMapping", "lambda:TagResource"):
        assert writing.pop(action).endswith(f":event-source-mapping:{stack.ids['LoaderMessages']}")
    writing.pop("logs:PutLogEvents")
    if writing:  # a cluster that is signed to: one path of it
        assert writing == {"es:ESHttpPost": f"{SIGNED['StoreDomainArn']}/_bulk"}


def test_interfaces_are_lambdas_business_and_nothing_else_comes_with_them():
    from parliament import analyze_policy_string

    for role in ROLES:  # moto attaches no policy of the same stack: read from the template
        managed = source()["Resources"][role]["Properties"]["ManagedPolicyArns"]["Fn::If"]
        assert managed == ["InVpc", [{"Ref": "InterfacesPolicy"}], {"Ref": "AWS::NoValue"}]
    document = source()["Resources"]["InterfacesPolicy"]["Properties"]["PolicyDocument"]
    *allowed, deny = document["Statement"]
    assert {action.partition(":")[0] for statement in allowed for action in actions(statement)} == {"ec2"}
    assert [each["Effect"] for each in document["Statement"]] == ["Allow", "Allow", "Deny"]
    assert actions(deny) == set().union(*map(actions, allowed))
    names = [text["Fn::Sub"].rpartition("-")[2] for text in deny["Condition"]["ArnEquals"]["lambda:SourceFunctionArn"]]
    assert names == ["loader", "resume", "watcher"]
    kinds = [text["Fn::Sub"].rpartition(":")[2] for text in allowed[0]["Resource"]]
    allowed[0]["Resource"] = [f"arn:aws:ec2:us-east-1:*:{kind}" for kind in kinds]
    alone = json.dumps({"Version": "2012-10-17", "Statement": allowed})
    assert [str(finding) for finding in analyze_policy_string(alone).findings] == []


def test_the_role_is_assumed_by_lambda_only(stack: Stack):
    iam = stack.client("iam")
    for role in ROLES:
        trust = iam.get_role(RoleName=stack.ids[role])["Role"]["AssumeRolePolicyDocument"]
        assert [s["Principal"] for s in trust["Statement"]] == [{"Service": "lambda.amazonaws.com"}]
