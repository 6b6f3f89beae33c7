"""Common fields of resolver records that the golden files do not have, and odd values, which break nothing."""

from __future__ import annotations

import json
import sys
from typing import Any, Dict

import pytest

from collectors.records.record import BadRecord
from collectors.sources.route53_resolver import name as name_module
from collectors.sources.route53_resolver import source
from collectors.sources.route53_resolver.normalise import COMMON, MAPPED
from tests.collectors.json_logs import common_and_own, common_names, compact, made, mapped, one

RECORD: Dict[str, Any] = {
    "version": "1.100000",
    "account_id": "111122223333",
    "region": "ap-northeast-2",
    "vpc_id": "vpc-0a1b2c3d",
    "query_timestamp": "2026-11-21T04:53:07Z",
    "query_name": "api.partner.example.",
    "query_type": "A",
    "query_class": "IN",
    "rcode": "NOERROR",
    "answers": [{"Rdata": "203.0.113.9", "Type": "A", "Class": "IN"}],
    "srcaddr": "10.0.11.25",
    "srcport": "49152",
    "transport": "UDP",
    "srcids": {"instance": "i-0f9e8d7c"},
}


def changed(**values: Any) -> Dict[str, Any]:
    return {key: value for key, value in {**RECORD, **values}.items() if value is not ...}


def common(**values: Any) -> Dict[str, Any]:
    found, own = common_and_own(one(source, changed(**values)), COMMON)
    moved = found.pop("unmapped", {})
    assert {**own, **moved} == changed(**values)
    return found


def test_the_template_maps_what_the_normaliser_knows():
    assert mapped("dns", MAPPED) == MAPPED
    assert common_names("dns") >= set(COMMON)


@pytest.mark.parametrize(
    ("name", "question"),
    [
        ("api.partner.example.", "api.partner.example"),
        ("api.partner.example", "api.partner.example"),
        (".", "."),
        ("a..", "a."),
        ("UPPER.Example.", "UPPER.Example"),
        ('quo\\"te\\\\.example.', 'quo\\"te\\\\.example'),
        ("xn--9n2bp8q.example.", "xn--9n2bp8q.example"),
        ("한글.example.", "한글.example"),
        ("\x00\x1f.example.", "\x00\x1f.example"),
    ],
)
def test_the_name_is_without_the_dot_at_its_end(name, question):
    assert common(query_name=name)["dns"]["question"]["name"] == question


@pytest.mark.parametrize(
    ("name", "domain"),
    [
        ("api.partner.example.", "partner.example"),
        ("WWW.A.Example.CO.KR.", "example.co.kr"),
        ("example.com", "example.com"),
        ("files.s3.amazonaws.com.", "files.s3.amazonaws.com"),
        ("ip-10-0-0-1.eu-west-1.compute.internal.", "compute.internal"),
        ("_dmarc.example.org.", "example.org"),
        ("9.0.113.203.in-addr.arpa.", "203.in-addr.arpa"),
        ("www.ck.", "www.ck"),
        ("a.b.other.ck.", "b.other.ck"),
        ("xn--9n2bp8q.xn--3e0b707e.", "xn--9n2bp8q.xn--3e0b707e"),
        ("한글.example.", "한글.example"),
        ('quo\\"te.example.', 'quo\\"te.example'),
        ("co.kr.", None),
        ("localhost.", None),
        (".", None),
        ("a..example.", None),
        ("x" * 2000 + ".example.", None),
    ],
)
def test_the_registered_domain(name, domain):
    for question in (common(query_name=name)["dns"]["question"], quickly(name)["dns"]["question"]):
        assert question.get("registered_domain") == domain


@pytest.mark.parametrize(
    ("name", "length", "entropy"),
    [
        (".", 0, 0.0),
        ("a.", 1, 0.0),
        ("aaaa.aa.", 7, 0.0),
        ("ab.", 2, 1.0),
        ("aB.Ab.", 5, 1.0),
        ("example.", 7, 2.522),
        ("0123456789abcdef.", 16, 4.0),
        ("한글.example.", 10, 2.948),
        ("x" * 2000 + ".example.", 2008, None),
    ],
)
def test_length_and_entropy_of_the_name(name, length, entropy):
    for question in (common(query_name=name)["dns"]["question"], quickly(name)["dns"]["question"]):
        assert (question["length"], question.get("entropy")) == (length, entropy)


def test_without_the_package_length_and_entropy_are_there(monkeypatch):
    monkeypatch.setitem(sys.modules, "publicsuffixlist", None)
    name_module._suffixes.cache_clear()
    name_module.question_of.clear()
    try:
        question = common(query_name="www.example.com.")["dns"]["question"]
    finally:
        name_module._suffixes.cache_clear()
        name_module.question_of.clear()
    assert question == {
        "name": "www.example.com",
        "type": "A",
        "class": "IN",
        "length": 15,
        "entropy": question["entropy"],
    }


