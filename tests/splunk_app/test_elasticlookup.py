"""``| elasticlookup`` over the real protocol: what comes in goes on as it was, with what a plain comparison finds."""

from __future__ import annotations

import csv
import io
import json
import random
import re
import signal
import uuid
from dataclasses import replace
from typing import Any, Dict, Iterator, List, Sequence, Tuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from es_bridge.errors import QueryError
from es_bridge.lookup.event_key import EventKey, LookupRequest, Matches
from es_bridge.query import SearchRequest
from es_bridge.reply import Hit
from lab.front.faults import FaultyServer, Hang
from lab.front.server import Reply as Answer
from lab.splunkd import User, add_cluster
from splunk_bridge.chunked import Reply
from splunk_bridge.command_line import parse_command_line

from .conftest import START_MS, Splunk, Store

from search_command.elasticlookup.input_rows import BLOCK_ROWS, EventKeys, InputChunk, Why, time_ms  # isort: skip
from search_command.elasticlookup.options import check_complete, parse_options  # isort: skip
from search_command.elasticlookup.output_rows import FoundFields, OutputChunk  # isort: skip

on_both_pythons = pytest.mark.splunk_python
ADMIN = User("root", ("admin",))
PORTS = (22, 53, 443)
_stored: Dict[str, Tuple[str, List[Dict[str, Any]]]] = {}


@pytest.fixture
def flows(store: Store) -> Tuple[str, List[Dict[str, Any]]]:
    """An index of flows, made once an engine, and its documents."""
    url = store.config.hosts[0]
    if url not in _stored:
        rng = random.Random(5)
        name = f"aws-lookup-{uuid.uuid4().hex[:8]}"
        properties = {
            "@timestamp": {"type": "date"},
            "srcaddr": {"type": "ip"},
            "dstport": {"type": "integer"},
            "user": {"type": "keyword"},
        }
        store.transport.request("PUT", (name,), body={"mappings": {"properties": properties, "dynamic": False}})
        documents = [
            {
                "@timestamp": START_MS + rng.randrange(60) * 1000,
                "srcaddr": f"10.0.0.{rng.randrange(5)}",
                "dstport": rng.choice(PORTS),
                "user": rng.choice(("kim", "lee $x$;")),
                "tags": rng.choice(([], ["a"], ["a", "b$"])),
                "bytes": number,
            }
            for number in range(300)
        ]
        lines = "".join(f'{{"create":{{}}}}\n{json.dumps(document)}\n' for document in documents)
        store.transport.request("POST", (name, "_bulk"), {"refresh": True}, lines.encode())
        _stored[url] = (name, documents)
    return _stored[url]


def event(number: int, at_s: float, **fields: Any) -> Dict[str, Any]:
    return {"_time": f"{START_MS / 1000 + at_s:.3f}", "number": str(number), **fields}


def matching(
    documents: List[Dict[str, Any]], at_s: float, addresses: Sequence[str], ports: Sequence[str], window_s: float
) -> List[Dict[str, Any]]:
    """Return the documents that match, oldest first."""
    at_ms = START_MS + round(at_s * 1000)
    found = [
        document
        for document in documents
        if document["srcaddr"] in addresses
        and str(document["dstport"]) in ports
        and abs(document["@timestamp"] - at_ms) <= window_s * 1000
    ]
    return sorted(found, key=lambda document: document["@timestamp"])


def listed(value: Any) -> List[str]:
    return value if isinstance(value, list) else [] if value is None else [value]


