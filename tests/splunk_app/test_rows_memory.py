"""What hostile events cost the encoder: memory in proportion to what is sent, measured in a process of its own."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from pathlib import Path
from typing import Any, Dict, List

import pytest
from search_command.elasticsearch import rows as rows_module
from search_command.elasticsearch.rows import META_COLUMNS, RowEncoder, RowSettings

from tests.splunk_app.conftest import Splunk, Store
from tests.splunk_app.test_rows import hit, read_rows

ROOT = Path(__file__).resolve().parents[2]
#: Documents by kind, as Python expressions of their size n; each is about a megabyte or less at n = 1.
KINDS = {
    "own_keys": "[{f'key-{i}-{k}-of-an-event': 'v' * 4 for k in range(50)} for i in range(500 * n)]",
    "own_lists": "[{f'list-{i}-{k}': ['x', 'y'] for k in range(20)} for i in range(500 * n)]",
    "one_own_key": "[{f'k{i}': 1} for i in range(4000 * n)]",
    "one_event_with_many_keys": "[{f'key-{k}': k for k in range(50_000 * n)}]",
    "one_event_with_many_objects": "[{f'key-{k}': {'a': k} for k in range(10_000 * n)}]",
    "one_list_of_many_values": "[{'list': ['value'] * 100_000 * n}]",
    "one_list_of_objects_with_own_keys": "[{'list': [{f'k{k}': 1} for k in range(30_000 * n)]}]",
    "long_key_above_many_short_ones": "[{'a' * 200_000 * n: {str(k): k for k in range(20_000 * n)}}]",
    "long_keys_above_short_ones": "[{'a' * 1000: {f'{i}-{k}': k for k in range(300)}} for i in range(50 * n)]",
    "short_with_long_names": "[{str(i) * 20: {'b' * 20: {str(k): 1 for k in range(50)}}} for i in range(400 * n)]",
    "known_names_in_one_event": "[{'a' * 5000: {str(i): 1}} for i in range(100 * n)]"
    " + [{'a' * 5000: {str(k): 1 for k in range(100 * n)}}]",
    "deep": "[nested(60 * n, str(i)) for i in range(100)]",
    "escapes": "[{f'\"{i},{k}\\n': '\"' * 50 for k in range(50)} for i in range(200 * n)]",
}
PROGRAM = """
import json, sys, tracemalloc
from collections import namedtuple
sys.path[:0] = [{root!r}, {bin!r}]
from search_command.elasticsearch.rows import RowEncoder, RowSettings
Hit = namedtuple("Hit", "index id time source")
def nested(depth, key):
    return {{key * 10: nested(depth - 1, key), "n": 1}} if depth else {{"end": 1}}
for n in (1, 2):
    hits = [Hit("aws-cloudtrail-x", str(i), 0, json.dumps(d).encode()) for i, d in enumerate({kind})]
    sent = sum(len(hit.source) for hit in hits)
    tracemalloc.start()
    rows = written = 0
    for count, body in RowEncoder(RowSettings("c")).chunks(hits):
        rows += count
        written += len(body)
    print(json.dumps([len(hits), rows, sent, written, tracemalloc.get_traced_memory()[1]]))
    tracemalloc.stop()
