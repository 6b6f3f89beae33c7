"""Records of the four logs as AWS writes them: small, and each told from every other by its number.

Whatever tests make up comes from here. A test that is about one member gives that by name.
"""

from __future__ import annotations

import gzip
import json
from datetime import date, datetime, timezone
from functools import lru_cache
from typing import Any, Dict, Iterable, List, Union

ACCOUNT, REGION = "111122223333", "eu-west-1"
FLOW_COLUMNS = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
)
#: A day, such as "2026-11-21".
Day = Union[str, date]


def cloudtrail(number: int, day: Day, **values: Any) -> Dict[str, Any]:
    """Return an event of a trail."""
    return {
        "eventVersion": "1.11",
        "eventTime": f"{day}T{_clock(number)}Z",
        "eventSource": "ec2.amazonaws.com",
        "eventName": "DescribeInstances",
        "awsRegion": REGION,
        "sourceIPAddress": "192.0.2.1",
        "eventID": event_id(number),
        "recipientAccountId": ACCOUNT,
        **values,
    }


def flow(number: int, day: Day) -> List[str]:
    """Return the values of `FLOW_COLUMNS`."""
    time, port = _epoch_s(number, day), number % 60_000
    return f"2 {ACCOUNT} eni-0a1b2c3d 10.0.0.1 198.51.100.7 {port} 443 6 10 {number} {time} {time} ACCEPT OK".split()


def resolver(number: int, day: Day, **values: Any) -> Dict[str, Any]:
    """Return a query of the Resolver's log."""
    return {
        "version": "1.100000",
        "account_id": ACCOUNT,
        "region": REGION,
        "vpc_id": "vpc-0a1b2c3d",
        "query_timestamp": f"{day}T{_clock(number)}Z",
        "query_name": f"host-{number}.example.",
        "query_type": "A",
        "query_class": "IN",
        "rcode": "NOERROR",
        "answers": [{"Rdata": "198.51.100.7", "Type": "A", "Class": "IN"}],
        "srcaddr": "10.0.0.1",
        "srcport": "53000",
        "transport": "UDP",
        "srcids": {"instance": "i-0a1b2c3d4e5f60718"},
        **values,
    }


def waf(number: int, day: Day, **values: Any) -> Dict[str, Any]:
    """Return a request of WAF's log."""
    return {
        "timestamp": _epoch_s(number, day) * 1000,
        "formatVersion": 1,
        "webaclId": f"arn:aws:wafv2:{REGION}:{ACCOUNT}:regional/webacl/shop/1",
        "terminatingRuleId": "Default_Action",
        "terminatingRuleType": "REGULAR",
        "action": "ALLOW",
        "httpSourceName": "ALB",
        "httpSourceId": "app/shop/1",
        "ruleGroupList": [],
        "rateBasedRuleList": [],
        "nonTerminatingMatchingRules": [],
        "httpRequest": {
            "clientIp": "198.51.100.7",
            "country": "KR",
            "headers": [{"name": "Host", "value": "shop.example"}],
            "uri": f"/{number}",
            "args": "",
            "httpVersion": "HTTP/1.1",
            "httpMethod": "GET",
            "requestId": f"1-{number}",
        },
        **values,
    }


def event_id(number: int) -> str:
    """Return the ``eventID`` of an event."""
    return f"00000000-0000-4000-a000-{number:012d}"


def trail_file(events: Iterable[Dict[str, Any]]) -> bytes:
    """Return a file of CloudTrail."""
    return gzip.compress(json.dumps({"Records": list(events)}, separators=(",", ":")).encode(), 1)


def lines_file(lines: Iterable[Union[str, Dict[str, Any]]]) -> bytes:
    """Return a file of lines, texts or JSON. The last one has no end: AWS's files may end so, and loaders lost it."""
    texts = (line if isinstance(line, str) else json.dumps(line, separators=(",", ":")) for line in lines)
    return gzip.compress("\n".join(texts).encode(), 1)


def _clock(number: int) -> str:
    return f"{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}"


def _epoch_s(number: int, day: Day) -> int:
    return _midnight_s(str(day)) + number % 86_400


@lru_cache(maxsize=16)
def _midnight_s(day: str) -> int:
    return int(datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=timezone.utc).timestamp())
