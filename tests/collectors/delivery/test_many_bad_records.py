"""An object of very many bad records: letters for the first, one for all the others, and everything still counted."""

from __future__ import annotations

import gzip
import io
import json

import pytest

from collectors.delivery.dead_letters import DeadLetters
from collectors.delivery.intake import MOST_LETTERS
from collectors.delivery.outcome import UNFINISHED
from collectors.delivery.redrive import redrive
from collectors.loading.load import Rejections
from collectors.reading.recognise import kind_of
from collectors.verify.audit import Audit
from collectors.verify.presence import Presence
from tests.collectors.four_logs import LOGS
from tests.collectors.shelf import KEY, KEY_INDEX, done, lines, query


def singles_and_many(shelf):
    letters = shelf.dead()
    return [letter.number for letter in letters if not letter.count], [letter for letter in letters if letter.count]


def with_bad(log, bad):
    """Return an object of this log: a good record, ``bad`` bad ones, and a good one."""
    content = log.content(0, 2)
    if log.name.endswith(".parquet"):
        import pyarrow
        import pyarrow.parquet

        good = pyarrow.parquet.read_table(io.BytesIO(content))
        none = pyarrow.table({name: pyarrow.nulls(bad, good.schema.field(name).type) for name in good.column_names})
        out = io.BytesIO()
        pyarrow.parquet.write_table(pyarrow.concat_tables([good.slice(0, 1), none, good.slice(1)]), out)
        return out.getvalue()
    text = gzip.decompress(content)
    if log.dataset == "cloudtrail":
        first, second = json.loads(text)["Records"]
        records = ",".join([json.dumps(first), *["[1]"] * bad, json.dumps(second)])
        return gzip.compress(f'{{"Records":[{records}]}}'.encode(), 1)
    *head, first, second = text.splitlines()
    return gzip.compress(b"\n".join([*head, first, *[b"x"] * bad, second]), 1)


@pytest.mark.parametrize("log", LOGS, ids=[f"{log.dataset} {log.name[-7:]}" for log in LOGS])
def test_of_every_log_the_rest_is_one_letter_and_good_records_behind_it_are_stored(shelf, log):
    ref = shelf.put(with_bad(log, MOST_LETTERS + 500), f"{log.folder}/{log.name.format('a')}")
    result = shelf.take(ref)
    assert done(result) == {"stored": 2, "already_there": 0, "dead": MOST_LETTERS + 500}
    numbers, (many,) = singles_and_many(shelf)
    assert numbers == list(range(2, MOST_LETTERS + 2))
    assert (many.number, many.count, many.last) == (MOST_LETTERS + 2, 500, 0)
    assert many.reason.startswith("500 of the records from 10,002 to the end, here as one letter; the first: ")
    assert many.id == f"{many.place}/10002+"
    assert all(kind_of(path.as_posix()).dataset == "dead_letters" for path in shelf.letters_folder.rglob("*.gz"))
    audit = Audit(shelf.objects, Presence(shelf.transport), shelf.letters)
    shelf.transport.request("POST", (log.index, "_refresh"))
    about = audit.compare(ref)
    assert (about.records, about.stored, about.dead, about.missing) == (MOST_LETTERS + 502, 2, MOST_LETTERS + 500, 0)
    assert about.is_complete
    shelf.transport.request("DELETE", (log.index,))


def test_the_letters_are_the_same_each_time_and_say_all_that_is_known(shelf, day, index):
    ref = shelf.put(lines(query(1, day), *["{bad"] * 8, query(10, day), "{last"))
    assert done(shelf.take(ref, most_letters=3)) == {"stored": 2, "already_there": 0, "dead": 9}
    first = shelf.dead()
    files = sorted(path.name for path in shelf.letters_folder.rglob("*.gz"))
    assert done(shelf.take(ref, most_letters=3)) == {"stored": 0, "already_there": 2, "dead": 9}
    assert sorted(path.name for path in shelf.letters_folder.rglob("*.gz")) == files
    assert [(letter.number, letter.count, letter.excerpt) for letter in first] == [
        (2, 0, b"{bad"),
        (3, 0, b"{bad"),
        (4, 0, b"{bad"),
        (5, 6, b"{bad"),
    ]
    assert first[3].offset == len(query(1, day)) + 1 + 3 * 5
    assert shelf.letters.show(first[3].id) == [shelf.dead()[3]]
    assert [letter.number for letter in shelf.letters.iterate(after=first[2].id)] == [5]
    assert list(shelf.letters.iterate(after=first[3].id)) == []


def test_a_letter_about_many_is_replayed_and_ends_in_one_letter_at_most(shelf, day, index):
    ref = shelf.put(lines(query(1, day), *["{bad"] * 8, query(10, day)))
    shelf.take(ref, most_letters=3)

    def again():
        (answer,) = redrive(shelf.letters.iterate(), shelf.letters, shelf.intake())
        return answer.letters, answer.stored, answer.refused, answer.kept

    refused = {"index.blocks.write": True}
    shelf.transport.request("PUT", (KEY_INDEX,), body={"settings": refused})
    assert again() == (4, 0, 4, 0)
    assert [(letter.number, letter.count) for letter in shelf.dead()] == [(2, 0), (3, 0), (4, 0), (5, 5)]
    mended = [query(n, day) for n in (1, 2, 3, 4, 5)]
    shelf.put(lines(*mended, "{bad", query(7, day), "{bad", query(9, day), query(10, day)))
    assert again() == (4, 3, 1, 0)
    assert [(letter.number, letter.count, letter.last) for letter in shelf.dead()] == [(6, 2, 0)]
    shelf.transport.request("PUT", (KEY_INDEX, "_settings"), body={"index.blocks.write": False})
    assert again() == (1, 1, 0, 0)
    assert shelf.dead() == []
    assert shelf.stored(index, ref) == [1, 2, 3, 4, 5, 7, 9, 10]