"""


@pytest.mark.splunk_python
@pytest.mark.parametrize("kind", KINDS)
def test_memory_grows_no_faster_than_what_is_sent(kind: str, splunk_python: str) -> None:
    program = PROGRAM.format(root=str(ROOT), bin=str(ROOT / "splunk_app" / "package" / "bin"), kind=KINDS[kind])
    ended = subprocess.run([splunk_python, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    once, twice = (json.loads(line) for line in ended.stdout.splitlines())
    for hits, rows, sent, written, peak in (once, twice):
        assert rows == hits
        # What every chunk may take, whatever is in it, and some fifty times a document's own size as Python objects.
        assert peak < 24_000_000 + 60 * sent, (sent, written, peak)
        assert written < 16_000_000 + 40 * sent, (sent, written, peak)
    assert twice[4] < 2.6 * once[4] + 4_000_000, (once, twice)


def test_every_field_arrives_although_chunks_end_early() -> None:
    documents: List[Dict[str, Any]] = [{f"k{i}-{k}": str(k) for k in range(50)} for i in range(300)]
    documents[100:100] = [{"only": "this"}, {f"wide{k}": str(k) for k in range(5000)}, {"only": "that"}]
    chunks = list(RowEncoder(RowSettings("c")).chunks([hit(document) for document in documents]))
    assert sum(count for count, _ in chunks) == len(documents)
    assert len(chunks) < 10
    found: List[Dict[str, Any]] = []
    for count, body in chunks:
        rows = read_rows(body)
        assert len(rows) == count
        columns = body.partition(b"\n")[0].count(b",") + 1 - len(META_COLUMNS)
        assert columns <= rows_module.MOST_COLUMNS or count == 1
        found += rows
    for document, row in zip(documents, found):
        assert {name: value for name, value in row.items() if name not in META_COLUMNS} == document


def test_fields_that_were_not_asked_for_take_no_room() -> None:
    hits = [hit({**{f"k{i}-{k}": "x" for k in range(50)}, "wanted": str(i)}) for i in range(300)]
    ((rows, body),) = RowEncoder(RowSettings("c", fields=("wanted",))).chunks(hits)
    assert [row["wanted"] for row in read_rows(body)] == [str(i) for i in range(300)]


@pytest.mark.parametrize(
    "document",
    [
        {"a" * 100_000: {str(k): 1 for k in range(1000)}},
        {"a" * 100_000: [{str(k): 1 for k in range(1000)}]},
        json.loads('{"%s":' % ("b" * 400) * 300 + "1" + "}" * 300),
    ],
    ids=["object", "list", "deep"],
)
def test_names_many_times_longer_than_the_event_are_left_out_and_said_so(document: Any) -> None:
    hits = [hit({"a": "before"}), hit(document), hit({"a": "after", "b": ["x", "y"]})]
    rows = [row for _, body in RowEncoder(RowSettings("c")).chunks(hits) for row in read_rows(body)]
    assert [row.get("a") for row in rows] == ["before", None, "after"]
    assert rows[2]["b{}"] == ["x", "y"]
    assert "many times longer" in rows[1]["doc_error"] and json.loads(rows[1]["_raw"]) == document


@pytest.mark.parametrize("output", ["fields", "raw"])
def test_a_chunk_of_large_documents_ends_early(output: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_module, "CHUNK_BYTES", 10_000)
    hits = [hit({"n": str(i), "text": "x" * 3000}) for i in range(20)]
    chunks = list(RowEncoder(RowSettings("c", output)).chunks(hits))
    assert [count for count, _ in chunks] == [4, 4, 4, 4, 4]
    ids = [json.loads(row["_raw"])["n"] for _, body in chunks for row in read_rows(body)]
    assert ids == [str(i) for i in range(20)]


@pytest.mark.parametrize("output", ["fields", "raw"])
def test_a_ceiling_is_looked_at_before_every_row(output: str) -> None:
    seen = []

    def stop() -> None:
        seen.append(1)
        if len(seen) == 3:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        list(RowEncoder(RowSettings("c", output)).chunks([hit({"a": "1"})] * 10, before_row=stop))


@pytest.mark.splunk_python
@pytest.mark.parametrize("partial", ["", " partial=allow"])
def test_the_run_time_ends_a_search_between_the_chunks_of_a_page(prod: Splunk, store: Store, partial: str) -> None:
    index = f"aws-cloudtrail-wide-{'partial' if partial else 'fail'}"
    store.transport.request("PUT", (index,), body={"mappings": {"dynamic": False, "properties": {}}})
    documents = ({"@timestamp": 1_700_000_000_000 - i, **{f"k{i}-{k}": "x" for k in range(50)}} for i in range(240))
    lines = [line for each in documents for line in ('{"create":{}}', json.dumps(each))]
    store.transport.request("PUT", (index, "_mapping"), body={"properties": {"@timestamp": {"type": "date"}}})
    store.transport.request("POST", (index, "_bulk"), {"refresh": True}, ("\n".join(lines) + "\n").encode())
    prod.splunkd.state.set_stanza("aws_siem_bridge_cluster", "prod", {"max_run_time_s": "8"})
    with prod.start(f"| elasticsearch index={index} size=0{partial}") as command:
        command.getinfo()
        replies = [command.execute()]
        assert 0 < len(list(replies[0].rows())) < 240
        time.sleep(8.2)
        with contextlib.suppress(EOFError, BrokenPipeError):
            while not replies[-1].finished:
                replies.append(command.execute())
        messages = [message for reply in replies for message in reply.messages]
        rows = sum(len(list(reply.rows())) for reply in replies)
        level = "WARN" if partial else "ERROR"
        assert [said for said, text in messages if "max_run_time_s = 8" in text] == [level], messages
        assert rows < 240 and replies[-1].finished is bool(partial)
        assert command.wait() == (0 if partial else 1)
        assert f"rows={rows} " in command.audit_log()
