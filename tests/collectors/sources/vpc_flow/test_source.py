"""Text files: headers of every kind, lines at the edges, bad lines, damage, and where an earlier run stopped."""

from __future__ import annotations

import gzip
import io
import json
import tracemalloc

import pytest

from aws_bridge.object_ref import ObjectRef
from collectors.errors import DamagedFile, NotThisLog
from collectors.reading.unpack import unpacked
from collectors.records.record import EXCERPT_BYTES, MAX_RECORD_BYTES, BadRecord, Context, Record
from collectors.sources.vpc_flow.source import header, records
from tests.collectors.sources.vpc_flow.flows import KEY, RECORD, REF, context, read

HEADER = " ".join(RECORD).encode()
LINE = " ".join(RECORD.values()).encode()
V2_HEADER = b" ".join(HEADER.split(b" ")[:14])
V2_LINE = b"2 123456789010 eni-1235b8ca 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK"


def numbers(made):
    return [item.number if isinstance(item, BadRecord) else item.number for item in made]


@pytest.mark.parametrize(
    "text",
    [
        HEADER + b"\n" + LINE + b"\n" + LINE + b"\n",
        HEADER + b"\n" + LINE + b"\n" + LINE,  # no newline at the end
        HEADER + b"\r\n" + LINE + b"\r\n" + LINE + b"\r\n",
        HEADER + b"\n\n" + LINE + b"\n \n" + LINE + b"\n\n\n",
        b"\xef\xbb\xbf" + HEADER + b"\n" + LINE + b"\n" + LINE + b"\n",
        b"\n" + HEADER.upper() + b"\n" + LINE + b"\n" + LINE + b"\n",
        HEADER.replace(b"-", b"_") + b"\n" + LINE.replace(b" ", b"  ") + b" \n\t" + LINE + b"\n",
        HEADER + b"\n" + LINE + b"\n" + HEADER + b"\n" + LINE,  # two files joined
    ],
)
def test_no_line_is_lost_whatever_the_line_ends(text):
    first, second = read(text)
    assert json.loads(first.text) == json.loads(second.text)
    assert json.loads(first.text)["srcaddr"] == "10.20.11.15"
    assert numbers([first, second]) == [1, 2]
    assert (first.identity, second.identity) == (f"{REF.identity}-00000000001", f"{REF.identity}-00000000002")


@pytest.mark.parametrize("piece_bytes", [1, 7, 300, 100_000])
def test_content_may_arrive_in_pieces_of_any_size(piece_bytes):
    lines = [LINE.replace(b" 3456 ", b" %d " % (1000 + number)) for number in range(40)]
    text = b"\n".join([HEADER, *lines])
    pieces = [text[at : at + piece_bytes] for at in range(0, len(text), piece_bytes)]
    made = list(records(pieces, context()))
    assert [json.loads(document.text)["bytes"] for document in made] == list(range(1000, 1040))
    assert made == read(text)


def test_columns_are_known_by_name_in_any_order():
    names = sorted(RECORD)
    shuffled = f"{' '.join(names)}\n{' '.join(RECORD[name] for name in names)}".encode()
    assert read(shuffled) == read(HEADER + b"\n" + LINE)


def test_joined_files_of_two_formats_keep_their_own_columns():
    made = read(b"\n".join([HEADER, LINE, V2_HEADER, V2_LINE, b"end bytes", b"1795225261 7"]))
    assert [json.loads(item.text).get("dstport") for item in made] == [4444, 22, None]
    assert numbers(made) == [1, 2, 3]
    resumed = read(b"\n".join([HEADER, LINE, V2_HEADER, V2_LINE, b"end bytes", b"1795225261 7"]), first_number=3)
    assert resumed == made[2:]


def test_a_lost_header_is_forgiven_for_the_default_format_only():
    assert read(V2_LINE + b"\n" + V2_LINE) == read(V2_HEADER + b"\n" + V2_LINE + b"\n" + V2_LINE)
    nodata = b"2 123456789010 eni-1235b8ca123456789 - - - - - - - 1431280876 1431280934 - NODATA"
    (document,) = read(nodata)
    assert json.loads(document.text)["log_status"] == "NODATA"


@pytest.mark.parametrize(
    "first",
    [
        LINE,
        V2_LINE.replace(b"2 1234", b"3 1234"),
        V2_LINE + b" more",
        V2_LINE.replace(b" OK", b" FINE"),
        b'{"version":2}',
        b"version",
        b"just some words",
        b"\x00\x01\x02",
        b"x" * 200,
        HEADER + b" a" * 10_000,
    ],
)
def test_a_file_without_a_header_is_another_log(first):
    with pytest.raises(NotThisLog, match="neither the header"):
        read(first + b"\n" + V2_LINE)


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize(
    "text", [b"", b"\n \r\n", HEADER, HEADER + b"\r\n\r\n", HEADER + b"\n" + HEADER, b"srcaddr dstaddr\n"]
)
def test_of_nothing_and_of_a_header_alone_there_are_no_records(text, bom):
    assert read(bom + text) == []


