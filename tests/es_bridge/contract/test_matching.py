"""Lists matched in the engine: addresses, networks and texts, compared with a loop over the documents."""

from __future__ import annotations

import ipaddress
from typing import Any, Dict, List, Tuple

import pytest

from es_bridge.aggregations import listed
from es_bridge.aggregations.matching import Matching
from es_bridge.aggregations.request import stats_request
from es_bridge.errors import IndexNotAllowed, QueryError
from es_bridge.limits import Ceilings
from es_bridge.query import SearchRequest

from .conftest import PLAIN, START_MS, Cluster, each_of

pytestmark = pytest.mark.fast

cluster = each_of(PLAIN)
VALUES = ["198.18.0.5", "198.18.1.0/24", "198.18.1.7", "198.18.16.0/20", "2001:DB8::3", "192.0.2.1"]
#: More networks than one clause may hold, none of which is there.
NETWORKS = [f"11.{n // 256}.{n % 256}.0/25" for n in range(1200)]


def documents() -> List[Tuple[str, Dict[str, Any]]]:
    """Return (id, document): addresses of both versions, two in one document, names in several spellings."""
    made: List[Tuple[str, Dict[str, Any]]] = []
    for number in range(600):
        address: Any = f"198.18.{number % 20}.{number % 11}" if number % 5 else f"2001:db8::{number % 7}"
        document = {
            "@timestamp": START_MS + number * 1000,
            "ip": [address, f"198.18.1.{number % 13}"] if number % 3 == 0 else address,
            "name": ("Evil.Example", "EVIL.example", "good.example")[number % 3],
            "user": f"u{number % 2}",
        }
        made.append((str(number), document))
    return made


@pytest.fixture
def index(cluster: Cluster) -> str:
    properties = {
        "@timestamp": {"type": "date"},
        "ip": {"type": "ip"},
        "name": {"type": "keyword", "normalizer": "lowercase"},
        "user": {"type": "keyword"},
    }
    name = cluster.create(properties=properties)
    cluster.fill(name, documents())
    return name


def matched(cluster: Cluster, index: str, field: str, values: List[str], **more: Any) -> Tuple[List[Any], Matching]:
    """Return the rows, each with the values of the list that it is of."""
    stats = stats_request(stats="count", by=f"{field}, user")
    request = SearchRequest(index=index, size=0, **more)
    with Matching(cluster.transport, request, stats, values, Ceilings()) as matching:
        rows = [row for page in matching for row in page]
    assert matching.listed
    return [(matching.listed.of(str(row[field])), row) for row in rows], matching


def test_addresses_and_networks(cluster: Cluster, index: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(listed, "MOST_TERMS", 2)  # so that a document is of several portions
    rows, matching = matched(cluster, index, "ip", [*NETWORKS, *VALUES, "evil.example"])
    wanted: Dict[Tuple[str, str, str], int] = {}
    for _, document in documents():
        for text in document["ip"] if isinstance(document["ip"], list) else [document["ip"]]:
            address = ipaddress.ip_address(text)
            for value in VALUES:
                if address in ipaddress.ip_network(value):
                    key = (value, str(address), document["user"])
                    wanted[key] = wanted.get(key, 0) + 1
    found = {(value, row["ip"], row["user"]): row["count"] for values, row in rows for value in values}
    twice = {
        (str(ipaddress.ip_address(document["ip"][0])), document["user"])
        for _, document in documents()
        if isinstance(document["ip"], list) and document["ip"][0] == document["ip"][1]
    }
    assert found.keys() == wanted.keys()
    assert all(found[key] == wanted[key] for key in wanted if key[1:] not in twice)
    assert matching.listed and matching.listed.unfit == ["evil.example"]


def test_a_name_in_any_case(cluster: Cluster, index: str) -> None:
    rows, _ = matched(cluster, index, "name", ["EVIL.Example", "none.example"], query="user:u1")
    evil = sum("evil" in document["name"].lower() and document["user"] == "u1" for _, document in documents())
    assert rows == [(["EVIL.Example"], {"name": "evil.example", "user": "u1", "count": evil})]
    assert matched(cluster, index, "name", ["none.example"])[0] == []
    assert matched(cluster, index, "name", [])[0] == []


def test_only_what_the_rules_allow(cluster: Cluster, index: str) -> None:
    with pytest.raises(IndexNotAllowed):
        matched(cluster, index, "name", ["evil.example"], allowed_indices=("other-*",))
    assert matched(cluster, index, "name", ["evil.example"], allowed_indices=(index,))[0]


def test_a_time_is_no_list(cluster: Cluster, index: str) -> None:
    with pytest.raises(QueryError, match="is a time: a list holds addresses, names or numbers"):
        matched(cluster, index, "@timestamp", ["2026-11-21T10:00:00Z"])
