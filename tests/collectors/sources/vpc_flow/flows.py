"""What the tests of flow logs share: a record of version 5, a way to read a text, and the mapping's fields."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List

from aws_bridge.object_ref import ObjectRef
from collectors.records.addresses import AddressBook
from collectors.records.json_codec import PLAIN, Codec, fastest
from collectors.records.record import Context, Made, Record
from collectors.sources.vpc_flow.source import records

TEMPLATES = Path(__file__).resolve().parents[4] / "deploy" / "opensearch" / "component_templates"
KEY = "AWSLogs/111122223333/vpcflowlogs/ap-northeast-2/2026/11/21/111122223333_vpcflowlogs_ap-northeast-2_fl-1_x.log.gz"
REF = ObjectRef("flow-logs", KEY)
COUNTRIES = {"203.0.113.77": "NL", "2001:db8::66": "JP"}

#: One record of version 5 by AWS's names, in AWS's order.
RECORD: Dict[str, str] = {
    "version": "5",
    "account-id": "111122223333",
    "interface-id": "eni-0f1e2d3c4b5a60001",
    "srcaddr": "10.20.11.15",
    "dstaddr": "203.0.113.77",
    "srcport": "44444",
    "dstport": "4444",
    "protocol": "6",
    "packets": "12",
    "bytes": "3456",
    "start": "1795225201",
    "end": "1795225261",
    "action": "ACCEPT",
    "log-status": "OK",
    "vpc-id": "vpc-0a1b2c3d4e5f60001",
    "subnet-id": "subnet-0a1b2c3d4e5f60011",
    "instance-id": "i-0f1e2d3c4b5a60001",
    "tcp-flags": "2",
    "type": "IPv4",
    "pkt-srcaddr": "10.20.11.15",
    "pkt-dstaddr": "203.0.113.77",
    "region": "ap-northeast-2",
    "az-id": "apne2-az1",
    "sublocation-type": "-",
    "sublocation-id": "-",
    "pkt-src-aws-service": "-",
    "pkt-dst-aws-service": "S3",
    "flow-direction": "egress",
    "traffic-path": "8",
}


def look_up(address: Any) -> Dict[str, Any]:
    """Stand for an MMDB file."""
    country = COUNTRIES.get(str(address))
    return {"geo": {"country_iso_code": country}} if country else {}


def context(codec: Codec = PLAIN, ref: ObjectRef = REF, first_number: int = 1) -> Context:
    return Context(ref, codec, AddressBook(look_up), first_number)


def read(text: bytes, codec: Codec = PLAIN, ref: ObjectRef = REF, first_number: int = 1) -> List[Made]:
    """Return what a file of this content becomes."""
    return list(records([text], context(codec, ref, first_number)))


def made_of(record: Dict[str, str], ref: ObjectRef = REF) -> Made:
    """Return what one record becomes, the same with either codec."""
    text = f"{' '.join(record)}\n{' '.join(record.values())}\n".encode()
    (plain,) = read(text, ref=ref)
    assert read(text, fastest(), ref=ref) == [plain]
    return plain


def body_of(record: Dict[str, str], ref: ObjectRef = REF) -> Dict[str, Any]:
    """Return the document of one record, decoded."""
    made = made_of(record, ref)
    assert isinstance(made, Record), made
    return json.loads(made.text)


def without(*names: str) -> Dict[str, str]:
    return {name: value for name, value in RECORD.items() if name not in names}


def properties(name: str) -> Dict[str, Any]:
    """Return the fields that a component template maps."""
    return json.loads((TEMPLATES / name).read_text("utf-8"))["template"]["mappings"]["properties"]
