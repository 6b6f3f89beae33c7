"""What the sources are measured against: loops that do the same work on good records, and nothing for bad ones.

No exact numbers, no repeated keys, no surrogates, no limits of length or depth, no bad records told apart, no place of
a damage: what is left is what a careful programmer writes who trusts the file. Each yields the id and the body.
"""

from __future__ import annotations

import gzip
import ipaddress
import json
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Optional, Tuple

import orjson

Made = Iterator[Tuple[str, bytes]]
LookUp = Optional[Callable[[Any], Dict[str, Any]]]


def address_facts(look_up: LookUp) -> Callable[[str], Dict[str, Any]]:
    """Return a remembered function: text -> address fields."""

    @lru_cache(maxsize=65_536)
    def facts(text: str) -> Dict[str, Any]:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return {}
        if address.is_private:
            return {"ip": text, "scope": "private"}
        return {"ip": text, **look_up(address)} if look_up else {"ip": text}

    return facts


def cloudtrail(path: Path, look_up: LookUp) -> Made:
    """Stream with the standard library's scanner, encode with orjson."""
    facts, decode, text, position = address_facts(look_up), json.JSONDecoder().raw_decode, "", 0
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        stream.read(len('{"Records":['))
        while True:
            try:
                record, end = decode(text, position)
            except json.JSONDecodeError:
                more = stream.read(2**20)
                if not more:
                    return
                text, position = text[position:] + more, 0
                continue
            position = end + 1
            identity = record.get("userIdentity", {})
            issuer = identity.get("sessionContext", {}).get("sessionIssuer", {})
            common = {
                "@timestamp": record["eventTime"],
                "event": {
                    "dataset": "aws.cloudtrail",
                    "id": record["eventID"],
                    "action": record["eventName"],
                    "provider": record["eventSource"],
                    "outcome": "failure" if record.get("errorCode") else "success",
                },
                "source": {"address": record["sourceIPAddress"], **facts(record["sourceIPAddress"])},
                "user": {"name": identity.get("userName") or issuer.get("userName"), "id": identity.get("principalId")},
                "user_agent": {"original": record.get("userAgent")},
                "cloud": {"provider": "aws", "region": record["awsRegion"]},
            }
            yield f"{record['eventID']}-{record['recipientAccountId']}", orjson.dumps({**common, **record})


def vpc_flow(path: Path, look_up: LookUp) -> Made:
    """Split lines by the header."""
    facts = address_facts(look_up)
    with gzip.open(path, "rb") as stream:
        names = [name.decode().replace("-", "_") for name in next(stream).split()]
        for number, line in enumerate(stream, 1):
            record: Dict[str, Any] = dict(zip(names, line.decode().split()))
            source, destination = record["srcaddr"], record["dstaddr"]
            common = {
                "@timestamp": _iso(int(record["end"])),
                "event": {"dataset": "aws.vpcflow", "action": record["action"].lower()},
                "source": {"address": source, "port": int(record["srcport"]), **facts(source)},
                "destination": {"address": destination, "port": int(record["dstport"]), **facts(destination)},
                "network": {"bytes": int(record["bytes"]), "packets": int(record["packets"])},
            }
            yield f"peer-{number:011d}", orjson.dumps({**common, **record})


def route53_resolver(path: Path, look_up: LookUp) -> Made:
    """Decode and encode each line."""
    facts = address_facts(look_up)
    with gzip.open(path, "rb") as stream:
        for number, line in enumerate(stream, 1):
            record = orjson.loads(line)
            addresses = [facts(answer["Rdata"]) for answer in record["answers"] if answer["Type"] in ("A", "AAAA")]
            common = {
                "@timestamp": record["query_timestamp"],
                "event": {"dataset": "aws.route53_resolver"},
                "source": {"address": record["srcaddr"], "port": int(record["srcport"]), **facts(record["srcaddr"])},
                "dns": {
                    "question": {"name": record["query_name"].rstrip("."), "type": record["query_type"]},
                    "response_code": record["rcode"],
                    "resolved_ip": [each["ip"] for each in addresses],
                },
                "cloud": {"provider": "aws", "region": record["region"], "account": {"id": record["account_id"]}},
            }
            yield f"peer-{number:011d}", orjson.dumps({**common, **record})


def waf(path: Path, look_up: LookUp) -> Made:
    """Decode and encode each line."""
    facts = address_facts(look_up)
    with gzip.open(path, "rb") as stream:
        for number, line in enumerate(stream, 1):
            record = orjson.loads(line)
            request = record["httpRequest"]
            headers = {header["name"].lower(): header["value"] for header in request["headers"]}
            common = {
                "@timestamp": _iso(record["timestamp"] // 1000),
                "event": {"dataset": "aws.waf", "action": record["action"]},
                "source": {"address": request["clientIp"], **facts(request["clientIp"])},
                "url": {"path": request["uri"], "query": request["args"], "domain": headers.get("host")},
                "http": {"request": {"method": request["httpMethod"], "referrer": headers.get("referer")}},
                "user_agent": {"original": headers.get("user-agent")},
                "rule": {"id": record["terminatingRuleId"]},
            }
            yield f"peer-{number:011d}", orjson.dumps({**common, **record})


@lru_cache(maxsize=4096)
def _iso(epoch_s: int) -> str:
    return datetime.fromtimestamp(epoch_s, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


LOOPS = {"cloudtrail": cloudtrail, "vpc_flow": vpc_flow, "route53_resolver": route53_resolver, "waf": waf}
