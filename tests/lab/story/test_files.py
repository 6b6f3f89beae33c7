"""The story's CloudTrail files: AWS's layout, exact numbers, the same bytes from the same seed, the attack in them."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import subprocess
import sys
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

from lab.story import cast
from lab.story.attack import TIMELINE
from lab.story.files import Written, write_story

END_MS = 1_795_236_780_000  # 2026-11-21T04:53:00Z
DAY_MS = 86_400_000
KEY = re.compile(
    r"AWSLogs/(\d{12})/CloudTrail/([a-z0-9-]+)/(\d{4})/(\d\d)/(\d\d)/"
    r"\1_CloudTrail_\2_\3\4\5T\d{4}Z_[A-Za-z0-9]{16}\.json(?:\.gz)?"
)
CALLS = sum(len(step.calls) for step in TIMELINE)


def logs(folder: Path) -> List[Path]:
    return sorted(path for path in folder.glob("AWSLogs/**/*") if path.is_file())


def write_events(folder: Path, events: int, seed: int, start_ms: int, end_ms: int, **more: Any) -> Written:
    """Write the CloudTrail part of a story."""
    return write_story(folder, events, seed, start_ms, end_ms, logs=["cloudtrail"], **more)["cloudtrail"]


def read(folder: Path) -> List[Dict[str, Any]]:
    found = []
    for path in logs(folder):
        data = path.read_bytes()
        found += json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)["Records"]
    return found


def labels(folder: Path) -> List[Dict[str, str]]:
    return [json.loads(line) for line in (folder / "labels.jsonl").read_text("utf-8").splitlines()]


def digest(folder: Path) -> Dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Tuple[Path, List[Dict[str, Any]]]:
    """Return the folder and the records of a day of 20,000 events."""
    folder = tmp_path_factory.mktemp("story")
    written = write_events(folder, 20_000, 7, END_MS - DAY_MS, END_MS)
    assert written.records == 20_000
    assert written.attack_records == CALLS
    assert written.files == len(logs(folder))
    return folder, read(folder)


def test_there_are_exactly_as_many_events_as_asked_for_each_with_its_own_id(day):
    _, found = day
    assert len(found) == 20_000
    assert len({record["eventID"] for record in found}) == 20_000
    uuid4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
    assert all(uuid4.fullmatch(record["eventID"]) for record in found)


def test_times_are_in_the_window_and_many_share_a_second(day):
    _, found = day
    times = Counter(record["eventTime"] for record in found)
    assert min(times) >= "2026-11-20T04:53:00Z"
    assert max(times) < "2026-11-21T04:53:00Z"
    assert times.most_common(1)[0][1] > 1
    hours = Counter(time[11:13] for time in times)
    assert len(hours) == 24
    assert hours["01"] > 2 * hours["18"]  # ten in the morning and three at night, in Seoul


def test_files_are_where_aws_puts_them_and_hold_one_account_and_region(day):
    folder, _ = day
    places = set()
    for path in logs(folder):
        key = KEY.fullmatch(path.relative_to(folder).as_posix())
        assert key, path
        text = gzip.decompress(path.read_bytes()).decode()
        assert "\n" not in text
        assert text.startswith('{"Records":[{"eventVersion":')
        places.add(key.groups()[:2])
        for record in json.loads(text)["Records"]:
            assert (record["recipientAccountId"], record["awsRegion"]) == key.groups()[:2]
    assert {account for account, _ in places} == {cast.PRODUCTION, cast.DEVELOPMENT, cast.LOG_ARCHIVE}
    assert {region for _, region in places} == {cast.REGION, cast.GLOBAL_REGION}


def test_records_have_the_variety_of_shapes_that_real_ones_have(day):
    _, found = day
    kinds = Counter(record["userIdentity"].get("type") for record in found)
    assert kinds.keys() >= {"AssumedRole", "IAMUser", "AWSService", "AWSAccount", "WebIdentityUser", "Root", None}
    assert {record["eventType"] for record in found} == {"AwsApiCall", "AwsServiceEvent", "AwsConsoleSignIn"}
    assert {record["eventCategory"] for record in found} == {"Management", "Data"}
    errors = Counter(record.get("errorCode") for record in found)
    assert errors["AccessDenied"] > 100
    assert errors["Client.UnauthorizedOperation"] > 20
    assert 0.02 < sum(count for code, count in errors.items() if code) / len(found) < 0.06
    services = [record for record in found if record["sourceIPAddress"].endswith(".amazonaws.com")]
    assert 0.1 < len(services) / len(found) < 0.6
    assert any("tlsDetails" not in record for record in found)
    assert any(not record["userAgent"].isascii() for record in found)
    assert any(record["requestParameters"] is None for record in found)
    started = next(r for r in found if r["eventName"] == "RunInstances" and r["responseElements"])
    assert started["responseElements"]["instancesSet"]["items"][0]["instanceId"].startswith("i-")
    policy = next(r for r in found if r["eventName"] == "CreatePolicyVersion")["requestParameters"]["policyDocument"]
    assert '"' in policy
    assert "\n" in policy
    stored = next(r for r in found if r["eventName"] == "PutObject")
    assert stored["resources"][0]["type"] == "AWS::S3::Object"
    assert stored["additionalEventData"]["bytesTransferredIn"] > 0
    assert stored["managementEvent"] is False
    assert len({record["eventName"] for record in found}) > 45


def test_the_size_of_a_record_is_that_of_real_ones(day):
    _, found = day
    sizes = [len(json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()) for record in found]
    assert 1_200 < sum(sizes) / len(sizes) < 1_450
    assert min(sizes) > 500


# --- the attack ------------------------------------------------------------------------------------------------------


def test_labels_lie_outside_and_name_every_record_of_the_attack(day):
    folder, found = day
    by_id = {record["eventID"]: record for record in found}
    labelled = labels(folder)
    assert len(labelled) == CALLS
    steps = Counter(label["step"] for label in labelled)
    assert steps == {step.name: len(step.calls) for step in TIMELINE if step.calls}
    thief = [record for record in found if record["sourceIPAddress"] == cast.ATTACKER_CLOUD_IP]
    assert {label["eventID"] for label in labelled} == {record["eventID"] for record in thief}
    assert all(label["log"] == "cloudtrail" and label["eventID"] in by_id for label in labelled)
    assert not any(step in json.dumps(record) for record in thief for step in steps)


def test_the_stolen_credentials_are_those_the_instance_uses_itself(day):
    _, found = day
    stolen = {r["userIdentity"]["accessKeyId"] for r in found if r["sourceIPAddress"] == cast.ATTACKER_CLOUD_IP}
    own = {
        r["userIdentity"].get("accessKeyId")
        for r in found
        if r["sourceIPAddress"] in (cast.WEB_1.private_ip, cast.WEB_1.public_ip)
        and r["userIdentity"].get("principalId", "").endswith(cast.WEB_1.id)
    }
    assert stolen
    assert stolen <= own


def test_what_the_attack_did_is_there(day):
    folder, found = day
    by_id = {record["eventID"]: record for record in found}
    steps: Dict[str, List[Dict[str, Any]]] = {}
    for label in labels(folder):
        steps.setdefault(label["step"], []).append(by_id[label["eventID"]])
    read_objects = [r for r in steps["customer-data-read"] if r["eventName"] == "GetObject"]
    assert {r["requestParameters"]["key"] for r in read_objects} == set(cast.CUSTOMERS.keys)
    assert sum(r["additionalEventData"]["bytesTransferredOut"] for r in read_objects) > 10**9
    assert {r["errorCode"] for r in steps["backups-refused"]} == {"AccessDenied"}
    (opened,) = steps["door-opened"]
    assert opened["requestParameters"]["ipPermissions"]["items"][0]["ipRanges"]["items"][0]["cidrIp"] == "0.0.0.0/0"
    assert [r["eventName"] for r in steps["traces-covered"] if "errorCode" not in r] == ["StopLogging"]
    attempts = {r["errorCode"] for r in steps["privilege-attempts"]}
    assert attempts == {"AccessDenied", "Client.UnauthorizedOperation"}
    assert max(r["eventTime"] for r in steps["traces-covered"]) > "2026-11-21T04:40:00Z"


# --- repeatable, any size, any window --------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        write_events(tmp_path / name, 500, seed, END_MS - DAY_MS, END_MS)
    assert digest(tmp_path / "a") == digest(tmp_path / "b")
    assert {r["eventID"] for r in read(tmp_path / "a")}.isdisjoint(r["eventID"] for r in read(tmp_path / "c"))


def test_plain_files_hold_the_same_records(tmp_path):
    write_events(tmp_path / "gz", 300, 3, END_MS - DAY_MS, END_MS)
    write_events(tmp_path / "plain", 300, 3, END_MS - DAY_MS, END_MS, compressed=False)
    assert {path.suffix for path in logs(tmp_path / "plain")} == {".json"}
    assert read(tmp_path / "gz") == read(tmp_path / "plain")


@pytest.mark.parametrize(
    ("events", "span_ms"),
    [(0, DAY_MS), (1, DAY_MS), (CALLS - 1, DAY_MS), (CALLS, 5_000), (1_000, 1_000), (5_000, 90_000)],
)
def test_any_number_of_events_in_any_window(tmp_path, events, span_ms):
    written = write_events(tmp_path, events, 1, END_MS - span_ms, END_MS)
    found = read(tmp_path)
    assert written.records == len(found) == events
    assert len(labels(tmp_path)) == written.attack_records == min(events, CALLS)
    for record in found:
        assert "2026-11-20T04:53:00Z" <= record["eventTime"] < "2026-11-21T04:53:00Z"


def test_fractions_of_a_second_at_the_edges_are_kept_out(tmp_path):
    write_events(tmp_path, 200, 1, END_MS - 1_001, END_MS + 1)
    assert {record["eventTime"] for record in read(tmp_path)} == {"2026-11-21T04:52:59Z", "2026-11-21T04:53:00Z"}


@pytest.mark.parametrize(
    ("events", "start_ms", "end_ms"), [(-1, 0, DAY_MS), (5, END_MS, END_MS), (5, END_MS + 1, END_MS + 999)]
)
def test_impossible_wishes_are_refused(tmp_path, events, start_ms, end_ms):
    with pytest.raises(ValueError, match="must"):
        write_events(tmp_path, events, 1, start_ms, end_ms)


@pytest.mark.slow("memory of many records")
def test_memory_does_not_grow_with_the_number_of_events(tmp_path):
    tracemalloc.start()
    try:
        written = write_events(tmp_path, 16_000, 1, END_MS - 8 * DAY_MS, END_MS)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The records alone would be three times as much as text, and ten times as much as dictionaries.
    assert peak < 7_000_000 < written.raw_bytes / 3


def test_the_command_writes_what_it_says(tmp_path):
    story = ["lab", "story", "write", str(tmp_path / "s"), "--events", "1000", "--logs", "cloudtrail"]
    command = [sys.executable, "-m", "aws_siem_bridge", *story]
    done = subprocess.run([*command, "--end", "2026-11-21T04:53:00Z"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "1,000 CloudTrail events from 2026-11-20T04:53:00.000Z to 2026-11-21T04:53:00.000Z" in done.stdout
    assert len(read(tmp_path / "s")) == 1_000
    wrong = subprocess.run([*command, "--end", "soon"], capture_output=True, text=True, timeout=60)
    assert wrong.returncode == 2
    assert "soon" in wrong.stderr
    assert "Traceback" not in wrong.stderr
