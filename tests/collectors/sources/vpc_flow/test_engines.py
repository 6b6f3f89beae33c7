"""Flow logs on every engine: what an outsider or a broken tool may write is stored, and what people ask is found."""

from __future__ import annotations

import json
import random
from typing import Dict, List

import pytest

from collectors.records.json_codec import fastest
from collectors.records.record import Record
from collectors.sinks.contract import STORED
from collectors.store.templates import ensure_template
from es_bridge.config import ClusterConfig
from es_bridge.transport import Transport
from lab.engine import ENGINES
from tests.collectors.on_engine import ready, write
from tests.collectors.sources.vpc_flow.flows import RECORD, read

END = "883710245"  # 1998-01-02T03:04:05Z
INDEX = "aws-vpcflow-1998.01.02"
LONG = "긴" * 13_400  # 40 kB of UTF-8
BASE = {**RECORD, "end": END, "start": "883710185"}
#: Each a record of its own, in a format of its own.
HOSTILE: List[Dict[str, str]] = [
    {**BASE, "interface-id": LONG, "srcaddr": LONG, "vpc-id": LONG, "pkt-srcaddr": LONG},
    {**BASE, "k" * 40_000: LONG, "event": LONG, "source": LONG, "tcp-flag-names": "x"},
    {**BASE, **{f"column-{number}": str(number) for number in range(1_500)}},
    {**BASE, "bytes": "9" * 400, "packets": "-5", "dstport": "NaN", "tcp-flags": "1e999", "protocol": "0x6"},
    {**BASE, "bytes": "9223372036854775807", "tcp-flags": "9223372036854775807", "version": "9223372036854775807"},
    {**BASE, "srcaddr": "010.0.0.1", "dstaddr": "::ffff:1.2.3.4", "pkt-dstaddr": "fe80::1%eth0"},
    {**BASE, "action": '"},{"x":"', "log-status": "\\u0000\\", "region": "\x00\x01\x7f"},
    {**BASE, "event.action": "mine", "source.ip": "mine", "cloud.account.id": "mine", "unmapped": "mine"},
    {**BASE, "start": "99999999999999999999", "type": "IPv9", "az-id": "\U0001f600"},
    {**dict.fromkeys(BASE, "-"), "end": END},
]


def hostile_documents() -> List[Record]:
    made = []
    for number, record in enumerate(HOSTILE, 1):
        text = f"{' '.join(record)}\n{' '.join(record.values())}".encode()
        (document,) = read(text, fastest())
        assert isinstance(document, Record)
        made.append(document._replace(identity=f"hostile-{number:02d}"))
    return made


@pytest.fixture(params=list(ENGINES))
def transport(request, engine_by_id):
    yield from ready(engine_by_id(request.param), request.param, "vpc_flow", INDEX)


def ids(transport: Transport, query: str) -> List[str]:
    body = {"size": 1_000, "query": {"query_string": {"query": query}}, "_source": False}
    found = transport.request("POST", (INDEX, "_search"), body=body).json()
    return sorted(hit["_id"][8:] for hit in found["hits"]["hits"])


def store(transport: Transport, documents: List[Record]) -> None:
    outcomes = write(transport, documents)
    assert [(outcome.result, outcome.reason) for outcome in outcomes] == [(STORED, "")] * len(documents)
    transport.request("POST", (INDEX, "_refresh"))


def test_hostile_values_are_stored_whole_and_found_by_the_rest(transport):
    made = hostile_documents()
    store(transport, made)
    everything = [f"{number:02d}" for number in range(1, len(HOSTILE) + 1)]
    assert ids(transport, "event.dataset:aws.vpcflow") == everything
    assert ids(transport, f"dstport:4444 AND srcport:44444 AND end:{END}") == [
        n for n in everything if n not in ("04", "10")
    ]
    for document in made:
        stored = transport.request("GET", (INDEX, "_doc", document.identity)).json()["_source"]
        assert stored == json.loads(document.text)
    assert ids(transport, "event.oversized:interface_id AND event.oversized:srcaddr") == ["01"]
    assert ids(transport, "bytes:>9223372036854775806") == ["05"]
    mapping = transport.request("GET", (INDEX, "_mapping")).json()[INDEX]["mappings"]["properties"]
    assert "column_7" not in mapping


def test_random_bytes_in_every_column_are_stored(transport):
    rng = random.Random(11)
    lines = []
    for _ in range(300):
        values = [bytes(rng.randrange(33, 256) for _ in range(rng.randrange(1, 9))) for _ in BASE]
        values[list(BASE).index("end")] = END.encode()
        lines.append(b" ".join(values))
    made = [item for item in read(b"\n".join([" ".join(BASE).encode(), *lines])) if isinstance(item, Record)]
    assert len(made) > 200
    store(transport, made)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("srcaddr:10.20.11.15", "abc"),
        ('srcaddr:"10.20.0.0/16"', "abc"),
        ("source.ip:10.20.11.15 AND source.scope:private", "abc"),
        ("destination.geo.country_iso_code:NL", "ad"),
        ("dstaddr:203.0.113.77 OR srcaddr:203.0.113.77", "ad"),
        ("dstport:4444", "ab"),
        ("dstport:[4000 TO 5000] AND destination.port:4444", "ab"),
        ("action:REJECT", "b"),
        ("event.action:reject AND event.outcome:failure", "b"),
        ("pkt_dst_aws_service:S3", "c"),
        ("tcp_flags:2", "a"),
        ("tcp_flag_names:ack", "b"),
        ("bytes:>2147483648 AND network.bytes:>2147483648", "c"),
        ("log_status:NODATA", "e"),
        ("NOT _exists_:srcaddr", "e"),
        (f"end:[{END} TO 883710300]", "abcde"),
        ("network.transport:udp", "d"),
        ("instance_id:i-0f1e2d3c4b5a60001 AND cloud.instance.id:i-0f1e2d3c4b5a60001", "abcde"),
    ],
)
def test_what_analysts_ask_is_found(found_by_query, query, found):
    assert found_by_query(query) == list(found)


@pytest.fixture(scope="module")
def found_by_query(engine):
    """Return a function that asks the default engine, which holds five flows named a to e."""
    traffic = ("srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes", "action", "tcp-flags")
    flows = {
        "a": {**BASE, "pkt-dst-aws-service": "-"},
        "b": {**BASE, "dstaddr": "10.20.12.15", "action": "REJECT", "tcp-flags": "18", "pkt-dst-aws-service": "-"},
        "c": {**BASE, "dstaddr": "198.51.100.130", "dstport": "443", "bytes": "3000000000", "tcp-flags": "3"},
        "d": {
            **BASE,
            "srcaddr": "192.0.2.1",
            "dstport": "53",
            "protocol": "17",
            "pkt-dst-aws-service": "-",
            "tcp-flags": "0",
        },
        "e": {**BASE, **dict.fromkeys(traffic, "-"), "log-status": "NODATA", "pkt-dst-aws-service": "-"},
    }
    made = []
    for name, record in flows.items():
        (document,) = read(f"{' '.join(record)}\n{' '.join(record.values())}".encode(), fastest())
        assert isinstance(document, Record)
        made.append(document._replace(identity=f"flow----{name}"))
    with Transport(ClusterConfig((engine.url,))) as transport:
        transport.request("DELETE", (INDEX,), accept_status=(404,))
        ensure_template(transport, "vpc_flow")
        store(transport, made)
        yield lambda query: ids(transport, query)
        transport.request("DELETE", (INDEX,), accept_status=(404,))
