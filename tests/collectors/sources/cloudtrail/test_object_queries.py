"""What finds a member of CloudTrail's free-form objects, engine by engine: the table of docs/sources_cloudtrail.md."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple

import pytest

from aws_bridge.object_ref import ObjectRef
from collectors.records.json_codec import fastest
from collectors.records.record import Context
from collectors.sinks.contract import STORED
from collectors.sources.cloudtrail.source import records
from collectors.store.object_fields import field_type
from es_bridge.dialect import Dialect, detect
from es_bridge.errors import BridgeError, RejectedQuery
from es_bridge.query import SearchRequest
from es_bridge.search import open_search
from es_bridge.transport import Transport
from lab.engine import ENGINES
from tests.collectors.on_engine import ready, write

PAGE = Path(__file__).resolve().parents[4] / "docs" / "sources_cloudtrail.md"
INDEX = "aws-cloudtrail-1998.01.04"
#: Event -> its free-form objects.
EVENTS: Dict[str, Dict[str, Any]] = {
    "first": {
        "requestParameters": {
            "bucketName": "foo",
            "tags": ["red", "blue"],
            "count": 12,
            "flag": True,
            "text": "two words here",
        }
    },
    "deep": {"requestParameters": {"a": {"b": {"c": "d"}}, "bucketName": "food"}},
    "objects": {"requestParameters": {"items": [{"id": "i-1"}, {"id": "i-2"}]}},
    "other": {
        "requestParameters": {"else": "foo", "nine": 9, "address": "10.1.2.3", "time": "2026-01-02T03:04:05Z"},
        "additionalEventData": {"MFAUsed": "No"},
    },
    "answer": {"responseElements": {"bucketName": "foo"}, "serviceEventDetails": {"x": "y"}},
}
#: Query -> the events that it asks for, as a reader understands it.
RIGHT = {
    "requestParameters.bucketName:foo": "first",
    "requestParameters.a.b.c:d": "deep",
    "requestParameters.tags:red": "first",
    'requestParameters.items.id:"i-2"': "objects",
    "requestParameters.count:12": "first",
    "requestParameters.flag:true": "first",
    "additionalEventData.MFAUsed:No": "other",
    "requestParameters.bucketName:(foo OR food)": "first deep",
    "NOT requestParameters.bucketName:foo": "deep objects other answer",
    'requestParameters.text:"two words here"': "first",
    "requestParameters.text:words": "first",
    "requestParameters.bucketName:FOO": "first",
    "requestParameters.bucketName:fo*": "first deep",
    "requestParameters.address:10.1.*": "other",
    'requestParameters.address:"10.0.0.0/8"': "other",
    "requestParameters.bucketName:f*o": "first",
    "requestParameters.bucketName:*oo": "first",
    "NOT requestParameters.bucketName:*oo": "deep objects other answer",
    "requestParameters.bucketName:/fo+/": "first",
    "requestParameters.bucketName:foa~1": "first",
    "_exists_:requestParameters": "first deep objects other",
    "_exists_:requestParameters.bucketName": "first deep",
    "requestParameters.tags:*": "first",
    "_exists_:requestParameters.a.b.c": "deep",
    "requestParameters.items.id:*": "objects",
    "_exists_:requestParameters.a": "deep",
    "requestParameters.time:[2026-01-01 TO 2026-02-01]": "other",
    "requestParameters.nine:[5 TO 50]": "other",
    "requestParameters.count:>5": "first",
    "requestParameters.nosuch:1": "",
    "requestParameters:foo": "first other",
    r"requestParameters.\*:foo": "first other",
    "foo": "first other answer",
    '{"wildcard": {"requestParameters.bucketName": "*oo"}}': "first",
    '{"regexp": {"requestParameters.bucketName": "f.+"}}': "first deep",
}
#: The member is there and the value is not: nobody can know that another one was meant.
WRONG_VALUES = {"requestParameters.text:words", "requestParameters.bucketName:FOO"}
COLUMNS = ("OpenSearch 2.19", "OpenSearch 3", "Elasticsearch 8, 9")


class Row(NamedTuple):
    """A row of the page's table: a query, and column -> what is said of it."""

    query: str
    said: Dict[str, str]


def rows() -> List[Row]:
    found = []
    for line in PAGE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if len(cells) == 5 and cells[0].startswith("`"):
            found.append(Row(cells[0].strip("`"), dict(zip(COLUMNS, (cell.strip(" |") for cell in cells[2:])))))
    return found


def test_the_page_has_every_query():
    assert [row.query for row in rows()] == list(RIGHT)


@pytest.fixture(params=list(ENGINES))
def transport(request, engine_by_id) -> Iterator[Transport]:
    """Return each engine's transport, with the events in it as the loader makes them."""
    for transport in ready(engine_by_id(request.param), request.param, "cloudtrail", INDEX):
        events = [
            {
                "eventVersion": "1.11",
                "eventTime": "1998-01-04T00:00:00Z",
                "eventID": name,
                "eventName": "Any",
                **objects,
            }
            for name, objects in EVENTS.items()
        ]
        made = records([json.dumps({"Records": events}).encode()], Context(ObjectRef("b", "k"), fastest()))
        outcomes = write(transport, list(made))  # type: ignore[arg-type]
        assert [outcome.result for outcome in outcomes] == [STORED] * len(EVENTS)
        transport.request("POST", (INDEX, "_refresh"))
        yield transport


def test_every_engine_finds_what_the_page_says(transport):
    dialect = detect(transport)
    if not field_type(dialect):
        for query in ("requestParameters.bucketName:foo", "_exists_:responseElements.bucketName"):
            assert verdict(transport, query, "first") == "refused"
        return
    found = {row.query: verdict(transport, row.query, RIGHT[row.query]) for row in rows()}
    assert found == {row.query: row.said[column_of(dialect)] for row in rows()}
    silent = {query for query, said in found.items() if said != "right" and not is_told(transport, query)}
    assert silent == WRONG_VALUES


def is_told(transport: Transport, text: str) -> bool:
    """Whether whoever searches reads that a query does not find what it asks for."""
    what: Dict[str, Any] = {"dsl": json.loads(text)} if text.startswith("{") else {"query": text}
    with open_search(transport, SearchRequest(INDEX, **what)) as search:
        try:
            list(search)
        except BridgeError:
            return True
        return bool(search.warnings)


def column_of(dialect: Dialect) -> str:
    name = "Elasticsearch 8, 9" if dialect.name == "elasticsearch" else "OpenSearch 3"
    return "OpenSearch 2.19" if dialect.name == "opensearch" and dialect.version < (3,) else name


def verdict(transport: Transport, text: str, right: str) -> str:
    """Return what an engine makes of a query, in the words of the page."""
    query = json.loads(text) if text.startswith("{") else {"query_string": {"query": text}}
    try:
        reply = transport.request("POST", (INDEX, "_search"), body={"size": 100, "query": query}).json()
    except RejectedQuery:
        return "refused"
    found, wanted = {hit["_id"] for hit in reply["hits"]["hits"]}, set(right.split())
    if found == wanted:
        return "right"
    options = {"explain": "true", "rewrite": "false"}
    reply = transport.request("POST", (INDEX, "_validate", "query"), options, body={"query": query}).json()
    if not found:
        explained = reply["explanations"][0]["explanation"]
        named = re.search(r'MatchNoDocsQuery\("(failed|unmapped) ', explained)
        return "refused" if named else "nothing"
    return "too much" if found > wanted else "too little" if found < wanted else "wrong"
