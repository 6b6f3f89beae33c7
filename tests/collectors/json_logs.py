"""What the tests of the two logs of JSON records share: documents of a sample, hostile records, an engine to ask."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any, Dict, List, Mapping, Optional, Set, Tuple

from hypothesis import strategies as st

from aws_bridge.object_ref import ObjectRef
from collectors.errors import InvalidRecord
from collectors.records.addresses import AddressBook
from collectors.records.json_codec import PLAIN, fastest
from collectors.records.json_record import JsonFormat, json_record
from collectors.records.record import Context, Made, Record
from collectors.records.shape import ANYTHING
from collectors.sinks.contract import STORED
from collectors.sinks.opensearch.index_names import index_of
from collectors.store.templates import deployed
from es_bridge.transport import Transport
from tests.collectors.on_engine import write

SAMPLES = Path(__file__).resolve().parents[1] / "data"
REF = ObjectRef("log-archive", "AWSLogs/111122223333/sample.log.gz")
LONG = "긴" * 13_400  # 40 kB of UTF-8
DEEP = '{"a":' * 900 + "1" + "}" * 900
#: More lists in lists than OpenSearch takes.
LISTS = "[" * 40 + "1" + "]" * 40

KNOWN: Dict[str, Dict[str, Any]] = {
    "203.0.113.66": {
        "geo": {"country_iso_code": "NL"},
        "as": {"number": 64510, "organization": {"name": "Example 호스팅"}},
    },
    "203.0.113.9": {
        "geo": {"country_iso_code": "KR"},
        "as": {"number": 64500, "organization": {"name": "Example CDN"}},
    },
    "203.0.113.10": {
        "geo": {"country_iso_code": "KR"},
        "as": {"number": 64500, "organization": {"name": "Example CDN"}},
    },
    "192.0.2.7": {"geo": {"country_iso_code": "US"}},
    "2001:db8::66": {"as": {"organization": {"name": "Example Six"}}},
}


def look_up(address: Any) -> Dict[str, Any]:
    """Stand for an MMDB file."""
    return KNOWN.get(str(address), {})


def made(source: ModuleType, content: bytes, enriched: bool = True) -> List[Made]:
    """Return what a source makes of an object, the same with either codec."""
    plain, fast = (
        list(source.records([content], Context(REF, codec, AddressBook(look_up if enriched else None))))
        for codec in (PLAIN, fastest())
    )
    assert plain == fast
    return plain


def one(source: ModuleType, record: Any, enriched: bool = False) -> Dict[str, Any]:
    """Return the document of one record, given as a value or as JSON text."""
    text = record if isinstance(record, str) else json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    (found,) = made(source, text.encode("utf-8", "surrogatepass"), enriched)
    assert isinstance(found, Record), found
    return json.loads(found.text)


def lines_of(log: str) -> List[bytes]:
    """Return the records of a log's samples, as they are written."""
    return [line for path in sorted((SAMPLES / log).glob("*.jsonl")) for line in path.read_bytes().splitlines()]


def compact(record: Dict[str, Any]) -> bytes:
    """Return a record as AWS writes it: without spaces and in UTF-8."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()


def with_any_bytes(line: bytes) -> st.SearchStrategy[bytes]:
    """Make lines out of one: up to three bytes anywhere in it are left out, and up to three others put there."""
    places = st.integers(0, len(line) - 1)
    return st.builds(
        lambda place, put, dropped: line[:place] + put + line[place + dropped :],
        places,
        st.binary(max_size=3),
        st.integers(0, 3),
    )


def plainly(log: JsonFormat, line: bytes, context: Context) -> Optional[Record]:
    """Return what the plain way makes of a line, as id "id" and number 7; None for a line that is no record."""
    try:
        return json_record(log, line, "id", 7, context)
    except InvalidRecord:
        return None


def readable(documents: List[Made]) -> List[Dict[str, Any]]:
    """Return documents as they are kept in a golden file."""
    return [
        {"index": index_of(each), "id": each.identity, "body": json.loads(each.text), "origin": each.number}
        for each in documents
        if isinstance(each, Record)
    ]


def with_text(record: Dict[str, Any], more: str) -> str:
    """Return a record as JSON with ``more``, JSON of an object, behind it; what both have is only in ``more``."""
    kept = {key: value for key, value in record.items() if f'"{key}"' not in more}
    return json.dumps(kept, separators=(",", ":"))[:-1] + "," + more[1:]


def stored(transport: Transport, documents: List[Any], index: str) -> Dict[int, Dict[str, Any]]:
    """Store documents, all of which must be accepted, and return what the engine has: by record number."""
    outcomes = write(transport, documents)
    assert [outcome.reason for outcome in outcomes if outcome.result != STORED] == []
    transport.request("POST", (index, "_refresh"))
    found = transport.request("POST", (index, "_search"), body={"size": 100}).json()["hits"]["hits"]
    assert len(found) == len(documents)
    numbers = {document.identity: document.number for document in documents}
    return {numbers[hit["_id"]]: hit["_source"] for hit in found}


def stored_whole(transport: Transport, source: ModuleType, lines: List[str], index: str) -> List[int]:
    """Store records, of which each must be found again as it was made; return their numbers."""
    documents = made(source, "\n".join(lines).encode())
    assert [type(document) for document in documents] == [Record] * len(lines)
    found = stored(transport, documents, index)
    assert found == {document.number: json.loads(document.text) for document in documents}
    return list(range(1, len(lines) + 1))


def numbers_found(transport: Transport, index: str, query: Any) -> List[int]:
    """Return the numbers of the records that a query finds: query_string text, or a query of its own."""
    body = query if isinstance(query, dict) else {"query_string": {"query": query}}
    found = transport.request("POST", (index, "_search"), body={"size": 100, "query": body}).json()
    return sorted(int(hit["_id"].rpartition("-")[2]) for hit in found["hits"]["hits"])


def common_and_own(document: Dict[str, Any], names: Tuple[str, ...]) -> Tuple[Dict[str, Any], Dict[str, Any]]:
    """Return the common fields of a document, and the record in it."""
    common = {key: value for key, value in document.items() if key in names}
    return common, {key: value for key, value in document.items() if key not in names}


def mapped(log: str, names: Mapping[str, Any]) -> Dict[str, Any]:
    """Return what the template of ``aws-<log>`` maps of ``names``, in the words of a normaliser's ``MAPPED``."""
    return {key: value for key, value in _described(_mapping(f"aws-{log}-mappings")).items() if key in names}


def common_names(log: str) -> Set[str]:
    """Return the names that the template of ``aws-<log>`` maps at the top."""
    return {*_mapping("aws-common-mappings")["properties"], *_mapping(f"aws-{log}-mappings")["properties"]}


def _mapping(component: str) -> Dict[str, Any]:
    mapping = json.loads(deployed("opensearch", "component_templates", f"{component}.json"))["template"]["mappings"]
    assert mapping["dynamic"] is False
    return mapping


def _described(mapping: Dict[str, Any]) -> Dict[str, Any]:
    return {
        name: _described(field) if "properties" in field else ANYTHING if field.get("enabled") is False else None
        for name, field in mapping["properties"].items()
    }
