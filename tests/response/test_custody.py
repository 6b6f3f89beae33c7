"""Custody: the manifest of an incident, its signature, and every way in which evidence can be tampered with."""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple

import pytest

from aws_bridge.errors import CallProblem, Unavailable
from response.actions.archive import Archive
from response.actions.collecting import Collecting
from response.actions.hashing import Hashing
from response.aws.evidence import EvidenceStore, folder_of
from response.aws.signing import SigningKey
from response.core.budget import Budget
from response.core.custody import hash_of, line_of, manifest_of, read_manifest
from response.core.evidence import FAILED, Item
from response.core.target import Target
from response.errors import BadEvidence, BadSettings, StillRunning
from response.verify.copies import BucketCopy, FolderCopy
from response.verify.verification import Verdict, verify
from tests import command_line
from tests.response.server_room import REGION, Fault, ServerRoom

_numbers = itertools.count(1)
MADE = datetime(2026, 11, 30, 12, tzinfo=timezone.utc)


class Case(NamedTuple):
    """An incident with evidence in the bucket."""

    room: ServerRoom
    target: Target
    incident: str
    store: EvidenceStore
    key: SigningKey

    def archive(self, **how: Any):
        return Archive(self.store, self.key, "arn:aws:sts::1:assumed-role/archive/x", lambda: MADE, **how).archive(
            self.target, self.incident
        )

    def collect(self, step: str, **files: Any) -> None:
        """Let a step keep files, and fail at those whose content is an exception."""
        work = Collecting(self.store, step)
        for name, body in files.items():
            if isinstance(body, str):
                work.add(Item(name, FAILED, why=body))
            else:
                work.keep(name, f"{name}.bin", lambda body=body: body)
        work.finish(self.target, self.incident, step)

    def download(self, to: Path) -> Path:
        """Do what ``aws s3 sync`` does."""
        s3 = self.room.account.client("s3", REGION)
        start = self.store.folder
        for each in s3.list_objects_v2(Bucket=self.store.bucket, Prefix=start)["Contents"]:
            path = to / each["Key"][len(start) :]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(s3.get_object(Bucket=self.store.bucket, Key=each["Key"])["Body"].read())
        return to


def signing_key(room: ServerRoom, spec: str = "ECC_NIST_P256") -> SigningKey:
    kms = room.account.client("kms", REGION)
    return SigningKey(room.area, kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec=spec)["KeyMetadata"]["Arn"])


@pytest.fixture(scope="module")
def key(room: ServerRoom) -> SigningKey:
    return signing_key(room)


@pytest.fixture
def case(room: ServerRoom, key: SigningKey) -> Case:
    target = Target(room.account.id, REGION, "i-0123456789abcdef0")
    incident = f"{target.instance}-{next(_numbers)}"
    folder = folder_of(target.account, target.region, target.instance, incident)
    return Case(room, target, incident, EvidenceStore(room.area, room.locked_bucket(), folder), key)


