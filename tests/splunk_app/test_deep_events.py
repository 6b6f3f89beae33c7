"""Events nested as deep as engines store them, and deeper: `_raw` is whole, the reason is in `doc_error`."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from typing import Any, Dict, List

import pytest

from es_bridge.config import ClusterConfig
from es_bridge.errors import BridgeError, ResponseError
from es_bridge.query import SearchRequest
from es_bridge.reply import Hit, parse_reply
from es_bridge.search import open_search
from es_bridge.transport import Transport
from lab.front.faults import FaultyServer
from lab.front.server import Reply

from .conftest import START_MS, Splunk, Store

pytestmark = pytest.mark.splunk_python


def nested(levels: int, opening: str = '{"a":', closing: str = "}") -> str:
    return '{"o":' + opening * levels + "1" + closing * levels + ',"flat":"x"}'


@pytest.mark.parametrize("levels", [10, 400, 990, 5_000, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [('{"a":', "}"), ("[", "]"), ('[{"a":', "}]")])
@pytest.mark.parametrize("output", ["fields", "raw"])
def test_a_deep_event_is_a_row(levels: int, opening: str, closing: str, output: str) -> None:
    from search_command.elasticsearch.rows import RowEncoder, RowSettings

    source = nested(levels, opening, closing)[:-1] + ',"host":{"name":"h"}}'
    encoder = RowEncoder(RowSettings("prod", output))
    hits = [Hit("x", "1", 1, source.encode()), Hit("x", "2", 1, b'{"flat":"y"}')]
    csv.field_size_limit(10_000_000)
    rows: List[Dict[str, Any]] = []
    for _, body in encoder.chunks(hits, 1000, 100):
        rows += csv.DictReader(io.StringIO(body.decode()))
    assert [row["_raw"] for row in rows] == [source, '{"flat":"y"}']
    if output == "fields":
        is_shown = rows[0].get("flat") == "x"
        assert is_shown or "nested too deeply" in rows[0]["doc_error"] or "many times longer" in rows[0]["doc_error"]
        assert rows[1]["flat"] == "y" and not rows[1].get("doc_error")


def test_a_deep_event_of_an_engine_arrives(prod: Splunk, store: Store) -> None:
    name = store.fill([])
    store.transport.request("PUT", (name, "_mapping"), body={"properties": {"o": {"enabled": False}}})
    for levels in (300, 900):
        source = json.dumps({"@timestamp": START_MS})[:-1] + "," + nested(levels)[1:]
        store.transport.request("POST", (name, "_doc"), {"refresh": True}, source.encode())
    for output in ("fields", "raw"):
        ended = prod.run(f"| elasticsearch index={name} output={output}").done
        assert sorted(row["_raw"].count("{") for row in ended.rows) == [301, 901]
    table = subprocess.run(
        [sys.executable, "-m", "es_bridge", "search", name, "--url", store.config.hosts[0], "--format", "table"],
        capture_output=True,
        text=True,
    )
    assert (table.returncode, "Traceback" in table.stderr) == (0, False), table.stderr


@pytest.mark.parametrize("levels", [400, 700, 5_000])
@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize("body", ['{"error":%s}', '{"error":{"reason":%s}}', '{"hits":{"hits":[]},"_shards":%s}', "%s"])
def test_a_deep_answer_is_an_error_of_ours(levels: int, status: int, body: str) -> None:
    answer = (body % ("[" * levels + "]" * levels)).encode()
    with FaultyServer([Reply(status, answer)] * 20) as server:
        transport = Transport(ClusterConfig((server.url,), engine="opensearch", max_retries=0))
        with open_search(transport, SearchRequest(index="x")) as search, pytest.raises(BridgeError) as caught:
            list(search)
    assert "nobody foresaw" not in str(caught.value)


@pytest.mark.parametrize("levels", [900, 100_000])
def test_a_deep_head_or_hit_of_a_page_is_an_error_of_ours(levels: int) -> None:
    deep = b"[" * levels + b"]" * levels
    end = b',"matched_queries":["n"]}'
    for body in (
        b'{"_shards":' + deep + b',"hits":{"hits":[]}}',
        b'{"hits":{"hits":[{"_index":"x","_id":"1","odd":' + deep + end + b"]}}",
    ):
        try:
            parse_reply(body, "n")
        except ResponseError as exc:
            assert "cannot be understood" in str(exc)
