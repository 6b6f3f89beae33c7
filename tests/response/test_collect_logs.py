"""The logs of an instance: loaded from the stand-in's bucket into a real engine, found again, and kept as they were."""

from __future__ import annotations

import dataclasses
import gzip
import itertools
import json
import time
from datetime import datetime, timezone
from typing import Any, Dict, Iterator, List, NamedTuple, Optional

import pytest

import aws_siem_bridge
from aws_bridge.errors import CallProblem
from aws_bridge.functions.variables import PREFIX
from es_bridge.config import ClusterConfig
from es_bridge.transport import Transport
from lab.engine import Engine
from lab.lambda_runtime.environment import Answer
from lab.lambda_runtime.front import LambdaFront
from response.actions.collect_logs import ACCEPTED, LogCollection
from response.actions.isolate import Isolation
from response.actions.watch import Seen, Watch
from response.aws.evidence import EvidenceStore, folder_of
from response.aws.incidents import Incidents
from response.aws.instances import Instances
from response.aws.log_objects import delivery_of
from response.aws.saved_state import SavedStates
from response.core.budget import Budget
from response.core.status import status_of
from response.core.target import Target
from response.core.traces import CLOUDTRAIL, DNS, FLOW, INDICES, WAF, Who, folders_of
from response.errors import BadSettings, StillRunning
from response.handlers import collect_logs, watch
from response.raw_store import RawStore
from tests import log_records
from tests.collectors.on_engine import transport_to
from tests.log_records import lines_file, trail_file
from tests.response.server_room import REGION, Fault, ServerRoom

_numbers = itertools.count(1)
#: When the instance was isolated, four hours ago, and when it is looked back.
ISOLATED = (int(time.time()) - 4 * 3600) // 60 * 60
LATER = ISOLATED + 3600
INSTANCE, ENI, ADDRESS, PUBLIC, VPC = (
    "i-0f1e2d3c4b5a60001",
    "eni-0a1b2c3d4e5f60001",
    "10.20.11.15",
    "203.0.113.9",
    "vpc-1",
)
FLOW_COLUMNS = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
)


class Archive(NamedTuple):
    """The bucket of the logs, and what was loaded of it."""

    room: ServerRoom
    bucket: str
    who: Who
    target: Target
    raw: RawStore
    #: Log -> key of the object with the instance's records; there is another one without beside each.
    keys: Dict[str, str]
    bodies: Dict[str, bytes]