@on_both_pythons
@pytest.mark.parametrize("output", ["fields", "rows"])
def test_each_event_comes_back_with_what_a_plain_comparison_finds(
    prod: Splunk, flows: Tuple[str, List[Dict[str, Any]]], output: str
) -> None:
    index, documents = flows
    rng = random.Random(output)
    events, keys = [], []
    for number in range(60):
        at_s = rng.randrange(60_000) / 1000
        addresses = rng.sample([f"10.0.0.{n}" for n in range(6)], rng.choice((1, 1, 2)))
        ports = rng.sample([str(port) for port in PORTS], rng.choice((1, 2)))
        note = rng.choice(("", 'say "hi", $x$;\nthere', "é 한국어"))
        several = {"src": addresses if addresses[1:] else addresses[0], "port": ports if ports[1:] else ports[0]}
        events.append(event(number, at_s, **several, **({"note": note} if note else {})))
        keys.append((at_s, addresses, ports))
    line = f'| elasticlookup index={index} match="srcaddr=src, dstport=port" window=4s output={output}'
    line += ' fields="bytes, tags{}"'
    ended = prod.run_on(events, line, ADMIN, most_rows=25).done
    assert [reply.finished for reply in ended.replies[1:]] == [False, False, True]
    assert ended.replies[0].metadata["type"] == "stateful"
    rows = iter(ended.rows)
    for sent, (at_s, addresses, ports) in zip(events, keys):
        found = matching(documents, at_s, addresses, ports, 4)
        of_event = [next(rows) for _ in range(max(1, len(found)) if output == "rows" else 1)]
        for row in of_event:
            assert {name: row.get(name) for name in sent} == sent
            assert (row["elasticlookup_matched"], row["elasticlookup_cut"]) == (str(len(found)), "0")
        # Documents of one millisecond come in the order of their ids, which the engine chose.
        groups = [(document["@timestamp"], str(document["bytes"])) for document in found]
        came = [value for row in of_event for value in listed(row.get("bytes"))]
        assert sorted(came) == sorted(number for _, number in groups)
        time_of = {number: at for at, number in groups}
        assert [time_of[number] for number in came] == [at for at, _ in groups]
        tags = {str(document["bytes"]): document["tags"] for document in found}
        assert [tag for row in of_event for tag in listed(row.get("tags{}"))] == [t for n in came for t in tags[n]]
        if output == "rows" and found:
            assert all(listed(row.get("tags{}")) == tags[row["bytes"]] for row in of_event)
    assert next(rows, None) is None
    assert ended.messages == []


@on_both_pythons
def test_rows_that_cannot_be_looked_up_go_on_and_are_counted(
    prod: Splunk, flows: Tuple[str, List[Dict[str, Any]]]
) -> None:
    index, _ = flows
    events = [
        event(0, 1, src="10.0.0.1"),
        event(1, 1),
        {"number": "2", "src": "10.0.0.1"},
        event(3, 1, src="10.0.0.1", _time="yesterday"),
        event(4, 1, src="-"),
        event(5, 1, src=["-", "10.0.0.1"]),
        event(6, 1, src="10.0.0.0/8"),
        event(7, 1, src="10.0.0.1"),
    ]
    ended = prod.run_on(events, f"| elasticlookup index={index} match=srcaddr=src fields=bytes window=1h", ADMIN).done
    assert [row["number"] for row in ended.rows] == [str(n) for n in range(8)]
    counts = [row.get("elasticlookup_matched") for row in ended.rows]
    assert counts[1:4] == [None] * 3 and counts[4] == counts[6] == "0"
    assert counts[0] == counts[5] == counts[7] and int(counts[0] or 0) > 20
    assert ended.texts("INFO") == [
        "3 of 8 events were not looked up: 2 without _time (epoch seconds), 1 without src",
        "3 of 8 events have a value that 'srcaddr' cannot hold, such as '-': nothing is found by such a value",
    ]
    assert ended.texts("WARN") == []
    ended = prod.run_on(events, f"| elasticlookup index={index} match=srcaddr=scr fields=bytes", ADMIN).done
    assert any("8 of 8 events were not looked up" in text and "in match=" in text for text in ended.texts("WARN"))
    assert len(ended.rows) == 8


