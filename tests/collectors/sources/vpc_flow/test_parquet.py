"""Parquet: the same documents as from the text of the same flows, whoever wrote the file, in flat memory."""

from __future__ import annotations

import io
import json
import random
import subprocess
import sys
from typing import Any, Dict, List

import pytest

from collectors.errors import CollectorError, DamagedFile, NotThisLog
from collectors.records.json_codec import fastest
from collectors.records.record import BadRecord
from collectors.sources.vpc_flow import parquet, source
from collectors.sources.vpc_flow.columns import NUMBERS, plain_name
from lab.story import vpc_flow as story
from tests.collectors.sources.vpc_flow.flows import RECORD, context, read

arrow = pytest.importorskip("pyarrow", reason="pyarrow is an extra of its own, and needs Python 3.11 here")
import pyarrow.parquet as pq  # noqa: E402

TIMES = [1_795_225_201 + second // 9 for second in range(3_000)]


def flows(count: int = 3_000) -> List[Dict[str, str]]:
    made = story.Background(5).records(TIMES[:count])
    return [{name: flow[name] for name in story.COLUMNS} for flow in made]


def text_of(records: List[Dict[str, str]]) -> bytes:
    return "\n".join([" ".join(records[0]), *[" ".join(record.values()) for record in records]]).encode()


def typed(name: str, text: str) -> Any:
    if text == "-":
        return None
    return int(text) if plain_name(name) in NUMBERS else text


def table_of(records: List[Dict[str, str]]) -> Any:
    """Return the table that AWS would write: numbers as such, nulls for what is absent."""
    columns = {
        plain_name(name): arrow.array(
            [typed(name, record[name]) for record in records],
            arrow.int64() if plain_name(name) in NUMBERS else arrow.string(),
        )
        for name in records[0]
    }
    return arrow.table(columns)


def written(table: Any, **options: Any) -> io.BytesIO:
    file = io.BytesIO()
    pq.write_table(table, file, **{"compression": "gzip", **options})
    file.seek(0)
    return file


def test_text_and_parquet_give_the_same_bytes():
    records = flows()
    for options in ({}, {"row_group_size": 100}, {"use_dictionary": False, "compression": "snappy"}):
        made = list(parquet.records(written(table_of(records), **options), context(fastest())))
        assert made == read(text_of(records), fastest())


def test_columns_of_transit_gateways_and_unknown_ones_are_as_from_text():
    rows = [
        {**flow, "tgw-id": "tgw-1", "packets-lost-no-route": str(number), "instance-tag": "-", "segment-name": "prod"}
        for number, flow in enumerate(flows(50))
    ]
    about, of_text = context(fastest()), context(fastest())
    made = list(parquet.records(written(table_of(rows)), about))
    assert made == list(source.records([text_of(rows)], of_text))
    assert about.unknown_columns == of_text.unknown_columns == ["segment_name"]
    body = json.loads(made[7].text)
    assert (body["packets_lost_no_route"], body["segment_name"], "instance_tag" in body) == (7, "prod", False)


def test_other_writers_of_the_same_columns():
    records = flows(500)
    table = table_of(records)
    wanted = read(text_of(records))
    seconds = {name: table[name].cast(arrow.timestamp("s")).cast(arrow.timestamp("us")) for name in ("start", "end")}
    packed = {name: table[name].dictionary_encode() for name in ("srcaddr", "interface_id", "action")}
    dashes = {"vpc_id": arrow.array([record["vpc-id"] for record in records]), "bytes": table["bytes"].fill_null(0)}
    assert all(record["log-status"] != "OK" or record["bytes"] != "0" for record in records)
    variants = {
        "hyphens": table.rename_columns([name.replace("_", "-") for name in table.column_names]),
        "timestamps": with_columns(table, seconds),
        "dictionaries": with_columns(table, packed),
        "binary": with_columns(table, {"action": table["action"].cast(arrow.binary())}),
        "large strings": with_columns(table, {"srcaddr": table["srcaddr"].cast(arrow.large_string())}),
        "numbers as text": with_columns(table, {"dstport": table["dstport"].cast(arrow.string())}),
        "numbers of pandas": with_columns(table, {"dstport": table["dstport"].cast(arrow.float64())}),
        "dashes": with_columns(table, {"vpc_id": dashes["vpc_id"]}),
        "partitions": with_columns(
            table, {"aws-region": arrow.array(["eu-west-1"] * 500), "year": arrow.array([2026] * 500)}
        ),
    }
    for name, variant in variants.items():
        assert list(parquet.records(written(variant), context())) == wanted, name


def with_columns(table: Any, columns: Dict[str, Any]) -> Any:
    for name, column in columns.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, column) if place >= 0 else table.append_column(name, column)
    return table


