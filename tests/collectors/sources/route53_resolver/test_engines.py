"""What an outsider can choose, on every engine: each record is stored whole, found by its other fields, and marked."""

from __future__ import annotations

import json
from typing import List

import pytest

from collectors.records.record import Record
from collectors.sinks.opensearch.index_names import index_of
from collectors.sources.route53_resolver import source
from lab.engine import ENGINES
from tests.collectors.json_logs import (
    DEEP,
    LISTS,
    LONG,
    SAMPLES,
    compact,
    made,
    numbers_found,
    stored,
    stored_whole,
    with_text,
)
from tests.collectors.on_engine import ready
from tests.collectors.sources.route53_resolver.test_normalise import RECORD, changed

INDEX = "aws-dns-2026.11.21"
#: Each a record of its own.
HOSTILE: List[str] = [
    json.dumps(changed(**values))
    for values in (
        {"query_name": LONG, "answers": [{"Rdata": LONG, "Type": "TXT", "Class": "IN"}]},
        {"query_name": "x" * 40_000, "query_type": LONG, "srcaddr": LONG, "srcids": {"instance": LONG}},
        {"answers": [{"Rdata": f"text {number}", "Type": "TXT", "Class": "IN"} for number in range(1500)]},
        {"query_name": "${jndi:ldap://x/a}.{{.example."},
        {"answers": "text", "srcids": "text", "query_name": {"x": 1}},
        {"answers": [{"Rdata": {"x": 1}}, "text", 5], "srcids": ["text"], "rcode": {"x": {"y": 1}}},
        {"answers": [{"Rdata.x": 1, "": 2, ".": 3}], "srcids": {"instance": {"id": "x"}}},
        {
            "event": "x",
            "dns": 5,
            "source": [1],
            "cloud": {"x": 1},
            "network.type": {"x": 1},
            "": 1,
            " ": 2,
            ".": {"": 3},
        },
        {"srcaddr": "999.1.1.1", "srcport": [1, "x"], "version": 1.5, "account_id": 10**30, "region": None},
        {"additional_properties": {"": {"": 1}, "is_delayed": {"x": 1}, "a.b": [[]]}},
        {"answers": [[{"Rdata": "10.0.0.1", "Type": "A"}], [None]]},
    )
]
HOSTILE += [
    with_text(RECORD, text)
    for text in (
        '{"query_name":"first.","query_name":"second.","srcids":{"instance":"a","instance":"b"}}',
        r'{"query_name":"half \ud83d.","answers":[{"Rdata":"\udfff","Type":"TXT","k\udc00":1}],"k\ud800":1}',
        f'{{"newOfAws":{DEEP},"answers":[{{"Rdata":"deep","more":{DEEP}}}]}}',
        f'{{"newOfAws":{LISTS},"answers":{LISTS}}}',
        '{"newOfAws":{"n":1.10,"m":12345678901234567890123,"o":1E+400}}',
    )
]


@pytest.fixture(params=list(ENGINES))
def transport(request, engine_by_id):
    yield from ready(engine_by_id(request.param), request.param, "route53_resolver", INDEX)


def test_every_hostile_record_is_stored_whole_and_found(transport):
    everything = stored_whole(transport, source, HOSTILE, INDEX)
    assert numbers_found(transport, INDEX, "event.dataset:aws.route53_resolver AND network.protocol:dns") == everything
    assert numbers_found(transport, INDEX, "vpc_id:vpc\\-0a1b2c3d") == everything
    assert numbers_found(transport, INDEX, "event.oversized:dns.question.name") == [1, 2]
    assert numbers_found(transport, INDEX, 'answers.Rdata:"text 1499"') == [3]
    assert numbers_found(transport, INDEX, {"wildcard": {"dns.question.name": {"value": "*jndi:*"}}}) == [4]


def test_names_addresses_and_numbers_have_their_types(transport):
    records = [
        changed(query_name="Mixed.CASE.Example.co.kr.", srcaddr="172.31.0.7", srcport="60000"),
        changed(query_name="0a1b2c3d4e5f60718293a4b5c6d7e8f9.t.tunnel.example.", srcaddr="172.31.9.9", srcport="-"),
        changed(srcaddr="vpce-svc.example", srcport="x" * 9000, answers=[{"Rdata": "Cdn.Example.", "Type": "CNAME"}]),
        changed(srcaddr="2001:db8::9", srcport="70000", version="2.0"),
    ]
    stored(transport, made(source, b"\n".join(map(compact, records))), INDEX)
    for query, numbers in (
        ('srcaddr:"172.31.0.0/16"', [1, 2]),
        ('srcaddr:"2001:db8::/32"', [4]),
        ("srcport:>50000", [1, 4]),
        ("source.address:vpce*", [3]),
        ("version:1.1", [1, 2, 3]),
        ("query_name:*case.example.CO.KR.", [1]),
        ("dns.question.name:mixed.case.example.co.kr", [1]),
        ("dns.question.registered_domain:Example.co.kr", [1]),
        ("dns.question.length:>40 AND dns.question.entropy:>3.8", [2]),
        ("answers.Rdata:cdn.example.", [3]),
        ('answers.Rdata.ip:"203.0.113.0/24"', [1, 2, 4]),
    ):
        assert numbers_found(transport, INDEX, query) == numbers, query


def test_records_of_every_kind_are_found_by_both_kinds_of_names(transport):
    paths = sorted((SAMPLES / "route53_resolver").glob("*.jsonl"))
    documents = [
        document
        for document in made(source, b"".join(path.read_bytes() for path in paths))
        if isinstance(document, Record) and index_of(document) == INDEX
    ]
    stored(transport, documents, INDEX)

    def count(query: str) -> int:
        return len(numbers_found(transport, INDEX, query))

    assert count("dns.question.name:api.partner.example") == count("query_name:api.partner.example.") == 17
    assert count("dns.question.type:AAAA") == count("query_type:AAAA") == 2
    assert count("dns.response_code:NXDOMAIN AND event.outcome:failure") == count("rcode:NXDOMAIN") == 2
    assert count("event.action:BLOCK") == count("firewall_rule_action:BLOCK") == 2
    assert count("rule.id:rslvr*") == count("firewall_rule_group_id:rslvr*") == 4
    assert count("dns.resolved_ip:203.0.113.0\\/24") == 5
    assert count("answers.Rdata:203.0.113.9") == 3
    assert count("dns.resolved.geo.country_iso_code:KR AND dns.resolved.as.number:64500") == 4
    assert count("answers.Type:CNAME AND answers.Rdata:d111111abcdef8*") == 1
    assert count("source.ip:10.0.11.0\\/24 AND source.port:49152") == count("srcaddr:10.0.11.25 AND srcport:49152")
    assert count("cloud.instance.id:i\\-0f9e8d7c6b5a41230") == count("srcids.instance:i\\-0f9e8d7c6b5a41230")
    assert count("srcids.resolver_endpoint:rslvr*") == 2
    assert count("query_timestamp:[2026-11-21T04\\:55\\:00Z TO *]") == 1