def moment(epoch: int) -> str:
    return datetime.fromtimestamp(epoch, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def folder(epoch: int) -> str:
    return datetime.fromtimestamp(epoch, timezone.utc).strftime("%Y/%m/%d")


def flow(
    account: str, eni: str, source: str, target: str, start: int, action: str = "ACCEPT", status: str = "OK"
) -> str:
    if status != "OK":
        return f"2 {account} {eni} - - - - - - - {start} {start + 60} - {status}"
    return f"2 {account} {eni} {source} {target} 40000 443 6 10 500 {start} {start + 60} {action} OK"


def files(account: str) -> Dict[str, bytes]:
    """Return key -> content: of each log an object with records of the instance, and one without."""
    before = ISOLATED - 7200
    day, stamp = folder(before), moment(before)[:16].replace("-", "").replace(":", "") + "Z"
    trail = f"AWSLogs/{account}/CloudTrail/{REGION}/{day}/{account}_CloudTrail_{REGION}_{stamp}_"
    flows = f"AWSLogs/{account}/vpcflowlogs/{REGION}/{day}/{account}_vpcflowlogs_{REGION}_fl-1_{stamp}_"
    dns = f"AWSLogs/{account}/vpcdnsquerylogs/{VPC}/{day}/{VPC}_vpcdnsquerylogs_{account}_{stamp}_"
    minute = f"{day}/{stamp[9:11]}/{stamp[11:13]}"
    waf = f"AWSLogs/{account}/WAFLogs/{REGION}/shop/{minute}/{account}_waflogs_{REGION}_shop_{stamp}_"
    clock = moment(before)
    arn = f"arn:aws:sts::{account}:assumed-role/web/"
    whose = {"recipientAccountId": account, "eventTime": clock, "awsRegion": REGION}
    mine = [
        {
            "eventID": "11111111-1111-4111-8111-111111111111",
            "userIdentity": {"type": "AssumedRole", "arn": arn + INSTANCE},
        },
        {"eventID": "22222222-2222-4222-8222-222222222222", "sourceIPAddress": PUBLIC},
        {"eventID": "33333333-3333-4333-8333-333333333333", "requestParameters": {"instanceId": INSTANCE}},
    ]
    others = {
        "eventID": "99999999-9999-4999-8999-999999999999",
        "userIdentity": {"type": "AssumedRole", "arn": arn + "i-2"},
    }
    query = {"account_id": account, "query_timestamp": clock, "vpc_id": VPC}
    request = log_records.waf(1, "2026-11-30")
    acl = {"timestamp": before * 1000, "webaclId": f"arn:aws:wafv2:{REGION}:{account}:regional/webacl/shop/1"}

    def asked(number: int, instance: str) -> Dict[str, Any]:
        return log_records.resolver(number, "2026-11-30", **query, srcids={"instance": instance})

    def by(address: str) -> Dict[str, Any]:
        return {**request, **acl, "httpRequest": {**request["httpRequest"], "clientIp": address}}

    return {
        trail + "mine.json.gz": trail_file(log_records.cloudtrail(1, "2026-11-30", **whose, **each) for each in mine),
        trail + "other.json.gz": trail_file([log_records.cloudtrail(1, "2026-11-30", **whose, **others)]),
        flows + "mine.log.gz": lines_file([
            FLOW_COLUMNS, flow(account, ENI, ADDRESS, "198.51.100.1", before),
            flow(account, "eni-2", "198.51.100.1", ADDRESS, before),
        ]),
        flows + "other.log.gz": lines_file([FLOW_COLUMNS, flow(account, "eni-2", "10.20.0.1", "198.51.100.1", before)]),
        dns + "mine.log.gz": lines_file([asked(1, INSTANCE)]),
        dns + "other.log.gz": lines_file([asked(2, "i-2")]),
        waf + "mine.log.gz": lines_file([by(PUBLIC)]),
        waf + "other.log.gz": lines_file([by("198.51.100.99")]),
    }  # fmt: skip


def load(engine: Engine, place: str) -> None:
    assert aws_siem_bridge.main(["load", place, "--url", engine.url]) == 0
    with transport_to(engine) as transport:
        transport.request("POST", ("aws-*", "_refresh"))


def clear(transport: Transport) -> None:
    """Delete the indices of all logs, one by one: not every engine takes a pattern for that."""
    for index in transport.request("GET", ("aws-*",), accept_status=(404,)).json():
        if index.startswith("aws-"):
            transport.request("DELETE", (index,))


@pytest.fixture(scope="module")
def logs(room: ServerRoom, engine: Engine) -> Iterator[Archive]:
    """Four logs in a bucket with versions, loaded into the engine as a user loads them."""
    account = room.account.id
    s3, bucket = room.account.client("s3", REGION), f"logs-{account}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    bodies = files(account)
    for key, body in bodies.items():
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    with transport_to(engine) as transport:
        clear(transport)
        load(engine, f"s3://{bucket}/")
        folders = {CLOUDTRAIL: "CloudTrail", FLOW: "vpcflowlogs", DNS: "vpcdnsquerylogs", WAF: "WAFLogs"}
        keys = {
            log: next(key for key in bodies if f"/{name}/" in key and "mine" in key) for log, name in folders.items()
        }
        who = Who(account, REGION, INSTANCE, (ADDRESS, PUBLIC), (ENI,), (VPC,), f"arn:aws:iam::{account}:role/web")
        yield Archive(room, bucket, who, Target(account, REGION, INSTANCE), RawStore(transport), keys, bodies)
        clear(transport)


def collect(logs: Archive, name: str, raw: Optional[RawStore] = None, now_s: int = LATER, **how: Any):
    store = EvidenceStore(
        logs.room.area, logs.room.locked_bucket(), folder_of(logs.who.account, REGION, INSTANCE, name)
    )
    deliveries = {log: delivery_of(logs.room.area, f"s3://{logs.bucket}/AWSLogs/") for log in INDICES}
    work = LogCollection(
        store, raw or logs.raw, how.pop("deliveries", deliveries), budget=how.pop("budget", Budget())
    )  # fmt: skip
    return work.collect(logs.target, name, how.pop("who", logs.who), now_s=now_s, **how)


def kept(logs: Archive, name: str) -> Dict[str, bytes]:
    s3, bucket = logs.room.account.client("s3", REGION), logs.room.locked_bucket()
    start = folder_of(logs.who.account, REGION, INSTANCE, name) + "collect_logs/"
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix=start).get("Contents", ())]
    return {key[len(start) :]: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def test_the_objects_with_records_of_the_instance_are_kept_and_no_others(logs):
    name = f"n-{next(_numbers)}"
    result = collect(logs, name)
    assert result.result == "done", result.notes
    found = kept(logs, name)
    objects = {key: body for key, body in found.items() if key not in ("items.json", "index.json")}
    assert objects == {f"{log}/{logs.bucket}/{key}": logs.bodies[key] for log, key in logs.keys.items()}
    s3 = logs.room.account.client("s3", REGION)
    for log, key in logs.keys.items():
        item = next(each for each in result.evidence if each.item == f"s3://{logs.bucket}/{key}")
        assert item.why == "version " + s3.head_object(Bucket=logs.bucket, Key=key)["VersionId"], log
    index = json.loads(found["index.json"])["logs"]
    counts = {log: list(each["objects"].values()) for log, each in index.items()}
    assert counts == {CLOUDTRAIL: [3], FLOW: [2], DNS: [1], WAF: [1]}
    assert collect(logs, name).result == "already_done" and kept(logs, name) == found


def in_calls(logs: Archive, name: str, checks: int, **how: Any):
    """Collect in calls of which each has time for so many records and objects; return the result and what each said."""
    said: List[str] = []
    while len(said) < 200:
        ticks = itertools.count()
        try:
            budget = Budget(checks, lambda ticks=ticks: next(ticks))
            return collect(logs, name, now_s=LATER + len(said), budget=budget, **how), said
        except StillRunning as exc:
            said.append(str(exc))
    raise AssertionError("it never ends")


def test_without_time_for_all_objects_it_goes_on_and_copies_none_twice(logs, monkeypatch):
    whole, name = f"n-{next(_numbers)}", f"n-{next(_numbers)}"
    expected = collect(logs, whole)
    copied, put = [], EvidenceStore.put_stream

    def noted(self: EvidenceStore, step: str, file: str, *given: Any):
        copied.append(file)
        return put(self, step, file, *given)

    monkeypatch.setattr(EvidenceStore, "put_stream", noted)
    result, said = in_calls(logs, name, 4)
    assert result.result == "done" and len(said) > 1 and "are still to be found: call again" in " ".join(said)
    assert sorted(copied) == sorted({*copied}), "nothing is sent twice"
    assert [(each.item, each.sha256, each.why) for each in result.evidence if each.item.startswith("s3:")] == [
        (each.item, each.sha256, each.why) for each in expected.evidence if each.item.startswith("s3:")
    ]
    # The last call writes what one call for all writes, until the moment at which it was begun.
    one, several = kept(logs, whole), kept(logs, name)
    assert several["index.json"] == one["index.json"] and several.keys() == one.keys()
    assert result.notes == expected.notes
    # What is over is begun anew, until now.
    again = collect(logs, name, now_s=LATER + 600)
    assert again.result == "already_done" and f"until {moment(LATER + 600)}" in again.notes[0]


def test_what_a_run_left_that_broke_long_ago_is_begun_anew(logs):
    name, ticks = f"n-{next(_numbers)}", itertools.count()
    with pytest.raises(StillRunning):
        collect(logs, name, budget=Budget(4, lambda: next(ticks)))
    result = collect(logs, name, now_s=LATER + 3 * 3600)
    assert result.result == "done" and f"until {moment(LATER + 3 * 3600)}" in result.notes[0]


def test_what_the_buckets_no_longer_have_is_failed_by_number(logs):
    name = f"n-{next(_numbers)}"
    s3 = logs.room.account.client("s3", REGION)
    for key in (logs.keys[CLOUDTRAIL], logs.keys[DNS]):
        s3.delete_object(Bucket=logs.bucket, Key=key)
    try:
        result = collect(logs, name)
    finally:
        for key in (logs.keys[CLOUDTRAIL], logs.keys[DNS]):
            marker = s3.list_object_versions(Bucket=logs.bucket, Prefix=key)["DeleteMarkers"][0]["VersionId"]
            s3.delete_object(Bucket=logs.bucket, Key=key, VersionId=marker)
    why = {each.item: each.why for each in result.evidence if each.outcome == "failed"}
    assert result.result == "partial" and set(why) == {"cloudtrail, the rest", "route53_resolver, the rest"}
    assert why["cloudtrail, the rest"].startswith("3 events") and why["route53_resolver, the rest"].startswith(
        "1 objects"
    )
    assert len(kept(logs, name)) == 4


def test_what_is_not_configured_or_has_no_records_is_said(logs):
    outcomes = {each.item: each for each in collect(logs, f"n-{next(_numbers)}", deliveries={}).evidence}
    assert {outcomes[log].outcome for log in INDICES} == {"failed"}
    assert "it is not configured where the log is delivered" in outcomes[FLOW].why
    nobody = Who(logs.who.account, REGION, "i-00000000", ("192.0.2.200",), ("eni-9",), ("vpc-9",))
    outcomes = {each.item: each.outcome for each in collect(logs, f"n-{next(_numbers)}", who=nobody).evidence}
    assert {outcomes[log] for log in INDICES} == {"missing"}
    unreachable = RawStore(Transport(ClusterConfig(("http://127.0.0.1:9",), connect_timeout_s=1, max_retries=0)))
    result = collect(logs, f"n-{next(_numbers)}", raw=unreachable)
    assert {each.outcome for each in result.evidence if each.item in INDICES} == {"failed"}
    assert collect(logs, "dry", dry_run=True).result == "planned" and not kept(logs, "dry")


@pytest.fixture
def after(logs, engine):
    """Load flow records of after the isolation, and forget them."""
    made: List[str] = []
    s3 = logs.room.account.client("s3", REGION)

    def flows(*lines: str) -> None:
        prefix, stamp = f"after-{next(_numbers)}/", moment(ISOLATED)[:16].replace("-", "").replace(":", "") + "Z"
        name = f"{logs.who.account}_vpcflowlogs_{REGION}_fl-1_{stamp}_{len(made)}.log.gz"
        key = f"{prefix}AWSLogs/{logs.who.account}/vpcflowlogs/{REGION}/{folder(ISOLATED)}/{name}"
        s3.put_object(Bucket=logs.bucket, Key=key, Body=lines_file([FLOW_COLUMNS, *lines]))
        made.append(key)
        load(engine, f"s3://{logs.bucket}/{prefix}")

    yield flows
    for key in made:
        s3.delete_object(Bucket=logs.bucket, Key=key)
    with transport_to(engine) as transport:
        later = {"query": {"range": {"@timestamp": {"gte": moment(ISOLATED)}}}, "size": 100}
        found = transport.request("POST", (INDICES[FLOW], "_search"), body=later).json()["hits"]["hits"]
        for hit in found:
            transport.request("DELETE", (hit["_index"], "_doc", hit["_id"]))
        transport.request("POST", (INDICES[FLOW], "_refresh"))


def accepted(logs: Archive, **how: Any):
    result = collect(logs, f"n-{next(_numbers)}", isolated_s=ISOLATED, deliveries={}, **how)
    return next(each for each in result.evidence if each.item == ACCEPTED), " ".join(result.notes)


def test_the_check_for_accepted_flows_waits_and_then_says_unknown(logs, after):
    account = logs.who.account
    after(flow(account, ENI, ADDRESS, "198.51.100.1", ISOLATED + 60, "REJECT"))
    with pytest.raises(StillRunning, match="are not there yet"):
        accepted(logs, now_s=ISOLATED + 20 * 60)
    item, notes = accepted(logs, now_s=ISOLATED + 46 * 60)
    assert item.outcome == "failed" and "unknown: no flow record of " + ENI in item.why and "unknown" in notes
    # Of an interface without traffic AWS writes NODATA: that is how silence is told from a log that stopped.
    after(flow(account, ENI, "", "", ISOLATED + 15 * 60, status="NODATA"))
    item, notes = accepted(logs, now_s=ISOLATED + 20 * 60)
    assert item.outcome == "collected" and item.why == f"none until {moment(ISOLATED + 16 * 60)}"


def test_flows_let_through_after_the_isolation_are_kept_and_said(logs, after):
    account = logs.who.account
    after(
        flow(account, ENI, ADDRESS, "198.51.100.66", ISOLATED + 120),
        flow(account, ENI, ADDRESS, "198.51.100.67", ISOLATED - 30),
        flow(account, "eni-2", "10.20.0.1", "198.51.100.68", ISOLATED + 120),
        flow(account, ENI, "", "", ISOLATED + 15 * 60, status="NODATA"),
    )
    item, notes = accepted(logs)
    assert item.key.endswith("accepted_flows.json") and "1 flows were let through AFTER the isolation" in notes
    s3 = logs.room.account.client("s3", REGION)
    flows = json.loads(s3.get_object(Bucket=logs.room.locked_bucket(), Key=item.key)["Body"].read())
    assert [each["dstaddr"] for each in flows] == ["198.51.100.66"]


def test_a_time_of_more_records_than_one_call_can_read_is_halved(logs, after):
    account = logs.who.account
    after(*(flow(account, ENI, ADDRESS, "198.51.100.1", ISOLATED + 600 * number, "REJECT") for number in range(1, 6)))
    (expected,) = [
        each.why for each in collect(logs, f"n-{next(_numbers)}", deliveries={}).evidence if each.item == FLOW
    ]
    result, said = in_calls(logs, f"n-{next(_numbers)}", 3, deliveries={})
    assert expected.startswith("7 records") and any(
        "records of vpc_flow are known: call again" in each for each in said
    )
    assert [each.why for each in result.evidence if each.item == FLOW] == [expected]
    # What cannot be read however short the time is, is failed, and ends.
    result, _ = in_calls(logs, f"n-{next(_numbers)}", 0, deliveries={})
    (why,) = [each.why for each in result.evidence if each.item == DNS]
    assert "of 1 s cannot be read in the time of one call" in why


def test_what_is_not_isolated_is_not_looked_for(logs):
    outcomes = {each.item: each for each in collect(logs, f"n-{next(_numbers)}").evidence}
    assert (outcomes[ACCEPTED].outcome, outcomes[ACCEPTED].why) == ("missing", "the instance is not isolated")


def test_the_function_is_led_by_its_settings_to_the_raw_store_and_the_logs(logs, engine):
    room, name = logs.room, f"n-{next(_numbers)}"
    parameter = f"/switch-{name}"
    room.account.client("ssm", REGION).put_parameter(Name=parameter, Type="String", Value='{"mode": "live"}')
    saved = Instances(room.area).read(room.server())
    interface = dataclasses.replace(saved.interfaces[0], id=ENI, ipv4=(ADDRESS,), public_ip=PUBLIC, vpc=VPC, ipv6=())
    # The state that was saved says who it was: the instance itself may be gone.
    before = dataclasses.replace(saved, target=logs.target, interfaces=(interface,), profile="", elastic_ips=())
    SavedStates(room.area, room.locked_bucket()).save(name, before)
    known = {"BUCKET": room.locked_bucket(), "PARAMETER": parameter, "URL": engine.url}
    known.update({f"LOGS_{log.upper()}": f"s3://{logs.bucket}/" for log in INDICES})
    settings = {"AWS_REGION": REGION, **{PREFIX + each: value for each, value in known.items()}}
    asked = {"incident": name, "account": logs.who.account, "region": REGION, "instance": INSTANCE, "dry_run": False}
    found = collect_logs.do({**asked, "isolated_at": ISOLATED}, settings)
    kept_logs = {
        each["item"].rpartition("/")[0].split("/")[5] for each in found["evidence"] if "AWSLogs" in each["item"]
    }
    assert kept_logs == {"CloudTrail", "vpcflowlogs", "vpcdnsquerylogs", "WAFLogs"}
    # Nobody wrote flow records after the isolation, long ago: that is unknown, and no "none".
    assert found["result"] == "partial" and "accepted flows after isolation" in found["says"]


CALLS = {"s3:ListObjectsV2", "s3:GetObject", "s3:PutObject", "s3:GetObjectLockConfiguration"}


def test_every_call_has_a_case(logs):
    logs.room.session.made.clear()
    collect(logs, f"n-{next(_numbers)}")
    assert {f"{service}:{call}" for service, call in logs.room.session.made} == CALLS


@pytest.mark.parametrize("kind, times", [("denied", 0), ("throttled", 1), ("timeout", 1), ("half_done", 1)])
@pytest.mark.parametrize("call", sorted(CALLS))
def test_a_failure_is_in_the_result_and_the_next_run_has_it(logs, call, kind, times):
    name, session = f"n-{next(_numbers)}", logs.room.session
    session.fault, session.failed = Fault(call, kind, times), 0
    try:
        result = collect(logs, name)
    finally:
        session.fault = None
    assert session.failed, "the fault never came"
    assert result.result in (("done", "already_done") if times else ("partial", "failed"))
    assert collect(logs, name).result in ("done", "already_done")
    # A run that failed leaves a record and an index of its own.
    objects = [key for key in kept(logs, name) if "/" in key]
    assert len(objects) == 4


@pytest.mark.parametrize("place", ("", "logs", "https://logs/AWSLogs/"))
def test_a_place_that_is_no_bucket_is_refused(logs, place):
    with pytest.raises(BadSettings):
        delivery_of(logs.room.area, place)


def test_places_lead_to_awss_folders(logs):
    for given, prefix in (
        ("s3://b", "AWSLogs/"),
        ("s3://b/p", "p/AWSLogs/"),
        ("s3://b/p/AWSLogs/o-1", "p/AWSLogs/o-1/"),
    ):
        assert delivery_of(logs.room.area, given).prefix == prefix


def test_a_call_from_another_account_is_looked_for_in_the_trail_of_that_one():
    who = Who("111122223333", REGION, INSTANCE)
    trails = (("444455556666", REGION), ("111122223333", "us-east-1"))
    found = folders_of(CLOUDTRAIL, who, ISOLATED, ISOLATED, trails)
    assert [each.split("/CloudTrail/")[0] + " " + each.split("/")[2] for each in found] == [
        f"111122223333 {REGION}", "111122223333 us-east-1", f"444455556666 {REGION}",
    ]  # fmt: skip


def test_an_object_that_is_cut_is_unavailable(logs):
    s3 = logs.room.account.client("s3", REGION)
    s3.put_object(Bucket=logs.bucket, Key="cut.gz", Body=gzip.compress(b"x" * 1000)[:-12])
    delivery = delivery_of(logs.room.area, f"s3://{logs.bucket}")
    from aws_bridge.errors import Unavailable
    from aws_bridge.object_ref import ObjectRef

    with pytest.raises(Unavailable, match="cannot be unpacked"):
        delivery.text(ObjectRef(logs.bucket, "cut.gz"))


class Watched:
    """An instance of an open incident, and a watch whose clock stands where a test puts it."""

    def __init__(self, logs: Archive, table: str) -> None:
        self.room, self.logs, self.now_s = logs.room, logs, float(ISOLATED)
        self.table, self.incidents = table, Incidents(self.room.area, table)
        self.target = self.room.server()
        self.incident = self.open(self.target)
        (self.interface,) = self.room.groups_of(self.target)

    def open(self, target: Target, dry_run: bool = False) -> str:
        whose = {"account": target.account, "region": REGION, "instance": target.instance}
        known = {**whose, "dry_run": dry_run, "sid": "s"}
        return self.incidents.open(target, "s", lambda _: json.dumps(known)).id

    @property
    def folder(self) -> str:
        return folder_of(self.target.account, REGION, self.target.instance, self.incident)

    def isolate(self) -> None:
        states = SavedStates(self.room.area, self.room.bucket)
        Isolation(self.room.area, states).isolate(self.target, self.incident)

    def look(
        self, raw: Optional[RawStore] = None, budget: Optional[Budget] = None, left: int = 0
    ) -> List[Seen]:  # fmt: skip
        def store_of(target: Target, incident: str) -> EvidenceStore:
            # Incidents of this table alone: another test's have the same numbers.
            folder = folder_of(target.account, REGION, target.instance, incident)
            return EvidenceStore(self.room.area, self.room.locked_bucket(), folder)

        watch = Watch(self.incidents, raw or self.logs.raw, lambda _: self.room.area, store_of, lambda: self.now_s)
        found: List[Seen] = []
        assert watch.look(found.append, budget or Budget()) == left
        return found


@pytest.fixture
def watched(logs: Archive) -> Watched:
    name = f"incidents-{next(_numbers)}"
    logs.room.account.client("dynamodb", REGION).create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )  # fmt: skip
    return Watched(logs, name)


