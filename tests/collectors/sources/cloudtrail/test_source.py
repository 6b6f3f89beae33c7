"""The streaming reader: every record, whatever the cut, and an honest report of bad records and of damage."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any, Dict, Iterable, Iterator, List

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aws_bridge.object_ref import ObjectRef
from collectors.errors import DamagedFile, DigestFile, NotThisLog
from collectors.records.json_codec import PLAIN, fastest
from collectors.records.record import EXCERPT_BYTES, MAX_RECORD_BYTES, BadRecord, Context, Made, Record
from collectors.sources.cloudtrail.source import records

REF = ObjectRef("logs", "AWSLogs/1/CloudTrail/x.json.gz")
CODECS = (PLAIN, fastest())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
RECORDS = st.lists(st.dictionaries(st.text(max_size=8), JSON, max_size=4), max_size=6)
LAYOUTS_OF_EVENTS = [(",", ":"), (", ", ": "), (" ,\n", " :\r\n\t")]
LAYOUTS = st.sampled_from(LAYOUTS_OF_EVENTS)


def event(number: int, **values: Any) -> Dict[str, Any]:
    """Return a small record that begins as AWS's do."""
    return {"eventVersion": "1.11", "eventID": f"e{number}", "eventTime": "2026-11-21T04:53:07Z", **values}


def made(pieces: Iterable[bytes], codec=PLAIN, first_number: int = 1) -> List[Made]:
    return list(records(pieces, Context(REF, codec, first_number=first_number)))


def log(*elements: Any) -> bytes:
    """Return a file of elements given as values or as JSON text."""
    texts = [item if isinstance(item, bytes) else json.dumps(item, separators=(",", ":")).encode() for item in elements]
    return b'{"Records":[' + b",".join(texts) + b"]}"


def pieces(data: bytes, cuts: List[int]) -> Iterator[bytes]:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for start, end in zip(edges, edges[1:]):
        yield data[start:end]


@given(RECORDS, LAYOUTS, st.booleans(), st.lists(st.integers(0, 5000), max_size=12))
@example([{"a": "\U0001f600"}], (",", ":"), True, list(range(300)))
@example([{"n": -1.5e-7, "t": True}, {"q": '\\"},{"eventVersion":'}], (",", ":"), True, list(range(300)))
@example([{"requestParameters": [{"x": 1}, {"eventVersion": "2"}]}, {}], (",", ":"), True, [])
def test_any_cut_gives_the_same_documents_with_either_codec(wanted, layout, ascii_only, cuts):
    events = [{**event(number), **record, "eventID": f"e{number}"} for number, record in enumerate(wanted)]
    written = [json.dumps(record, separators=layout, ensure_ascii=ascii_only) for record in events]
    try:
        data = ('{"Records":[' + layout[0].join(written) + "]}").encode()
    except UnicodeEncodeError:  # a lone surrogate can only be written as an escape
        return
    found = [made(pieces(data, cuts), codec) for codec in CODECS]
    assert found[0] == found[1]
    assert [document.identity for document in found[0]] == [f"e{number}" for number in range(len(wanted))]
    assert [document.number for document in found[0]] == list(range(1, len(wanted) + 1))
    for document, record, text in zip(found[0], events, written):
        whole = json.loads(document.text)
        assert {**whole, **whole.get("unmapped", {})}.items() >= record.items() or any(
            "\ud800" <= char <= "\udfff" for char in "".join(record)
        )
        if "unmapped" not in whole:
            assert document.text.endswith(text[1:].encode()) or "\\ud" in text


def test_one_byte_at_a_time():
    data = log(event(1, x='주문 \\ \\\\ "},{"', n=10**30, list=[1.5, None, True]), event(2), event(3, x={"y": []}))
    whole = made([data])
    assert made(data[i : i + 1] for i in range(len(data))) == whole
    assert [type(item) for item in whole] == [Record] * 3


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ('{"Records":[]}', 0),
        ('  \n{ "Records" : [ EVENT , EVENT ] }\n\n', 2),
        ('\ufeff{"Records":[EVENT]}', 1),
        ('{"before":{"x":[1,2]},"Records":[EVENT],"after":"y"}', 1),
        ('{"Records":[EVENT]}{"Records":[EVENT]}\n{"Records":[EVENT]}', 3),
        ('{"Rec\\u006frds":[EVENT]}', 1),
    ],
)
def test_layouts_that_are_read(text, count):
    found = made([text.replace("EVENT", json.dumps(event(1))).encode()])
    assert [type(item) for item in found] == [Record] * count


def test_records_before_the_first_wanted_are_counted_and_not_made():
    data = log(event(1), 5, event(3), event(4))
    whole = made([data])
    assert made([data], first_number=3) == whole[2:]
    assert made([data], first_number=2) == whole[1:]
    assert made([data], first_number=9) == []