def test_of_many_that_are_no_records_all_are_stored_as_text_and_no_letter_is_left(shelf, day, index):
    ref = shelf.put(lines(query(1, day), *["{bad"] * 2500, query(2502, day)))
    shelf.take(ref, most_letters=3)
    (answer,) = redrive(shelf.letters.iterate(), shelf.letters, shelf.intake())
    assert (answer.letters, answer.stored, answer.refused, answer.kept, answer.texts) == (4, 4, 0, 0, 2500)
    assert shelf.dead() == []
    assert Audit(shelf.objects, Presence(shelf.transport), shelf.letters).compare(ref).is_complete


def test_what_the_engine_refuses_and_days_outside_the_window_count_as_well(shelf, day, index):
    shelf.transport.request("PUT", (index,), body={"mappings": {"properties": {"vpc_id": {"type": "integer"}}}})
    ref = shelf.put(lines(*(query(n, day, vpc_id="x" if n % 2 else 7) for n in range(1, 41))))
    assert done(shelf.take(ref, most_letters=5)) == {"stored": 20, "already_there": 0, "dead": 20}
    numbers, (many,) = singles_and_many(shelf)
    assert (len(numbers), many.count) == (5, 15)
    assert set(range(many.number, 41, 2)).union(numbers) == set(range(1, 41, 2))
    shelf.transport.request("DELETE", (index,))
    (answer,) = redrive(shelf.letters.iterate(), shelf.letters, shelf.intake())
    assert (answer.stored, answer.refused, answer.kept) == (6, 0, 0)
    assert shelf.dead() == []


def test_audit_finds_a_record_that_is_missing_among_those_a_letter_may_stand_for(shelf, day, index):
    ref = shelf.put(lines(query(1, day), *["{bad"] * 8, query(10, day), query(11, day)))
    shelf.take(ref, most_letters=3)
    shelf.transport.request("DELETE", (index, "_doc", f"{ref.identity}-00000000010"), {"refresh": "true"})
    about = Audit(shelf.objects, Presence(shelf.transport), shelf.letters).compare(ref)
    assert (about.stored, about.dead, about.missing, about.is_complete) == (2, 8, 1, False)
    assert [gap.number for gap in about.gaps] == [10]


def test_an_unfinished_object_has_a_letter_up_to_where_it_goes_on(shelf, day, index):
    left = iter([1.0] * 2 + [0.0] * 1000)
    ref = shelf.put(lines(*["{bad"] * 200))
    result = shelf.intake(max_docs=100).take(ref, most_letters=10, seconds_left=lambda: next(left))
    assert (result.outcome, result.dead) == (UNFINISHED, result.next_number - 1)
    assert 10 < result.next_number < 200
    assert done(shelf.take(ref, most_letters=10, first_number=result.next_number))["dead"] == 201 - result.next_number
    _, many = singles_and_many(shelf)
    assert [(letter.number, letter.last) for letter in many] == [
        (11, result.next_number - 1),
        (result.next_number + 10, 0),
    ]
    assert sum(letter.count for letter in many) + 20 == 200


def test_a_letter_about_many_beside_one_about_its_first_record(shelf, day):
    ref = shelf.put(lines(*["{bad"] * 6))
    shelf.take(ref, most_letters=2)
    shelf.take(ref, most_letters=4)
    assert [letter.id.rpartition("/")[2] for letter in shelf.dead()] == ["1", "2", "3", "3+", "4", "5+"]
    (answer,) = redrive(shelf.letters.iterate(), shelf.letters, shelf.intake())
    assert (answer.letters, answer.stored, answer.refused, answer.kept) == (6, 6, 0, 0)
    list(redrive(shelf.letters.iterate(), shelf.letters, shelf.intake()))  # those of the first run about 1 and 2
    assert shelf.dead() == []


def test_without_a_letter_store_all_of_them_are_counted(shelf, day):
    rejections = Rejections(lambda ref: ref.uri)
    result = shelf.intake(dead_letters=rejections).take(shelf.put(lines(*["{"] * 50)), most_letters=5)
    assert (result.dead, rejections.count) == (50, 50)


def test_letters_of_single_records_are_written_as_before(shelf, day):
    """An older version of this program reads them."""
    shelf.take(shelf.put(lines("{")))
    (path,) = shelf.letters_folder.rglob("*.gz")
    assert not {"count", "last", "host", "path"} & set(json.loads(gzip.decompress(path.read_bytes())))
    assert [letter.number for letter in DeadLetters(shelf.letters._store).iterate()] == [1]


def test_millions_of_bad_records_are_passed_over_as_fast_as_they_are_read(shelf):
    """300,000 lines in a piece of memory each; a count from the first line of a piece would make this minutes."""
    ref = shelf.put(gzip.compress(b"{\n" * 300_000), KEY)
    assert done(shelf.take(ref))["dead"] == 300_000
    assert len(shelf.dead()) == MOST_LETTERS + 1
