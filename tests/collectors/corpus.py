"""Files of all four logs, small and many, with what their documents must be called."""

from __future__ import annotations

import gzip
import json
from typing import Any, Dict, List, NamedTuple

from aws_bridge.object_ref import ObjectRef
from collectors.records import record_id
from tests.account import BUCKET, REGION, trail_file, trail_key
from tests.collectors.store import DAY, trail_ids

ACCOUNT = "111122223333"
#: Noon of `DAY`, epoch seconds.
NOON_S = 1_551_441_600
FOLDERS = DAY.replace("-", "/")


class LogFile(NamedTuple):
    """One object of the bucket: what it holds and the ids of its records, in order."""

    dataset: str
    key: str
    content: bytes
    ids: List[str]


def log_file(number: int, records: int) -> LogFile:
    """Return file ``number``; the four logs take turns."""
    return (_trail, _flow, _resolver, _waf)[number % 4](number, records)


def _trail(number: int, records: int) -> LogFile:
    first = number * 100_000
    return LogFile("cloudtrail", trail_key(number), trail_file(first, records, DAY), trail_ids(first, records))


def _lines(dataset: str, key: str, lines: List[str], records: int) -> LogFile:
    # The last line has no newline at its end: AWS's files may end so, and loaders have lost it.
    identity = ObjectRef(BUCKET, key).identity
    ids = [record_id(identity, each) for each in range(1, records + 1)]
    return LogFile(dataset, key, gzip.compress("\n".join(lines).encode(), 1), ids)


def _flow(number: int, records: int) -> LogFile:
    key = (
        f"AWSLogs/{ACCOUNT}/vpcflowlogs/{REGION}/{FOLDERS}/"
        f"{ACCOUNT}_vpcflowlogs_{REGION}_fl-0a1b2c3d4e5f60718_20190301T1200Z_{number:08x}.log.gz"
    )
    header = "version account-id interface-id srcaddr dstaddr srcport dstport protocol start end action log-status"
    lines = [
        f"2 {ACCOUNT} eni-0a1b2c3d 10.0.0.1 10.0.0.2 {each % 60_000} 443 6 {NOON_S} {NOON_S + 60} ACCEPT OK"
        for each in range(records)
    ]
    return _lines("vpc_flow", key, [header, *lines], records)


def _resolver(number: int, records: int) -> LogFile:
    key = (
        f"AWSLogs/{ACCOUNT}/vpcdnsquerylogs/vpc-0a1b2c3d/{FOLDERS}/"
        f"vpc-0a1b2c3d_vpcdnsquerylogs_{ACCOUNT}_20190301T1200Z_{number:08x}.log.gz"
    )
    record: Dict[str, Any] = {
        "version": "1.100000",
        "account_id": ACCOUNT,
        "region": REGION,
        "vpc_id": "vpc-0a1b2c3d",
        "query_timestamp": f"{DAY}T12:00:00Z",
        "query_type": "A",
        "query_class": "IN",
        "rcode": "NOERROR",
        "answers": [{"Rdata": "203.0.113.9", "Type": "A", "Class": "IN"}],
        "srcaddr": "10.0.0.1",
        "srcport": "39214",
        "transport": "UDP",
        "srcids": {"instance": "i-0a1b2c3d4e5f60718"},
    }
    lines = [json.dumps({**record, "query_name": f"host-{each}.example."}) for each in range(records)]
    return _lines("route53_resolver", key, lines, records)


def _waf(number: int, records: int) -> LogFile:
    key = (
        f"AWSLogs/{ACCOUNT}/WAFLogs/{REGION}/web/{FOLDERS}/12/00/"
        f"{ACCOUNT}_waflogs_{REGION}_web_20190301T1200Z_{number:08x}.log.gz"
    )
    record: Dict[str, Any] = {
        "timestamp": NOON_S * 1000,
        "formatVersion": 1,
        "webaclId": f"arn:aws:wafv2:{REGION}:{ACCOUNT}:regional/webacl/web/0a1b2c3d",
        "terminatingRuleId": "Default_Action",
        "terminatingRuleType": "REGULAR",
        "action": "ALLOW",
        "httpSourceName": "ALB",
    }
    request = {"clientIp": "203.0.113.9", "country": "KR", "headers": [{"name": "Host", "value": "www.example"}]}
    lines = [
        json.dumps(
            {**record, "httpRequest": {**request, "uri": f"/{each}", "httpMethod": "GET", "requestId": str(each)}}
        )
        for each in range(records)
    ]
    return _lines("waf", key, lines, records)