# --- bad records ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("element", "reason"),
    [
        (b"5", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'"},{\\"eventVersion\\":"', "not a JSON object"),
        (b'[{"eventID":"x"}]', "not a JSON object"),
        (b'{"eventID":"x"}', "eventTime"),
        (b'{"eventVersion":"1","eventCategory":"Aggregated","eventId":"x"}', "timeWindow"),
        (b'{"eventVersion":"1","eventTime":"tomorrow","eventID":"x"}', "eventTime"),
        (b'{"eventID":oops,"n":{}}', "not JSON"),
        (b'{"eventID":"line\nbreak"}', "not JSON"),
        (b'{"eventID":"x" "eventID":"y"}', "not JSON"),
        (b"{5}", "not JSON"),
        (b'{"a":NaN}', "not JSON"),
        (b'{"a":"\\q"}', "not JSON"),
    ],
)
@pytest.mark.parametrize("codec", CODECS, ids=["plain", "fastest"])
def test_a_bad_record_is_one_record_and_the_rest_flows_on(element, reason, codec):
    data = log(event(1), element, event(3))
    first, bad, third = made([data], codec)
    assert [first.identity, third.identity] == ["e1", "e3"]
    assert [first.number, bad.number, third.number] == [1, 2, 3]
    assert bad.offset == data.index(b"," + element) + 1
    assert bad.excerpt == element
    assert reason in bad.reason


@pytest.mark.parametrize("piece", [1_000_000, 65_536, 1_000_001])
def test_a_record_over_the_limit_is_skipped_without_being_held(piece):
    size = 40_000_000

    def source():
        yield log(event(1))[:-2] + b',{"eventID":"long","x":"'
        for _ in range(0, size, piece):
            yield b'\\"}]{[,:'.ljust(piece, b"x")
        yield b'"},' + log(event(3))[12:]

    tracemalloc.start()
    try:
        first, bad, third = made(source())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [first.identity, third.identity] == ["e1", "e3"]
    assert (bad.number, third.number) == (2, 3)
    assert f"{-(-size // piece) * piece + 25:,} bytes, more than {MAX_RECORD_BYTES:,}" in bad.reason
    assert len(bad.excerpt) == EXCERPT_BYTES
    assert bad.excerpt.startswith(b'{"eventID":"long","x":"')
    assert bad.offset == len(log(event(1))[:-1])
    assert peak < 6 * MAX_RECORD_BYTES


def test_a_record_at_the_limit_is_a_document():
    text = json.dumps(event(1, x=""), separators=(",", ":")).encode()
    whole = text[:-2] + b"x" * (MAX_RECORD_BYTES - len(text)) + text[-2:]
    found, second = made([log(whole, event(2))])
    assert isinstance(found, Record)
    assert len(found.text) > MAX_RECORD_BYTES
    longer, second = made([log(whole[:-2] + b'x"}', event(2))])
    assert isinstance(longer, BadRecord)
    assert second.identity == "e2"


@pytest.mark.parametrize("layout", LAYOUTS_OF_EVENTS)
@pytest.mark.parametrize("form", ["[{}]", "{}"])
def test_events_without_the_object_around_them_are_read_as_with_it(form, layout):
    """As lists and JSON Lines, which tools make of a trail."""
    first = {"awsRegion": "eu-west-1", **event(1, text='}\n{"eventVersion":')}
    last = {
        "eventVersion": "1.0",
        "eventId": "sum",
        "accountId": "1",
        "timeWindow": {"windowEnd": event(1)["eventTime"]},
    }
    events = [json.dumps(item, separators=layout) for item in (first, event(2, deep={"a": [[{}]]}), last)]
    data = (", " if form == "[{}]" else "\n").join(events).join(form.split("{}")).encode()
    wanted = made([b'{"Records":[' + ",".join(events).encode() + b"]}"])
    assert [document.identity for document in wanted] == ["e1", "e2", "sum-1"]
    for piece in (1, 7, 10_000):
        assert made(data[at : at + piece] for at in range(0, len(data), piece)) == wanted
    assert made([data], first_number=3) == wanted[2:]
    with pytest.raises(DamagedFile, match="2 complete records"):
        made([data[: data.rindex(b"sum")]])
    *two, broken = made([data.replace(b'"sum"', b"sum")])
    assert two == wanted[:2]
    assert isinstance(broken, BadRecord)


# --- damage -----------------------------------------------------------------------------------------------------------

WHOLE = log(*(event(n, text="x" * n, n=n) for n in range(30)))
ENDS = [end for end in range(1, len(WHOLE)) if WHOLE[end - 1 : end + 2] in (b"},{", b"}]}")]


@pytest.mark.parametrize("piece", [7, 100, 10_000])
def test_a_file_cut_at_any_byte_gives_its_complete_records_and_says_where_it_ends(piece):
    for cut in range(3, len(WHOLE) - 2, 3):
        data = WHOLE[:cut]
        found = 0
        with pytest.raises((DamagedFile, NotThisLog)) as ended:
            for document in records((data[i : i + piece] for i in range(0, len(data), piece)), Context(REF)):
                assert document.identity == f"e{found}"
                found += 1
        assert found == sum(end <= cut for end in ENDS), cut
        if isinstance(ended.value, DamagedFile):
            assert ended.value.offset <= cut
            assert f"{found} complete records" in str(ended.value)


