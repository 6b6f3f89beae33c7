"""The policies with which a responder takes rights away, and how policies are compared. Pure."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any, Dict, List, Mapping, Sequence

#: Names of our inline policies: one voids what was issued before a time, the other everything.
REVOKED_POLICY, CONTAINED_POLICY = "aws-siem-bridge-revoked", "aws-siem-bridge-contained"
_VERSION = "2012-10-17"
#: Sid of our statement in a bucket's policy.
BUCKET_SID = "AwsSiemBridgeContained"
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html
MOST_BUCKET_POLICY = 20 * 1024


def deny_issued_before(epoch_s: float) -> str:
    """Return the policy that denies all to credentials issued before a time; later ones are as before.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html
    """
    when = datetime.fromtimestamp(int(epoch_s), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    statement = {
        "Sid": "IssuedBefore",
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {"DateLessThan": {"aws:TokenIssueTime": when}},
    }
    return normal({"Version": _VERSION, "Statement": [statement]})


def deny_all() -> str:
    """Return the policy that denies all, also to sessions that are open."""
    statement = {"Sid": "Contained", "Effect": "Deny", "Action": "*", "Resource": "*"}
    return normal({"Version": _VERSION, "Statement": [statement]})


def deny_bucket(policy: str, bucket: str, partition: str, responders: Sequence[str]) -> str:
    """Return a bucket's policy with a denial of everything to everybody but the responders (ARNs, may have ``*``)."""
    known: Dict[str, Any] = json.loads(policy) if policy else {"Version": _VERSION, "Statement": []}
    statements: List[Any] = _statements(known)
    arn = f"arn:{partition}:s3:::{bucket}"
    ours = {
        "Sid": BUCKET_SID,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"ArnNotLike": {"aws:PrincipalArn": sorted(responders)}},
    }
    others = [each for each in statements if each.get("Sid") != BUCKET_SID]
    return normal({**known, "Statement": [*others, ours]})


def normal(policy: Mapping[str, Any]) -> str:
    """Return a policy as text that is the same for the same policy."""
    return json.dumps(policy, sort_keys=True, separators=(",", ":"))


def trusted_by(document: Mapping[str, Any]) -> List[str]:
    """Return who may assume a role, by its trust policy: services, accounts, providers."""
    found = set()
    for each in _statements(document):
        if each.get("Effect") != "Allow":
            continue
        principal = each.get("Principal") or {}
        if isinstance(principal, str):
            found.add("anybody" if principal == "*" else principal)
            continue
        for value in principal.values():
            found.update([value] if isinstance(value, str) else value)
    return sorted(found)


def _statements(document: Mapping[str, Any]) -> List[Any]:
    statements = document.get("Statement") or []
    return [statements] if isinstance(statements, dict) else list(statements)