def quickly(name: str) -> Dict[str, Any]:
    """Return the document of a record with that name as AWS writes it, which goes the quick way where it can."""
    (found,) = made(source, compact(changed(query_name=name)))
    return json.loads(found.text)


@pytest.mark.parametrize(
    ("rcode", "action", "outcome"),
    [
        ("NOERROR", ..., "success"),
        ("NOERROR", "ALERT", "success"),
        ("NOERROR", "ALLOW", "success"),
        ("NOERROR", "BLOCK", "failure"),
        ("NXDOMAIN", ..., "failure"),
        ("NXDOMAIN", "BLOCK", "failure"),
        (..., ..., None),
        (None, "BLOCK", None),
    ],
)
def test_outcome(rcode, action, outcome):
    event = common(rcode=rcode, firewall_rule_action=action)["event"]
    assert event.get("outcome") == outcome
    assert event.get("action") == (None if action is ... else action)


@pytest.mark.parametrize(
    ("transport", "found"),
    [("UDP", "udp"), ("TCP", "tcp"), ("DOH", "tcp"), ("DoH", "tcp"), ("DOH-FIPS", "tcp"), ("QUIC", "quic"), ("", None)],
)
def test_transport(transport, found):
    assert common(transport=transport)["network"].get("transport") == found


@pytest.mark.parametrize(
    ("port", "found"),
    [("53", 53), ("080", 80), ("", None), ("-1", None), ("x", None), ("123456", None), (53, None), ("５", 5)],
)
def test_the_port_is_a_number(port, found):
    assert common(srcport=port)["source"].get("port") == found


@pytest.mark.parametrize(
    ("answers", "resolved"),
    [
        ([], None),
        (None, None),
        ([{"Rdata": "203.0.113.9", "Type": "TXT", "Class": "IN"}], None),
        ([{"Rdata": "not an address", "Type": "A", "Class": "IN"}], None),
        ([{"Rdata": "fe80::1%x", "Type": "AAAA", "Class": "IN"}], None),
        (
            [{"Rdata": "10.0.0.1", "Type": "A"}, {"Rdata": "c.", "Type": "CNAME"}, {"Rdata": "::1", "Type": "AAAA"}],
            ["10.0.0.1", "::1"],
        ),
        ([{"Rdata": f"10.0.{n // 250}.{n % 250}", "Type": "A", "Class": "IN"} for n in range(1000)], 1000),
        ("203.0.113.9", None),
        ({"Rdata": "203.0.113.9", "Type": "A"}, None),
        (
            ["203.0.113.9", None, 5, {"Type": "A"}, {"Rdata": 5, "Type": "A"}, {"Rdata": "10.0.0.1", "Type": "A"}],
            ["10.0.0.1"],
        ),
        ([{"Rdata": ["203.0.113.9"], "Type": ["A"]}], None),
    ],
)
def test_addresses_among_the_answers(answers, resolved):
    found = common(answers=answers)["dns"].get("resolved_ip")
    assert (len(found) if isinstance(resolved, int) else found) == resolved


@pytest.mark.parametrize("odd", [None, 5, 1.5, True, [], ["text"], {}, {"x": 1}, [{"x": {"y": 1}}]])
@pytest.mark.parametrize("name", [key for key in RECORD if key != "query_timestamp"])
def test_an_odd_value_anywhere_leaves_the_rest_as_it_is(name, odd):
    usual = common()
    found = common(**{name: odd})
    assert found["@timestamp"] == usual["@timestamp"]
    assert found["event"]["dataset"] == "aws.route53_resolver"
    assert found["network"]["protocol"] == "dns"
    assert found["cloud"]["provider"] == "aws"
    if name not in ("query_name", "query_type", "query_class"):
        assert found["dns"]["question"] == usual["dns"]["question"]


@pytest.mark.parametrize(
    "time", [..., None, "", "2026-11-21", 17952367, ["2026-11-21T04:53:07Z"], "2026-11-21T04:53:07Z" * 9]
)
def test_a_record_without_a_time_in_an_object_without_one_is_a_bad_one(time):
    (bad,) = made(source, json.dumps(changed(query_timestamp=time)).encode())
    assert isinstance(bad, BadRecord)
    assert bad.reason.startswith("the record's query_timestamp is ")
    assert bad.reason.endswith(" instead of a time like 2026-11-21T04:53:00Z")
    assert len(bad.reason) < 200


def test_only_a_time_is_required():
    found = one(source, {"query_timestamp": "2026-11-21T04:53:07Z"})
    assert found == {
        "@timestamp": "2026-11-21T04:53:07.000Z",
        "event": {"dataset": "aws.route53_resolver"},
        "network": {"protocol": "dns"},
        "cloud": {"provider": "aws"},
        "query_timestamp": "2026-11-21T04:53:07Z",
    }


def test_equal_lines_are_two_records():
    line = json.dumps(RECORD).encode()
    first, second = made(source, line + b"\n" + line + b"\n")
    assert first.text == second.text
    assert first.identity != second.identity