def test_rows_of_an_earlier_run_are_passed_over(monkeypatch):
    monkeypatch.setattr(parquet, "BATCH_ROWS", 64)
    records = flows(300)
    everything = list(parquet.records(written(table_of(records)), context()))
    for first in (1, 2, 64, 65, 200, 300, 301):
        found = list(parquet.records(written(table_of(records)), context(first_number=first)))
        assert found == everything[first - 1 :]


def test_a_row_without_a_time_or_a_value_keeps_its_number():
    nothing = dict.fromkeys(RECORD, "-")
    records = [dict(RECORD), nothing, dict(RECORD), {**RECORD, "start": "-", "end": "-"}]
    made = list(parquet.records(written(table_of(records)), context()))
    assert [isinstance(item, BadRecord) for item in made] == [False, True, False, False]
    assert (made[1].number, made[1].offset) == (2, -1)
    assert made[1].excerpt.startswith(b"- - -")
    assert made[3].identity.endswith("-00000000004") and b'"time_from":"object_key"' in made[3].text
    assert made[2].identity.endswith("-00000000003")


def test_values_of_other_types_are_kept_as_text():
    table = table_of([dict(RECORD)])
    table = with_columns(
        table,
        {
            "flag": arrow.array([True]),
            "list": arrow.array([[1, 2]]),
            "price": arrow.array([1.5]),
            "long": arrow.array(["x" * 8192]),
        },
    )
    (made,) = parquet.records(written(table), context())
    body = json.loads(made.text)
    assert (body["flag"], body["list"], body["price"]) == ("True", "[1, 2]", "1.5")
    assert body["event"]["oversized"] == ["long"]


@pytest.mark.parametrize("names", [["srcaddr", "start"], ["srcaddr"], ["name"], []], ids=str)
def test_of_a_file_without_rows_there_are_no_records(names):
    schema = arrow.schema([(name, arrow.string()) for name in names])
    assert list(parquet.records(written(schema.empty_table()), context())) == []


def test_other_parquet_files_are_refused():
    with pytest.raises(NotThisLog, match="columns: name, size"):
        list(parquet.records(written(arrow.table({"name": ["x"], "size": [1]})), context()))


def test_a_damaged_file_gives_the_rows_before_the_damage():
    data = bytearray(written(table_of(flows()), row_group_size=1_000, compression="gzip").getvalue())
    metadata = pq.ParquetFile(io.BytesIO(data)).metadata
    at = metadata.row_group(1).column(3).dictionary_page_offset or metadata.row_group(1).column(3).data_page_offset
    data[at : at + 60] = b"\xff" * 60
    made = []
    with pytest.raises(DamagedFile, match="cannot be read on after 1,000 rows(?!.* byte )"):
        for item in parquet.records(io.BytesIO(data), context()):
            made.append(item)
    assert made == read(text_of(flows()))[: len(made)]
    assert len(made) == 1_000
    for broken in (bytes(data[:500]), bytes(data[-500:]), b"PAR1"):
        with pytest.raises(DamagedFile):
            list(parquet.records(io.BytesIO(broken), context()))


def test_without_pyarrow_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(CollectorError, match=r"pip install '\.\[parquet\]'"):
        list(parquet.records(io.BytesIO(b"PAR1"), context()))


def test_the_module_is_imported_without_pyarrow():
    code = "import collectors.sources.vpc_flow.parquet, sys; assert 'pyarrow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


PEAK = """
import re, sys
from collectors.records.json_codec import fastest
from aws_bridge.object_ref import ObjectRef
from collectors.records.record import Context
from collectors.sources.vpc_flow.parquet import records
with open(sys.argv[1], "rb") as file:
    count = sum(1 for _ in records(file, Context(ObjectRef("b", "k"), fastest())))
# Not getrusage: its maximum is inherited from the process that starts this one.
print(count, int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) // 1024)
"""


@pytest.mark.slow("memory, with large files")
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
def test_memory_is_flat_for_one_row_group_of_a_whole_day(tmp_path):
    rng = random.Random(8)
    table = table_of(flows())
    table = arrow.concat_tables([table] * 100)
    sizes = arrow.array([rng.randrange(40, 1 << 40) for _ in range(table.num_rows)])
    sources = arrow.array([f"10.{rng.randrange(256)}.{rng.randrange(256)}.7" for _ in range(table.num_rows)])
    path = tmp_path / "day.parquet"
    table = with_columns(table, {"bytes": sizes, "srcaddr": sources})
    pq.write_table(table, path, compression="gzip", row_group_size=table.num_rows)
    assert pq.ParquetFile(path).metadata.num_row_groups == 1
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(path)], capture_output=True, text=True, timeout=200, check=True
    )
    count, peak_mib = map(int, done.stdout.split())
    assert count == 300_000
    # As Python objects the table would be 600 MB.
    assert peak_mib < 180