@pytest.mark.one_python
@pytest.mark.parametrize(("sid", "level"), [("1763700000.1", "INFO"), ("scheduler__a__b__RMD5_at_1_2", "WARN")])
def test_what_is_cut_is_counted_and_told(
    prod: Splunk, flows: Tuple[str, List[Dict[str, Any]]], sid: str, level: str
) -> None:
    index, documents = flows
    line = f"| elasticlookup index={index} match=srcaddr=src fields=bytes window=1h max=5"
    ended = prod.run_on([event(0, 0, src="10.0.0.1")], line, ADMIN, sid=sid).done
    (row,) = ended.rows
    whole = sum(document["srcaddr"] == "10.0.0.1" for document in documents)
    assert (row["elasticlookup_matched"], row["elasticlookup_cut"]) == (str(whole), str(whole - 5))
    assert len(row["bytes"]) == 5
    assert any("more than max=5 matches" in text for text in ended.texts(level))
    facts = (f"matched={whole} cut={whole - 5} ", "rows=1 ", 'outcome="done"', f'index="{index}"', 'user="root"')
    assert all(fact in ended.audit for fact in (*facts, 'command="elasticlookup"'))
    assert ended.replies[-1].metadata["inspector"]["metric.elasticlookup.rows"][2:] == [whole, 1]
    assert 'earliest="2023-11-14T21:13:20.000Z"' in ended.audit and 'latest="2023-11-14T23:13:20.001Z"' in ended.audit


@pytest.mark.one_python
def test_no_events_at_all(prod: Splunk, flows: Tuple[str, List[Dict[str, Any]]]) -> None:
    line = "| elasticlookup index={} match=srcaddr=src fields=bytes"
    assert prod.run_on([], line.format(flows[0]), ADMIN).done.rows == []
    assert "names no index that exists" in prod.run_on([], line.format("aws-none-x"), ADMIN).error


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("index=a fields=b", ["match= is missing"]),
        ("index=a match=b", ["fields= is missing"]),
        ("index=a match=b= fields=b", ["match=b= cannot be read"]),
        ('index=a match="a=b," fields=b', ["cannot be read", "commas between such pairs"]),
        ("index=a match=a*=b fields=b", ["'a*' cannot be looked up by"]),
        ('index=a match="a=b,a=c" fields=b', ["named twice"]),
        ("index=a match=b fields=b window=1M", ["window=1M", "15m"]),
        ("index=a match=b fields=b before=-5m", ["before=-5m"]),
        ("index=a match=b fields=b after=99999w", ["after=99999w", "ten years"]),
        ("index=a match=b fields=b max=0", ["max=0", "1 and more"]),
        ("index=a match=b fields=b max=10001", ["max=10001", "10000"]),
        ("index=a match=b fields=b output=raw", ["output=raw", "fields or rows"]),
        ("index=a match=b fields=b prefix=_x", ["prefix=_x"]),
        ("index=a match=b fields=b earliest=-1h", ["unknown option 'earliest'", "window"]),
        ("index=a match=b fields=b partial=yes", ["partial=yes"]),
    ],
)
def test_bad_option(arguments: str, expected: List[str]) -> None:
    parsed = parse_command_line(f"| elasticlookup {arguments}")
    with pytest.raises(QueryError) as caught:
        options = parse_options(parsed.args, parsed.raw_args)
        check_complete(options)
        LookupRequest(SearchRequest("a"), tuple(store for store, _ in options.match), options.most).checked()
    assert all(text in str(caught.value) for text in expected)


@pytest.mark.one_python
def test_a_bad_option_fails_the_job(splunk: Splunk) -> None:
    splunk.add_cluster("prod", "http://127.0.0.1:9")
    for arguments, expected in (("match=b", "fields= is missing"), ("match=b fields=b", "no index given")):
        ended = splunk.run_on([event(0, 0)], f"| elasticlookup {arguments}", ADMIN)
        assert expected in ended.error and ended.rows == []


@pytest.mark.parametrize(
    ("text", "before_s", "after_s"),
    [("", 900, 900), ("window=30s", 30, 30), ("before=1h", 3600, 900), ("window=2d after=0", 172_800, 0)],
)
def test_windows(text: str, before_s: int, after_s: int) -> None:
    options = parse_options(["match=a", "fields=b", *text.split()])
    assert (options.before_ms, options.after_ms) == (before_s * 1000, after_s * 1000)


