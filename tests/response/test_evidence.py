"""The store of evidence against the stand-in's S3. What is there is read from S3, not from the answers."""

from __future__ import annotations

import hashlib
import itertools
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, List

import pytest

from aws_bridge.errors import CallProblem
from response.aws.evidence import EvidenceStore, Lock, folder_of, lock_of
from response.errors import BadEvidence, BadSettings
from tests.response.faults import seen
from tests.response.server_room import REGION, Fault, ServerRoom

_numbers = itertools.count(1)
PART = 5 << 20
SMALL = b"what the console said\n"
LARGE = bytes(range(256)) * (PART // 256) + b"the rest"


@pytest.fixture
def store(room: ServerRoom) -> EvidenceStore:
    return EvidenceStore(room.area, room.locked_bucket(), folder_of("1", REGION, "i-1", f"i-1-{next(_numbers)}"),
                         part_bytes=PART)  # fmt: skip


def there(room: ServerRoom, store: EvidenceStore) -> Dict[str, bytes]:
    """Return name -> content of all that S3 has of an incident, and that each was written once."""
    s3 = room.account.client("s3", REGION)
    versions = s3.list_object_versions(Bucket=store.bucket, Prefix=store.folder)
    found = [each["Key"] for each in versions.get("Versions", ())]
    assert len(found) == len(set(found)) and not versions.get("DeleteMarkers"), "an object was written over"
    return {key[len(store.folder) :]: s3.get_object(Bucket=store.bucket, Key=key)["Body"].read() for key in found}


@pytest.mark.parametrize("body", (SMALL, LARGE, b""), ids=("small", "in parts", "empty"))
def test_what_is_kept_is_locked_hashed_and_never_written_over(room, store, body):
    def pieces() -> List[bytes]:
        return [body[at : at + 999_983] for at in range(0, len(body), 999_983)]

    stored = store.put_stream("context", "console.txt", pieces)
    assert (stored.sha256, stored.bytes, stored.already) == (hashlib.sha256(body).hexdigest(), len(body), False)
    again = store.put_stream("context", "console.txt", pieces)
    assert again == stored._replace(already=True)
    other = store.put("context", "console.txt", b"the console said something else")
    assert other.key.endswith("/context/console-2.txt") and not other.already
    assert store.put("context", "console.txt", b"the console said something else").already
    assert there(room, store) == {
        "context/console.txt": body, "context/console-2.txt": b"the console said something else",
    }  # fmt: skip
    kept = room.account.client("s3", REGION).head_object(Bucket=store.bucket, Key=stored.key)
    assert kept["ObjectLockMode"] == "GOVERNANCE" and kept["VersionId"] == stored.version
    left = kept["ObjectLockRetainUntilDate"] - datetime.now(timezone.utc)
    assert timedelta(days=364) < left <= timedelta(days=365)
    assert stored.item("console").outcome == ("collected" if body else "empty")


#: Operations of a store, and the body that leads to each.
ASKED = {"GetObject": SMALL, "GetObjectLockConfiguration": SMALL}
WRITTEN = {"PutObject": SMALL, "CreateMultipartUpload": LARGE, "UploadPart": LARGE, "CompleteMultipartUpload": LARGE}
FAULTS = (("throttled", 1), ("throttled", 0), ("denied", 0), ("timeout", 1), ("timeout", 0))


def test_every_call_has_a_case(room, store):
    room.session.made.clear()
    for body in (SMALL, LARGE):
        store.put("context", f"{len(body)}", body)
    assert {name for _, name in room.session.made} == {*ASKED, *WRITTEN}


@pytest.mark.parametrize(
    "call, kind, times",
    seen("evidence", [(call, *fault) for call in (*ASKED, *WRITTEN) for fault in FAULTS])
    + [(call, "half_done", times) for call in WRITTEN for times in (1, 0)],
)
def test_a_write_that_fails_is_said_and_goes_on_where_it_was(room, store, call, kind, times):
    body = {**ASKED, **WRITTEN}[call]
    room.session.fault, room.session.failed = Fault(f"s3:{call}", kind, times), 0
    try:
        stored = store.put("context", "console.txt", body)
        assert stored.sha256 == hashlib.sha256(body).hexdigest()
        assert there(room, store) == {"context/console.txt": body}
    except CallProblem as exc:
        assert exc.call == f"s3:{call}" and (times == 0 or kind == "denied")
    finally:
        room.session.fault = None
    assert room.session.failed, "the fault never came"
    assert store.put("context", "console.txt", body).sha256 == hashlib.sha256(body).hexdigest()
    assert there(room, store) == {"context/console.txt": body}


@pytest.mark.parametrize("operation, body", [("PutObject", SMALL), ("UploadPart", LARGE)])
def test_bytes_that_change_on_their_way_are_found_by_reading_back(room, store, monkeypatch, operation, body):
    # AWS compares the checksum; the stand-in does not. So what is read back is what finds it here.
    of_session = type(room.session).call

    def changed(self: Any, service: str, name: str, method: Any, given: Dict[str, Any]) -> Any:
        if name == operation and len(given["Body"]) > 4:
            given = {**given, "Body": b"XXXX" + given["Body"][4:]}
        return of_session(self, service, name, method, given)

    monkeypatch.setattr(type(room.session), "call", changed)
    with pytest.raises(BadEvidence, match="was changed on its way"):
        store.put("context", "console.txt", body)


def test_no_more_than_a_part_is_in_memory(room, store):
    taken: List[int] = []

    def pieces():
        for number in range(12):
            taken.append(len(sent()))
            yield bytes([number]) * (1 << 20)

    def sent() -> List[Any]:
        return [name for _, name in room.session.made if name == "UploadPart"]

    room.session.made.clear()
    store.put_stream("logs", "flow.gz", pieces)
    # Two parts are held before it is known that there are several; after that each is sent before the next is read.
    assert taken == sorted(taken) and taken[-1] >= 1


@pytest.mark.parametrize(
    "lock, says",
    [(Lock("COMPLIANCE", 1), "nobody, not even the root user"), (Lock("NONE"), "is not locked"), (Lock(), "")],
)
def test_how_evidence_is_held_is_said(room, lock, says):
    store = EvidenceStore(room.area, room.locked_bucket(), folder_of("1", REGION, "i-1", f"n-{next(_numbers)}"), lock)
    stored = store.put("context", "tags.json", b"{}")
    assert (says in " ".join(store.notes)) if says else not store.notes
    kept = room.account.client("s3", REGION).head_object(Bucket=store.bucket, Key=stored.key)
    assert kept.get("ObjectLockMode", "NONE") == lock.mode


def test_a_bucket_without_object_lock_is_said(room):
    store = EvidenceStore(room.area, room.bucket, folder_of("1", REGION, "i-1", f"n-{next(_numbers)}"))
    assert store.put("context", "tags.json", b"{}").bytes == 2
    assert f"the bucket {room.bucket} has no Object Lock" in store.notes[0]


@pytest.mark.parametrize("mode, days", [("forever", 1), ("governance", 0), ("compliance", 36_501)])
def test_a_lock_that_s3_does_not_have_is_refused(mode, days):
    with pytest.raises(BadSettings):
        lock_of(mode, days)


def test_a_folder_never_leads_elsewhere():
    for part in ("", "..", "a/b"):
        with pytest.raises(BadSettings):
            folder_of("1", REGION, part, "i-1-1")