def test_broken_structure_is_found_at_its_place_without_reading_on():
    read = []
    start = log(event(1), event(2))[:-2] + b',{"a":[1,2}'

    def source():
        for piece in [start + b',"b":"' + b"x" * 200 + b'"},'] + [b"x" * 1000] * 50:
            read.append(piece)
            yield piece

    found = records(source(), Context(REF))
    assert [next(found).identity, next(found).identity] == ["e1", "e2"]
    with pytest.raises(DamagedFile) as damage:
        next(found)
    assert damage.value.offset == len(start) - 1
    assert "2 complete records" in str(damage.value)
    assert len(read) < 5


@pytest.mark.parametrize(
    ("tail", "words"),
    [
        (b"],]}", "'\\]' not expected"),
        (b"],}", "'}' not expected"),
        (b"],5:6}", "a key expected"),
        (b'],"a"}', "'}' not expected"),
        (b',{"eventID":"e2"} {"eventID":"e3"}]}', "',' or '\\]' expected"),
        (b",]}", "a record expected"),
        (b",,5]}", "a record expected"),
        (b"}}", "',' or '\\]' expected"),
        (b"]} trailing", "behind the end"),
        (b"]", "ends too early"),
        (b"", "ends too early"),
        (b',{"a":1,"b":"' + b"[" * 20, "in the middle of a record"),
        (b',{"a":' + b"[" * 100_000, "in the middle of a record"),
        (b',{"a":"no end}]}', "in the middle of a record"),
        (b',{"a":"cut in an escape\\', "in the middle of a record"),
    ],
)
def test_each_kind_of_damage_is_named_after_the_complete_records(tail, words):
    found = records([log(event(1))[:-2] + tail], Context(REF))
    assert next(found).identity == "e1"
    with pytest.raises(DamagedFile, match=words):
        list(found)


def test_a_record_that_never_ends_is_not_collected_for_ever():
    def endless():
        yield log(event(1))[:-2] + b',{"a":"'
        for _ in range(30):
            yield b"x" * 1_000_000

    found = records(endless(), Context(REF))
    assert next(found).identity == "e1"
    with pytest.raises(DamagedFile, match="the file ends in the middle of a record") as damage:
        next(found)
    assert damage.value.offset == len(log(event(1))[:-2]) + 7 + 30_000_000


def test_damage_of_the_packed_file_is_told_after_the_complete_records():
    def source():
        yield log(event(1), event(2))[:-9]
        raise DamagedFile("the gzip data is cut short", 999)

    found = records(source(), Context(REF))
    assert next(found).identity == "e1"
    with pytest.raises(DamagedFile) as damage:
        next(found)
    assert damage.value.offset == 999
    assert "gzip data is cut short, after 1 complete records" in str(damage.value)


def test_a_wrong_checksum_behind_whole_json_is_damage_too():
    def source():
        yield log(event(1))
        raise DamagedFile("wrong checksum", 21)

    found = records(source(), Context(REF))
    next(found)
    with pytest.raises(DamagedFile, match="wrong checksum"):
        next(found)


@pytest.mark.parametrize(
    "text",
    ["hello", "7", '{"Records":{}}', '{"Records":7}', '{"configurationItems":[]}', "\x1f\x8bnot gzip"],
)
def test_other_content_is_refused(text):
    with pytest.raises(NotThisLog):
        made([text.encode("latin-1")])


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"  ",
        b"\n\r\n\t",
        b'{"Records":[]}',
        b' {"Records" : [ ] } ',
        b'{\n  "Records": [\n  ]\n}\n',
        b'{"Records":null}',
        b'{"other":[1,{"a":[]}],"Records":[]}',
        b'{"Records":[]}{"Records":[]}\n',
        b"{}",
        b"[]",
        b" [ ]\n",
        b"{ }\n{}",
    ],
)
def test_of_nothing_there_are_no_records(bom, text):
    assert made([bom + text]) == []
    assert made([bytes([byte]) for byte in bom + text]) == []


def test_a_digest_is_recognised_by_its_content():
    digest = {"awsAccountId": "111122223333", "digestStartTime": "2026-11-21T03:00:00Z", "logFiles": []}
    with pytest.raises(DigestFile):
        made([json.dumps(digest).encode()])


@pytest.mark.slow("memory, with large files")
@pytest.mark.parametrize("codec", CODECS, ids=["plain", "fastest"])
def test_memory_does_not_grow_with_the_file(codec):
    record = json.dumps(event(1, requestParameters={"list": list(range(100))}), separators=(",", ":")).encode()

    def source(count):
        yield b'{"Records":[' + record
        for _ in range(count):
            yield b"," + b",".join([record] * 500)
        yield b"]}"

    def peak(count):
        tracemalloc.start()
        try:
            assert sum(1 for _ in records(source(count), Context(REF, codec))) == count * 500 + 1
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(20) < 1.2 * peak(4) + 100_000