@pytest.mark.one_python
def test_the_access_rules_hold(splunk: Splunk, store: Store, flows: Tuple[str, List[Dict[str, Any]]]) -> None:
    other = store.fill([{"srcaddr": "10.0.0.1", "secret": "theirs"}], name=f"sec-{uuid.uuid4().hex[:8]}")
    add_cluster(splunk.splunkd.state, store.config, access={"analyst": ("aws-lookup-*",)})
    analyst = User("kim", ("analyst",))
    events = [event(0, 1, src="10.0.0.1")]
    line = "| elasticlookup index={} match=srcaddr=src fields=* window=1h prefix=x_"
    assert splunk.run_on(events, line.format(flows[0]), analyst).done.rows[0]["elasticlookup_matched".join(["x_", ""])]
    for index in (f"{flows[0]},{other}", "*"):
        ended = splunk.run_on(events, line.format(f'"{index}"'), analyst)
        assert "holds more than your roles may read" in ended.error
        assert ended.rows == [] and "theirs" not in str(ended.messages) and 'outcome="refused"' in ended.audit
    assert "holds more" in splunk.run_on([], line.format(other), analyst).error
    assert "may" in splunk.run_on(events, line.format(flows[0]), User("lee", ("nobody",))).error


@pytest.mark.one_python
class TestColumns:
    """Columns that the events have already."""

    @pytest.mark.parametrize(
        ("fields", "column"), [("bytes", "bytes"), ("b*", "bytes"), ("user", "elasticlookup_matched")]
    )
    def test_a_column_with_values_is_never_replaced(self, fields: str, column: str) -> None:
        body = f"_time,{column},bxx\n1,,mine\n2,mine,\n".encode()
        with pytest.raises(QueryError, match=f"have a field '{column}' with values already.*prefix="):
            output_of(body, [fields]).add(["1", "", "mine"], matches([b'{"bytes":5,"user":"u"}']))
        output = OutputChunk(InputChunk(body), FoundFields([fields]), "found.", False)
        output.add(["2", "mine", ""], matches([b'{"bytes":5,"user":"u"}']))
        (row,) = Reply({}, output.body()).rows()
        found = "user" if fields == "user" else "bytes"
        assert row[column] == "mine" and row[f"found.{found}"] and row["found.elasticlookup_matched"] == "1"

    def test_wildcards_leave_other_columns_alone(self) -> None:
        output = output_of(b"bxx\nmine\n", ["b*"])
        output.add(["mine"], matches([b'{"bytes":5}']))
        assert list(Reply({}, output.body()).rows()) == [
            {"bxx": "mine", "bytes": "5", "elasticlookup_matched": "1", "elasticlookup_cut": "0"}
        ]

    def test_one_lookup_after_the_other(self, prod: Splunk, flows: Tuple[str, List[Dict[str, Any]]]) -> None:
        index, _ = flows
        line = f"| elasticlookup index={index} match=srcaddr=src window=1h max=2 fields=bytes prefix="
        rows = prod.run_on([event(0, 1, src="10.0.0.1")], f"{line}a_", ADMIN).done.rows
        assert "have a field 'a_elasticlookup_matched'" in prod.run_on(rows, f"{line}a_", ADMIN).error
        (row,) = prod.run_on(rows, f"{line}b_", ADMIN).done.rows
        assert row["a_bytes"] == row["b_bytes"] and len(row["a_bytes"]) == 2
        assert row["a_elasticlookup_matched"] == row["b_elasticlookup_matched"]

    def test_an_empty_column_of_that_name_gives_way(self) -> None:
        body = b'_time,bytes,__mv_bytes,elasticlookup_cut\n1,,,\n2,"",,\n'
        output = output_of(body, ["bytes"])
        output.add(["1", "", "", ""], matches([b'{"bytes":5}']))
        output.add(["2", "", "", ""], None)
        assert output.body().decode() == (
            '"_time","elasticlookup_matched","elasticlookup_cut","bytes"\n"1",1,0,"5"\n"2",,,\n'
        )


def output_of(body: bytes, fields: Sequence[str], rows: bool = False) -> OutputChunk:
    return OutputChunk(InputChunk(body), FoundFields(fields), "", rows)


