"""The hand-written CSV encoder against `csv.reader` and a slow, obvious flattener."""

import csv
import io
import json
import re
from typing import Any, Dict, List, NamedTuple, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st
from search_command.elasticsearch.rows import META_COLUMNS, RowEncoder, RowSettings
from search_command.elasticsearch.sourcetypes import DEFAULT_SOURCETYPE, sourcetype_for

from collectors.sources.log import Log
from collectors.sources.registry import LOGS

RESERVED = {"host", "source", "sourcetype", "index", "splunk_server", "linecount", "doc_id", "doc_error"}


class Hit(NamedTuple):
    index: str
    id: str
    time: Optional[int]
    source: bytes


def hit(document: Any, index: str = "logs", doc_id: str = "1", time: Optional[int] = 0) -> Hit:
    return Hit(index, doc_id, time, json.dumps(document).encode())


def encoded(encoder: RowEncoder, hits: List[Hit], ticks_per_s: int = 1000) -> bytes:
    """Return the one chunk of so few hits."""
    ((rows, body),) = encoder.chunks(hits, ticks_per_s)
    assert rows == len(hits)
    return body


def read_rows(body: bytes) -> List[Dict[str, Any]]:
    """Return the rows as splunkd reads them: multivalue fields from their ``__mv_`` column."""
    # csv of Python 3.9 stops at NUL; the encoder never writes one.
    records = list(csv.reader(io.StringIO(body.decode("utf-8"), newline="")))
    if not records:
        return []
    header, rows = records[0], []
    assert len(set(header)) == len(header)
    for cells in records[1:]:
        assert len(cells) == len(header)
        row: Dict[str, Any] = {}
        for name, cell in zip(header, cells):
            if name.startswith("__mv_") and cell:
                items = re.findall(r"\$((?:\$\$|[^$])*)\$(?:;|\Z)", cell, re.DOTALL)
                row[name[5:]] = [item.replace("$$", "$") for item in items]
            elif cell != "" and not name.startswith("__mv_"):
                row.setdefault(name, cell)
        rows.append(row)
    return rows


def reference_fields(document: Dict[str, Any]) -> Dict[str, Any]:
    """Return field -> value or list of values, the slow and obvious way."""
    found: Dict[str, List[str]] = {}

    def visit(value: Any, path: str) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                visit(inner, f"{path}.{key}" if path is not None else key)
        elif isinstance(value, list):
            for inner in value:
                visit(inner, path + "{}")
        else:
            text = value if isinstance(value, str) else json.dumps(value)
            name = f"doc.{path}" if path in RESERVED or path.startswith("_") or not path else path
            found.setdefault(name, []).append(text)

    for key, value in document.items():
        visit(value, key)
    return {name: values if len(values) > 1 else values[0] for name, values in found.items()}


def printable(value: Any) -> Any:
    """Return a value as it can be written: NUL as its JSON escape, half a surrogate pair as U+FFFD."""
    if isinstance(value, list):
        return [printable(v) for v in value]
    return re.sub("[\ud800-\udfff]", "\ufffd", value.replace("\0", "\\u0000"))


texts = st.text(st.characters(codec=None), max_size=8) | st.sampled_from(
    ['"', '""', "$", "$;$", "$$", "a,b", "\r", "\n", "\r\n", "\\", "\0", "\ud800", "한국어", "", "{}", "%s", "%"]
)
keys = (
    st.sampled_from(["a", "b", "a.b", "host", "name", "_time", "source", "x{}", "", 'q"', "p,%s", "doc", "한"]) | texts
)
scalars = st.none() | st.booleans() | texts | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=8
)
documents = st.lists(st.dictionaries(keys, values, max_size=6), min_size=1, max_size=6)


def names_stay_distinct(docs: List[Dict[str, Any]]) -> bool:
    """Two names that cannot be written may become one; real keys are none of that."""
    names = {name for d in docs for name in reference_fields(d)}
    return len({printable(name) for name in names}) == len(names)


