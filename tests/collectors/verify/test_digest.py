"""The digest chain: whole, and with everything that can be done to it."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from aws_bridge.object_ref import ObjectRef
from collectors.errors import CollectorError
from collectors.verify.digest import (
    CHANGED,
    DIGEST,
    GAP,
    LOG,
    MISSING,
    UNVERIFIED,
    VALID,
    Checked,
    digest_object,
    string_to_sign,
    verify,
)
from collectors.verify.digest_keys import keys_of_file
from collectors.verify.digest_store import SIGNATURE_SUFFIX, LocalDigests
from tests.collectors.verify.digest_chain import BUCKET, START, DigestChain, public_keys, sign

HOUR_MS = 3_600_000
START_MS = int(START.timestamp() * 1000)


@pytest.fixture
def chain(tmp_path) -> DigestChain:
    """Return a whole chain of five hours: ten log files."""
    chain = DigestChain(tmp_path / "bucket").write(5)
    keep_signature(chain)
    return chain


def keep_signature(chain: DigestChain) -> None:
    for newest in (*chain.digests[-1:], *chain.backfills):  # AWS's own copy has that of each in its metadata
        Path(str(chain.path(newest)) + SIGNATURE_SUFFIX).write_text(chain.signatures[newest] + "\n")


def check(chain: DigestChain, **period: Any) -> List[Checked]:
    keys = chain.folder.parent / "keys.json"
    keys.write_text(json.dumps(public_keys()))
    store = LocalDigests(chain.folder, period.get("since_ms"), period.get("until_ms"))
    return list(verify(store, keys_of_file(keys).verify, **period))


def wrong(checked: List[Checked]) -> List[Tuple[str, str, str]]:
    return [(each.kind, each.result, each.uri.rpartition("/")[2]) for each in checked if each.result != VALID]


def name(key: str) -> str:
    return key.rpartition("/")[2]


def rewrite(chain: DigestChain, number: int, change: Callable[[Dict[str, Any]], None], backfill: bool = False) -> bytes:
    """Change what digest ``number`` says, without a new signature, and return its content."""
    key = (chain.backfills if backfill else chain.digests)[number]
    digest = json.loads(gzip.decompress(chain.path(key).read_bytes()))
    change(digest)
    content = json.dumps(digest).encode()
    chain.put(key, content)
    return content


def test_a_whole_chain_is_valid_newest_first(chain):
    checked = check(chain)
    assert wrong(checked) == []
    digests = [each.uri for each in checked if each.kind == DIGEST]
    assert digests == [f"s3://{BUCKET}/{key}" for key in reversed(chain.digests)]
    assert {each.uri for each in checked if each.kind == LOG} == {f"s3://{BUCKET}/{key}" for key in chain.logs}
    assert len(checked) == 15


def test_chains_of_regions_accounts_and_prefixes_are_apart(tmp_path):
    for account, region in (
        ("111122223333", "us-east-1"),
        ("111122223333", "eu-west-1"),
        ("444455556666", "us-east-1"),
    ):
        keep_signature(last := DigestChain(tmp_path / "bucket", account, region, "trails/").write(2))
    checked = check(last)
    assert wrong(checked) == []
    assert len(checked) == 3 * (2 + 4)


def test_a_folder_may_stand_for_a_prefix(tmp_path):
    chain = DigestChain(tmp_path / "bucket", prefix="trails/").write(2)
    keep_signature(chain)
    chain.folder = tmp_path / "bucket" / "trails"
    assert wrong(check(chain)) == []
    chain.folder = tmp_path / "bucket" / "trails" / "AWSLogs"
    assert wrong(check(chain)) == []


def test_a_changed_log_file(chain):
    chain.put(chain.logs[3], b'{"Records":[]}')
    assert wrong(check(chain)) == [(LOG, CHANGED, name(chain.logs[3]))]


def test_a_log_file_packed_again_with_the_same_content_is_valid(chain):
    path = chain.path(chain.logs[3])
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), 1))
    assert wrong(check(chain)) == []


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-9], lambda data: data[:30] + b"\xff" + data[31:], lambda data: b""]
)
def test_a_damaged_log_file(chain, damage):
    path = chain.path(chain.logs[0])
    path.write_bytes(damage(path.read_bytes()))
    assert wrong(check(chain)) == [(LOG, CHANGED, name(chain.logs[0]))]


def test_a_removed_log_file(chain):
    chain.path(chain.logs[9]).unlink()
    assert wrong(check(chain)) == [(LOG, MISSING, name(chain.logs[9]))]


def test_a_removed_digest_is_missing_and_its_hour_a_gap(chain):
    chain.path(chain.digests[2]).unlink()
    checked = check(chain)
    # In a copy the signature of the one before it is gone with it; a bucket has it in the metadata.
    unsigned = (DIGEST, UNVERIFIED, name(chain.digests[1]))
    assert wrong(checked) == [
        (DIGEST, MISSING, name(chain.digests[2])),
        (GAP, MISSING, name(chain.digests[3])),
        unsigned,
    ]
    (gap,) = (each for each in checked if each.kind == GAP)
    assert "no digest covers 2026-11-21T02:00:00Z to 2026-11-21T03:00:00Z" in gap.reason


def test_digests_removed_at_the_end_are_a_gap(chain):
    for key in chain.digests[3:]:
        chain.path(key).unlink()
    keep_signature_of = chain.digests[2]
    Path(str(chain.path(keep_signature_of)) + SIGNATURE_SUFFIX).write_text(chain.signatures[keep_signature_of])
    assert wrong(check(chain)) == []
    found = check(chain, until_ms=START_MS + 6 * HOUR_MS)
    assert wrong(found) == [(GAP, MISSING, name(chain.digests[2]))]
    assert "03:00:00Z to 2026-11-21T06:00:00Z" in found[0].reason
    assert wrong(check(chain, until_ms=START_MS + 5 * HOUR_MS)) == []  # the last one may still be on its way


def test_digests_removed_at_the_beginning_are_missing(chain):
    chain.path(chain.digests[0]).unlink()
    assert wrong(check(chain)) == [(DIGEST, MISSING, name(chain.digests[0]))]
    found = check(chain, since_ms=START_MS)
    assert wrong(found) == [(DIGEST, MISSING, name(chain.digests[0])), (GAP, MISSING, name(chain.digests[1]))]
    assert wrong(check(chain, since_ms=START_MS + HOUR_MS)) == []


def test_only_the_period_is_looked_at(chain):
    checked = check(chain, since_ms=START_MS + HOUR_MS, until_ms=START_MS + 3 * HOUR_MS)
    assert [name(each.uri) for each in checked if each.kind == DIGEST] == list(map(name, chain.digests[2:0:-1]))
    # The signature of the newest one is not beside it in a copy: only the digest behind the period has it.
    assert [each.result for each in checked if each.kind == DIGEST] == [UNVERIFIED, VALID]


def test_stopped_logging_is_a_gap(tmp_path):
    chain = DigestChain(tmp_path / "bucket").write(2)
    keep_signature(chain)
    chain.stop(3).write(2)
    keep_signature(chain)
    checked = check(chain)
    assert wrong(checked) == [(GAP, MISSING, name(chain.digests[2]))]
    (gap,) = (each for each in checked if each.kind == GAP)
    assert "02:00:00Z to 2026-11-21T05:00:00Z: it begins a new chain: logging was stopped" in gap.reason


# --- changed digests --------------------------------------------------------------------------------------------------


def without_a_log(digest: Dict[str, Any]) -> None:
    digest["logFiles"].pop()


def with_another_hash(digest: Dict[str, Any]) -> None:
    digest["logFiles"][0]["hashValue"] = hashlib.sha256(b"forged").hexdigest()


@pytest.mark.parametrize("change", [without_a_log, with_another_hash])
@pytest.mark.parametrize("number", [0, 2, 4])
def test_a_changed_digest_is_told_and_its_log_files_are_not_called_valid(chain, change, number):
    rewrite(chain, number, change)
    checked = check(chain)
    assert wrong(checked) == [(DIGEST, CHANGED, name(chain.digests[number]))]
    assert sum(each.kind == LOG for each in checked) == 8
    (found,) = (each for each in checked if each.result == CHANGED)
    assert "log files are not checked" in found.reason
    assert ("hash is not the one the next digest has" in found.reason) == (number != 4)


def test_a_digest_signed_by_somebody_else(chain):
    newest = chain.digests[-1]
    content = rewrite(chain, 4, without_a_log)
    forged = sign(json.loads(content), content, rsa.generate_private_key(65537, 2048))
    Path(str(chain.path(newest)) + SIGNATURE_SUFFIX).write_text(forged)
    checked = check(chain)
    assert wrong(checked) == [(DIGEST, CHANGED, name(newest))]
    assert "signature does not fit" in checked[0].reason


@pytest.mark.parametrize("signature", ["not hexadecimal", "00", "ab" * 256])
def test_a_signature_that_is_none(chain, signature):
    Path(str(chain.path(chain.digests[-1])) + SIGNATURE_SUFFIX).write_text(signature)
    assert wrong(check(chain)) == [(DIGEST, CHANGED, name(chain.digests[-1]))]


def test_the_newest_digest_of_a_copy_without_signature_is_not_verified(chain):
    Path(str(chain.path(chain.digests[-1])) + SIGNATURE_SUFFIX).unlink()
    assert wrong(check(chain)) == [(DIGEST, UNVERIFIED, name(chain.digests[-1]))]


def test_without_its_key_a_digest_is_not_verified(chain):
    rewrite(chain, 4, lambda digest: digest.update(digestPublicKeyFingerprint="00" * 16))
    checked = check(chain)
    assert wrong(checked) == [(DIGEST, UNVERIFIED, name(chain.digests[-1]))]
    assert "no public key with the fingerprint 0000" in checked[0].reason


def test_a_digest_put_in_the_place_of_another(chain):
    chain.path(chain.digests[2]).write_bytes(chain.path(chain.digests[1]).read_bytes())
    checked = check(chain)
    assert (DIGEST, CHANGED, name(chain.digests[2])) in wrong(checked)
    assert any("the digest of another place" in each.reason for each in checked)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"not JSON",
        b"[" * 100_000,
        json.dumps({"previousDigestSignature": None, "logFiles": [5]}).encode(),
    ],
    ids=lambda content: content[:20].decode(),
)
def test_what_is_no_digest_any_more_ends_nothing(chain, content):
    chain.put(chain.digests[2], content)
    checked = check(chain)
    assert wrong(checked)[0] == (DIGEST, CHANGED, name(chain.digests[2]))
    assert sum(each.kind == DIGEST and each.result == VALID for each in checked) >= 3


def wrong_types(digest: Dict[str, Any]) -> List[Dict[str, Any]]:
    """Return the digest with each of its values, and those of its first log file, replaced by a list."""
    changed: List[Dict[str, Any]] = [{**digest, key: [1]} for key in digest]
    for key in digest["logFiles"][0]:
        changed.append({**digest, "logFiles": [{**digest["logFiles"][0], key: [1]}]})
    return changed


def test_no_type_in_a_digest_ends_the_verification(chain):
    key = chain.digests[2]
    whole = chain.path(key).read_bytes()
    for changed in wrong_types(json.loads(gzip.decompress(whole))):
        chain.put(key, json.dumps(changed).encode())
        assert (DIGEST, CHANGED, name(key)) in wrong(check(chain))


# --- the chain of backfill digests -----------------------------------------------------------------------------------


@pytest.fixture
def both(tmp_path) -> DigestChain:
    """Return a whole chain of five hours and beside it three backfill digests, not in the order of their hours."""
    chain = DigestChain(tmp_path / "bucket").write(5).write_backfill(3, 1, 2)
    keep_signature(chain)
    return chain


@pytest.mark.parametrize(
    "hours", [(0,), (2,), (4,), (1, 3), (3, 1), (0, 1, 2, 3, 4), (4, 3, 2, 1, 0), (2, 4, 0)], ids=str
)
@pytest.mark.parametrize("is_new", [False, True])
def test_healthy_backfill_digests_are_no_gaps_and_their_log_files_are_checked(tmp_path, hours, is_new):
    chain = DigestChain(tmp_path / "bucket").write(5)
    for hour in hours:
        chain.write_backfill(hour)
        if is_new:  # whether AWS links all of them or begins anew now and then: nothing is missing
            chain.stop_backfill()
    keep_signature(chain)
    checked = check(chain)
    assert wrong(checked) == []
    assert sum(each.kind == DIGEST for each in checked) == 5 + len(hours)
    assert {each.uri for each in checked if each.kind == LOG} == {f"s3://{BUCKET}/{key}" for key in chain.logs}
    assert len(chain.logs) == 2 * (5 + len(hours))


@pytest.mark.parametrize("hour", range(5))
def test_real_gaps_beside_a_backfill_digest_are_found(tmp_path, hour):
    """The regular digest of the very hour, and of others: a backfill digest stands for none of them."""
    for number in range(1, 4):
        chain = DigestChain(tmp_path / str(number)).write(5).write_backfill(hour)
        keep_signature(chain)
        chain.path(chain.digests[number]).unlink()
        missing = (DIGEST, MISSING, name(chain.digests[number]))
        found = wrong(check(chain))
        assert missing in found
        assert (GAP, MISSING, name(chain.digests[number + 1])) in found
        assert len(found) == 3  # and the one before it, whose signature a copy of the bucket has in the missing one


def test_the_last_regular_digests_removed_are_a_gap_also_where_a_backfill_digest_is_newer(tmp_path):
    chain = DigestChain(tmp_path / "bucket").write(9).write_backfill(8)
    for key in chain.digests[5:]:
        chain.path(key).unlink()
    keep_signature(chain)
    Path(str(chain.path(chain.digests[4])) + SIGNATURE_SUFFIX).write_text(chain.signatures[chain.digests[4]])
    found = check(chain, until_ms=START_MS + 9 * HOUR_MS)
    assert wrong(found) == [(GAP, MISSING, name(chain.digests[4]))]
    assert "05:00:00Z to 2026-11-21T09:00:00Z" in found[0].reason


def test_backfill_digests_alone_do_not_hide_that_no_regular_one_is_left(both):
    for key in both.digests:
        both.path(key).unlink()
    (gap,) = [each for each in check(both) if each.result != VALID]
    assert (gap.kind, gap.result) == (GAP, MISSING)
    assert "01:00:00Z to 2026-11-21T04:00:00Z: it is a backfill digest, and there is no regular digest" in gap.reason
    (gap,) = [each for each in check(both, since_ms=START_MS, until_ms=START_MS + 5 * HOUR_MS) if each.result != VALID]
    assert "T00:00:00Z to 2026-11-21T05:00:00Z" in gap.reason


def test_stopped_logging_is_a_gap_beside_backfill_digests(tmp_path):
    chain = DigestChain(tmp_path / "bucket").write(2).write_backfill(1)
    keep_signature(chain)
    chain.stop(3).stop_backfill().write(2).write_backfill(5)
    keep_signature(chain)
    assert wrong(check(chain)) == [(GAP, MISSING, name(chain.digests[2]))]


@pytest.mark.parametrize("number", [0, 1])
def test_a_removed_backfill_digest_that_another_names_is_missing(both, number):
    both.path(both.backfills[number]).unlink()
    assert wrong(check(both)) == [(DIGEST, MISSING, name(both.backfills[number]))]


def test_what_a_backfill_digest_names_outside_of_the_period_is_not_missed(both):
    # The newest of the chain, about 02:00 to 03:00, names that of 01:00 to 02:00, and that one that of 03:00 to 04:00.
    checked = check(both, since_ms=START_MS + 2 * HOUR_MS, until_ms=START_MS + 3 * HOUR_MS)
    assert [(each.kind, each.result) for each in checked if each.kind == GAP or each.result == MISSING] == []
    both.path(both.backfills[0]).unlink()
    checked = check(both, since_ms=START_MS + HOUR_MS, until_ms=START_MS + 4 * HOUR_MS)
    assert (DIGEST, MISSING, name(both.backfills[0])) in wrong(checked)


@pytest.mark.parametrize("change", [without_a_log, with_another_hash])
@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("is_signed", [True, False], ids=["signature beside it", "signature in the next one"])
def test_a_changed_backfill_digest_is_told(both, change, number, is_signed):
    rewrite(both, number, change, backfill=True)
    if not is_signed and number < 2:
        Path(str(both.path(both.backfills[number])) + SIGNATURE_SUFFIX).unlink()
    checked = check(both)
    assert wrong(checked) == [(DIGEST, CHANGED, name(both.backfills[number]))]
    assert sum(each.kind == LOG for each in checked) == 2 * 7


@pytest.mark.parametrize("number", [10, 13, 15])
def test_log_files_that_a_backfill_digest_names_are_checked(both, number):
    both.put(both.logs[number], b"{}")
    assert wrong(check(both)) == [(LOG, CHANGED, name(both.logs[number]))]
    both.path(both.logs[number]).unlink()
    assert wrong(check(both)) == [(LOG, MISSING, name(both.logs[number]))]


def test_a_regular_digest_that_is_changed_is_told_beside_backfill_digests(both):
    rewrite(both, 2, with_another_hash)
    both.put(both.logs[0], b"{}")
    assert sorted(wrong(check(both))) == sorted(
        [(DIGEST, CHANGED, name(both.digests[2])), (LOG, CHANGED, name(both.logs[0]))]
    )


def test_backfill_digests_of_several_regions_and_of_a_prefix(tmp_path):
    for region in ("us-east-1", "eu-west-1"):
        chain = DigestChain(tmp_path / "bucket", region=region, prefix="trails/").write(3).write_backfill(1, 0)
        keep_signature(chain)
    checked = check(chain)
    assert wrong(checked) == []
    assert sum(each.kind == DIGEST for each in checked) == 10


# --- what is signed, and where --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("account", "region"), [("111122223333", "eu-west-1"), ("444455556666", "us-east-1")])
def test_log_files_of_a_region_or_account_whose_digests_are_all_gone_are_not_passed_over(chain, account, region):
    other = DigestChain(chain.folder, account, region).write(3)
    keep_signature(other)
    assert wrong(check(chain)) == []
    for key in other.digests:
        chain.path(key).unlink()
    unverified = [(GAP, UNVERIFIED, name(other.logs[0]))]
    assert wrong(check(chain)) == unverified
    # Only what the period has, and what may not have a digest yet, is no fault.
    assert wrong(check(chain, since_ms=START_MS + HOUR_MS))[-1] == (GAP, UNVERIFIED, name(other.logs[2]))
    assert wrong(check(chain, since_ms=START_MS + 4 * HOUR_MS, until_ms=START_MS + 5 * HOUR_MS)) == []
    assert GAP not in {kind for kind, _, _ in wrong(check(chain, until_ms=START_MS + 2 * HOUR_MS))}


@pytest.mark.parametrize("stamp", ["20260231T0405Z", "99999999T9999Z", "00000000T0000Z"])
def test_a_time_that_is_not_of_the_calendar_ends_nothing(chain, stamp):
    for key in (
        f"AWSLogs/111122223333/CloudTrail/eu-west-1/2026/11/21/111122223333_CloudTrail_eu-west-1_{stamp}_a.json.gz",
        f"AWSLogs/1/CloudTrail-Digest/111122223333_CloudTrail-Digest_x_y_z_{stamp[:-1]}00Z.json.gz",
    ):
        chain.put(key, b"{}")
    assert wrong(check(chain)) == []


def test_the_signed_text_is_the_one_of_the_documentation():
    digest = {
        "digestEndTime": "2015-08-17T15:01:31Z",
        "digestS3Bucket": "amzn-s3-demo-bucket",
        "digestS3Object": "AWSLogs/111122223333/CloudTrail-Digest/x.json.gz",
        "previousDigestSignature": None,
    }
    start = (
        "2015-08-17T15:01:31Z\namzn-s3-demo-bucket/AWSLogs/111122223333/CloudTrail-Digest/x.json.gz\n"
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n"
    )
    assert string_to_sign(digest, b"abc") == (start + "null").encode()
    assert string_to_sign({**digest, "previousDigestSignature": "50887c"}, b"abc") == (start + "50887c").encode()


def test_a_key_says_which_chain_it_is_of():
    key = "p/AWSLogs/o-1/1/CloudTrail-Digest/us-east-2/2026/08/17/"
    file = "111122223333_CloudTrail-Digest_us-east-2_my_trail_eu-west-1_20260817T150131Z.json.gz"
    found = digest_object(ObjectRef("b", key + file))
    assert found.chain == ("111122223333", "us-east-2", "my_trail", "eu-west-1")
    assert found.end_ms == 1_786_978_891_000
    assert not found.is_backfill
    late = digest_object(ObjectRef("b", key + file.replace(".json", "_backfill.json")))
    assert (late.chain, late.end_ms, late.is_backfill) == (found.chain, found.end_ms, True)
    assert digest_object(ObjectRef("b", "1_CloudTrail_us-east-2_20260817T1501Z_x.json.gz")) is None


def test_a_folder_with_digests_of_another_place_is_refused(chain, tmp_path):
    moved = tmp_path / "moved"
    moved.mkdir()
    chain.path(chain.digests[0]).rename(moved / "renamed_CloudTrail-Digest_.json.gz")
    with pytest.raises(CollectorError, match="holds AWSLogs/"):
        LocalDigests(moved, None, None)


def test_a_folder_without_a_digest_says_so(chain, tmp_path):
    for key in chain.digests:
        chain.path(key).unlink()
    with pytest.raises(CollectorError, match="there is no digest in .* so nothing is verified"):
        LocalDigests(tmp_path / "bucket", None, None)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"PublicKeyList":[{"Value":"AAAA","Fingerprint":"x"}]}'])
def test_a_file_without_keys_is_refused(tmp_path, text):
    path = tmp_path / "keys.json"
    path.write_text(text)
    with pytest.raises(CollectorError, match="holds no public keys"):
        keys_of_file(path)
    with pytest.raises(CollectorError, match="cannot be read"):
        keys_of_file(tmp_path / "not there")
