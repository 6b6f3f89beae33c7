"""Every call of every function is allowed by its roles, every statement is needed, and nobody else gets in.

The functions run with the settings of the created stacks; each call they make is asked of a simulator of AWS's
policies, with the statements of the role that made it, and with each statement left out.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any, Dict, List, Mapping, Sequence, Set

import pytest

from lab.policies import Decision, PolicySimulator, Question
from tests.deploy.response.conftest import MEMBER_ID, PREFIX, REGION, SPLUNK_ID, STACK, Called, Deployed
from tests.deploy.response.questions import Keys, questions
from tests.deploy.response.scenes import SCENES, play

#: Findings about its own list of AWS's actions, which is older than the simulator's, and about AWS's own policies.
NOT_THE_LINTERS = ("UNKNOWN_ACTION", "UNKNOWN_PREFIX", "RESOURCE_STAR", "INVALID_ARN")
#: The instance that a volume is attached to, and the volume, which has to have our tag: one statement each.
HALVES_OF_AN_ACTION = ("AttachTo", "OwnVolume")
UPLOAD = f"{STACK}-upload"
#: Needed and not called by name: what lets a function into another account (asked below); what S3 tells "gone" from
#: "denied" by; an address of the capture tool, which is signed and not asked for; the rest is Lambda's own.
BY_AWS = {"Log", "Member", "Upload", "Missing", "Tools", "NotStarted"}
#: Actions that the scenes do not lead to: rules that let somebody in, which somebody else made; a run past its end;
#: CloudFront; copies in the forensics account; an instance that had no profile; Identity Center, whose calls
#: tests/response/test_contain.py makes.
NOT_SEEN = {
    "ec2:RevokeSecurityGroupIngress", "ssm:CancelCommand", "cloudfront:ListDistributions", "ec2:DeleteSnapshot",
    "securityhub:BatchUpdateFindingsV2",  # newer than the simulator
    # A bucket of jobs with versions; an address that was blocked before.
    "s3:DeleteObjectVersion", "block-ip dynamodb:GetItem",
    "ec2:AssociateIamInstanceProfile", "ec2:DisassociateIamInstanceProfile", "kms:ReEncrypt*",
    "sso:ListInstances", "sso:ListAccountAssignmentsForPrincipal", "sso:ListAccountAssignments",
    "sso:DeleteAccountAssignment", "sso:CreateAccountAssignment", "identitystore:GetUserId",
    "identitystore:DescribeUser", "identitystore:ListGroupMembershipsForMember", "identitystore:GetGroupMembershipId",
    "identitystore:DeleteGroupMembership", "identitystore:CreateGroupMembership",
}  # fmt: skip


@pytest.fixture(scope="module")
def played(deployed: Deployed) -> Deployed:
    """Both stacks, after their functions have done all they do."""
    problems = play(deployed)
    assert not problems
    return deployed


def role_of(function: str) -> str:
    """Return the logical name of a function's role, the same in both templates."""
    return "".join(part.capitalize() for part in function.split("-")) + "Role"


def statements(deployed: Deployed, called: Called) -> List[Dict[str, Any]]:
    """Return the statements of the role a call was made with."""
    if called.role == UPLOAD:
        return deployed.home.statements("UploadRole")
    logical = role_of(called.function)
    return (deployed.member if called.role else deployed.home).statements(logical)


def decide(simulator: PolicySimulator, question: Question, found: Sequence[Mapping[str, Any]]) -> Decision:
    policy = {"Version": "2012-10-17", "Statement": list(found)}
    asked = Question(**{**question.__dict__, "identity": [policy]})
    return simulator.decide(asked)


@pytest.mark.parametrize("function", SCENES)
def test_every_call_is_allowed_and_every_statement_is_needed(
    played: Deployed, simulator: PolicySimulator, function: str
) -> None:
    calls = {str(each): each for each in played.calls if each.function == function}.values()
    assert calls, f"{function} called nothing"
    needed: Dict[str, Set[str]] = defaultdict(set)
    known: Dict[str, List[Dict[str, Any]]] = {}
    actions: Set[str] = set()
    keys = Keys(_arn(played, "EvidenceKey"), _arn(played, "SigningKey"), played.copies)
    for called in calls:
        assert called.role in ("", f"{PREFIX}-{function}", UPLOAD)
        known[called.role] = found = statements(played, called)
        for question in questions(called, played.account.id, keys):
            actions.add(question.action)
            assert decide(simulator, question, found) is Decision.ALLOWED, (called, question)
            for statement in found:
                if statement["Sid"] not in needed[called.role]:
                    rest = [each for each in found if each is not statement]
                    if decide(simulator, question, rest) is not Decision.ALLOWED:
                        needed[called.role].add(statement["Sid"])
    for role, found in known.items():
        surplus = {
            each["Sid"]
            for each in found
            if each["Sid"] not in BY_AWS | needed[role] and not {*_actions(each)} <= NOT_SEEN
        }
        assert not surplus, f"nothing of {function} needs {surplus}"
        for statement in found:
            if statement["Sid"] not in BY_AWS:
                never = {
                    each for each in {*_actions(statement)} - actions - NOT_SEEN if f"{function} {each}" not in NOT_SEEN
                }
                assert not never, f"{function} never does {never}"