def test_flows_of_an_isolated_instance_are_told_of_until_it_is_released(logs, watched, after):
    account, eni = logs.who.account, watched.interface
    after(
        flow(account, eni, ADDRESS, "198.51.100.70", ISOLATED - 600),
        flow(account, eni, ADDRESS, "198.51.100.71", ISOLATED + 120),
        flow(account, eni, ADDRESS, "198.51.100.72", ISOLATED + 120, "REJECT"),
    )
    # Not isolated yet: nothing to tell. Isolated: the first look notes since when.
    assert watched.look() == []
    watched.isolate()
    assert watched.look() == []
    watched.now_s = ISOLATED + 1800
    (seen,) = watched.look()
    assert seen.result == "accepted_flows" and seen.says.endswith(
        "is isolated, and 1 flows were let through since: 10.20.11.15 -> 198.51.100.71:443"
    )
    status = status_of(seen.to_event(), watched.now_s)
    assert (status["incident"], status["step"], status["state"]) == (watched.incident, "watch", "failed")
    assert (status["target"], status["account"], status["sid"]) == (watched.target.instance, account, "s")
    # Opened by hand it is watched all the more.
    watched.room.ec2.modify_network_interface_attribute(NetworkInterfaceId=eni, Groups=[watched.room.web])
    assert len(watched.look()) == 1
    watched.now_s = ISOLATED + 3 * 3600
    assert watched.look() == []
    watched.now_s = ISOLATED + 1800
    watched.incidents.close(watched.target.key, watched.incident)
    assert watched.look() == []


