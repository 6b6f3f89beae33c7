"""Every outcome of an object, with the real engine behind it: what it is, what is stored, which letters there are."""

from __future__ import annotations

import gzip
import json
import threading
import tracemalloc
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from aws_bridge.errors import ObjectUnreadable
from aws_bridge.object_ref import ObjectRef
from aws_bridge.objects import S3Objects
from collectors.delivery.dead_letters import (
    BAD_RECORD,
    DAMAGED_FILE,
    NOT_THIS_LOG,
    OBJECT_GONE,
    OUTSIDE_WINDOW,
    UNKNOWN,
)
from collectors.delivery.event_window import EventWindow
from collectors.delivery.intake import Intake
from collectors.delivery.outcome import DONE, RETRY, UNFINISHED
from collectors.records.record import EXCERPT_BYTES, MAX_RECORD_BYTES
from tests.collectors.shelf import BUCKET, KEY, done, lines, query


def test_every_record_is_stored_once_first_and_last_line_included(shelf, day, index):
    ref = shelf.put(lines(*(query(n, day) for n in range(1, 2_501))))
    first = shelf.take(ref)
    assert done(first) == {"stored": 2_500, "already_there": 0, "dead": 0}
    assert first.dataset == "route53_resolver"
    assert first.bytes_read == len(gzip.decompress((shelf.folder / KEY).read_bytes()))
    assert first.newest_ms == 1000 * int((day - type(day)(1970, 1, 1)).total_seconds() + 2_500)
    assert done(shelf.take(ref)) == {"stored": 0, "already_there": 2_500, "dead": 0}
    assert shelf.stored(index, ref) == list(range(1, 2_501))
    assert shelf.dead() == []


def test_a_record_that_is_none_becomes_a_letter_and_moves_no_other_id(shelf, day, index):
    texts = [query(1, day), "{broken", query(3, day), '"text"', query(5, day)]
    ref = shelf.put(lines(*texts))
    assert done(shelf.take(ref)) == {"stored": 3, "already_there": 0, "dead": 2}
    assert shelf.stored(index, ref) == [1, 3, 5]
    letters = shelf.dead()
    offsets = [len(texts[0]) + 1, len("\n".join(texts[:3])) + 1]
    assert [(letter.number, letter.offset, letter.excerpt) for letter in letters] == [
        (2, offsets[0], b"{broken"),
        (4, offsets[1], b'"text"'),
    ]
    assert {letter.error_type for letter in letters} == {BAD_RECORD}
    assert {(letter.bucket, letter.key, letter.dataset) for letter in letters} == {(BUCKET, KEY, "route53_resolver")}


