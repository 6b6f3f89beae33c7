"""One record as a document: every common field, values that are none, and the two ways of making it."""

from __future__ import annotations

import json
import random
from typing import Any, Dict, List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.records.json_codec import fastest
from collectors.records.record import BadRecord, Record
from collectors.sinks.opensearch.index_names import index_of
from collectors.sources.vpc_flow.columns import KNOWN, NUMBERS, plain_name
from collectors.sources.vpc_flow.normalise import TAKEN, Normaliser
from collectors.sources.vpc_flow.protocols import flag_names, protocol_name
from collectors.sources.vpc_flow.source import records
from lab.story import vpc_flow as story
from tests.collectors.sources.vpc_flow.flows import RECORD, body_of, context, made_of, properties, read, without
from tests.examples import examples


def test_the_common_fields_stand_in_front_and_awss_own_behind():
    body = body_of(RECORD)
    common = {
        "@timestamp": "2026-11-21T01:41:01.000Z",
        "event": {"dataset": "aws.vpcflow", "action": "accept", "outcome": "success"},
        "source": {"address": "10.20.11.15", "ip": "10.20.11.15", "scope": "private", "port": 44444},
        "destination": {
            "address": "203.0.113.77",
            "ip": "203.0.113.77",
            "geo": {"country_iso_code": "NL"},
            "port": 4444,
        },
        "network": {
            "type": "ipv4",
            "transport": "tcp",
            "iana_number": "6",
            "direction": "egress",
            "bytes": 3456,
            "packets": 12,
        },
        "cloud": {
            "provider": "aws",
            "region": "ap-northeast-2",
            "availability_zone": "apne2-az1",
            "account": {"id": "111122223333"},
            "instance": {"id": "i-0f1e2d3c4b5a60001"},
        },
        "tcp_flag_names": ["syn"],
    }
    assert dict(list(body.items())[: len(common)]) == common
    own = {
        plain_name(name): int(text) if plain_name(name) in NUMBERS else text
        for name, text in RECORD.items()
        if text != "-"
    }
    assert dict(list(body.items())[len(common) :]) == own


@pytest.mark.parametrize("status", ["NODATA", "SKIPDATA"])
def test_rows_without_traffic_are_records_without_its_fields(status):
    traffic = (
        "srcaddr",
        "dstaddr",
        "srcport",
        "dstport",
        "protocol",
        "packets",
        "bytes",
        "action",
        "tcp-flags",
        "type",
    )
    later = ("pkt-srcaddr", "pkt-dstaddr", "pkt-dst-aws-service", "flow-direction", "traffic-path")
    body = body_of({**RECORD, **dict.fromkeys(traffic + later, "-"), "log-status": status})
    assert body["log_status"] == status
    assert body["event"] == {"dataset": "aws.vpcflow"}
    assert not {"source", "destination", "network", "unmapped", "tcp_flag_names"} & set(body)
    assert not set(map(plain_name, traffic + later)) & set(body)
    assert body["interface_id"] == RECORD["interface-id"]


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"action": "REJECT"}, "event", {"dataset": "aws.vpcflow", "action": "reject", "outcome": "failure"}),
        ({"action": "LATER"}, "event", {"dataset": "aws.vpcflow", "action": "later"}),
        ({"end": "-"}, "@timestamp", "2026-11-21T01:40:01.000Z"),
        ({"end": "253402300799"}, "@timestamp", "9999-12-31T23:59:59.000Z"),
        ({"end": "0"}, "@timestamp", "1970-01-01T00:00:00.000Z"),
        ({"end": "253402300800"}, "@timestamp", "2026-11-21T01:40:01.000Z"),
        ({"end": "253402300800"}, "unmapped", {"end": "253402300800"}),
        ({"bytes": "9223372036854775807"}, "bytes", 9223372036854775807),
        ({"bytes": "3000000000"}, "network.bytes", 3_000_000_000),
        ({"bytes": "9223372036854775808"}, "unmapped", {"bytes": "9223372036854775808"}),
        ({"bytes": "0", "packets": "0"}, "network.packets", 0),
        ({"bytes": "007"}, "unmapped", {"bytes": "007"}),
        ({"packets": "²"}, "unmapped", {"packets": "²"}),
        ({"bytes": "١٢"}, "unmapped", {"bytes": "١٢"}),
        ({"dstport": "65536"}, "unmapped", {"dstport": "65536"}),
        (
            {"dstport": "-1"},
            "destination",
            {"address": "203.0.113.77", "ip": "203.0.113.77", "geo": {"country_iso_code": "NL"}},
        ),
        ({"start": "yesterday"}, "unmapped", {"start": "yesterday"}),
        ({"tcp-flags": "SYN"}, "unmapped", {"tcp_flags": "SYN"}),
        ({"srcaddr": "eni-1"}, "source", {"address": "eni-1", "port": 44444}),
        ({"srcaddr": "fe80::1%eth0"}, "source", {"address": "fe80::1%eth0", "port": 44444}),
        ({"dstaddr": "-", "dstport": "-"}, "destination", None),
        ({"srcaddr": "2001:db8::66"}, "source.geo.country_iso_code", "JP"),
        ({"srcaddr": "2001:db8::66"}, "network.type", "ipv6"),
        ({"pkt-srcaddr": '"\\'}, "pkt_srcaddr", '"\\'),
        ({"protocol": "58"}, "network.transport", "ipv6-icmp"),
        ({"protocol": "200"}, "network.transport", "200"),
        ({"tcp-flags": "255"}, "tcp_flag_names", ["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"]),
        ({"tcp-flags": "0"}, "tcp_flag_names", None),
        ({"tcp-flags": "4294967314"}, "tcp_flag_names", ["syn", "ack"]),
        ({"interface-id": "값"}, "interface_id", "값"),
        ({"new-column": "99"}, "new_column", "99"),
        ({"new-column": "-"}, "new_column", None),
        ({"event": "mine"}, "unmapped", {"event": "mine"}),
        ({"aws": "mine"}, "unmapped", {"aws": "mine"}),
        ({"source.ip": "mine"}, "unmapped", {"source.ip": "mine"}),
    ],
)
def test_single_values(changes: Dict[str, str], field: str, value: Any):
    body: Any = body_of({**RECORD, **changes})
    for part in [field] if field in body else field.split("."):
        body = (body or {}).get(part)
    assert body == value