def matches(sources: Sequence[bytes]) -> Matches:
    return Matches([Hit("i", str(number), 0, source) for number, source in enumerate(sources)], len(sources))


CELLS = st.text(
    st.one_of(st.characters(), st.sampled_from('"$;,\r\n\0\udc80\udcff')).filter(
        lambda c: not 0xD800 <= ord(c) < 0xDC80 and not 0xDD00 <= ord(c) <= 0xDFFF
    ),
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=5))
def test_every_byte_of_a_row_goes_on_as_it_came(cells: List[List[str]]) -> None:
    """Also quotes, line ends, NULs, and bytes that are no UTF-8."""
    rows = [["n", *row] for row in cells]
    text = "".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\n" for row in rows)
    body = b"k,a,__mv_a,b\n" + text.encode("utf-8", "surrogateescape")
    chunk = InputChunk(body)
    output = OutputChunk(chunk, FoundFields(["x"]), "", False)
    for row in (row for block in chunk.blocks() for row in block):
        output.add(row, None)
    found = output.body().decode("utf-8", "surrogateescape")
    csv.field_size_limit(1 << 30)
    if "\0" in found:  # csv.reader of 3.9 takes none
        found, rows = found.replace("\0", "NUL"), [[cell.replace("\0", "NUL") for cell in row] for row in rows]
    read = list(csv.reader(io.StringIO(found, newline="")))
    assert read == [
        ["k", "a", "__mv_a", "b", "elasticlookup_matched", "elasticlookup_cut"],
        *([*row, "", ""] for row in rows),
    ]


def test_what_documents_hold_is_written_as_elasticsearch_writes_it() -> None:
    sources = [
        b'{"x":"a\\u0000\\ud800\\"$x$;\\n","n":1.50,"big":123456789012345678901,"y":{"z":[true,null]}}',
        b'{"x":"b","n":1e400}',
        b"not json",
        b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"x":"\xff"}',
    ]
    output = output_of(b"k\nv\n", ["x", "n", "big", "y.*"])
    output.add(["v"], matches(sources))
    (row,) = Reply({}, output.body()).rows()
    assert row["x"] == ['a\\u0000\ufffd"$x$;\n', "b", "\ufffd"]
    assert (row["n"], row["big"], row["y.z{}"]) == (["1.50", "1e400"], "123456789012345678901", ["true", "null"])
    assert row["elasticlookup_matched"] == "5"


def test_too_many_different_fields_are_an_error_and_not_cut() -> None:
    output = output_of(b"k\nv\n", ["*"])
    with pytest.raises(QueryError, match="too many different fields"):
        for number in range(50):
            output.add(["v"], matches([json.dumps({f"f{number}_{n}": 1 for n in range(100)}).encode()]))


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("1700000000", (1_700_000_000_000, 1_700_000_000_000)),
        ("1700000000.123", (1_700_000_000_123, 1_700_000_000_123)),
        ("1700000000.123400", (1_700_000_000_123, 1_700_000_000_124)),
        ("1700000000.1", (1_700_000_000_100, 1_700_000_000_100)),
        ("-0.5", (-500, -500)),
        ("-0.0005", (-1, 0)),
        ("", None),
        ("now", None),
        ("1e9", None),
        ("999999999999", None),
    ],
)
def test_times(text: str, bounds: Any) -> None:
    assert time_ms(text) == bounds


def test_keys() -> None:
    keys = EventKeys([("s", "src"), ("p", "port")], 10, 20, ["_time", "src", "port", "__mv_src"])
    assert keys.key(["1", "a", "1", ""]) == EventKey((("a",), ("1",)), 990, 1021)
    assert keys.key(["1", "a\nb$", "1", "$a$;$b$$$;$a$;$$"]) == EventKey((("a", "b$"), ("1",)), 990, 1021)
    assert keys.key(["1", "", "1", ""]) == Why("src")
    assert keys.key(["", "a", "1", ""]) == Why("")