@given(documents.filter(names_stay_distinct))
def test_every_value_of_every_document_arrives(docs: List[Dict[str, Any]]) -> None:
    encoder = RowEncoder(RowSettings("prod"))
    for _ in range(2):  # the second time from the names and shapes remembered
        rows = read_rows(encoded(encoder, [hit(d) for d in docs]))
        assert len(rows) == len(docs)
        for document, row in zip(docs, rows):
            fields = {name: value for name, value in row.items() if name not in META_COLUMNS}
            expected = {printable(n): printable(v) for n, v in reference_fields(document).items()}
            # An empty cell and a missing field are the same in CSV.
            assert fields == {n: v for n, v in expected.items() if v != ""}
            assert row["_raw"] == json.dumps(document)


@given(documents, st.sampled_from(["fields", "raw"]))
def test_meta_columns_are_there_in_both_outputs(docs: List[Dict[str, Any]], output: str) -> None:
    hits = [hit(d, index=f"i{n}", doc_id=f'"{n}', time=1_700_000_000_000 + n) for n, d in enumerate(docs)]
    rows = read_rows(encoded(RowEncoder(RowSettings('pr"od', output, sourcetype="st")), hits))
    for n, row in enumerate(rows):
        assert row["_time"] == f"1700000000.00{n}"
        assert row["source"] == f'pr"od:i{n}'
        assert (row["sourcetype"], row["index"], row["doc_id"]) == ("st", f"i{n}", f'"{n}')


@pytest.mark.parametrize(
    ("ticks", "ticks_per_s", "expected"),
    [
        (1_700_000_000_123, 1000, "1700000000.123"),
        (1_700_000_000_123_456_789, 10**9, "1700000000.123456789"),
        (0, 1000, "0.000"),
        (7, 1000, "0.007"),
        (1000, 1000, "1.000"),
        (-1, 1000, "-0.001"),
        (-1500, 1000, "-1.500"),
        (5, 10**9, "0.000000005"),
    ],
)
def test_time_is_exact_in_every_unit(ticks: int, ticks_per_s: int, expected: str) -> None:
    body = encoded(RowEncoder(RowSettings("c")), [hit({}, time=ticks)], ticks_per_s)
    assert read_rows(body)[0]["_time"] == expected


def test_document_without_time_has_an_empty_time() -> None:
    assert "_time" not in read_rows(encoded(RowEncoder(RowSettings("c")), [hit({"a": 1}, time=None)]))[0]


def test_numbers_stay_as_they_are_written() -> None:
    source = b'{"a":1.0,"b":1e400,"c":-0,"d":12345678901234567890.10,"e":[1.50,2E3]}'
    row = read_rows(encoded(RowEncoder(RowSettings("c")), [Hit("i", "1", 0, source)]))[0]
    assert (row["a"], row["b"], row["c"], row["d"]) == ("1.0", "1e400", "-0", "12345678901234567890.10")
    assert row["e{}"] == ["1.50", "2E3"]


def test_late_columns_and_documents_without_fields() -> None:
    docs = [{}, {"a": "1"}, {"b": "2", "a": "3"}, {}, {"c": ["x", "y"]}, {"a": "4", "c": ["z"]}]
    rows = read_rows(encoded(RowEncoder(RowSettings("c")), [hit(d) for d in docs]))
    fields = [{n: v for n, v in row.items() if n not in META_COLUMNS} for row in rows]
    assert fields == [{}, {"a": "1"}, {"b": "2", "a": "3"}, {}, {"c{}": ["x", "y"]}, {"a": "4", "c{}": "z"}]


def test_multivalue_column_only_where_a_row_has_two_values() -> None:
    encoder = RowEncoder(RowSettings("c"))
    assert b"__mv_" not in encoded(encoder, [hit({"a": ["x"]}), hit({"a": []})])
    assert b'"__mv_a{}"' in encoded(encoder, [hit({"a": ["x"]}), hit({"a": ["x", "y"]})])


def test_names_of_nested_arrays_and_objects() -> None:
    document = {
        "r": {"items": [{"id": "i-1", "tags": [{"k": "v"}, {"k": "w"}]}, {"id": "i-2"}]},
        "m": [["1"], ["2", "3"]],
    }
    row = read_rows(encoded(RowEncoder(RowSettings("c")), [hit(document)]))[0]
    assert row["r.items{}.id"] == ["i-1", "i-2"]
    assert row["r.items{}.tags{}.k"] == ["v", "w"]
    assert row["m{}{}"] == ["1", "2", "3"]