@pytest.mark.parametrize("line", [HEADER + b" a" * 4_000_000, b"- " * 4_000_000])
def test_millions_of_columns_in_a_line_take_no_memory_and_are_one_bad_record(line):
    text = io.BytesIO(HEADER + b"\n" + line + b"\n" + LINE)
    tracemalloc.start()
    made = list(records(unpacked(text), context()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert numbers(made) == [1, 2]
    assert "more than 10,000 columns where" in made[0].reason
    assert peak < 100 * 2**20


def test_a_header_alone_has_no_records():
    assert read(HEADER) == []


def test_a_format_without_time_has_that_of_the_object():
    text = b"instance-id interface-id srcaddr dstaddr pkt-srcaddr\n- eni-1 10.0.1.5 10.0.0.220 10.0.1.5"
    (made,) = records([text], Context(ObjectRef("b", "x_20261121T0455Z_x")))
    fields = json.loads(made.text)
    assert (fields["@timestamp"], fields["event"]["time_from"]) == ("2026-11-21T04:55:00.000Z", "object_key")
    assert fields["source"]["address"] == "10.0.1.5"


def test_lines_with_too_few_or_too_many_columns_are_bad_and_the_rest_flows_on():
    short = LINE.rsplit(b" ", 1)[0]
    text = b"\n".join([HEADER, LINE, short, LINE + b" x", b"\xff\xfe", LINE])
    made = read(text)
    assert [type(item) for item in made] == [Record, BadRecord, BadRecord, BadRecord, Record]
    assert numbers(made) == [1, 2, 3, 4, 5]
    assert made[1].reason == "the line has 28 columns where its header has 29"
    assert made[2].reason == "the line has 30 columns where its header has 29"
    for item, line in ((made[1], short), (made[2], LINE + b" x"), (made[3], b"\xff\xfe")):
        assert item.excerpt == line
        assert text[item.offset :].startswith(line)


def test_a_record_without_a_time_says_where_it_has_one_from():
    lines = [
        LINE.replace(b"1795225201", start).replace(b"1795225261", end) for start, end in ((b"-", b"-"), (b"x", b"1e9"))
    ]
    made = [json.loads(each.text) for each in read(b"\n".join([HEADER, *lines, LINE]))]
    assert [each["event"].get("time_from") for each in made] == ["object_key", "object_key", None]
    assert made[1]["unmapped"] == {"start": "x", "end": "1e9"}


def test_a_line_over_the_limit_is_passed_over_without_being_held():
    def pieces():
        yield HEADER + b"\n" + LINE + b"\n" + LINE[:-1]
        for _ in range(3 * MAX_RECORD_BYTES // 100_000):
            yield b"7" * 100_000
        yield b"\n" + LINE

    tracemalloc.start()
    try:
        made = list(records(pieces(), context()))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert numbers(made) == [1, 2, 3]
    assert isinstance(made[1], BadRecord)
    assert made[1].offset == len(HEADER) + len(LINE) + 2
    assert made[1].excerpt.startswith(LINE[:-1] + b"777")
    assert len(made[1].excerpt) == EXCERPT_BYTES
    assert peak < 2.5 * MAX_RECORD_BYTES
    assert read(HEADER + b"\n" + LINE)[0].text == made[2].text


def test_a_first_line_over_the_limit_is_no_header():
    with pytest.raises(NotThisLog):
        read(b"srcaddr " * (MAX_RECORD_BYTES // 8 + 1))


def test_records_before_the_first_wanted_are_counted_only():
    short = LINE.rsplit(b" ", 1)[0]
    text = b"\n".join([HEADER, LINE, short, HEADER, b"", LINE, short, LINE])
    everything = read(text)
    assert numbers(everything) == [1, 2, 3, 4, 5]
    for first in range(1, 7):
        assert read(text, first_number=first) == everything[first - 1 :]


def test_a_cut_gzip_file_gives_its_complete_records_and_then_the_damage():
    text = (
        b"\n".join([HEADER, *[LINE.replace(b" 3456 ", b" %d " % (10**9 + n * 7919**2)) for n in range(3000)]]) + b"\n"
    )
    packed = gzip.compress(text)
    made = []
    with pytest.raises(DamagedFile) as damage:
        for item in records(unpacked(io.BytesIO(packed[: len(packed) // 2])), context()):
            made.append(item)
    whole = read(text)
    assert 0 < len(made) < 3000
    assert made == whole[: len(made)]
    assert damage.value.offset >= len(HEADER) + len(made) * len(LINE)


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("srcaddr dstaddr", ("srcaddr", "dstaddr")),
        ("Account-ID bytes new.column", ("account_id", "bytes", "new.column")),
        ("bytes", ()),
        ("srcaddr 10.0.0.1", ()),
        ("srcaddr dstaddr -", ()),
        ("eni-1 vpc-2", ()),
    ],
)
def test_a_header_is_names_only_two_of_them_known(line, names):
    assert header(line) == names


def test_the_key_gives_account_and_region_where_the_format_has_none():
    text = b"srcaddr dstaddr end\n10.0.0.1 10.0.0.2 1795225261"
    hive = "x/AWSLogs/aws-account-id=444455556666/aws-service=vpcflowlogs/aws-region=us-gov-west-1/year=2026/a.log.gz"
    organisation = "AWSLogs/o-abc123/444455556666/vpcflowlogs/eu-west-1/2026/11/21/a.log.gz"
    for key, account, region in (
        (KEY, "111122223333", "ap-northeast-2"),
        (hive, "444455556666", "us-gov-west-1"),
        (organisation, "444455556666", "eu-west-1"),
    ):
        (made,) = read(text, ref=REF._replace(key=key))
        assert json.loads(made.text)["cloud"] == {"provider": "aws", "region": region, "account": {"id": account}}
    (made,) = read(text, ref=REF._replace(key="flows.log"))
    assert json.loads(made.text)["cloud"] == {"provider": "aws"}
