"""Dead letters in both stores: what is put in comes out, once, until it is removed."""

from __future__ import annotations

import random

import boto3
import pytest
from moto import mock_aws

from collectors.delivery.dead_letters import BLOCK, DeadLetter, DeadLetters, block_of
from collectors.delivery.letter_buffer import LetterBuffer
from collectors.delivery.letter_store import FolderLetters, LetterStoreError, S3Letters, letter_store
from collectors.errors import CollectorError

LETTERS_BUCKET = "dead-letters"


def letter(number, key="AWSLogs/a.gz", dataset="waf", time_ms=1_000, **fields):
    given = {"offset": 7, "reason": "it is broken", "error_type": "bad_record", "excerpt": b"{", **fields}
    return DeadLetter(dataset, "logs", key, "v1", number, time_ms=time_ms, **given)


@pytest.fixture
def s3(monkeypatch):
    for name, value in {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket=LETTERS_BUCKET)
        yield client


@pytest.fixture(params=["folder", "s3"])
def store(request, tmp_path):
    if request.param == "folder":
        return FolderLetters(tmp_path / "letters")
    return S3Letters(request.getfixturevalue("s3"), LETTERS_BUCKET, "some/prefix")


@pytest.fixture
def letters(store):
    return DeadLetters(store)


def numbers(found):
    return [each.number for each in found]


def test_what_is_added_comes_out_as_it_was(letters):
    written = [
        letter(3, excerpt="한글 \u2028\n\x00".encode(), index="aws-waf-2026.11.21", reason="zeile\n\u2028zwei"),
        letter(4, excerpt=b"\xff\xfe" + bytes(range(256)) * 15),
        letter(5, excerpt="é".encode()[:1], offset=-1),
    ]
    letters.add(written)
    assert list(letters.iterate()) == written
    assert letters.show("waf/" + written[0].ref.identity + "/4") == [written[1]]
    assert letters.show("waf/" + written[0].ref.identity) == written
    assert letters.show("waf/" + written[0].ref.identity + "/6") == []


def test_adding_again_doubles_nothing_and_the_newest_answer_counts(letters, store):
    letters.add([letter(1), letter(2), letter(5)])
    letters.add([letter(1), letter(2), letter(5)])
    assert len(list(store.names())) == 1
    letters.add([letter(2, time_ms=2_000, reason="still"), letter(BLOCK + 1)])  # another run met other records
    assert numbers(letters.iterate()) == [1, 2, 5, BLOCK + 1]
    assert [each.reason for each in letters.iterate()][1] == "still"


def test_letters_are_found_by_log_source_and_time(letters):
    letters.add([letter(1, key="a/1"), letter(2, key="a/1", time_ms=5_000)])
    letters.add([letter(0, key="b/1", dataset="vpc_flow", time_ms=9_000)])
    assert numbers(letters.iterate(dataset="waf")) == [1, 2]
    assert numbers(letters.iterate(dataset="vpc_flow")) == [0]
    assert numbers(letters.iterate(since_ms=5_000, dataset="waf")) == [2]
    assert numbers(letters.iterate(source="s3://logs/b/")) == [0]
    assert numbers(letters.iterate(source="s3://other/")) == []


def test_pages_follow_each_other_without_a_gap(letters):
    letters.add([letter(n, key=key) for key in ("a", "b", "c") for n in (0, 1, 2, BLOCK, BLOCK + 1)])
    everything = [each.id for each in letters.iterate()]
    assert len(everything) == 15
    for limit in (1, 2, 4, 15, 100):
        seen, after = [], ""
        while True:
            page = letters.page(limit, after=after)
            seen += [each.id for each in page.letters]
            after = page.after
            if not after:
                break
            assert len(page.letters) == limit
        assert seen == everything


def test_only_the_letters_named_are_removed_and_a_newer_one_stays(letters, store):
    letters.add([letter(n) for n in (0, 1, 2, 3, BLOCK + 5)])
    place = letter(1).place
    letters.add([letter(2, time_ms=2_000, reason="again")])
    letters.remove(place, {1: 1_000, 2: 1_000, BLOCK + 5: 1_000})
    left = list(letters.iterate())
    assert numbers(left) == [0, 2, 3]
    assert left[1].reason == "again"
    letters.remove(place, {0: 1_000, 2: 2_000, 3: 1_000})
    assert list(letters.iterate()) == []
    assert list(store.names()) == []


def test_a_new_answer_with_an_older_clock_is_not_removed_with_the_old_one(letters):
    letters.add([letter(1, time_ms=9_000), letter(2, time_ms=9_000)])
    letters.add([letter(2, time_ms=8_000, reason="again")])
    letters.remove(letter(1).place, {1: 9_000, 2: 9_000})
    assert [(each.number, each.reason) for each in letters.iterate()] == [(2, "again")]