def test_who_cannot_be_asked_is_told_of_and_stops_no_other(logs, watched, after):
    after(flow(logs.who.account, watched.interface, ADDRESS, "198.51.100.71", ISOLATED + 120))
    watched.isolate()
    watched.look()
    watched.now_s = ISOLATED + 1800
    gone = Target(watched.target.account, REGION, "i-0123456789abcdef0")
    watched.open(gone)
    watched.open(Target(watched.target.account, REGION, "i-0123456789abcdef1"), dry_run=True)
    found = {each.target.instance: each for each in watched.look()}
    assert {id: each.result for id, each in found.items()} == {
        gone.instance: "unknown", watched.target.instance: "accepted_flows",
    }  # fmt: skip
    unreachable = RawStore(Transport(ClusterConfig(("http://127.0.0.1:9",), connect_timeout_s=1, max_retries=0)))
    found = {each.target.instance: each for each in watched.look(unreachable)}
    assert found[watched.target.instance].result == "unknown"
    assert "whether flows are let through is not known" in found[watched.target.instance].says


def test_a_watch_tells_of_what_it_saw_and_how_many_are_left_when_time_is_over(logs, watched):
    account = logs.who.account
    for number in range(2):
        watched.open(Target(account, REGION, f"i-0123456789abcdef{number}"))
    ticks = itertools.count()
    watched.room.session.made.clear()
    found = watched.look(budget=Budget(0, lambda: next(ticks)), left=2)
    # Whichever comes first: of an instance that is not there nobody knows, and the other is not isolated yet.
    assert [each.result for each in found] in ([], ["unknown"])
    # It asks no more of each instance than where its interfaces are.
    asked = {name for service, name in watched.room.session.made if service not in ("dynamodb", "s3")}
    assert asked <= {"DescribeInstances", "DescribeNetworkInterfaces", "DescribeSecurityGroups"}


