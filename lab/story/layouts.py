"""Where AWS puts the files of each log, what they are called, and how records stand in them.

================  ====================================================================================================
cloudtrail        one ``{"Records":[...]}`` an account and region: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
vpc_flow          a header line and one line a flow: https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-path.html
route53_resolver  JSON lines, one file a VPC: https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resolver-query-logs-choosing-target-resource.html
waf               JSON lines, one folder a delivery: https://docs.aws.amazon.com/waf/latest/developerguide/logging-s3.html
================  ====================================================================================================
"""  # noqa: E501 - an address in a table cannot be broken

from __future__ import annotations

import json
import random
import string
from datetime import datetime
from typing import Callable, Dict, NamedTuple, Tuple

from lab.story import cast, vpc_flow
from lab.story.labelled import Record

#: Records of one place share a file.
Place = Tuple[str, ...]

_encode_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class Layout(NamedTuple):
    """How the files of one log look. ``path`` takes the place, the time of delivery and random characters."""

    place: Callable[[Record], Place]
    path: Callable[[Place, datetime, str], str]
    suffix: Callable[[random.Random], str]
    encode: Callable[[Record], str]
    begin: bytes
    between: bytes
    end: bytes


def _letters(rng: random.Random) -> str:
    return "".join(rng.choices(string.ascii_letters + string.digits, k=16))


def _hex(rng: random.Random) -> str:
    return f"{rng.getrandbits(32):08x}"


def _cloudtrail_path(place: Place, delivered: datetime, suffix: str) -> str:
    account, region = place
    name = f"{account}_CloudTrail_{region}_{delivered:%Y%m%dT%H%MZ}_{suffix}.json"
    return f"AWSLogs/{account}/CloudTrail/{region}/{delivered:%Y/%m/%d}/{name}"


def _flow_path(place: Place, delivered: datetime, suffix: str) -> str:
    account, region = place
    name = f"{account}_vpcflowlogs_{region}_{cast.FLOW_LOG}_{delivered:%Y%m%dT%H%MZ}_{suffix}.log"
    return f"AWSLogs/{account}/vpcflowlogs/{region}/{delivered:%Y/%m/%d}/{name}"


def _resolver_path(place: Place, delivered: datetime, suffix: str) -> str:
    account, vpc = place
    name = f"{vpc}_vpcdnsquerylogs_{account}_{delivered:%Y%m%dT%H%MZ}_{suffix}.log"
    return f"AWSLogs/{account}/vpcdnsquerylogs/{vpc}/{delivered:%Y/%m/%d}/{name}"


def _waf_path(place: Place, delivered: datetime, suffix: str) -> str:
    account, region, acl = place
    name = f"{account}_waflogs_{region}_{acl}_{delivered:%Y%m%dT%H%MZ}_{suffix}.log"
    return f"AWSLogs/{account}/WAFLogs/{region}/{acl}/{delivered:%Y/%m/%d/%H/%M}/{name}"


def _waf_place(record: Record) -> Place:
    # arn:aws:wafv2:<region>:<account>:regional/webacl/<name>/<id>
    parts = record["webaclId"].split(":")
    return parts[4], parts[3], parts[5].split("/")[2]


LAYOUTS: Dict[str, Layout] = {
    "cloudtrail": Layout(
        lambda record: (record["recipientAccountId"], record["awsRegion"]),
        _cloudtrail_path,
        _letters,
        _encode_json,
        b'{"Records":[',
        b",",
        b"]}",
    ),
    "vpc_flow": Layout(
        lambda record: (record["account-id"], record["region"]),
        _flow_path,
        _hex,
        vpc_flow.line,
        " ".join(vpc_flow.COLUMNS).encode() + b"\n",
        b"\n",
        b"\n",
    ),
    "route53_resolver": Layout(
        lambda record: (record["account_id"], record["vpc_id"]),
        _resolver_path,
        _hex,
        _encode_json,
        b"",
        b"\n",
        b"\n",
    ),
    "waf": Layout(_waf_place, _waf_path, _hex, _encode_json, b"", b"\n", b"\n"),
}
