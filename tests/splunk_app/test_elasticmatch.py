"""``| elasticmatch`` over the real protocol: a list of any length, and what the store has of it by a plain loop."""

from __future__ import annotations

import ipaddress
import json
import random
import time
import uuid
from typing import Any, Dict, List, Tuple

import pytest

from lab.splunkd import User

from .conftest import START_MS, Splunk, Store

on_both_pythons = pytest.mark.splunk_python
ADMIN = User("root", ("admin",))
Rows = List[Dict[str, Any]]
_stored: Dict[str, Tuple[str, Rows]] = {}


@pytest.fixture
def flows(store: Store) -> Tuple[str, Rows]:
    """An index of flows, made once an engine, and its documents."""
    url = store.config.hosts[0]
    if url not in _stored:
        rng = random.Random(11)
        name = f"aws-match-{uuid.uuid4().hex[:8]}"
        properties = {
            "@timestamp": {"type": "date"},
            "dest": {"type": "ip"},
            "resolved": {"type": "ip"},
            "src": {"type": "ip"},
            "port": {"type": "integer"},
            "name": {"type": "keyword", "normalizer": "lowercase"},
            "bytes": {"type": "long"},
        }
        store.transport.request("PUT", (name,), body={"mappings": {"properties": properties, "dynamic": False}})
        documents = [
            {
                "@timestamp": START_MS + number * 10,
                "dest": f"198.18.{rng.randrange(40)}.{rng.randrange(1, 9)}"
                if number % 9
                else f"2001:db8::{number % 4}",
                "resolved": [f"198.18.0.{rng.randrange(1, 5)}" for _ in range(2)],
                "src": f"10.0.0.{rng.randrange(3)}",
                "port": rng.choice((22, 443)),
                "name": rng.choice(("Evil.Example", "good.example", "a.b.example")),
                "bytes": number,
            }
            for number in range(3000)
        ]
        lines = [line for each in documents for line in ('{"index":{}}', json.dumps(each))]
        body = "\n".join([*lines, ""]).encode()
        reply = store.transport.request(
            "POST", (name, "_bulk"), {"refresh": "true"}, body, content_type="application/x-ndjson"
        ).json()
        assert not reply["errors"]
        _stored[url] = name, documents
    return _stored[url]


def counted(documents: Rows, values: List[str]) -> Dict[Tuple[str, str, str], Tuple[int, int]]:
    """Return (value of the list, address, source) -> (documents, bytes), the slow way."""
    networks = [(value, ipaddress.ip_network(value, strict=False)) for value in values]
    found: Dict[Tuple[str, str, str], Tuple[int, int]] = {}
    for document in documents:
        address = ipaddress.ip_address(document["dest"])
        for value, network in networks:
            if address.version == network.version and address in network:
                key = (value, str(address), document["src"])
                count, total = found.get(key, (0, 0))
                found[key] = count + 1, total + document["bytes"]
    return found


def listed(values: List[str]) -> Rows:
    return [{"value": value, "source": f"feed-{number % 2}"} for number, value in enumerate(values)]


@on_both_pythons
def test_addresses_and_networks_are_found_as_by_a_loop(prod: Splunk, flows: Tuple[str, Rows]) -> None:
    index, documents = flows
    values = [
        "198.18.3.5",
        "198.18.4.0/24",
        "198.18.4.7",
        "198.18.16.0/20",
        "2001:DB8:0::1",
        "192.0.2.1",
        "2001:db8::/127",
    ]
    line = f'| elasticmatch index={index} match=dest=value stats="count, sum(bytes) as total" by=src'
    ended = prod.run_on(listed(values), line, ADMIN, most_rows=3).done
    assert ended.replies[0].metadata["type"] == "stateful"
    assert [reply.finished for reply in ended.replies[1:]] == [False, False, True]
    found = {(row["value"], row["dest"], row["src"]): (int(row["count"]), int(row["total"])) for row in ended.rows}
    assert found == counted(documents, values)
    assert len(found) == len(ended.rows) > 100
    assert {row["source"] for row in ended.rows if row["value"] == "198.18.4.7"} == {"feed-0"}
    assert ended.texts("WARN") == []


