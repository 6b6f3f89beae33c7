"""Buckets and how they are exposed; never what is in them.

Needs ``s3:ListAllMyBuckets``, ``GetBucketLocation``, ``GetBucketPolicyStatus``, ``GetBucketAcl``,
``GetBucketPublicAccessBlock``, ``GetBucketTagging``, ``GetEncryptionConfiguration``. The account's own block of public
access is not asked for: a bucket may be shown as public that it closes, never the other way round.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, Mapping, Tuple

from aws_bridge.accounts.area import Area
from aws_bridge.errors import CallRejected
from collectors.assets.asset import Asset, Where, iso, tags_of

#: Everybody, and everybody with an AWS account.
_EVERYBODY = ("global/AllUsers", "global/AuthenticatedUsers")
_BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
#: What AWS answers where nothing was set: no failure.
_NOT_SET = (
    "NoSuchBucketPolicy",
    "NoSuchPublicAccessBlockConfiguration",
    "NoSuchTagSet",
    "ServerSideEncryptionConfigurationNotFoundError",
    "NoSuchBucket",
)


def buckets(area: Area) -> Iterator[Asset]:
    """Yield the account's buckets, of all regions."""
    for found in area.ask("s3", "ListBuckets").get("Buckets") or ():
        name = found["Name"]
        location = area.ask("s3", "GetBucketLocation", Bucket=name).get("LocationConstraint")
        region = {"": "us-east-1", "EU": "eu-west-1"}.get(location or "", str(location))
        there = area._replace(region=region)
        block = _settings(there, "GetPublicAccessBlock", "PublicAccessBlockConfiguration", name)
        is_public = bool(_settings(there, "GetBucketPolicyStatus", "PolicyStatus", name).get("IsPublic"))
        by_policy = is_public and not block.get("RestrictPublicBuckets")
        by_acl = _open_by_acl(there, name) and not block.get("IgnorePublicAcls")
        fields = {
            "name": name,
            "public": by_policy or by_acl,
            "public_by": [how for how, is_so in (("policy", by_policy), ("acl", by_acl)) if is_so],
            "public_access_block": all(block.get(each) for each in _BLOCKS),
            "encryption": _encryption(there, name),
            "created": iso(found.get("CreationDate")),
        }
        arn = f"arn:{area.caller.session.account.partition}:s3:::{name}"
        tags = tags_of(_settings(there, "GetBucketTagging", "TagSet", name))
        yield Asset("s3_bucket", name, Where(area.account, region), fields, arn, tags)


def _settings(area: Area, operation: str, member: str, bucket: str) -> Any:
    """Return what is set; an empty object where nothing is. Raises `aws_bridge.errors.CallProblem`
    for every other answer."""
    try:
        return area.ask("s3", operation, Bucket=bucket).get(member) or {}
    except CallRejected as exc:
        if any(code in str(exc) for code in _NOT_SET):
            return {}
        raise


def _open_by_acl(area: Area, bucket: str) -> bool:
    grants = area.ask("s3", "GetBucketAcl", Bucket=bucket).get("Grants") or ()
    return any(str((grant.get("Grantee") or {}).get("URI", "")).endswith(_EVERYBODY) for grant in grants)


def _encryption(area: Area, bucket: str) -> str:
    found: Mapping[str, Any] = _settings(area, "GetBucketEncryption", "ServerSideEncryptionConfiguration", bucket)
    rules: Tuple[Dict[str, Any], ...] = tuple(found.get("Rules") or ())
    defaults = [rule.get("ApplyServerSideEncryptionByDefault") or {} for rule in rules]
    return next((str(each.get("SSEAlgorithm")) for each in defaults if each.get("SSEAlgorithm")), "")
