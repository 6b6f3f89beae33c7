"""What the sessions may that write volatile evidence, asked of the simulator of policies."""

from __future__ import annotations

import json

import pytest

from lab.policies import Decision, PolicySimulator, Question
from response.core.volatile import upload_policy

ACCOUNT, BUCKET = "111122223333", "evidence"
FOLDER = f"incidents/{ACCOUNT}/eu-west-1/i-0123456789abcdef0/i-0123456789abcdef0-1/collect_volatile/"
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
PRINCIPAL = f"arn:aws:sts::{ACCOUNT}:assumed-role/uploads/aws-siem-bridge"
#: The role itself may all of S3: the session is what limits it.
ROLE = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:*", "kms:*"], "Resource": "*"}]}


def decide(simulator: PolicySimulator, action: str, resource: str, key: str = KEY) -> Decision:
    session = json.loads(upload_policy(BUCKET, FOLDER, key_arn=key))
    # A key asks its own policy, too: this one leaves it to IAM.
    root = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}
    key_policy = {"Version": "2012-10-17", "Statement": [root]} if action.startswith("kms:") else None
    return simulator.decide(
        Question(PRINCIPAL, action, resource, ACCOUNT, identity=[ROLE], session=session, resource_policy=key_policy)
    )


@pytest.mark.parametrize(
    ("action", "name", "allowed"),
    [
        ("s3:PutObject", FOLDER + "memory.lime", True),
        ("s3:ListMultipartUploadParts", FOLDER + "memory.lime", True),
        ("s3:AbortMultipartUpload", FOLDER + "memory.lime", True),
        ("s3:GetObject", FOLDER + "memory.lime", False),
        ("s3:GetObjectVersion", FOLDER + "memory.lime", False),
        ("s3:DeleteObject", FOLDER + "memory.lime", False),
        ("s3:BypassGovernanceRetention", FOLDER + "memory.lime", False),
        ("s3:PutObject", FOLDER.replace("-1/collect", "-2/collect") + "memory.lime", False),
        ("s3:PutObject", FOLDER.replace("collect_volatile", "archive") + "manifest.json", False),
        ("s3:PutObject", "saved-state/x.json", False),
    ],
)
def test_a_session_writes_below_one_folder_and_reads_nothing(simulator, action, name, allowed):
    wanted = Decision.ALLOWED if allowed else Decision.IMPLICITLY_DENIED
    assert decide(simulator, action, f"arn:aws:s3:::{BUCKET}/{name}") == wanted


@pytest.mark.parametrize(
    ("action", "resource", "key", "allowed"),
    [
        ("s3:ListBucket", f"arn:aws:s3:::{BUCKET}", KEY, False),
        ("kms:GenerateDataKey", KEY, KEY, True),
        ("kms:GenerateDataKey", KEY, "", False),
        ("kms:Decrypt", KEY.replace("1234abcd", "ffffffff"), KEY, False),
        ("kms:ScheduleKeyDeletion", KEY, KEY, False),
    ],
)
def test_and_nothing_else(simulator, action, resource, key, allowed):
    wanted = Decision.ALLOWED if allowed else Decision.IMPLICITLY_DENIED
    assert decide(simulator, action, resource, key) == wanted


def test_the_policy_fits_a_session():
    assert len(upload_policy("b" * 63, "incidents/" + "x" * 400 + "/", "aws-us-gov", KEY)) < 2_048