@on_both_pythons
def test_100_000_addresses(prod: Splunk, flows: Tuple[str, Rows]) -> None:
    """They go to the engine in portions, as terms; no event is pulled."""
    index, documents = flows
    there = sorted({each["dest"] for each in documents if ":" not in each["dest"]})[:50]
    values = [str(ipaddress.ip_address(0x0B000000 + 13 * number)) for number in range(100_000 - len(there))]
    rows = listed([*values[:70_000], *there, *values[70_000:]])
    started = time.monotonic()
    ended = prod.run_on(rows, f"| elasticmatch index={index} match=dest=value", ADMIN).done
    took_s = time.monotonic() - started
    wanted = {address: sum(each["dest"] == address for each in documents) for address in there}
    assert {row["dest"]: int(row["count"]) for row in ended.rows} == wanted
    metrics = ended.replies[-1].metadata["inspector"]
    assert metrics["metric.elasticmatch.bytes"][2] < 200_000
    assert metrics["metric.elasticmatch.requests"][1] < 120
    assert took_s < 60, took_s  # some seconds; 100,000 searches would take minutes


@on_both_pythons
def test_texts_numbers_and_several_values(prod: Splunk, flows: Tuple[str, Rows]) -> None:
    index, documents = flows
    rows: Rows = [
        {"value": ["EVIL.example", "nobody.example"], "n": "1"},
        {"value": "evil.example", "n": "2"},
        {"n": "3"},
    ]
    ended = prod.run_on(rows, f"| elasticmatch index={index} match=name=value prefix=found_", ADMIN).done
    count = str(sum(each["name"] == "Evil.Example" for each in documents))
    assert [(row["n"], row["found_name"], row["found_count"]) for row in ended.rows] == [
        ("1", "evil.example", count),
        ("2", "evil.example", count),
    ]
    assert "1 of 3 rows have no value in 'value' and were left out" in ended.texts("INFO")
    ended = prod.run_on(
        [{"p": "22"}, {"p": "x"}], f"| elasticmatch index={index} match=port=p where=count>3", ADMIN
    ).done
    assert [(row["p"], row["port"]) for row in ended.rows] == [("22", "22")]
    assert any("1 values cannot be held by 'port', such as 'x'" in text for text in ended.texts("INFO"))
    # A document with a listed and another value is one of the listed value only.
    ended = prod.run_on([{"v": "198.18.0.3"}], f"| elasticmatch index={index} match=resolved=v", ADMIN).done
    assert [row["resolved"] for row in ended.rows] == ["198.18.0.3"]
    assert int(ended.rows[0]["count"]) == sum("198.18.0.3" in each["resolved"] for each in documents)


@pytest.mark.one_python
@pytest.mark.parametrize(
    ("line", "rows", "says"),
    [
        ("index={index}", [], "match= is missing"),
        ("index={index} match=dest=a,b=c", [], "match=dest=a,b=c cannot be read"),
        ("index={index} match=dest=value prefix=_x", [], "cannot begin the name of a field"),
        ("index={index} match=dest=value stats=median(x)", [], "median"),
        ("index={index} match=dest=value", [{"value": "1.2.3.4", "count": "1"}], "have a field 'count' already"),
        ("index={index} match=dest", [{"dest": "1.2.3.4"}], "have a field 'dest' already"),
        ("index=aws-none-x match=dest=value", [], "names no index that exists"),
        ("index=other-{index} match=dest=value", [{"value": "1.2.3.4"}], "no index"),
    ],
)
def test_what_is_wrong_fails_with_what_to_write(
    prod: Splunk, flows: Tuple[str, Rows], line: str, rows: Rows, says: str
) -> None:
    ended = prod.run_on(rows, f"| elasticmatch {line.format(index=flows[0])}", ADMIN)
    assert says in ended.error


@pytest.mark.one_python
def test_nothing_found_and_nothing_listed(prod: Splunk, flows: Tuple[str, Rows]) -> None:
    line = f"| elasticmatch index={flows[0]} match=dest=value"
    assert prod.run_on([{"value": "192.0.2.1"}], line, ADMIN).done.rows == []
    assert prod.run_on([], line, ADMIN).done.rows == []
    ended = prod.run_on([{"value": "evil.example"}], line, ADMIN).done
    assert any("1 values cannot be held by 'dest'" in text for text in ended.texts("WARN"))