def test_a_column_that_comes_twice_keeps_its_first_value_and_the_second_beside_it():
    (made,) = read(b"srcaddr end srcaddr srcaddr\n10.0.0.1 1795225261 10.0.0.2 10.0.0.3")
    body = json.loads(made.text)
    assert body["srcaddr"] == body["source"]["ip"] == "10.0.0.1"
    assert body["unmapped"] == {"srcaddr#3": "10.0.0.2", "srcaddr#4": "10.0.0.3"}


def test_texts_too_long_for_an_index_are_named():
    long = "x" * 8192
    assert body_of({**RECORD, "vpc-id": long, "new-column": long})["event"]["oversized"] == ["vpc_id", "new_column"]
    assert "oversized" not in body_of({**RECORD, "vpc-id": long[1:]})["event"]


@pytest.mark.parametrize("missing", list(RECORD))
def test_any_column_may_be_missing(missing):
    body = body_of(without(missing))
    assert plain_name(missing) not in body
    assert "unmapped" not in body
    assert body["event"]["dataset"] == "aws.vpcflow"


def test_bytes_that_are_no_utf8_become_replacement_characters():
    (made,) = read(b"srcaddr end interface-id\n10.0.0.1 1795225261 eni-\xff\xed\xa0\x80")
    assert json.loads(made.text)["interface_id"].startswith("eni-�")


def plainly(records: List[Dict[str, str]]) -> List[Record]:
    """Return what the plain way makes of records."""
    normaliser = Normaliser([plain_name(name) for name in records[0]], context(fastest()))
    return [normaliser.record(list(r.values()), number) for number, r in enumerate(records, 1)]


def test_the_fast_path_and_the_plain_way_give_the_same_bytes():
    rng = random.Random(3)
    times = sorted(rng.randrange(1_795_225_201, 1_795_225_501) for _ in range(3_000))
    records = list(story.Background(3).records(times))
    text = "\n".join([" ".join(story.COLUMNS), *map(story.line, records)]).encode()
    fast = list(read(text, fastest()))
    assert fast == plainly([{name: record[name] for name in story.COLUMNS} for record in records])
    assert sum(b'"bytes"' in document.text for document in fast) > 2_900


