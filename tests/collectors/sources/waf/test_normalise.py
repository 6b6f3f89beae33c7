"""Common fields of WAF records that the golden files do not have, and what an outsider can choose."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any, Dict, List

import pytest

from collectors.records.record import BadRecord
from collectors.sources.waf import request, source
from collectors.sources.waf.normalise import COMMON, MAPPED
from tests.collectors.json_logs import common_and_own, common_names, compact, made, mapped, one

REQUEST: Dict[str, Any] = {
    "clientIp": "203.0.113.66",
    "country": "KR",
    "headers": [{"name": "Host", "value": "shop.example"}, {"name": "User-Agent", "value": "curl/8.5.0"}],
    "uri": "/cart",
    "args": "item=7",
    "httpVersion": "HTTP/1.1",
    "httpMethod": "GET",
    "requestId": "1-655c3f03-0a1b2c3d",
}
RECORD: Dict[str, Any] = {
    "timestamp": 1795236787123,
    "formatVersion": 1,
    "webaclId": "arn:aws:wafv2:ap-northeast-2:111122223333:regional/webacl/shop/0c1d2e3f",
    "terminatingRuleId": "Default_Action",
    "terminatingRuleType": "REGULAR",
    "action": "ALLOW",
    "terminatingRuleMatchDetails": [],
    "httpSourceName": "ALB",
    "ruleGroupList": [],
    "nonTerminatingMatchingRules": [],
    "responseCodeSent": None,
    "httpRequest": REQUEST,
}


def changed(**values: Any) -> Dict[str, Any]:
    """Return the usual record with other values, those of the request where it has the name; ``...`` leaves out."""
    request = {**REQUEST, **{key: value for key, value in values.items() if key in REQUEST}}
    record = {**RECORD, "httpRequest": request, **{key: value for key, value in values.items() if key not in REQUEST}}
    if isinstance(record["httpRequest"], dict):
        record["httpRequest"] = {key: value for key, value in record["httpRequest"].items() if value is not ...}
    return {key: value for key, value in record.items() if value is not ...}


def common(**values: Any) -> Dict[str, Any]:
    found, own = common_and_own(one(source, changed(**values)), COMMON)
    assert {**own, **found.pop("unmapped", {})} == changed(**values)
    return found


def headers(*pairs: str) -> List[Dict[str, str]]:
    return [{"name": name, "value": value} for name, value in (pair.split(": ", 1) for pair in pairs)]


def test_the_template_maps_what_the_normaliser_knows():
    assert mapped("waf", MAPPED) == MAPPED
    assert common_names("waf") >= set(COMMON)


def test_names_of_headers_are_found_in_any_case_and_the_first_one_counts():
    found = common(
        headers=headers(
            "HOST: first.example",
            "host: second.example",
            "user-AGENT: one",
            "User-Agent: two",
            "Referer: https://a.example/",
            "REFERER: https://b.example/",
        )
    )
    assert found["url"]["domain"] == "first.example"
    assert found["user_agent"] == {"original": "one"}
    assert found["http"]["request"]["referrer"] == "https://a.example/"


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("shop.example", "shop.example"),
        ("shop.example:8443", "shop.example"),
        ("[2001:db8::1]:443", "[2001:db8::1]"),
        ("[2001:db8::1]", "[2001:db8::1]"),
        ("[2001:DB8::1]:", "[2001:DB8::1]"),
        ("[fe80::1%25eth0]:80", "[fe80::1%25eth0]"),
        ("[2001:db8::1", "[2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:198.51.100.4", "::ffff:198.51.100.4"),
        ("198.51.100.4:8080", "198.51.100.4"),
        ("", None),
        (":80", None),
        ("${jndi:ldap://x/a}", "${jndi"),
    ],
)
def test_domain(host, domain):
    assert common(headers=headers(f"Host: {host}"))["url"].get("domain") == domain


def test_without_a_host_header_the_domain_is_what_aws_names():
    request = {**REQUEST, "headers": [], "host": "named.example"}
    assert common(httpRequest=request)["url"]["domain"] == "named.example"


@pytest.mark.parametrize(
    ("header", "address"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("198.51.100.7, 10.0.0.1", "198.51.100.7"),
        (" 2001:db8::7 ,10.0.0.1", "2001:db8::7"),
        ("10.0.0.1:8080", "10.0.0.1"),
        ("198.51.100.7:51234", "198.51.100.7"),
        ("198.51.100.7:51234, 10.0.0.1:80", "198.51.100.7"),
        ("[2001:db8::17]:443", "2001:db8::17"),
        ("[2001:db8::17]", "2001:db8::17"),
        ('"[2001:db8::17]:443", 10.0.0.1', "2001:db8::17"),
        ('"198.51.100.7"', "198.51.100.7"),
        ("'198.51.100.7:80'", "198.51.100.7"),
        ("\t198.51.100.7\t,10.0.0.1", "198.51.100.7"),
        ("unknown, 198.51.100.7", "198.51.100.7"),
        ("UNKNOWN,_hidden, [2001:db8::17]:1", "2001:db8::17"),
        (", ,198.51.100.7,", "198.51.100.7"),
        ("198.51.100.7,", "198.51.100.7"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%25eth0]:443", "fe80::1"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("[::FFFF:198.51.100.7]:443", "198.51.100.7"),
        ("198.51.100.7:http", None),
        ("198.51.100.7.1", None),
        ("198.51.100.07", None),
        ("unknown", None),
        ("", None),
        (",,,", None),
        ("[]", None),
        ("[:443", None),
        ("' OR 1=1 --", None),
        ("x" * 5000, None),
        ("x" * 5000 + ", 198.51.100.7", "198.51.100.7"),
        ("x," * 5000 + "198.51.100.7", None),
    ],
)
def test_the_first_forwarded_address(header, address):
    assert common(headers=headers(f"X-Forwarded-For: {header}"))["network"].get("forwarded_ip") == address


@pytest.mark.parametrize(
    ("lines", "address"),
    [
        (("X-Forwarded-For: unknown", "x-forwarded-for: 198.51.100.7"), "198.51.100.7"),
        (("X-Forwarded-For: 198.51.100.7", "x-forwarded-for: 10.0.0.1"), "198.51.100.7"),
        (("X-Forwarded-For: ", "X-FORWARDED-FOR: [2001:db8::17]:1"), "2001:db8::17"),
        (("Forwarded: for=198.51.100.7;proto=http;by=203.0.113.43",), "198.51.100.7"),
        (('Forwarded: proto=https; For="[2001:db8::17]:4711", for=10.0.0.1',), "2001:db8::17"),
        (("Forwarded: for=_hidden, for=unknown", "Forwarded: for=198.51.100.7:80"), "198.51.100.7"),
        (("Forwarded: for=192.0.2.1", "X-Forwarded-For: 198.51.100.7"), "198.51.100.7"),
        (("Forwarded: for=192.0.2.1", "X-Forwarded-For: -", "X-Forwarded-For: 198.51.100.7"), "198.51.100.7"),
        (("Forwarded: for=192.0.2.1", "X-Forwarded-For: unknown"), "192.0.2.1"),
        (("Forwarded: by=192.0.2.1",), None),
        (("X-Forwarded-Foe: 192.0.2.1",), None),
    ],
)
def test_the_first_address_of_several_headers(lines, address):
    record = changed(headers=headers(*lines))
    assert common(headers=headers(*lines))["network"].get("forwarded_ip") == address
    assert json.loads(one_text(compact(record)))["network"].get("forwarded_ip") == address


def one_text(line: bytes) -> bytes:
    """Return the document of a record as AWS writes it, which goes the quick way."""
    (found,) = made(source, line)
    return found.text


@pytest.mark.parametrize(
    ("uri", "path", "forms"),
    [
        ("/cart", "/cart", None),
        ("/%ea%b0%80", "/가", ["/\u1100\u1161"]),
        ("/가", "/가", ["/\u1100\u1161"]),
        ("/\u1100\u1161", "/가", ["/\u1100\u1161"]),
        ("/%e1%84%80%e1%85%a1", "/가", ["/\u1100\u1161"]),
        ("/a%2Fb%20c", "/a/b c", None),
        ("/a+b", "/a+b", None),
        ("/%2e%2e/etc/passwd", "/../etc/passwd", None),
        ("/%252e%252e/x", "/%2e%2e/x", ["/../x"]),
        ("/%25252e", "/%252e", ["/%2e", "/."]),
        ("/%2525252e", "/%25252e", ["/%252e", "/%2e"]),
        ("/%", "/%", None),
        ("/%zz%4", "/%zz%4", None),
        ("/%25", "/%", None),
        ("/%c0%ae%c0%ae/", "/%C0%AE%C0%AE/", None),
        ("/a%ff%41", "/a%FFA", None),
        ("/%ed%a0%80", "/%ED%A0%80", None),
        ("/x%00.php", "/x\0.php", None),
        ("/%0d%0aSet-Cookie:a", "/\r\nSet-Cookie:a", None),
        ("/%22%5c", '/"\\', None),
        ("", None, None),
    ],
)
def test_the_path_is_decoded_and_found_in_other_forms(uri, path, forms):
    for found in (common(uri=uri, args=""), json.loads(one_text(compact(changed(uri=uri, args=""))))):
        url = found["url"]
        assert (url.get("original"), url.get("path"), url.get("path_forms")) == (uri or None, path, forms)


@pytest.mark.parametrize(
    ("args", "query", "forms"),
    [
        ("q=1", "q=1", None),
        ("q=%27+OR+1%3D1", "q=' OR 1=1", None),
        ("q=a%2Bb", "q=a+b", None),
        ("q=%2527+OR", "q=%27 OR", ["q=' OR"]),
        ("q=%EA%B0%80", "q=가", ["q=\u1100\u1161"]),
        ("", None, None),
    ],
)
def test_the_query_is_decoded_with_plus_as_space(args, query, forms):
    for found in (common(args=args), json.loads(one_text(compact(changed(args=args))))):
        url = found["url"]
        assert (url.get("query"), url.get("query_forms")) == (query, forms)
        assert url["original"] == (f"/cart?{args}" if args else "/cart")


def test_many_bytes_that_are_no_text_take_one_pass():
    uri = "/" + "%ff%fe" * 100_000
    assert common(uri=uri)["url"]["path"] == uri.upper()


@pytest.mark.parametrize(
    ("values", "known"),
    [
        ({}, {"geo": {"country_iso_code": "KR"}}),
        ({"clientAsn": 64500}, {"geo": {"country_iso_code": "KR"}, "as": {"number": 64500}}),
        ({"country": "-"}, {}),
        ({"country": None, "clientAsn": "64500"}, {}),
        ({"clientIp": "10.0.0.1"}, {"scope": "private"}),
    ],
)
def test_what_aws_knows_about_a_client_where_no_database_is(values, known):
    source_fields = common(**values)["source"]
    address = values.get("clientIp", "203.0.113.66")
    assert source_fields == {"address": address, "ip": address, **known}


def test_a_database_counts_more_than_what_aws_knows():
    found = one(source, changed(country="KR", clientAsn=1), enriched=True)["source"]
    assert found["geo"] == {"country_iso_code": "NL"}
    assert found["as"]["number"] == 64510


@pytest.mark.parametrize(
    ("acl", "cloud"),
    [
        (RECORD["webaclId"], {"provider": "aws", "region": "ap-northeast-2", "account": {"id": "111122223333"}}),
        ("0c1d2e3f-4a5b", {"provider": "aws"}),
        ("arn:aws:wafv2", {"provider": "aws"}),
        (None, {"provider": "aws"}),
        (..., {"provider": "aws"}),
    ],
)
def test_cloud(acl, cloud):
    assert common(webaclId=acl)["cloud"] == cloud


@pytest.mark.parametrize(
    ("action", "outcome"),
    [("ALLOW", "success"), ("BLOCK", "failure"), ("CAPTCHA", "failure"), ("CHALLENGE", "failure"), ("MONETIZE", None)],
)
def test_outcome(action, outcome):
    event = common(action=action)["event"]
    assert (event["action"], event.get("outcome")) == (action, outcome)


@pytest.mark.parametrize("odd", [None, 5, 1.5, True, [], ["text"], {}, {"x": 1}, [{"x": {"y": 1}}], "text", ""])
@pytest.mark.parametrize("name", [key for key in {**RECORD, **REQUEST} if key != "timestamp"])
def test_an_odd_value_anywhere_leaves_the_rest_as_it_is(name, odd):
    found = common(**{name: odd})
    assert found["@timestamp"] == "2026-11-21T04:53:07.123Z"
    assert found["event"]["dataset"] == "aws.waf"
    assert found["network"]["protocol"] == "http"
    assert "verdict" in found["waf"]


@pytest.mark.parametrize(
    "odd",
    [
        [{"name": "Host"}],
        [{"value": "x"}],
        [{"name": None, "value": "x"}],
        [{"name": "Host", "value": None}],
        [{"name": "Host", "value": {"x": 1}}],
        [{"name": {"x": 1}, "value": "x"}],
        ["Host", None, 5],
        [["name", "value"]],
        {"Host": "x"},
        [{"name": "Host", "value": "x", "more": {"y": 1}, "a.b": 1}],
    ],
)
def test_odd_headers_hide_no_others(odd):
    usual = [{"name": "User-Agent", "value": "curl/8.5.0"}]
    found = common(headers=[*odd, *usual] if isinstance(odd, list) else odd)
    assert found["source"]["ip"] == "203.0.113.66"
    if isinstance(odd, list):
        assert found["user_agent"] == {"original": "curl/8.5.0"}


def test_names_of_headers_never_become_names_of_fields():
    hostile = [{"name": f"x-{number}", "value": "v"} for number in range(1500)]
    hostile += [{"name": name, "value": "v"} for name in ("", ".", "a.b", "event", "k" * 40_000)]
    found = one(source, changed(headers=hostile))
    assert found["httpRequest"]["headers"] == hostile
    assert set(found) == {*RECORD, *COMMON} - {"rule", "unmapped", "user_agent", "error", "log"}
    assert found["event"]["oversized"] == ["httpRequest.headers.name"]


def test_what_is_too_long_to_be_indexed_is_named():
    long = "x" * 8192
    found = common(
        uri=f"/{long}", args=long, httpMethod=long, headers=headers(f"Cookie: {long}", f"user-agent: {long}")
    )
    assert found["event"]["oversized"] == [
        "http.request.method",
        "httpRequest.args",
        "httpRequest.headers.value",
        "httpRequest.httpMethod",
        "httpRequest.uri",
        "url.original",
        "url.path",
        "url.query",
        "user_agent.original",
    ]
    assert found["user_agent"]["original"] == long


@pytest.mark.parametrize("time", [..., None, "soon", 17952367.5, True, -1, 10**18, [1795236787123]])
def test_a_record_without_a_time_in_an_object_without_one_is_a_bad_one(time):
    (bad,) = made(source, json.dumps(changed(timestamp=time)).encode())
    assert isinstance(bad, BadRecord)
    assert bad.reason.startswith("the record's timestamp is ")
    assert bad.reason.endswith(" instead of milliseconds like 1795000000000")


def test_only_a_time_is_required():
    assert one(source, {"timestamp": 1795236787123}) == {
        "@timestamp": "2026-11-21T04:53:07.123Z",
        "event": {"dataset": "aws.waf"},
        "waf": {"verdict": "passed"},
        "cloud": {"provider": "aws"},
        "network": {"protocol": "http"},
        "timestamp": 1795236787123,
    }


def test_what_firehose_writes_without_line_ends_is_read():
    records = [changed(uri=f"/{number}", args='}{"timestamp":1}', requestId=str(number)) for number in range(50)]
    content = "".join(json.dumps(record, separators=(",", ":")) for record in records).encode()
    lines = "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records).encode()
    assert made(source, content) == made(source, lines)
    assert len(made(source, content)) == 50


def test_what_is_attacker_controlled_is_not_remembered_without_bound():
    request._protocol.clear()
    for number in range(50):
        common(httpMethod=f"{number}" + "x" * 100)
    assert not request._protocol


def test_the_cases_from_the_field():
    """Of `shared/cases/forwarded_for`, where it is: the same kinds as in `test_the_first_forwarded_address`."""
    folder = Path(__file__).resolve().parents[5] / "shared" / "cases" / "forwarded_for"
    files = sorted(folder.rglob("*.gz"))
    if not files:
        pytest.skip(f"{folder} is not there")
    documents = made(source, b"\n".join(gzip.decompress(path.read_bytes()) for path in files))
    bodies = [json.loads(document.text) for document in documents]
    found = {body["event"]["id"]: body["network"].get("forwarded_ip") for body in bodies}
    right = {f"xff-{number}": "198.51.100.4" for number in (0, 1, 2, 3, 6, 7)}
    right.update(dict.fromkeys(("xff-4", "xff-5", "xff-8"), "2001:db8::17"))
    assert found == right
