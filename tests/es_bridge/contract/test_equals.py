"""``equals=`` on every engine: a value is what it is, in fields of every type, whatever it is made of."""

from __future__ import annotations

from typing import Any, Dict, List
from urllib.parse import quote

import pytest

from es_bridge.equals import equals_clauses

from .conftest import START_MS, Cluster

pytestmark = pytest.mark.fast

KEYWORD = {"type": "keyword", "ignore_above": 8191}
PROPERTIES = {
    "@timestamp": {"type": "date"},
    "path": KEYWORD,
    "name": KEYWORD,
    "address": {"type": "ip"},
    "port": {"type": "integer"},
}
#: Values that mean something to Lucene, SPL, JSON or a URL; each is in a document of its own.
PATHS = (
    "/a b", "/a", "*", "/*", 'a"b', "a\\", "a\\\"", "(x OR y)", "/x:y/", "path:/a",
    "%2522", "<script>", "한글", "a|b`c`", "[1 TO 2]",
)  # fmt: skip


@pytest.fixture
def index(cluster: Cluster) -> str:
    made = cluster.create(properties=PROPERTIES)
    documents: Dict[str, Dict[str, Any]] = {f"p{number}": {"path": path} for number, path in enumerate(PATHS)}
    documents["host"] = {"name": "web", "address": "10.0.0.1", "port": 443}
    documents["other"] = {"name": "443", "address": "10.0.0.10", "port": 80}
    cluster.fill(made, ((key, {"@timestamp": START_MS, **fields}) for key, fields in documents.items()))
    return made


def test_exactly_the_document_with_the_value_is_found(cluster: Cluster, index: str) -> None:
    def found(text: str) -> List[str]:
        clauses = equals_clauses(text)
        hits, search = cluster.ask(index, dsl={"bool": {"filter": clauses}} if clauses else None)
        assert not search.warnings, search.warnings
        return sorted(hit.id for hit in hits)

    for number, path in enumerate(PATHS):
        written = quote(path, safe="-_.!~'()")  # a star alone would mean any value
        assert found(f"path={written}") == [f"p{number}"], path
    assert found("address=10.0.0.1") == ["host"]
    assert found("name,address,port=443") == ["host", "other"]
    assert found("name,address,port=web") == ["host"]
    assert found("name,address,port=10.0.0.10 port=*") == ["other"]
    assert found("name=443 port=443") == []
    assert len(found("path=* port=*")) == len(PATHS) + 2