def test_a_full_cache_forgets_and_the_records_stay_the_same(monkeypatch):
    from collectors.sources.vpc_flow import fast_path

    lines = [" ".join({**RECORD, "interface-id": f"eni-{n}", "srcport": str(n)}.values()) for n in range(300)]
    text = "\n".join([" ".join(RECORD), *lines, *lines]).encode()
    before = read(text)
    small = fast_path._caches.__wrapped__(fastest())
    for cache in small:
        monkeypatch.setattr(cache, "_most", 7)
    monkeypatch.setattr(fast_path, "_caches", lambda codec: small)
    assert read(text, fastest()) == before
    assert all(len(cache) <= 7 for cache in small)
    assert small.interfaces


def test_names_of_protocols_and_flags():
    assert [protocol_name(n) for n in (1, 6, 17, 47, 50, 132, 253)] == [
        "icmp",
        "tcp",
        "udp",
        "gre",
        "esp",
        "sctp",
        "253",
    ]
    assert flag_names(0) == []
    assert flag_names(19) == ["fin", "syn", "ack"]


def test_the_mapping_has_every_known_column_and_common_names_are_taken():
    own = properties("aws-vpcflow-mappings.json")
    assert list(own) == [*KNOWN, "tcp_flag_names"]
    for name, entry in own.items():
        wanted = {"keyword"} if name not in NUMBERS else {"integer", "long", "date", "float"}
        assert entry["type"] in ({"ip"} if name.endswith("addr") else wanted), name
        assert entry.get("ignore_malformed") or entry.get("ignore_above") == 8191, name
    assert set(properties("aws-common-mappings.json")) <= TAKEN


# --- whatever a line says --------------------------------------------------------------------------------------------

VALUES = st.one_of(
    st.sampled_from(
        ["-", "0", "1795225261", "10.0.0.1", "::1", "ACCEPT", "OK", "007", "-1", "1e3", "NaN", "true", "{", '"']
    ),
    st.integers(-(2**70), 2**70).map(str),
    st.text(st.characters(exclude_categories=["Z", "Cc", "Cs"]), min_size=1, max_size=12),
    st.binary(min_size=1, max_size=6),
)


def fits(value: Any, entry: Dict[str, Any]) -> bool:
    """Whether an engine takes ``value`` under this mapping."""
    if isinstance(value, list):
        return all(fits(item, entry) for item in value)
    if entry.get("enabled") is False:
        return isinstance(value, dict)
    if "properties" in entry:
        return isinstance(value, dict) and all(
            fits(inner, entry["properties"][name]) for name, inner in value.items() if name in entry["properties"]
        )
    return not isinstance(value, dict) and (entry.get("ignore_malformed", False) or isinstance(value, str))


def unique(pairs: List[Any]) -> Dict[str, Any]:
    assert len(dict(pairs)) == len(pairs), "a key comes twice"
    return dict(pairs)


@examples(300, deadline=None)
@given(st.lists(VALUES, min_size=29, max_size=29), st.sampled_from([None, "end", "start"]))
def test_any_line_becomes_a_document_that_fits_or_a_bad_record(values, timed):
    encoded = [value if isinstance(value, bytes) else value.encode("utf-8") for value in values]
    names = list(RECORD)
    if timed:
        encoded[names.index(timed)] = b"1795225261"
    line = b" ".join(encoded).replace(b"\n", b"~").replace(b"\r", b"~")
    text = " ".join(names).encode() + b"\n" + line
    (made,) = read(text)
    assert read(text, fastest()) == [made]
    if isinstance(made, BadRecord):
        assert line.startswith(made.excerpt.strip()) or made.excerpt in line
        return
    body = json.loads(made.text, object_pairs_hook=unique, parse_constant=lambda name: pytest.fail(name))
    mapping = {**properties("aws-common-mappings.json"), **properties("aws-vpcflow-mappings.json")}
    assert fits({name: value for name, value in body.items() if name != "@timestamp"}, {"properties": mapping})
    assert body["@timestamp"][:10].replace("-", ".") == index_of(made)[-10:]
    assert all("." not in name and name for name in body)
    assert made_of(RECORD)


# --- later versions, transit gateways, and what nobody knows ----------------------------------------------------------

