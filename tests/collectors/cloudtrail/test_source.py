"""The streaming parser: every record, whatever the cut, and an honest report of damage."""

from __future__ import annotations

import json
import tracemalloc
from typing import Iterator, List

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collectors.cloudtrail.source import DigestFile, records
from collectors.errors import DamagedFile, NotThisLog

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
RECORDS = st.lists(st.dictionaries(st.text(max_size=8), JSON, max_size=4), max_size=6)
LAYOUTS = st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", " :\r\n\t")])


def pieces(data: bytes, cuts: List[int]) -> Iterator[bytes]:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for start, end in zip(edges, edges[1:]):
        yield data[start:end]


@given(RECORDS, LAYOUTS, st.booleans(), st.lists(st.integers(0, 5000), max_size=12))
@example([{"a": "\U0001f600"}], (",", ":"), True, list(range(60)))
@example([{"n": -1.5e-7, "t": True}], (",", ":"), True, list(range(60)))
def test_any_cut_gives_the_same_records_as_written(wanted, layout, ascii_only, cuts):
    written = [json.dumps(record, separators=layout, ensure_ascii=ascii_only) for record in wanted]
    text = '{"Records":[' + layout[0].join(written) + "]}"
    try:
        data = text.encode()
    except UnicodeEncodeError:  # a lone surrogate can only be written as an escape
        return
    found = list(records(pieces(data, cuts)))
    assert [record.text for record in found] == written
    assert [json.loads(record.text) for record in found] == wanted
    assert [record.number for record in found] == list(range(1, len(wanted) + 1))


def test_one_byte_at_a_time():
    wanted = [{"eventName": "주문", "n": 10**30, "list": [1.5, None, True, "\\"]}, {}, {"x": {"y": []}}]
    data = json.dumps({"Records": wanted}, ensure_ascii=False).encode()
    assert [json.loads(r.text) for r in records(data[i : i + 1] for i in range(len(data)))] == wanted


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ('{"Records":[]}', 0),
        ('  \n{ "Records" : [ {"a":1} , {"a":2} ] }\n\n', 2),
        ('\ufeff{"Records":[{"a":1}]}', 1),
        ('{"before":{"x":[1,2]},"Records":[{"a":1}],"after":"y"}', 1),
        ('{"Records":[{"a":1}]}{"Records":[{"a":2}]}\n{"Records":[{"a":3}]}', 3),
    ],
)
def test_layouts_that_are_read(text, count):
    assert len(list(records([text.encode()]))) == count


WHOLE = json.dumps({"Records": [{"eventID": f"e{n}", "text": "x" * n, "n": n} for n in range(30)]}).encode()
ENDS = [record_end for record_end in range(1, len(WHOLE)) if WHOLE[record_end - 1 : record_end + 2] in (b"}, ", b"}]}")]


@pytest.mark.parametrize("piece", [7, 100, 10_000])
def test_a_file_cut_at_any_byte_gives_its_complete_records_and_says_where_it_ends(piece):
    for cut in range(len(WHOLE) - 2):
        data = WHOLE[:cut]
        found = 0
        with pytest.raises((DamagedFile, NotThisLog)) as ended:
            for record in records(data[i : i + piece] for i in range(0, len(data), piece)):
                assert record.fields["eventID"] == f"e{found}"
                found += 1
        assert found == sum(end <= cut for end in ENDS), cut
        if isinstance(ended.value, DamagedFile):
            assert ended.value.offset <= cut
            assert f"{found} complete records" in str(ended.value)


def test_broken_json_is_found_at_its_place_without_reading_on():
    read = []

    def source():
        for piece in [b'{"Records":[{"a":1},{"a":2},', b'{"a":oops, ' + b'"b":"' + b"x" * 200 + b'"},'] + [
            b"x" * 1000
        ] * 50:
            read.append(piece)
            yield piece

    found = records(source())
    assert [next(found).fields["a"], next(found).fields["a"]] == ["1", "2"]
    with pytest.raises(DamagedFile) as damage:
        next(found)
    assert damage.value.offset == len(b'{"Records":[{"a":1},{"a":2},{"a":')
    assert "2 complete records" in str(damage.value)
    assert len(read) == 2