def _actions(statement: Mapping[str, Any]) -> List[str]:
    found = statement["Action"]
    return [found] if isinstance(found, str) else list(found)


def _arn(deployed: Deployed, key: str) -> str:
    return f"arn:aws:kms:{REGION}:{deployed.account.id}:key/{deployed.home.ids[key]}"


@pytest.mark.parametrize("function", SCENES)
def test_a_function_enters_an_account_by_its_own_role_only(
    played: Deployed, simulator: PolicySimulator, function: str
) -> None:
    logical = role_of(function)
    if logical not in played.member.ids:
        assert not [each for each in played.calls if each.function == function and each.role]
        return
    trust = played.member.trust(logical)
    for own in (function, "start", "status", "isolate"):
        for external_id in (MEMBER_ID, SPLUNK_ID):
            role = f"arn:aws:iam::{played.account.id}:role/{PREFIX}-{function}"
            question = Question(
                principal=f"arn:aws:sts::{played.account.id}:assumed-role/{STACK}-{own}/{STACK}-{own}",
                action="sts:AssumeRole", resource=role, account=played.account.id,
                identity=[{"Version": "2012-10-17", "Statement": played.home.statements(
                    role_of(own))}],
                resource_policy=trust, context={"sts:ExternalId": external_id},
            )  # fmt: skip
            entered = simulator.decide(question) is Decision.ALLOWED
            assert entered is (own == function and external_id == MEMBER_ID), (own, external_id)


def test_splunk_may_ask_three_functions_and_nothing_else(played: Deployed, simulator: PolicySimulator) -> None:
    found = played.home.statements("SplunkRole")
    client = played.home.client("lambda")
    arns = {each["FunctionName"]: each["FunctionArn"] for each in client.list_functions()["Functions"]}
    own = {name: arn for name, arn in arns.items() if name.startswith(f"{STACK}-")}
    assert len(own) > 3
    principal = f"arn:aws:sts::{played.account.id}:assumed-role/{STACK}-splunk/search-heads"
    may = {
        name.removeprefix(f"{STACK}-")
        for name, arn in own.items()
        if decide(simulator, Question(principal, "lambda:InvokeFunction", arn, played.account.id), found)
        is Decision.ALLOWED
    }
    assert may == {"start", "release", "status"}
    machine = f"arn:aws:states:{REGION}:{played.account.id}:stateMachine:{STACK}-respond"
    question = Question(principal, "states:StartExecution", machine, played.account.id)
    assert decide(simulator, question, found) is not Decision.ALLOWED


@pytest.mark.parametrize(("external_id", "enters"), [(SPLUNK_ID, True), (MEMBER_ID, False)])
def test_splunk_enters_with_its_external_id(
    deployed: Deployed, simulator: PolicySimulator, external_id: str, enters: bool
) -> None:
    role = f"arn:aws:iam::{deployed.account.id}:role/{STACK}-splunk"
    assume = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role}]}
    question = Question(
        "arn:aws:sts::222233334444:assumed-role/search-heads/i-0", "sts:AssumeRole", role, deployed.account.id,
        identity=[assume], resource_policy=deployed.home.trust("SplunkRole"), context={"sts:ExternalId": external_id},
    )  # fmt: skip
    assert (simulator.decide(question) is Decision.ALLOWED) is enters


@pytest.mark.parametrize("name", ["template", "member"])
def test_the_linter_of_policies_finds_nothing(deployed: Deployed, name: str) -> None:
    from parliament import analyze_policy_string

    stack, found = deployed.home if name == "template" else deployed.member, []
    for logical, resource in stack.template["Resources"].items():
        for statement in stack.statements(logical) if resource["Type"] == "AWS::IAM::Role" else ():
            document = {"Version": "2012-10-17", "Statement": [statement]}
            for each in analyze_policy_string(json.dumps(document)).findings:
                half = statement["Sid"] in HALVES_OF_AN_ACTION and each.issue == "RESOURCE_MISMATCH"
                if not half and each.issue not in NOT_THE_LINTERS and "express" not in str(each.detail):
                    found.append(f"{logical} {statement['Sid']}: {each}")
    assert found == []