#: Of a transit gateway, in AWS's order.
TRANSIT: Dict[str, str] = {
    "version": "6",
    "resource-type": "TransitGateway",
    "account-id": "444455556666",
    "tgw-id": "tgw-0a1b",
    "tgw-attachment-id": "tgw-attach-0a1b",
    "tgw-src-vpc-account-id": "444455556666",
    "tgw-dst-vpc-account-id": "777788889999",
    "tgw-src-vpc-id": "vpc-0a",
    "tgw-dst-vpc-id": "vpc-0b",
    "tgw-src-subnet-id": "subnet-0a",
    "tgw-dst-subnet-id": "subnet-0b",
    "tgw-src-eni": "eni-0a",
    "tgw-dst-eni": "eni-0b",
    "tgw-src-az-id": "euw1-az1",
    "tgw-dst-az-id": "euw1-az3",
    "tgw-pair-attachment-id": "tgw-attach-0b2c",
    "srcaddr": "10.1.0.9",
    "dstaddr": "10.2.0.7",
    "srcport": "40000",
    "dstport": "443",
    "protocol": "6",
    "packets": "9",
    "bytes": "1800",
    "start": "1795225201",
    "end": "1795225261",
    "log-status": "OK",
    "type": "IPv4",
    "packets-lost-no-route": "0",
    "packets-lost-blackhole": "3",
    "packets-lost-mtu-exceeded": "12345678901",
    "packets-lost-ttl-expired": "-",
    "tcp-flags": "2",
    "region": "eu-west-1",
    "flow-direction": "ingress",
    "pkt-src-aws-service": "-",
    "pkt-dst-aws-service": "-",
}
LATER: Dict[str, str] = {
    **RECORD,
    "resource-id": "nat-0a1b",
    "encryption-status": "3",
    "instance-tag": "web%20shop",
    "instance-tag-2": "-",
    "asg-tag": "blue",
    "interface-type": "regional_nat_gateway",
    "next-hop-interface-id": "eni-0c",
    "next-hop-vpc-id": "vpc-0c",
    "next-hop-interface-type": "transit_gateway",
}


@pytest.mark.parametrize("record", [TRANSIT, LATER], ids=["transit gateway", "version 11"])
def test_columns_of_transit_gateways_and_later_versions_are_typed_and_known(record):
    about = context()
    text = f"{' '.join(record)}\n{' '.join(record.values())}".encode()
    (made,) = records([text], about)
    body = json.loads(made.text)
    for name, value in record.items():
        plain = plain_name(name)
        wanted = None if value == "-" else int(value) if plain in NUMBERS else value
        assert body.get(plain) == wanted, name
    assert about.unknown_columns == []
    assert body["cloud"]["account"] == {"id": record["account-id"]}


@pytest.mark.parametrize("value", ["-1", "none", "1.5", "007", "9223372036854775808"])
def test_a_lost_packets_column_that_is_no_number_is_kept_beside_the_fields(value):
    body = body_of({**TRANSIT, "packets-lost-blackhole": value})
    assert "packets_lost_blackhole" not in body
    assert body["unmapped"] == {"packets_lost_blackhole": value}
    assert body["packets_lost_mtu_exceeded"] == 12345678901


def test_columns_that_nobody_knows_are_stored_and_named():
    about = context()
    record = {**TRANSIT, "core-network-segment": "prod", "source": "x", "bytes-lost": "5"}
    columns = [*record, "srcport"]
    text = f"{' '.join(columns)}\n{' '.join([*record.values(), '7'])}".encode()
    (made,) = records([text], about)
    body = json.loads(made.text)
    assert (body["core_network_segment"], body["bytes_lost"]) == ("prod", "5")
    assert body["unmapped"] == {"source": "x", f"srcport#{len(columns)}": "7"}
    assert about.unknown_columns == ["core_network_segment", "source", "bytes_lost", f"srcport#{len(columns)}"]


def test_of_very_many_unknown_columns_the_first_are_named():
    about = context()
    names = [f"c{number}-{'x' * 100}" for number in range(500)]
    record = {**RECORD, **dict.fromkeys(names, "1")}
    list(records([f"{' '.join(record)}\n{' '.join(record.values())}".encode()], about))
    assert len(about.unknown_columns) == 20
    assert max(map(len, about.unknown_columns)) == 60