def test_blocks_keep_the_order_and_the_width() -> None:
    count = BLOCK_ROWS + 3
    chunk = InputChunk(b"a,b\n" + b"".join(b"%d\n" % n for n in range(count)))
    blocks = list(chunk.blocks())
    assert [len(block) for block in blocks] == [BLOCK_ROWS, 3]
    assert [row for block in blocks for row in block] == [[str(n), ""] for n in range(count)]


class TestEnds:
    """Cancelled, closed, finalized, failed in the middle."""

    pytestmark = on_both_pythons
    LINE = "| elasticlookup index={} match=srcaddr=src fields=bytes window=1h"

    @pytest.fixture
    def hanging(self, splunk: Splunk, store: Store) -> Iterator[FaultyServer]:
        with FaultyServer(upstream=store.config.hosts[0]) as server:
            add_cluster(splunk.splunkd.state, replace(store.config, hosts=(server.url,)), default=True)
            yield server

    @pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL])
    def test_cancelled_or_killed_while_the_engine_does_not_answer(
        self,
        splunk: Splunk,
        store: Store,
        hanging: FaultyServer,
        flows: Tuple[str, List[Dict[str, Any]]],
        sent: signal.Signals,
    ) -> None:
        hanging.faults.extend([None, None, None, Hang()])
        with splunk.start(self.LINE.format(flows[0]), ADMIN) as command:
            command.getinfo()
            command.hand([event(0, 1, src="10.0.0.1")], finished=True)
            assert hanging.hanging.wait(30)
            command.process.send_signal(sent)
            assert command.wait() == (128 + sent if sent == signal.SIGTERM else -sent)
            assert command.stderr() == ""
            said = ["cancelled"] if sent == signal.SIGTERM else []
            assert re.findall('outcome="([a-z]+)"', command.audit_log()) == said
        assert store.contexts_left(flows[0]) == 0

    @pytest.mark.parametrize("how", ["input", "output"])
    def test_closed_by_what_follows(self, prod: Splunk, flows: Tuple[str, List[Dict[str, Any]]], how: str) -> None:
        with prod.start(self.LINE.format(flows[0]), ADMIN) as command:
            command.getinfo()
            command.hand([event(0, 1, src="10.0.0.1")], finished=False)
            assert not command.receive().finished
            if how == "input":
                command.close_input()
            else:
                command.close_output()
                command.hand([event(1, 1, src="10.0.0.1")], finished=False)
            assert command.wait() == 0
            assert command.stderr() == ""
            assert re.findall('outcome="([a-z]+)"', command.audit_log()) == ["closed"]

    def test_finalized_rows_go_on_as_they_are(self, prod: Splunk, flows: Tuple[str, List[Dict[str, Any]]]) -> None:
        with prod.start(self.LINE.format(flows[0]), ADMIN) as command:
            command.getinfo()
            command.hand([event(0, 1, src="10.0.0.1")], finished=False)
            (row,) = command.receive().rows()
            assert "elasticlookup_matched" in row
            command.write_status("FINALIZING", 1)
            command.hand([event(1, 1, src="10.0.0.1")], finished=True)
            last = command.receive()
            assert list(last.rows()) == [event(1, 1, src="10.0.0.1")]
            assert last.finished and any("were not looked up" in text for _, text in last.messages)
            assert command.wait() == 0
            assert 'outcome="finalized"' in command.audit_log()

    def test_a_failure_in_a_later_chunk_fails_the_job(
        self, splunk: Splunk, hanging: FaultyServer, flows: Tuple[str, List[Dict[str, Any]]]
    ) -> None:
        with splunk.start(self.LINE.format(flows[0]), ADMIN) as command:
            command.getinfo()
            command.hand([event(0, 1, src="10.0.0.1")], finished=False)
            assert len(list(command.receive().rows())) == 1
            hanging.faults.append(Answer(403, b'{"error":{"type":"security_exception","reason":"no more"}}'))
            command.hand([event(1, 1, src="10.0.0.1")], finished=True)
            last = command.receive()
            assert last.failed and not last.finished and last.body == b""
            assert command.wait() == 1
            assert "no more" in last.messages[-1][1] and 'outcome="failed"' in command.audit_log()