def test_a_record_over_the_limit_is_passed_over_without_being_held(shelf, day, index):
    with gzip.open(shelf.folder / "vpcdnsquerylogs_huge.gz", "wb", 1) as file:
        file.write(query(1, day).encode() + b'\n{"pad":"')
        for _ in range(8 * MAX_RECORD_BYTES // 1_000_000):
            file.write(b"x" * 1_000_000)
        file.write(b'"}\n' + query(3, day).encode())
    ref = shelf.objects.ref(shelf.folder / "vpcdnsquerylogs_huge.gz")
    tracemalloc.start()
    try:
        assert done(shelf.take(ref)) == {"stored": 2, "already_there": 0, "dead": 1}
        assert tracemalloc.get_traced_memory()[1] < 4 * MAX_RECORD_BYTES
    finally:
        tracemalloc.stop()
    (letter,) = shelf.dead()
    assert letter.number == 2
    assert letter.excerpt == (b'{"pad":"' + b"x" * EXCERPT_BYTES)[:EXCERPT_BYTES]
    assert shelf.stored(index, ref) == [1, 3]


def test_of_a_gzip_that_is_cut_short_all_complete_records_are_stored(shelf, day, index):
    texts = [query(n, day) for n in range(1, 1_001)]
    packed = lines(*texts)
    ref = shelf.put(packed[: len(packed) * 2 // 3])
    result = shelf.take(ref)
    assert result.outcome == DONE
    assert "cut short" in result.reason
    (letter,) = shelf.dead()
    assert (letter.number, letter.error_type) == (0, DAMAGED_FILE)
    complete = "\n".join(texts).encode()[: letter.offset].count(b"\n")
    assert 0 < complete < 1_000
    assert shelf.stored(index, ref) == list(range(1, complete + 1))
    assert result.stored == complete


def test_a_gzip_whose_checksum_differs_is_tried_again(shelf, day):
    packed = bytearray(lines(*(query(n, day) for n in range(1, 101))))
    packed[-6] ^= 0xFF
    result = shelf.take(shelf.put(bytes(packed)))
    assert result.outcome == RETRY
    assert "broken" in result.reason
    assert shelf.dead() == []


@pytest.mark.parametrize(
    ("key", "content", "dataset"),
    [
        ("some/image.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 100, UNKNOWN),
        ("AWSLogs/1/Config/x.json.gz", gzip.compress(b'{"fileVersion":"1.0","configurationItems":[]}'), UNKNOWN),
        ("AWSLogs/1/CloudTrail/us-east-1/x_CloudTrail_x.json.gz", gzip.compress(b"<html>"), "cloudtrail"),
    ],
)
def test_what_is_no_log_becomes_a_letter_about_the_object(shelf, key, content, dataset):
    result = shelf.take(shelf.put(content, key))
    assert done(result) == {"stored": 0, "already_there": 0, "dead": 0}
    (letter,) = shelf.dead()
    assert (letter.number, letter.error_type, letter.dataset) == (0, NOT_THIS_LOG, dataset)
    assert letter.reason == result.reason


def test_a_digest_is_done_and_leaves_nothing(shelf):
    content = json.dumps({"awsAccountId": "1", "digestStartTime": "2026-11-21T00:00:00Z", "logFiles": []}).encode()
    for key in ("AWSLogs/1/CloudTrail-Digest/us-east-1/1_CloudTrail-Digest_us-east-1_x.json.gz", "renamed.gz"):
        result = shelf.take(shelf.put(gzip.compress(content), key))
        assert (result.outcome, result.dataset, result.records, result.reason) == (DONE, "digest", 0, "")
    assert shelf.dead() == []


def test_a_file_of_dead_letters_is_done_and_leaves_no_letter_about_letters(shelf):
    key = "dlq/unknown/3q2-7wAAAAAAAAAA/00000000000-5feceb66ffc8.jsonl.gz"
    result = shelf.take(shelf.put(gzip.compress(b"{}"), key))
    assert (result.outcome, result.dataset, result.records, result.reason) == (DONE, "dead_letters", 0, "")
    assert shelf.dead() == []


def test_an_object_that_is_gone_becomes_a_letter_of_its_own(shelf):
    result = shelf.take(ObjectRef(BUCKET, KEY, "v1"))
    assert done(result) == {"stored": 0, "already_there": 0, "dead": 0}
    (letter,) = shelf.dead()
    assert (letter.number, letter.error_type, letter.dataset) == (0, OBJECT_GONE, "route53_resolver")
    assert (letter.ref.uri, letter.version_id) == (f"s3://{BUCKET}/{KEY}", "v1")


def test_a_body_that_breaks_on_its_way_is_tried_again_and_nothing_is_a_letter(shelf, day, index):
    class Breaks:
        def __init__(self, path):
            self._file = path.open("rb")

        def read(self, size):
            if self._file.tell():
                raise ObjectUnreadable("the connection broke")
            return self._file.read(min(size, 4_000))

    class Objects(type(shelf.objects)):
        def open(self, ref):
            from contextlib import nullcontext

            return nullcontext(Breaks(self.folder / ref.key))

    ref = shelf.put(lines(*(query(n, day, pad=str(n) * 50) for n in range(1, 1_001))))
    result = shelf.intake(objects=Objects(shelf.folder, BUCKET)).take(ref)
    assert (result.outcome, result.reason) == (RETRY, f"{ref.uri}: the connection broke")
    assert shelf.dead() == []
    assert done(shelf.take(ref))["stored"] + result.stored == 1_000


def test_what_the_engine_refuses_becomes_a_letter_with_its_reason(shelf, day, index):
    shelf.transport.request("PUT", (index,), body={"mappings": {"properties": {"vpc_id": {"type": "integer"}}}})
    texts = [query(n, day, vpc_id="none" if n % 3 == 0 else 7) for n in range(1, 31)]
    ref = shelf.put(lines(*texts))
    assert done(shelf.take(ref)) == {"stored": 20, "already_there": 0, "dead": 10}
    letters = shelf.dead()
    assert [letter.number for letter in letters] == list(range(3, 31, 3))
    for letter in letters:
        assert letter.error_type in ("mapper_parsing_exception", "document_parsing_exception")
        assert "failed to parse field [vpc_id]" in letter.reason
        assert letter.index == index
        assert b'"vpc_id": "none"' in letter.excerpt or b'"vpc_id":"none"' in letter.excerpt


@pytest.mark.parametrize("how", ["read-only", "closed"])
def test_an_index_that_cannot_be_written_holds_up_no_other(shelf, day, index, how):
    tomorrow = day + timedelta(days=1)
    texts = [query(n, day if n % 2 else tomorrow) for n in range(1, 41)]
    # The first half is there when the index is locked: a read-only index answers 403 even for these.
    done(shelf.take(shelf.put(lines(*texts[:20]))))
    if how == "read-only":
        shelf.transport.request("PUT", (index, "_settings"), body={"index.blocks.write": True})
    else:
        shelf.transport.request("POST", (index, "_close"))
    ref = shelf.put(lines(*texts))
    assert done(shelf.take(ref)) == {"stored": 10, "already_there": 10, "dead": 20}
    letters = shelf.dead()
    assert [letter.number for letter in letters] == list(range(1, 41, 2))
    assert {letter.error_type for letter in letters} == {
        "cluster_block_exception" if how == "read-only" else "index_closed_exception"
    }
    assert all(letter.reason.startswith(f"index not writable: {index}") for letter in letters)
    shelf.transport.request("DELETE", (index.replace(f"{day:%Y.%m.%d}", f"{tomorrow:%Y.%m.%d}"),))


def test_a_day_outside_the_window_becomes_a_letter_and_no_index(shelf, day, index):
    old, ahead = day - timedelta(days=31), day + timedelta(days=3)
    now_s = (day - type(day)(1970, 1, 1)).total_seconds() + 3_600
    window = EventWindow(30, clock=lambda: now_s)
    ref = shelf.put(lines(query(1, day), query(2, old), query(3, ahead), query(4, day), query(5, old)))
    result = shelf.intake(window=window).take(ref)
    assert done(result) == {"stored": 2, "already_there": 0, "dead": 3}
    letters = shelf.dead()
    assert [(letter.number, letter.error_type) for letter in letters] == [(n, OUTSIDE_WINDOW) for n in (2, 3, 5)]
    assert "older than the 30 days" in letters[0].reason
    assert "ahead of the clock" in letters[1].reason
    for letter in letters:
        assert shelf.transport.request("GET", (letter.index,), accept_status=(404,)).status == 404


def test_only_the_records_asked_for_are_taken(shelf, day, index):
    ref = shelf.put(lines(*(query(n, day) if n != 6 else "{" for n in range(1, 11))))
    assert done(shelf.take(ref, only=[3, 6, 8, 77])) == {"stored": 2, "already_there": 0, "dead": 1}
    assert shelf.stored(index, ref) == [3, 8]
    assert [letter.number for letter in shelf.dead()] == [6]


def test_a_dataset_can_be_forced(shelf, day, index):
    ref = shelf.put(lines('["a"]', query(2, day)), "anything.gz")
    result = shelf.take(ref, dataset="route53_resolver")
    assert (result.dataset, done(result)) == ("route53_resolver", {"stored": 1, "already_there": 0, "dead": 1})


def test_without_a_writable_letter_store_nothing_is_done(shelf, day, index):
    ref = shelf.put(lines(query(1, day), "{"))
    shelf.letters_folder.write_text("a file where the folder should be")
    result = shelf.take(ref)
    assert result.outcome == RETRY
    assert "cannot be written" in result.reason
    gone = shelf.take(ObjectRef(BUCKET, "vpcdnsquerylogs_gone"))
    assert gone.outcome == RETRY
    nowhere = shelf.intake(dead_letters=None).take(ref)
    assert nowhere.outcome == RETRY
    assert "no dead-letter store" in nowhere.reason
    assert shelf.stored(index, ref) == [1]


def test_letters_without_number_stay_few_in_memory_and_the_same_in_the_store(shelf, day, index):
    bad = "x" * 4_000
    ref = shelf.put(lines(query(1, day), *[bad] * 9_000, query(9_002, day)))
    tracemalloc.start()
    try:
        assert done(shelf.take(ref)) == {"stored": 2, "already_there": 0, "dead": 9_000}
        assert tracemalloc.get_traced_memory()[1] < 30_000_000  # all of them are 36 MB before they are encoded
    finally:
        tracemalloc.stop()
    files = sorted(path.name for path in shelf.letters_folder.rglob("*.gz"))
    assert len(files) == 10
    assert done(shelf.take(ref)) == {"stored": 0, "already_there": 2, "dead": 9_000}
    assert sorted(path.name for path in shelf.letters_folder.rglob("*.gz")) == files
    assert [letter.number for letter in shelf.dead()] == list(range(2, 9_002))


def test_a_fault_of_ours_is_tried_again_and_ends_nothing(shelf, day, monkeypatch, caplog):
    def broken(_pieces, _context):
        raise KeyError("a bug")
        yield

    monkeypatch.setattr("collectors.sources.route53_resolver.source.records", broken)
    result = shelf.take(shelf.put(lines(query(1, day))))
    assert result.outcome == RETRY
    assert "unexpected KeyError" in result.reason
    assert "Traceback" in caplog.text


def test_without_time_nothing_is_begun(shelf, day):
    intake: Intake = shelf.intake()
    result = intake.take(shelf.put(lines(query(1, day))), first_number=7, seconds_left=lambda: 0.0)
    assert (result.outcome, result.next_number, result.records) == (UNFINISHED, 7, 0)


def test_when_it_is_told_to_end_nothing_is_under_way_any_more(shelf, day, index):
    """SIGTERM ends a command by `SystemExit`, wherever it is: requests would outlive it for minutes."""

    class Ends:
        def add(self, letters):
            raise SystemExit(143)

    shelf.transport.request("PUT", (index,), body={"mappings": {"properties": {"vpc_id": {"type": "integer"}}}})
    ref = shelf.put(lines(*(query(n, day, vpc_id="x") for n in range(1, 4_001))))
    with pytest.raises(SystemExit) as ended:
        shelf.intake(dead_letters=Ends(), max_docs=200).take(ref)
    assert ended.value.__traceback__ is not None  # what was interrupted is still held here
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("bulk")]


@pytest.mark.parametrize(
    ("code", "status", "outcome"),
    [
        ("AccessDenied", 403, RETRY),
        ("KMS.DisabledException", 400, RETRY),
        ("SlowDown", 503, RETRY),
        ("NoSuchKey", 404, DONE),
    ],
)
def test_what_s3_refuses_is_tried_again_and_what_it_has_not_is_a_letter(shelf, code, status, outcome):
    class Refuses:
        def get_object(self, **_):
            answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
            raise ClientError(answer, "GetObject")

    result = shelf.intake(objects=S3Objects(Refuses())).take(ObjectRef(BUCKET, KEY))
    assert (result.outcome, result.records) == (outcome, 0)
    assert code in result.reason
    assert [letter.error_type for letter in shelf.dead()] == ([OBJECT_GONE] if outcome == DONE else [])
