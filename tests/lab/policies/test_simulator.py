"""The simulator answers as AWS documents it: AWS's own rules, not those of a policy of ours.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from typing import Any, Dict

import pytest

from lab.policies import Decision, PolicyError, PolicySimulator, Question

ACCOUNT, OTHER = "111122223333", "444455556666"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/session"
BUCKET = {"principal": SESSION, "account": ACCOUNT, "action": "s3:GetObject", "resource": "arn:aws:s3:::logs/a"}
OLD = {"aws:TokenIssueTime": "2026-11-29T09:00:00Z"}
NEW = {"aws:TokenIssueTime": "2026-11-29T11:00:00Z"}


def policy(effect: str, action: str, resource: str = "*", **more: Any) -> Dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": action, "Resource": resource, **more}]}


EVERYTHING = policy("Allow", "s3:*")
NO_OLD_SESSIONS = policy("Deny", "*", Condition={"DateLessThan": {"aws:TokenIssueTime": "2026-11-29T10:00:00Z"}})


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        pytest.param(Question(**BUCKET), Decision.IMPLICITLY_DENIED, id="nothing allows it"),
        pytest.param(Question(**BUCKET, identity=[EVERYTHING]), Decision.ALLOWED, id="allowed"),
        pytest.param(
            Question(**BUCKET, identity=[policy("Allow", "s3:GetObject", "arn:aws:s3:::logs/b")]),
            Decision.IMPLICITLY_DENIED,
            id="another object",
        ),
        pytest.param(
            Question(**BUCKET, identity=[EVERYTHING, NO_OLD_SESSIONS], context=OLD),
            Decision.EXPLICITLY_DENIED,
            id="a session of before the revocation",
        ),
        pytest.param(
            Question(**BUCKET, identity=[EVERYTHING, NO_OLD_SESSIONS], context=NEW), Decision.ALLOWED, id="one after it"
        ),
        pytest.param(
            Question(**BUCKET, identity=[EVERYTHING], session=policy("Allow", "s3:GetObject", "arn:aws:s3:::logs/b")),
            Decision.IMPLICITLY_DENIED,
            id="outside the session policy",
        ),
        pytest.param(
            Question(**BUCKET, identity=[EVERYTHING], boundaries=[policy("Allow", "sqs:*")]),
            Decision.IMPLICITLY_DENIED,
            id="outside the permissions boundary",
        ),
        pytest.param(
            Question(
                SESSION,
                "s3:GetObject",
                "arn:aws:s3:::theirs/a",
                OTHER,
                identity=[EVERYTHING],
            ),
            Decision.IMPLICITLY_DENIED,
            id="another account's bucket needs both sides",
        ),
    ],
)
def test_the_decision(simulator: PolicySimulator, question: Question, expected: Decision) -> None:
    assert simulator.decide(question) is expected


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"action": "s3:ReadObject"}, "s3:ReadObject"),
        ({"resource": "arn:aws:sqs:us-east-1:111122223333:queue"}, "no.resource.types"),
        ({"context": {"sts:ExternalId": "x"}}, "has no condition key sts:ExternalId"),
        ({"identity": [{"Statement": [{"Effect": "Maybe"}]}]}, "errors|identityPolicyErrors"),
    ],
)
def test_what_cannot_be_answered_is_no_denial(simulator: PolicySimulator, changes: Dict[str, Any], says: str) -> None:
    given = {**BUCKET, "identity": [EVERYTHING], **changes}
    with pytest.raises(PolicyError, match=says):
        simulator.decide(Question(**given))
    assert simulator.decide(Question(**BUCKET, identity=[EVERYTHING])) is Decision.ALLOWED  # it goes on
