"""Whether what is in an IP set is blocked anywhere: the web ACLs that use it, and what they stand before.

Needs ``wafv2:ListWebACLs``, ``GetWebACL``, ``GetRuleGroup``, ``ListResourcesForWebACL``, and for CloudFront
``cloudfront:ListDistributions``.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, NamedTuple, Tuple

from aws_bridge.accounts.area import Area
from response.aws.ip_sets import CLOUDFRONT, IpSet
from response.core.web_acl import rule_groups, use_of

#: What a regional web ACL may stand before, asked one kind at a time: https://docs.aws.amazon.com/waf/latest/APIReference/API_ListResourcesForWebACL.html
KINDS = (
    "APPLICATION_LOAD_BALANCER", "API_GATEWAY", "APPSYNC", "COGNITO_USER_POOL", "APP_RUNNER_SERVICE",
    "VERIFIED_ACCESS_INSTANCE", "AMPLIFY",
)  # fmt: skip
_PAGES = {"NextMarker": "NextMarker"}


class Enforcement(NamedTuple):
    """Where a set is enforced."""

    #: Names of web ACLs that block by it and stand before something.
    acls: Tuple[str, ...]
    #: How many load balancers, APIs, distributions ... they stand before.
    resources: int
    #: What else a person has to know, in words.
    notes: Tuple[str, ...]


def enforcement(area: Area, ip_set: IpSet) -> Enforcement:
    """Return where a set is enforced. ``area``: where the set is. Raises `aws_bridge.errors.CallProblem`."""
    acls: List[str] = []
    notes: List[str] = []
    resources = 0
    for summary in area.each("wafv2", "ListWebACLs", "WebACLs", _PAGES, Scope=ip_set.scope):
        name = summary["Name"]
        given = {"Name": name, "Scope": ip_set.scope, "Id": summary["Id"]}
        acl = area.ask("wafv2", "GetWebACL", **given)["WebACL"]
        groups = {arn: area.ask("wafv2", "GetRuleGroup", ARN=arn)["RuleGroup"] for arn in rule_groups(acl)}
        use = use_of(acl, ip_set.arn, groups)
        notes += [f"web ACL {name}: {each}" for each in use.otherwise]
        if not use.blocking:
            continue
        count = sum(1 for _ in _resources(area, acl, ip_set.scope))
        if not count:
            notes.append(f"web ACL {name} blocks by the set and stands before nothing")
            continue
        acls.append(name)
        resources += count
        if use.allowed_before:
            notes.append(f"web ACL {name}: what {', '.join(use.allowed_before)} allows is let in before the block")
    return Enforcement(tuple(acls), resources, tuple(notes))


def _resources(area: Area, acl: Dict[str, Any], scope: str) -> Iterator[str]:
    if scope != CLOUDFRONT:
        for kind in KINDS:
            yield from (
                area.ask("wafv2", "ListResourcesForWebACL", WebACLArn=acl["ARN"], ResourceType=kind).get("ResourceArns")
                or ()
            )
        return
    marker: Dict[str, str] = {}
    while True:
        found = area.ask("cloudfront", "ListDistributions", **marker)["DistributionList"]
        yield from (each["ARN"] for each in found.get("Items") or () if each.get("WebACLId") == acl["ARN"])
        if not found.get("IsTruncated"):
            return
        marker = {"Marker": found["NextMarker"]}
