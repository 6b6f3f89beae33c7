"""``respond plan`` with a raw store: who used the role of an instance lately, found among others' calls."""

from __future__ import annotations

import gzip
import json
import time
from typing import Any, Dict, List

import aws_siem_bridge
from aws_bridge.object_ref import ObjectRef
from collectors.records.addresses import AddressBook
from collectors.records.json_codec import fastest
from collectors.records.record import Context
from collectors.sources.cloudtrail import source
from es_bridge.times import format_utc
from lab.engine import DEFAULT_ENGINE
from tests.collectors.on_engine import ready, write
from tests.response.server_room import REGION, ServerRoom

DAY_MS = 86_400_000
ROLE = "arn:aws:iam::111122223333:role/web"
NOW_MS = int(time.time() * 1000)
INDEX = f"aws-cloudtrail-{format_utc(NOW_MS - DAY_MS)[:10].replace('-', '.')}"


def call(session: str, name: str, number: int, role: str = ROLE, days: int = 1) -> Dict[str, Any]:
    """Return a record of CloudTrail of so many days ago."""
    issuer = {"type": "Role", "arn": role, "accountId": "111122223333", "userName": role.rsplit("/", 1)[1]}
    arn = f"{role.replace(':iam:', ':sts:').replace(':role/', ':assumed-role/')}/{session}"
    return {
        "eventVersion": "1.11", "eventTime": format_utc(NOW_MS - days * DAY_MS)[:19] + "Z", "eventName": name,
        "eventSource": "s3.amazonaws.com", "awsRegion": REGION, "eventID": f"00000000-0000-4000-8000-{number:012d}",
        "eventType": "AwsApiCall", "recipientAccountId": "111122223333", "sourceIPAddress": "203.0.113.9",
        "userIdentity": {"type": "AssumedRole", "arn": arn, "accountId": "111122223333",
                         "sessionContext": {"sessionIssuer": issuer}},
    }  # fmt: skip


def test_plan_says_whom_a_deny_of_the_role_would_stop(room: ServerRoom, engine_by_id: Any, capsys: Any) -> None:
    target = room.server()
    ours, other = target.instance, "i-0aaaaaaaaaaaaaaaa"
    records: List[Dict[str, Any]] = [
        *(call(ours, "GetObject", number) for number in range(3)), call(other, "PutObject", 10),
        # A role that the instance never used, and a name that only begins as the instance's does.
        call(other, "DeleteObject", 11, ROLE + "-admin"), call(f"{ours}x", "ListBuckets", 12, ROLE + "-admin"),
    ]  # fmt: skip
    body = gzip.compress(json.dumps({"Records": records}).encode())
    context = Context(ObjectRef("logs", "AWSLogs/x.json.gz"), fastest(), AddressBook(None))
    engine = engine_by_id(DEFAULT_ENGINE)
    argv = ["respond", "plan", ours, "--region", REGION, "--bucket", room.bucket, "--url", engine.url]
    for transport in ready(engine, DEFAULT_ENGINE, "cloudtrail", INDEX):
        write(transport, list(source.records([gzip.decompress(body)], context)))
        transport.request("POST", (INDEX, "_refresh"))
        assert aws_siem_bridge.main([*argv, "--result", "json"]) == 0
        found = json.loads(capsys.readouterr().out)["lately"]
        assert found["roles"] == [ROLE]
        assert [(each["call"], each["times"], each["own"]) for each in found["used"]] == [
            ("GetObject", 3, True), ("PutObject", 1, False),
        ]  # fmt: skip
        assert aws_siem_bridge.main(argv) == 0
        out = capsys.readouterr().out
        assert f"a deny of {ROLE} would stop, by the last 30 days" in out and "3 x s3.amazonaws.com GetObject" in out
        assert f"1 other sessions: arn:aws:sts::111122223333:assumed-role/web/{other}" in out
        assert room.is_open(target)
        argv[2] = room.server().instance
        assert aws_siem_bridge.main(argv) == 0
        assert "no call with credentials of this instance is in the raw store" in capsys.readouterr().out
        assert aws_siem_bridge.main([*argv, "--days", "0"]) == 2


def test_a_store_that_does_not_answer_is_a_failure_and_hides_no_plan(room: ServerRoom, capsys: Any) -> None:
    argv = ["respond", "plan", room.server().instance, "--region", REGION, "--bucket", room.bucket]
    assert aws_siem_bridge.main([*argv, "--url", "http://127.0.0.1:1"]) == 1
    out, err = capsys.readouterr()
    assert "would be isolated" in out and "127.0.0.1" in err
