"""What an instance leaves in AWS's logs: which records are its own, and in which folders AWS delivers them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, List, Tuple

from response.core.instance import Instance

#: The logs, and the indices that hold their records (docs/loading.md).
CLOUDTRAIL, FLOW, DNS, WAF = "cloudtrail", "vpc_flow", "route53_resolver", "waf"
INDICES = {CLOUDTRAIL: "aws-cloudtrail-*", FLOW: "aws-vpcflow-*", DNS: "aws-dns-*", WAF: "aws-waf-*"}
#: How much before the isolation an attack is looked for.
BEFORE_S = 24 * 3600
#: Accepted flows are looked for in so much time after the isolation, and AWS delivers their records so much later.
AFTER_S, DELIVERED_S = 15 * 60, 30 * 60

Clause = Dict[str, Any]


@dataclass(frozen=True)
class Who:
    """By what an instance is known in logs."""

    account: str
    region: str
    instance: str
    #: Of its interfaces, private and public, IPv4 and IPv6.
    addresses: Tuple[str, ...] = ()
    interfaces: Tuple[str, ...] = ()
    vpcs: Tuple[str, ...] = ()
    #: ARN of its role, or nothing.
    role: str = ""


def clause_of(log: str, who: Who) -> Clause:
    """Return the query clause for the records of an instance, its addresses and its role in one log."""
    addresses: List[Clause] = [{"terms": {"source.ip": list(who.addresses)}}] if who.addresses else []
    if log == WAF:
        return _any(addresses)
    if log == DNS:
        return _any([{"term": {"cloud.instance.id": who.instance}}, *addresses])
    if log == FLOW:
        found: List[Clause] = [{"term": {"cloud.instance.id": who.instance}}]
        found += [{"terms": {"destination.ip": list(who.addresses)}}] if who.addresses else []
        found += [{"terms": {"interface_id": list(who.interfaces)}}] if who.interfaces else []
        return _any([*found, *addresses])
    # A session of an instance's role is named after the instance.
    found = [
        {"wildcard": {"userIdentity.arn": {"value": f"*/{who.instance}"}}},
        {"term": {"aws.request.instanceId": who.instance}},
    ]
    found += [{"term": {"userIdentity.sessionContext.sessionIssuer.arn": who.role}}] if who.role else []
    return _any([*found, *addresses])


def accepted_after(who: Who, since_s: float) -> Clause:
    """Return the clause for flows of the instance that began after a moment and were let through."""
    flows = _any([each for each in ({"terms": {"interface_id": list(who.interfaces)}},) if who.interfaces])
    later = {"range": {"start": {"gte": int(since_s) + 1, "format": "epoch_second"}}}
    return {"bool": {"filter": [flows, {"term": {"action": "ACCEPT"}}, later]}}


def folders_of(
    log: str, who: Who, since_s: float, until_s: float, trails: Tuple[Tuple[str, str], ...] = ()
) -> List[str]:
    """Return the beginnings of the keys, below ``AWSLogs/``, under which AWS delivers a log in a time.

    ``*`` stands for a web ACL's name. ``trails``: account and region of CloudTrail's records, which may be of others
    than the instance's: whoever calls from another account is in the trail of that one.
    """
    days = _days(since_s, until_s)
    if log == CLOUDTRAIL:
        places = [f"{account}/CloudTrail/{region}/" for account, region in sorted({*trails, (who.account, who.region)})]
    elif log == FLOW:
        places = [f"{who.account}/vpcflowlogs/{who.region}/"]
    elif log == DNS:
        places = [f"{who.account}/vpcdnsquerylogs/{vpc}/" for vpc in who.vpcs]
    else:
        places = [f"{who.account}/WAFLogs/{region}/*/" for region in (who.region, "cloudfront")]
    return [place + day for place in places for day in days]


def _days(since_s: float, until_s: float) -> List[str]:
    first, last = (datetime.fromtimestamp(each, timezone.utc).date() for each in (since_s, until_s))
    return [f"{first + timedelta(days=n):%Y/%m/%d/}" for n in range((last - first).days + 1)]


def _any(clauses: List[Clause]) -> Clause:
    """Return the clause that any of these fulfils; without one, nothing does."""
    return {"bool": {"should": clauses, "minimum_should_match": 1}} if clauses else {"match_none": {}}


def who_of(instance: Instance, role: str) -> Who:
    """Return by what an instance is known. ``role``: ARN of the role in its profile, or nothing."""
    target, interfaces = instance.target, instance.interfaces
    addresses = {ip for each in interfaces for ip in (*each.ipv4, *each.ipv6, each.public_ip) if ip}
    ids, vpcs = tuple(sorted(each.id for each in interfaces)), instance.vpcs
    known = tuple(sorted({*addresses, *instance.elastic_ips}))
    return Who(target.account, target.region, target.instance, known, ids, vpcs, role)