@pytest.mark.parametrize("kind", ["denied", "half_done"])
def test_a_watch_that_could_not_look_never_says_that_it_is_quiet(logs, watched, after, kind):
    after(flow(logs.who.account, watched.interface, ADDRESS, "198.51.100.71", ISOLATED + 120))
    watched.isolate()
    session, s3 = watched.room.session, logs.room.account.client("s3", REGION)

    def noted() -> List[str]:
        given = {"Bucket": watched.room.locked_bucket(), "Prefix": f"progress/{watched.folder}"}
        return [each["Key"] for each in s3.list_objects_v2(**given).get("Contents", ())]

    def said() -> List[str]:
        try:
            return [each.result for each in watched.look()]
        except CallProblem:
            return ["raised"]

    # Before it is noted that the instance is isolated, and when it is: every call that is made then, or that changes.
    for quiet in (True, False):
        watched.now_s = ISOLATED + (0 if quiet else 1800)
        session.made.clear()
        without = said()
        assert without == ([] if quiet else ["accepted_flows"])
        calls = sorted({f"{service}:{name}" for service, name in session.made})
        assert {"dynamodb:Scan", "ec2:DescribeInstances", "s3:GetObject"} <= {*calls}
        assert ("s3:PutObject" in calls) == quiet
        for call in calls if kind == "denied" else {"s3:PutObject"} & {*calls}:
            for key in noted() if quiet else ():
                s3.delete_object(Bucket=watched.room.locked_bucket(), Key=key)
            session.fault, session.failed = Fault(call, kind), 0
            try:
                found = said()
            finally:
                session.fault = None
            assert session.failed, call
            # What an instance's record has beside its interfaces is not needed to look.
            assert found in (without, ["unknown"], ["raised"]), call
            since = noted()
            assert found != [] or since, call
            assert not quiet or (said() == (["accepted_flows"] if since else []) and noted()), call


def test_who_cannot_be_told_of_one_flow_is_told_of_the_next(logs, watched, engine, monkeypatch):
    room = watched.room
    for number in (0, 1):  # of which nobody can say whether flows are let through
        watched.open(Target(watched.target.account, REGION, f"i-0123456789abcdef{number}"))
    front = LambdaFront({"publish_status": lambda _: Answer({})})
    room.account.serve_functions(front.url)
    room.watch_functions(monkeypatch)
    known = {
        "TABLE": watched.table,
        "BUCKET": room.locked_bucket(),
        "URL": engine.url,
        "PUBLISH_FUNCTION": "publish_status",
    }
    settings = {"AWS_REGION": REGION, **{f"AWS_SIEM_BRIDGE_{name}": value for name, value in known.items()}}
    room.session.fault, room.session.failed = Fault("lambda:Invoke", "denied", 1), 0
    try:
        with pytest.raises(CallProblem, match="lambda:Invoke"):
            watch.do({}, settings)
        assert len(front.invocations) == 1
        assert watch.do({}, settings) == {"found": 2, "left": 0} and len(front.invocations) == 3
    finally:
        room.session.fault = None
        room.account.serve_functions("")
        front.stop()