def test_a_crash_between_writing_and_deleting_removes_no_letter(letters, store, monkeypatch):
    letters.add([letter(n) for n in (1, 2, 3)])

    def crash(name):
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "delete", crash)
    with pytest.raises(KeyboardInterrupt):
        letters.remove(letter(1).place, {2: 1_000})
    assert numbers(letters.iterate()) == [1, 2, 3]
    monkeypatch.undo()
    letters.remove(letter(1).place, {2: 1_000})
    assert numbers(letters.iterate()) == [1, 3]


def test_in_s3_letters_are_encrypted(s3):
    DeadLetters(S3Letters(s3, LETTERS_BUCKET, "p")).add([letter(1)])
    DeadLetters(letter_store(f"s3://{LETTERS_BUCKET}/k/", "alias/letters", s3)).add([letter(1)])
    (plain,) = s3.list_objects_v2(Bucket=LETTERS_BUCKET, Prefix="p/")["Contents"]
    (with_key,) = s3.list_objects_v2(Bucket=LETTERS_BUCKET, Prefix="k/")["Contents"]
    assert s3.head_object(Bucket=LETTERS_BUCKET, Key=plain["Key"])["ServerSideEncryption"] == "AES256"
    head = s3.head_object(Bucket=LETTERS_BUCKET, Key=with_key["Key"])
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", "alias/letters")
    assert plain["Key"].partition("/")[2] == with_key["Key"].partition("/")[2]


def test_a_folder_takes_no_kms_key(tmp_path):
    with pytest.raises(CollectorError, match="is a folder"):
        letter_store(str(tmp_path), "alias/x")


def test_a_store_that_cannot_be_used_says_what_it_takes(s3, tmp_path):
    away = DeadLetters(S3Letters(s3, "no-such-bucket"))
    with pytest.raises(LetterStoreError, match="cannot be written: NoSuchBucket.*s3:PutObject"):
        away.add([letter(1)])
    with pytest.raises(LetterStoreError, match="cannot be listed.*s3:ListBucket"):
        list(away.iterate())
    (tmp_path / "file").write_text("")
    with pytest.raises(LetterStoreError, match="cannot be written"):
        DeadLetters(FolderLetters(tmp_path / "file")).add([letter(1)])
    with pytest.raises(LetterStoreError, match="cannot be listed: .*is a file"):
        list(DeadLetters(FolderLetters(tmp_path / "file")).iterate())


def test_a_file_being_written_is_not_read_and_a_strange_one_is_named(tmp_path):
    letters = DeadLetters(FolderLetters(tmp_path))
    letters.add([letter(1)])
    (path,) = tmp_path.rglob("*.gz")
    path.with_name(".half").write_bytes(b"\x1f\x8b\x08")
    assert numbers(letters.iterate()) == [1]
    (path.parent / "notes.txt").write_text("hello")
    with pytest.raises(LetterStoreError, match=r"notes\.txt is no file of dead letters"):
        list(letters.iterate())


def test_an_id_that_is_none_is_refused(letters):
    for text in ("waf", "waf/x/y", "waf/x/1/2", "waf/x/\N{SUPERSCRIPT TWO}"):
        with pytest.raises(LetterStoreError, match="names no dead letter"):
            letters.show(text)
        with pytest.raises(LetterStoreError, match="names no dead letter"):
            letters.page(1, after=text)


@pytest.mark.parametrize("seed", range(20))
def test_the_buffer_hands_on_every_letter_once_in_files_that_timing_does_not_change(seed):
    """Requests end in the order they began, each with its answers in any order: the files are those of the numbers."""
    chance = random.Random(seed)
    refused = sorted(
        {*chance.sample(range(1, 6 * BLOCK), 60), *range(2 * BLOCK, 2 * BLOCK + chance.randrange(3 * BLOCK))}
    )
    passed = sorted(chance.sample(range(1, 6 * BLOCK), 40))
    under_way = chance.randrange(1, 1_500)
    written, left = [], list(refused)
    buffer = LetterBuffer(
        lambda some: written.append(sorted(each.number for each in some)), lambda: min(left, default=6 * BLOCK)
    )
    most = 0
    for start in range(0, len(refused), under_way):
        answers = refused[start : start + under_way]
        for number in chance.sample(answers, len(answers)):
            left.remove(number)
            buffer.refused(letter(number))
            most = max(most, buffer.held)
    for number in passed:
        buffer.passed_over(letter(number))
    buffer.flush()
    assert buffer.held == 0
    assert len([number for some in written for number in some]) == len(refused) + len(passed)
    for expected in (refused, passed):
        for block in {block_of(number) for number in expected}:
            assert [number for number in expected if block_of(number) == block] in written
    assert most <= 3 * BLOCK + under_way
