"""What the policies of the response deny and leave, by the offline simulator: the very documents that are written."""

from __future__ import annotations

import json
from typing import Any, Dict

import pytest

from lab.policies import Decision, Question
from response.aws import empty_profile
from response.core.denials import BUCKET_SID, deny_all, deny_bucket, deny_issued_before, trusted_by

ACCOUNT = "111122223333"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/web/i-0123456789abcdef0"
RESPONDER = f"arn:aws:iam::{ACCOUNT}:role/responder"
#: 2026-11-30 10:00 UTC.
NOW_S = 1_796_032_800.0
OLD, NEW = {"aws:TokenIssueTime": "2026-11-30T09:59:59Z"}, {"aws:TokenIssueTime": "2026-11-30T10:00:01Z"}
RIGHTS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
TRUST: Dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": RESPONDER},
            "Condition": {"StringEquals": {"sts:ExternalId": "8f1c2e9a"}},
        }
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("document", "context", "expected"),
    [
        (deny_issued_before(NOW_S), OLD, Decision.EXPLICITLY_DENIED),
        (deny_issued_before(NOW_S), NEW, Decision.ALLOWED),
        # A long-term key has no time of issue: the key itself has to be inactive.
        (deny_issued_before(NOW_S), {}, Decision.ALLOWED),
        (deny_all(), OLD, Decision.EXPLICITLY_DENIED),
        (deny_all(), NEW, Decision.EXPLICITLY_DENIED),
        (deny_all(), {}, Decision.EXPLICITLY_DENIED),
    ],
)
@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:GetObject", "arn:aws:s3:::shop/a"),
        ("ec2:TerminateInstances", f"arn:aws:ec2:eu-west-1:{ACCOUNT}:instance/i-0123456789abcdef0"),
        ("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/admin"),
    ],
)
def test_what_was_issued_before_is_void_and_what_comes_after_is_not(
    simulator, document, context, expected, action, resource
):
    trust = {**TRUST, "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": ACCOUNT}}]}
    question = Question(
        SESSION, action, resource, ACCOUNT, identity=[RIGHTS, json.loads(document)], context=context,
        resource_policy=trust if action == "sts:AssumeRole" else None,
    )  # fmt: skip
    assert simulator.decide(question) is expected


@pytest.mark.parametrize(
    ("external_id", "expected"),
    [("8f1c2e9a", Decision.ALLOWED), ("another", Decision.IMPLICITLY_DENIED), ("", Decision.IMPLICITLY_DENIED)],
)
def test_the_role_of_another_account_is_entered_with_its_external_id_only(simulator, external_id, expected):
    question = Question(
        f"arn:aws:sts::{ACCOUNT}:assumed-role/responder/session", "sts:AssumeRole",
        "arn:aws:iam::444455556666:role/aws-siem-bridge-response", "444455556666", identity=[RIGHTS],
        resource_policy=TRUST, context={"sts:ExternalId": external_id} if external_id else {},
    )  # fmt: skip
    assert simulator.decide(question) is expected


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/responder/session", Decision.ALLOWED),
        (SESSION, Decision.EXPLICITLY_DENIED),
        ("arn:aws:sts::444455556666:assumed-role/x/y", Decision.EXPLICITLY_DENIED),
    ],
)
@pytest.mark.parametrize("action", ["s3:GetObject", "s3:PutObject"])
def test_a_closed_bucket_is_open_to_the_responder_alone(simulator, principal, expected, action):
    web = {
        "Sid": "Web",
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::shop/*",
    }
    before = json.dumps({"Version": "2012-10-17", "Statement": web})
    policy = json.loads(deny_bucket(before, "shop", "aws", [RESPONDER]))
    assert [each["Sid"] for each in policy["Statement"]] == ["Web", BUCKET_SID]
    assert json.loads(deny_bucket(json.dumps(policy), "shop", "aws", [RESPONDER])) == policy
    role = f"arn:aws:iam::{principal.split(':')[4]}:role/{principal.split('/')[1]}"
    question = Question(
        principal, action, "arn:aws:s3:::shop/a", ACCOUNT, identity=[RIGHTS], resource_policy=policy,
        context={"aws:PrincipalArn": role},
    )  # fmt: skip
    assert simulator.decide(question) is expected


def test_the_empty_roles_trust_lets_ec2_in_and_nobody_else():
    assert trusted_by(empty_profile._TRUST) == ["ec2.amazonaws.com"]
    assert trusted_by({"Statement": {"Effect": "Allow", "Principal": "*"}}) == ["anybody"]
    assert trusted_by({"Statement": [{"Effect": "Deny", "Principal": {"AWS": "x"}}]}) == []
