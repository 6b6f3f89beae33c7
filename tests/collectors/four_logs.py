"""Small files of all four logs in AWS's layouts, each record told from every other, and the ids they must get."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple

from aws_bridge.object_ref import ObjectRef
from collectors.records import record_id

ACCOUNT = "111122223333"
BUCKET = "log-archive"
DAY = "1999-12-31"
FLOW_COLUMNS = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
)
#: Midnight of `DAY`.
DAY_S = 946_598_400


class Log(NamedTuple):
    """One kind of file: where AWS puts it, and its content from record ``first`` on."""

    dataset: str
    index: str
    folder: str
    name: str
    content: Callable[[int, int], bytes]


def cloudtrail(first: int, count: int) -> bytes:
    records = [
        {
            "eventVersion": "1.11",
            "eventTime": f"{DAY}T{clock(number)}Z",
            "eventSource": "ec2.amazonaws.com",
            "eventName": "DescribeInstances",
            "awsRegion": "eu-west-1",
            "sourceIPAddress": "192.0.2.1",
            "eventID": event_id(number),
            "recipientAccountId": ACCOUNT,
        }
        for number in range(first, first + count)
    ]
    return gzip.compress(json.dumps({"Records": records}, separators=(",", ":")).encode(), 1)


def flow_rows(first: int, count: int) -> List[List[str]]:
    return [
        f"2 {ACCOUNT} eni-0a1b2c3d 10.0.0.1 198.51.100.7 {number} 443 6 10 {number} {DAY_S + number % 86_400} "
        f"{DAY_S + number % 86_400} ACCEPT OK".split()
        for number in range(first, first + count)
    ]


def flow_text(first: int, count: int) -> bytes:
    lines = [FLOW_COLUMNS, *(" ".join(row) for row in flow_rows(first, count))]
    return gzip.compress("\n".join(lines).encode(), 1)  # without a newline at the end: the last record is one, too


def flow_parquet(first: int, count: int) -> bytes:
    # Where only sources are tested, on an older Python, there is none.
    import pyarrow
    import pyarrow.parquet

    numbers = {"version", "srcport", "dstport", "protocol", "packets", "bytes", "start", "end"}
    names = [name.replace("-", "_") for name in FLOW_COLUMNS.split()]
    columns = list(zip(*flow_rows(first, count)))
    table = pyarrow.table(
        {name: [int(v) if name in numbers else v for v in values] for name, values in zip(names, columns)}
    )
    out = io.BytesIO()
    pyarrow.parquet.write_table(table, out, compression="gzip")
    return out.getvalue()


def resolver(first: int, count: int) -> bytes:
    return json_lines(
        {
            "version": "1.100000",
            "account_id": ACCOUNT,
            "region": "eu-west-1",
            "vpc_id": "vpc-0a1b2c3d",
            "query_timestamp": f"{DAY}T{clock(number)}Z",
            "query_name": f"host-{number}.example.",
            "query_type": "A",
            "query_class": "IN",
            "rcode": "NOERROR",
            "answers": [{"Rdata": "198.51.100.7", "Type": "A", "Class": "IN"}],
            "srcaddr": "10.0.0.1",
            "srcport": "53000",
            "transport": "UDP",
            "srcids": {"instance": "i-0a1b2c3d4e5f60718"},
        }
        for number in range(first, first + count)
    )


def waf(first: int, count: int) -> bytes:
    return json_lines(
        {
            "timestamp": (DAY_S + number % 86_400) * 1000,
            "formatVersion": 1,
            "webaclId": f"arn:aws:wafv2:eu-west-1:{ACCOUNT}:regional/webacl/shop/1",
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
        }
        for number in range(first, first + count)
    )


def json_lines(records: Any) -> bytes:
    return gzip.compress("\n".join(json.dumps(record, separators=(",", ":")) for record in records).encode(), 1)


def clock(number: int) -> str:
    return f"{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}"


def event_id(number: int) -> str:
    return f"00000000-0000-4000-a000-{number:012d}"


_DATE = DAY.replace("-", "/")
_STAMP = DAY.replace("-", "") + "T0005Z"
LOGS = (
    Log(
        "cloudtrail",
        "aws-cloudtrail-1999.12.31",
        f"AWSLogs/{ACCOUNT}/CloudTrail/eu-west-1/{_DATE}",
        f"{ACCOUNT}_CloudTrail_eu-west-1_{_STAMP}_{{}}.json.gz",
        cloudtrail,
    ),
    Log(
        "vpc_flow",
        "aws-vpcflow-1999.12.31",
        f"AWSLogs/{ACCOUNT}/vpcflowlogs/eu-west-1/{_DATE}",
        f"{ACCOUNT}_vpcflowlogs_eu-west-1_fl-1234abcd_{_STAMP}_{{}}.log.gz",
        flow_text,
    ),
    Log(
        "vpc_flow",
        "aws-vpcflow-1999.12.31",
        f"AWSLogs/aws-account-id={ACCOUNT}/aws-service=vpcflowlogs/aws-region=eu-west-1/year=1999/month=12/day=31",
        f"{ACCOUNT}_vpcflowlogs_eu-west-1_fl-5678abcd_{_STAMP}_{{}}.log.parquet",
        flow_parquet,
    ),
    Log(
        "route53_resolver",
        "aws-dns-1999.12.31",
        f"AWSLogs/{ACCOUNT}/vpcdnsquerylogs/vpc-0a1b2c3d/{_DATE}",
        f"vpc-0a1b2c3d_vpcdnsquerylogs_{ACCOUNT}_{_STAMP}_{{}}.log.gz",
        resolver,
    ),
    Log(
        "waf",
        "aws-waf-1999.12.31",
        f"AWSLogs/{ACCOUNT}/WAFLogs/eu-west-1/shop/{_DATE}/00/05",
        f"{ACCOUNT}_waflogs_eu-west-1_shop_{_STAMP}_{{}}.log.gz",
        waf,
    ),
)


def write_all(
    folder: Path, files: int = 2, records: int = 50, prefix: str = "", bucket: str = BUCKET
) -> Dict[str, List[str]]:
    """Write ``files`` files of ``records`` records of each kind; return the ids of each file's records by its key.

    ``folder`` stands for ``s3://<bucket>/<prefix>``.
    """
    expected = {}
    for log in LOGS:
        for number in range(files):
            path = folder / log.folder / log.name.format(f"{number:016d}")
            path.parent.mkdir(parents=True, exist_ok=True)
            first = number * records
            path.write_bytes(log.content(first, records))
            key = prefix + path.relative_to(folder).as_posix()
            identity = ObjectRef(bucket, key).identity
            expected[key] = [
                f"{event_id(first + n)}-{ACCOUNT}" if log.dataset == "cloudtrail" else record_id(identity, n + 1)
                for n in range(records)
            ]
    return expected