@pytest.mark.parametrize(
    ("tail", "words"),
    [
        (b'{"a":1} {"b":2}]}', "',' or ']' expected"),
        (b'{"a":1},5]}', "not a JSON object"),
        (b'{"a":1},]}', "not a JSON object"),
        (b'{"a":1}]} trailing', "behind the end"),
        (b'{"a":"line\nbreak"}]}', "Invalid control character"),
        (b'{"a":1}', "ends too early"),
        (b'{"a":1,"b":"' + b"[" * 20, "in the middle of a record"),
        (b'{"a":' + b"[" * 100_000, "cannot be read"),
    ],
)
def test_each_kind_of_damage_is_named(tail, words):
    with pytest.raises(DamagedFile, match=words.replace("'", ".").replace("]", r"\]")):
        list(records([b'{"Records":[{"first":1},' + tail]))


def test_a_record_that_never_ends_is_not_collected_for_ever():
    def endless():
        yield b'{"Records":[{"a":"'
        while True:
            yield b"x" * 1_000_000

    with pytest.raises(DamagedFile, match="longer than"):
        list(records(endless()))


def test_damage_of_the_packed_file_is_told_after_the_complete_records():
    def source():
        yield b'{"Records":[{"a":1},{"a":2'
        raise DamagedFile("the gzip data is cut short", 999)

    found = records(source())
    assert next(found).fields == {"a": "1"}
    with pytest.raises(DamagedFile) as damage:
        next(found)
    assert damage.value.offset == 999
    assert "gzip data is cut short, after 1 complete records" in str(damage.value)


def test_a_wrong_checksum_behind_whole_json_is_damage_too():
    def source():
        yield b'{"Records":[{"a":1}]}'
        raise DamagedFile("wrong checksum", 21)

    found = records(source())
    next(found)
    with pytest.raises(DamagedFile, match="wrong checksum"):
        next(found)


@pytest.mark.parametrize(
    "text",
    ["", "  ", "[]", "hello", '{"Records":{}}', '{"Records":7}', '{"configurationItems":[]}', "{}", "\x1f\x8bnot gzip"],
)
def test_other_content_is_refused(text):
    with pytest.raises((NotThisLog, DamagedFile)):
        list(records([text.encode("latin-1")]))


def test_a_digest_is_recognised_by_its_content():
    digest = {"awsAccountId": "111122223333", "digestStartTime": "2026-11-21T03:00:00Z", "logFiles": []}
    with pytest.raises(DigestFile):
        list(records([json.dumps(digest).encode()]))


def test_bytes_that_are_no_utf8_do_not_end_the_file():
    first, second = records([b'{"Records":[{"a":"\xff\xfe caf\xe9"},{"a":"ok"}]}'])
    assert first.text.encode("utf-8", "surrogateescape") == b'{"a":"\xff\xfe caf\xe9"}'
    assert second.fields == {"a": "ok"}


def test_repeated_keys_are_marked():
    found = list(records([b'{"Records":[{"a":{"k":"1","k":"2"}},{"a":1}]}']))
    assert [record.repeats_keys for record in found] == [True, False]


def test_memory_does_not_grow_with_the_file():
    record = json.dumps({"eventID": "x" * 36, "requestParameters": {"list": list(range(100))}}).encode()

    def source(count):
        yield b'{"Records":[' + record
        for _ in range(count):
            yield b"," + b",".join([record] * 500)
        yield b"]}"

    def peak(count):
        tracemalloc.start()
        try:
            assert sum(1 for _ in records(source(count))) == count * 500 + 1
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(20) < 1.2 * peak(4) + 100_000