@pytest.fixture(scope="module")
def copy(room: ServerRoom, key: SigningKey, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A download of evidence with two manifests; each test takes a copy of it to tamper with."""
    target = Target(room.account.id, REGION, "i-0123456789abcdef0")
    folder = folder_of(target.account, target.region, target.instance, "tampered-1")
    made = Case(room, target, "tampered-1", EvidenceStore(room.area, room.locked_bucket(), folder), key)
    made.collect("context", console=b"login: root", tags=b"Name=shop", user="the agent was refused")
    assert made.archive().result == "partial"
    made.collect("logs", flow=b"ACCEPT 10.7.1.4", dns=b"evil.example")
    made.archive()
    return made.download(tmp_path_factory.mktemp("evidence"))


def test_evidence_is_hashed_chained_signed_and_verified_offline(case, key, tmp_path):
    case.collect("context", console=b"login: root", tags=b"Name=shop")
    result = case.archive()
    assert result.result == "done" and "manifest 1 of 3 objects" in result.says and ", signed" in result.says
    assert [each.item for each in result.evidence] == ["manifest", "signature", "public key"]
    found = verify(FolderCopy(case.download(tmp_path)))
    assert (found.problems, found.objects, found.incident) == ([], 3, case.incident)
    trusted = (tmp_path / "custody" / "public_key.pem").read_bytes()
    for copy in (FolderCopy(tmp_path), BucketCopy(case.room.area, case.store.bucket, case.store.folder)):
        found = verify(copy, trusted, case.incident)
        assert (found.problems, found.notes) == ([], [])
    der = case.room.account.client("kms", REGION).get_public_key(KeyId=key.id)["PublicKey"]
    assert verify(FolderCopy(tmp_path), der).problems == []


def test_archived_again_it_is_the_same_manifest_and_new_evidence_gets_the_next(case, tmp_path):
    case.collect("context", console=b"login: root", role="AccessDenied: iam:GetRole")
    first = case.archive()
    assert first.result == "partial" and "not collected: context: role" in first.says
    assert case.archive().evidence == first.evidence
    # The step ran again and had it: the later record counts.
    case.collect("context", console=b"login: root", role=b"{}")
    second = case.archive()
    assert second.result == "done" and "manifest 2 of 4 objects" in second.says
    assert case.archive().result == "already_done"
    found = verify(FolderCopy(case.download(tmp_path)))
    assert (found.problems, found.manifests, found.lacking) == ([], 2, [])


def test_another_key_signs_what_comes_later_and_leaves_what_is_signed(case, tmp_path):
    case.collect("context", console=b"login: root")
    case.archive()
    rotated = case._replace(key=signing_key(case.room))
    assert rotated.archive().result == "already_done"
    case.collect("logs", dns=b"evil.example")
    assert rotated.archive().result == "done"
    assert rotated.archive().result == "already_done"
    found = verify(FolderCopy(case.download(tmp_path)))
    assert (found.problems, found.manifests) == ([], 2)
    assert sorted(each.name for each in (tmp_path / "custody").glob("*.pem")) == ["public_key-2.pem", "public_key.pem"]


def test_what_is_missing_is_in_the_manifest_and_what_nobody_recorded_is_named(case, tmp_path):
    case.collect("context", console=b"login: root", memory="the agent does not answer")
    case.store.put("volatile", "stray.lime", b"EMiL")
    result = case.archive()
    assert result.result == "partial" and "no step has recorded volatile/stray.lime" in result.notes
    found = verify(FolderCopy(case.download(tmp_path)))
    assert found.problems == [] and found.objects == 3
    assert found.lacking == ["context: memory: failed: the agent does not answer"]


def test_an_object_that_changed_between_its_step_and_the_archive_is_said(case, monkeypatch):
    case.collect("context", console=b"login: root")
    read = EvidenceStore.read_back

    def other(self: EvidenceStore, key: str, version: str = ""):
        found = read(self, key, version)
        return found._replace(sha256="0" * 64) if key.endswith("console.bin") else found

    monkeypatch.setattr(EvidenceStore, "read_back", other)
    result = case.archive()
    assert result.result == "partial" and any("CHANGED since it was collected" in each for each in result.notes)


def test_without_time_for_all_it_goes_on_where_it_was(case):
    case.collect("context", **{f"file{number}": b"%d" % number for number in range(4)})
    ticks = itertools.count()
    calls = 0
    while True:
        calls += 1
        try:
            result = case.archive(seconds=2, clock=lambda: next(ticks))
            break
        except StillRunning as exc:
            assert "objects are hashed" in str(exc)
    assert result.result == "done" and 2 <= calls <= 5


#: A memory image for which one run has no time. Whatever else is kept is smaller than a part.
IMAGE, PART = bytes(range(230)) * 100, 5000
FIRSTS = [0, 5000, 10_000, 15_000, 20_000]


def large(case: Case, sha256: str = hash_of(IMAGE)) -> str:
    """Keep the image as the host does: nobody here has hashed it when its step ends. Return its key."""
    key = f"{case.store.folder}collect_volatile/memory.lime"
    case.room.account.client("s3", REGION).put_object(Bucket=case.store.bucket, Key=key, Body=IMAGE)
    work = Collecting(case.store, "collect_volatile")
    work.add(Item("memory", "collected", key, "", sha256, len(IMAGE)))
    work.finish(case.target, case.incident, "memory")
    return key


def in_runs(case: Case, **how: Any):
    """Archive in runs of which each has time for one object or part; return the result and how many there were."""
    for run in range(1, 100):
        ticks = itertools.count()
        try:
            return case.archive(seconds=0, clock=lambda ticks=ticks: next(ticks), part_bytes=PART, **how), run
        except StillRunning:
            continue
    raise AssertionError("it never ends")


@pytest.fixture
def parts_read(monkeypatch):
    """Return from where on parts were read."""
    read, found = EvidenceStore.read_part, []

    def noted(self: EvidenceStore, key: str, first: int, *given: Any):
        part = read(self, key, first, *given)
        found.append(first)
        return part

    monkeypatch.setattr(EvidenceStore, "read_part", noted)
    return found


def test_what_one_run_cannot_hash_is_hashed_in_parts_by_several(case, tmp_path, parts_read):
    case.collect("context", console=b"root")
    large(case)
    result, runs = in_runs(case)
    assert result.result == "done" and runs >= 5 and parts_read == FIRSTS
    root = case.download(tmp_path)
    (record,) = [each for each in read_manifest(manifest(root, 1).read_bytes()).of_kind("object") if "parts" in each]
    pieces = [IMAGE[first : first + PART] for first in FIRSTS]
    assert record["parts"] == [hash_of(each) for each in pieces] and record["sha256"] == ""
    assert record["sha256_of_parts"] == hash_of(b"".join(hashlib.sha256(each).digest() for each in pieces))
    assert read_manifest(manifest(root, 1).read_bytes()).opening["format"] == 2
    for copy in (FolderCopy(root), BucketCopy(case.room.area, case.store.bucket, case.store.folder)):
        assert verify(copy, incident=case.incident).problems == []
    parts_read.clear()
    # Again within a day it does not read it all again, and whether it is read in one go or not, it is the same.
    assert case.archive(part_bytes=PART).result == "already_done" and parts_read == []
    day = datetime(2026, 12, 2, tzinfo=timezone.utc)
    later = Archive(case.store, case.key, "x", lambda: day, part_bytes=PART)
    assert later.archive(case.target, case.incident).result == "already_done" and parts_read == FIRSTS
    path = root / "collect_volatile/memory.lime"
    for body, says in (
        (
            IMAGE[:12_000] + b"?" + IMAGE[12_001:],
            "altered: collect_volatile/memory.lime has another content in the parts 3 of 5",
        ),
        (IMAGE[:-1], "has 22999 bytes, not 23000"),
    ):
        path.write_bytes(body)
        assert any(says in each for each in verify(FolderCopy(root)).problems), says
    path.write_bytes(IMAGE)
    rechained(root, lambda all: all[-1].update(closed_at="later"), 1)
    assert verify(FolderCopy(root)).problems != []


def test_a_manifest_of_before_is_read_and_one_of_a_later_version_is_said(copy, tmp_path):
    root = tmp_path / "evidence"
    shutil.copytree(copy, root)
    # Without objects in parts it is written as it always was.
    assert [read_manifest(manifest(root, n).read_bytes()).opening["format"] for n in (1, 2)] == [1, 1]
    text = manifest(root, 1).read_bytes().replace(b'"format":1', b'"format":3')
    assert "has the format 3: a newer version of this reads it" in " ".join(read_manifest(text).problems)


@pytest.mark.parametrize("runs", (True, False))
def test_what_the_host_said_of_it_is_compared_where_the_whole_is_read(case, tmp_path, runs):
    large(case, "0" * 64)
    result = in_runs(case)[0] if runs else case.archive(part_bytes=PART)
    said = any("CHANGED since it was collected: collect_volatile/memory.lime" in each for each in result.notes)
    assert (said, result.result) == ((False, "done") if runs else (True, "partial"))
    # Nobody has read the whole when it is hashed by several runs: whoever verifies it does.
    (problem,) = verify(FolderCopy(case.download(tmp_path))).problems
    assert problem.startswith("changed before it was archived: collect_volatile/memory.lime had the sha256 000")


def test_two_archives_at_once_of_one_large_object_come_to_one_manifest(case, tmp_path):
    case.collect("context", **{f"file{number}": b"%d" % number for number in range(3)})
    large(case)
    with ThreadPoolExecutor(2) as pool:
        found = [each.result() for each in [pool.submit(in_runs, case) for _ in range(2)]]
    assert {result.result for result, _ in found} <= {"done", "already_done"}
    verdict = verify(FolderCopy(case.download(tmp_path)))
    assert (verdict.problems, verdict.manifests) == ([], 1)


def test_what_somebody_else_has_hashed_meanwhile_is_not_hashed_again(case, parts_read):
    large(case)
    ticks = itertools.count()
    slow = Hashing(case.store, "archive", Budget(0, lambda: next(ticks)), PART, lambda: MADE)
    (about,) = case.store.listed("collect_volatile/memory")
    quick = Hashing(case.store, "archive", Budget(), PART, lambda: MADE)
    assert len(quick.of(about, "").parts) == 5 and len(parts_read) == 5
    # It began before, and notes less than there is: nothing of that is lost.
    with pytest.raises(StillRunning, match="1 of 5 parts of .*memory.lime are hashed"):
        slow.of(about, "")
    assert len(Hashing(case.store, "archive", Budget(), PART, lambda: MADE).of(about, "").parts) == 5
    assert parts_read == [*FIRSTS, 0]


def test_a_part_that_is_not_there_any_more_or_of_other_bytes_is_refused(case):
    key = large(case)
    part = case.store.read_part(key, 0, PART)
    other = case.room.account.client("s3", REGION)
    other.put_object(Bucket=case.store.bucket, Key=key, Body=IMAGE[::-1])
    assert case.store.read_part(key, PART, PART, part.version, part.etag).sha256 == hash_of(IMAGE[PART : 2 * PART])
    with pytest.raises(CallProblem, match="PreconditionFailed"):
        case.store.read_part(key, PART, PART, "", part.etag)


def test_what_was_hashed_before_a_failure_is_not_read_again(case, parts_read):
    large(case)
    session = case.room.session
    read = EvidenceStore.read_part
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(EvidenceStore, "read_part", lambda self, key, first, *given: read(
            self, key, first, *given) if first < 10_000 else fail(session, self, read, key, first, *given))  # fmt: skip
        with pytest.raises(CallProblem):
            case.archive(part_bytes=PART)
    session.fault = None
    assert case.archive(part_bytes=PART).result == "done" and parts_read == FIRSTS


@pytest.mark.parametrize(("times", "verified"), ((1, True), (3, False)))
def test_a_connection_that_is_cut_costs_a_verification_one_part(case, monkeypatch, times, verified):
    large(case)
    assert case.archive(part_bytes=PART).result == "done"
    read, cuts = EvidenceStore.read_part, [0]

    def cut(self: EvidenceStore, key: str, first: int, *given: Any):
        part = read(self, key, first, *given)
        if first == PART and cuts[0] < times:
            cuts[0] += 1
            raise Unavailable("it was cut while it was read", call="s3:GetObject")
        return part

    monkeypatch.setattr(EvidenceStore, "read_part", cut)
    found = verify(BucketCopy(case.room.area, case.store.bucket, case.store.folder)).problems
    assert found == [] if verified else ["unreadable: " in found[0], len(found)] == [True, 1]


def fail(session: Any, store: EvidenceStore, read: Callable[..., Any], *given: Any) -> Any:
    """Let one part be denied."""
    session.fault, session.failed = Fault("s3:GetObject", "denied"), 0
    try:
        return read(store, *given)
    finally:
        session.fault = None


def test_a_key_of_another_kind_is_refused(case):
    case.collect("context", console=b"x")
    with pytest.raises(BadSettings, match="ECC_NIST_P256 is needed"):
        Archive(case.store, signing_key(case.room, "RSA_2048")).archive(case.target, case.incident)
    unsigned = Archive(case.store, None).archive(case.target, case.incident)
    assert unsigned.result == "partial" and "NOT signed" in unsigned.says


#: Calls of an archive; "half done" for those that change something.
ASKED = ("s3:ListObjectsV2", "s3:GetObject", "s3:GetObjectLockConfiguration", "kms:GetPublicKey")
WRITTEN = ("s3:PutObject", "kms:Sign")


def test_every_call_has_a_case(case):
    case.collect("context", console=b"x")
    case.store._held = None
    case.room.session.made.clear()
    case.archive()
    assert {f"{service}:{call}" for service, call in case.room.session.made} == {*ASKED, *WRITTEN}


@pytest.mark.parametrize(
    "call, kind, times",
    [(call, *how) for call in (*ASKED, *WRITTEN) for how in (("denied", 0), ("throttled", 1), ("timeout", 0))]
    + [(call, "half_done", times) for call in WRITTEN for times in (1, 0)],
)
def test_an_archive_that_fails_goes_on_where_it_was(case, tmp_path, call, kind, times):
    case.collect("context", console=b"login: root")
    case.store._held = None
    session = case.room.session
    session.fault, session.failed = Fault(call, kind, times), 0
    try:
        assert case.archive().result in ("done", "already_done")
        # A write whose answer is always lost is found to be there.
        assert times == 1 or (call, kind) == ("s3:PutObject", "half_done")
    except CallProblem as exc:
        assert exc.call == call and times == 0
    finally:
        session.fault = None
    assert session.failed, "the fault never came"
    assert case.archive().result in ("done", "already_done")
    found = verify(FolderCopy(case.download(tmp_path)))
    # Written and its answer lost for good: the manifest is there, and is found again.
    assert (found.problems, found.manifests) == ([], 1)


def lines(root: Path, number: int = 2) -> List[bytes]:
    return manifest(root, number).read_bytes().splitlines()


def manifest(root: Path, number: int = 2) -> Path:
    return root / "custody" / ("manifest.jsonl" if number == 1 else f"manifest-{number}.jsonl")


def put_lines(root: Path, new: List[bytes]) -> None:
    manifest(root).write_bytes(b"".join(each + b"\n" for each in new))


def rechained(root: Path, change: Callable[[List[Dict[str, Any]]], None], number: int = 2) -> None:
    """Change records and make the chain anew, as somebody does who knows its form and lacks the key."""
    records = read_manifest(manifest(root, number).read_bytes()).records
    change(records)
    link = ("number", "previous")
    plain = [{name: value for name, value in each.items() if name not in link} for each in records]
    manifest(root, number).write_bytes(manifest_of(plain[0], plain[1:-1], plain[-1]))


def of_object(records: List[Dict[str, Any]], key: str) -> Dict[str, Any]:
    return next(each for each in records if each.get("key") == key)


def swap(root: Path) -> None:
    one, other = root / "context/console.bin", root / "context/tags.bin"
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def other_incident(root: Path) -> None:
    records = read_manifest(manifest(root).read_bytes()).records
    for each in records:
        if "incident" in each:
            each["incident"] = "another-7"
    rechained(root, lambda new: new.__setitem__(slice(None), records))


def resigned(root: Path) -> None:
    """Change an object, its record, the chain and the signature, with a key of one's own beside it."""
    import base64

    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    (root / "logs/flow.bin").write_bytes(b"REJECT 10.7.1.")
    rechained(root, lambda all: of_object(all, "logs/flow.bin").update(
        sha256=hash_of(b"REJECT 10.7.1."), bytes=14))  # fmt: skip
    own = ec.generate_private_key(ec.SECP256R1())
    form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    (root / "custody/public_key.pem").write_bytes(own.public_key().public_bytes(*form))
    for number, name in ((1, "signature.json"), (2, "signature-2.json")):
        closing = read_manifest(manifest(root, number).read_bytes()).closing
        known = json.loads((root / "custody" / name).read_bytes())
        known["signature"] = base64.b64encode(own.sign(closing, ec.ECDSA(hashes.SHA256()))).decode()
        (root / "custody" / name).write_text(json.dumps(known))


#: Tampering -> what it does to a download, and what has to be said.
TAMPERING: Dict[str, Any] = {
    "record removed": (lambda root: put_lines(root, lines(root)[:2] + lines(root)[3:]), "removed or moved"),
    "records swapped": (
        lambda root: put_lines(root, [lines(root)[n] for n in (0, 2, 1, *range(3, len(lines(root))))]), "moved"),
    "record changed": (lambda root: put_lines(root, [lines(root)[0], lines(root)[1].replace(b'"bytes":1', b'"bytes":2'),
                                                     *lines(root)[2:]]), "does not follow the one before it"),
    "record written otherwise": (
        lambda root: put_lines(root, [lines(root)[0].replace(b'":', b'": '), *lines(root)[1:]]),
        "not written as it was"),
    "record is no JSON": (lambda root: put_lines(root, [b"{", *lines(root)[1:]]), "is no record"),
    "closing record removed": (lambda root: put_lines(root, lines(root)[:-1]), "has no closing record: it was cut"),
    "cut within a line": (lambda root: manifest(root).write_bytes(manifest(root).read_bytes()[:-30]), "it was cut"),
    "emptied": (lambda root: manifest(root).write_bytes(b""), "no closing record"),
    "record removed and chained anew": (
        lambda root: rechained(root, lambda all: all.remove(of_object(all, "logs/dns.bin"))), "signature does not fit"),
    "failure hidden": (
        lambda root: rechained(root, lambda all: all.remove(next(e for e in all if e["kind"] == "item"))),
        "signature does not fit"),
    "object changed": (lambda root: (root / "logs/dns.bin").write_bytes(b"good.example"),
                       "altered: logs/dns.bin has another content"),
    "object longer": (lambda root: (root / "logs/dns.bin").write_bytes(b"evil.example!"), "has 13 bytes, not 12"),
    "object and record changed": (
        lambda root: [(root / "logs/dns.bin").write_bytes(b"good.example"),
                      rechained(root, lambda all: of_object(all, "logs/dns.bin").update(
                          sha256=hash_of(b"good.example")))], "signature does not fit"),
    "objects swapped": (swap, "altered: context/"),
    "object removed": (lambda root: (root / "logs/flow.bin").unlink(), "missing: logs/flow.bin"),
    "object added": (lambda root: (root / "logs/planted.bin").write_bytes(b"x"), "extra: logs/planted.bin"),
    "hidden among the manifests": (lambda root: (root / "custody/notes.txt").write_bytes(b"x"),
                                  "extra: custody/notes.txt"),
    "hidden beside the signatures": (
        lambda root: (root / "custody/signature-9.json").write_bytes(b"x"),
        "extra: custody/signature-9.json",
    ),
    "hidden beside the key": (
        lambda root: (root / "custody/public_key-2.pem").write_bytes(b"x"),
        "extra: custody/public_key-2.pem",
    ),
    "object is a link": (
        lambda root: [(root / "logs/flow.bin").rename(root.parent / "elsewhere"),
                      (root / "logs/flow.bin").symlink_to(root.parent / "elsewhere")], "is a link"),
    "signature removed": (lambda root: (root / "custody/signature-2.json").unlink(), "it is not signed"),
    "signature of the other manifest": (
        lambda root: shutil.copy(root / "custody/signature.json", root / "custody/signature-2.json"), "does not fit"),
    "signature is no JSON": (lambda root: (root / "custody/signature-2.json").write_bytes(b"x"), "cannot be read"),
    "earlier manifest removed": (lambda root: manifest(root, 1).unlink(), "manifest 1 is missing"),
    "last manifest removed": (lambda root: manifest(root, 2).unlink(), "extra: logs/flow.bin"),
    "manifest of another incident": (other_incident, "is of the incident 'another-7'"),
    "changed and signed with another key": (resigned, "another key signed it"),
}  # fmt: skip


@pytest.mark.parametrize("how", TAMPERING)
def test_tampering_is_found_and_named(copy, tmp_path, how):
    trusted = (copy / "custody" / "public_key.pem").read_bytes()
    root = tmp_path / "evidence"
    shutil.copytree(copy, root)
    assert verify(FolderCopy(root), trusted, "tampered-1").problems == []
    change, says = TAMPERING[how]
    change(root)
    found = verify(FolderCopy(root), trusted, "tampered-1")
    assert any(says in each for each in found.problems), found.problems


def test_without_a_key_from_elsewhere_a_new_signature_cannot_be_told(copy, tmp_path):
    root = tmp_path / "evidence"
    shutil.copytree(copy, root)
    resigned(root)
    records = read_manifest(manifest(root, 1).read_bytes()).records
    assert records
    found = verify(FolderCopy(root))
    assert any("could have signed anew" in each for each in found.notes)


def test_a_bucket_shows_what_was_put_over_evidence_or_deleted(case, key):
    case.collect("context", console=b"login: root", tags=b"x")
    case.archive()
    s3, bucket, start = case.room.account.client("s3", REGION), case.store.bucket, case.store.folder
    s3.put_object(Bucket=bucket, Key=start + "context/console.bin", Body=b"login: nobody")
    s3.delete_object(Bucket=bucket, Key=start + "context/tags.bin")
    found = verify(BucketCopy(case.room.area, bucket, start))
    assert any(each.startswith("extra: context/console.bin has the versions") for each in found.problems)
    assert any(each.startswith("deleted: context/tags.bin") for each in found.problems)
    # What was collected is still there, under its version: its content is not said to be altered.
    assert not any("altered: context/console" in each for each in found.problems)
    elsewhere = start.replace(case.incident, "copied-1")
    for each in s3.list_objects_v2(Bucket=bucket, Prefix=start)["Contents"]:
        body = s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()
        s3.put_object(Bucket=bucket, Key=each["Key"].replace(start, elsewhere), Body=body)
    found = verify(BucketCopy(case.room.area, bucket, elsewhere))
    assert any("the manifest is of 'incidents/" in each for each in found.problems)


def test_records_are_written_in_one_way_only():
    assert line_of({"b": 1, "a": "\u00e9\n"}) == b'{"a":"\\u00e9\\n","b":1}'
    with pytest.raises(ValueError, match="JSON compliant"):
        line_of({"a": float("nan")})
    with pytest.raises(BadEvidence, match="more than 4,096"):
        manifest_of({"account": "1"}, [], {"key": "k" * 5000})


def run(capsys: Any, *argv: str):
    return command_line.run(capsys, "respond", "verify", *argv)


def test_the_command_says_verified_or_what_is_not(room, copy, tmp_path, capsys):
    key = tmp_path / "key.pem"
    shutil.copy(copy / "custody/public_key.pem", key)
    status, out, err = run(capsys, str(copy), "--public-key", str(key))
    assert status == 0 and out.startswith("verified: 6 objects") and not err
    assert "not in the evidence: context: user: failed: the agent was refused" in out
    status, out, err = run(capsys, str(copy), "--result", "json")
    assert status == 0 and json.loads(out)["verified"] is True and json.loads(out)["notes"]
    status, out, _ = run(capsys, str(copy), "--incident", "another-7")
    assert status == 1 and out.startswith("NOT as collected") and "'tampered-1', not of 'another-7'" in out
    place = f"s3://{room.locked_bucket()}/" + folder_of(room.account.id, REGION, "i-0123456789abcdef0", "tampered-1")
    status, out, _ = run(capsys, place, "--region", REGION, "--public-key", str(key))
    assert status == 0 and out.startswith("verified: 6 objects")
    for argv, says in (
        ([str(tmp_path)], "there is no manifest"),
        ([str(tmp_path / "nowhere")], "is no folder"),
        ([str(copy), "--public-key", str(copy / "context/console.bin")], "the public key cannot be read"),
        ([str(copy), "--public-key", str(tmp_path / "none.pem")], "none.pem"),
    ):
        status, out, err = run(capsys, *argv)
        assert (status, out) == (2, "") and says in err and "Traceback" not in err


def test_a_verdict_is_json():
    assert Verdict(problems=["x"]).to_json()["verified"] is False