def test_own_meta_fields_of_a_document_keep_their_value() -> None:
    document = {
        "host": "h",
        "source": "s",
        "index": "i",
        "_time": "t",
        "_id": "1",
        "__mv_a": "m",
        "doc_id": "d",
        "": "e",
    }
    row = read_rows(encoded(RowEncoder(RowSettings("prod")), [hit(document)]))[0]
    for name, value in document.items():
        assert row[f"doc.{name}"] == value
    assert (row["host"], row["source"], row["index"]) == ("prod", "prod:logs", "logs")


def test_two_paths_with_one_name_give_both_values() -> None:
    row = read_rows(encoded(RowEncoder(RowSettings("c")), [hit({"a.b": "1", "a": {"b": "2"}})]))[0]
    assert row["a.b"] == ["1", "2"]


@pytest.mark.parametrize("output", ["fields", "raw"])
def test_host_is_the_documents_host_name_else_the_cluster(output: str) -> None:
    docs = [
        {"host": {"name": 'w"eb'}},
        {"host.name": "dotted"},
        {"host": "text"},
        {"host": {"name": ["first", "b"]}},
        {},
    ]
    rows = read_rows(encoded(RowEncoder(RowSettings("prod", output)), [hit(d) for d in docs]))
    assert [row["host"] for row in rows] == ['w"eb', "dotted", "prod", "first", "prod"]


def test_fields_choose_columns_and_leave_raw_alone() -> None:
    document = {"a": {"b": "1", "c": ["x", "y"]}, "d": "2", "e": "3"}
    row = read_rows(encoded(RowEncoder(RowSettings("c", fields=("a.*", "e"))), [hit(document)]))[0]
    assert {n for n in row if n not in META_COLUMNS} == {"a.b", "a.c{}", "e"}
    assert json.loads(row["_raw"]) == document


def test_what_is_not_a_json_object_is_said_in_its_row() -> None:
    sources = [b'{"a":1 /* comment */}', b"[1]", b"\xff\xfe", b'{"a":' * 20_000, b'{"ok":"yes"}']
    rows = [Hit("i", str(n), 0, source) for n, source in enumerate(sources)]
    body = encoded(RowEncoder(RowSettings("c", fields=("ok",))), rows)
    decoded = list(csv.DictReader(io.StringIO(body.decode("utf-8", "surrogateescape"), newline="")))
    assert [bool(row["doc_error"]) for row in decoded] == [True, True, True, True, False]
    assert [row["_raw"].encode("utf-8", "surrogateescape") for row in decoded] == sources
    assert decoded[4]["ok"] == "yes"


@pytest.mark.parametrize("output", ["fields", "raw"])
def test_raw_is_byte_for_byte_what_is_stored(output: str) -> None:
    sources = [b'{ "a" : "\xc3\xa9\xed\x95\x9c",\r\n\t"b":"\\ud800"}', b'{"c":"\xe9 is not UTF-8"}', b'{"d":"\\"$%s"}']
    body = encoded(RowEncoder(RowSettings("c", output)), [Hit("i", "1", 0, source) for source in sources])
    decoded = list(csv.DictReader(io.StringIO(body.decode("utf-8", "surrogateescape"), newline="")))
    assert [row["_raw"].encode("utf-8", "surrogateescape") for row in decoded] == sources


@pytest.mark.parametrize(
    ("index", "sourcetype"),
    [
        ("aws-cloudtrail-2026.01.01", "aws:cloudtrail"),
        ("AWS-CloudTrail", "aws:cloudtrail"),
        ("aws-vpcflow-2026", "aws:cloudwatchlogs:vpcflow"),
        ("aws-waf-2026", "aws:waf"),
        (".ds-aws-dns-2026.11.21-000001", "aws:route53:resolver"),
        ("eu:restored-aws-dns-2026.11.21", "aws:route53:resolver"),
        ("beats-7", "elasticsearch"),
    ],
)
def test_sourcetype_by_index(index: str, sourcetype: str) -> None:
    assert read_rows(encoded(RowEncoder(RowSettings("c")), [hit({}, index=index)]))[0]["sourcetype"] == sourcetype


@pytest.mark.parametrize("dataset", LOGS.values(), ids=LOGS)
def test_every_log_of_this_product_has_the_sourcetype_of_its_row(dataset: Log) -> None:
    assert sourcetype_for(f"{dataset.index_prefix}2026.11.21") == dataset.sourcetype != DEFAULT_SOURCETYPE
