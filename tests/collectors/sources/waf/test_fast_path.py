"""The fast path through a WAF record and the plain way make the same record, whatever it says."""

from __future__ import annotations

import json
from typing import Any, Dict, Set

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.records.json_codec import PLAIN, fastest
from collectors.records.record import Context
from collectors.sources.waf import fast_path, request
from collectors.sources.waf.decision import decision
from collectors.sources.waf.normalise import FORMAT, describe
from tests.collectors.json_logs import REF, compact, lines_of, plainly, with_any_bytes
from tests.collectors.sources.waf.test_engines import HOSTILE
from tests.collectors.sources.waf.test_normalise import RECORD, REQUEST
from tests.examples import examples

CONTEXTS = (Context(REF, fastest()), Context(REF, PLAIN))
LINES = lines_of("waf")


def fast(line: bytes) -> Any:
    """Return what the fast path makes of a line, None where it leaves it to the plain way."""
    found, plain = (fast_path._quickly(line, "id", 7, context) for context in CONTEXTS)
    assert None in (found, plain) or found == plain  # the codecs write 1e300 differently, so one of them leaves it
    return found


@pytest.mark.parametrize("line", LINES)
def test_records_as_aws_writes_them_go_the_fast_path(line):
    assert fast(line) is not None
    assert fast(line) == plainly(FORMAT, line, CONTEXTS[0])


@pytest.mark.parametrize("line", HOSTILE)
def test_hostile_records_are_the_same_either_way(line):
    for written in (line.encode(), compact(json.loads(line, strict=False)) if "\\ud" not in line else line.encode()):
        found = fast(written)
        assert found is None or found == plainly(FORMAT, written, CONTEXTS[0])


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b'{"timestamp":1795236787123}',
        compact({"httpRequest": {}, "timestamp": 1795236787123}),
        b" " + compact(RECORD),
        compact(RECORD).replace(b":1795236787123,", b":01795236787123,"),
        compact(RECORD).replace(b":1795236787123,", b":1795236787123.0,"),
        compact(RECORD).replace(b":1795236787123,", b":-1,"),
        compact(RECORD).replace(b":1795236787123,", b":17952367871230000000,"),
        compact(RECORD).replace(b'"formatVersion":1', b'"formatVersion":1,"formatVersion":1'),
        compact(RECORD).replace(b'"formatVersion":1', b'"timestamp":1'),
        compact(RECORD).replace(b'"formatVersion":1', b'"formatVersion":1.0e0'),
        compact(RECORD).replace(b'"formatVersion":1', b'"event":1'),
        compact(RECORD).replace(b'"formatVersion":1', b'"x":[{"y":1,"httpRequest":{}}]'),
        compact(RECORD)[:-1] + b',"action":"BLOCK"}',
        compact({key: value for key, value in RECORD.items() if key != "action"})[:-1] + b',"action":"BLOCK"}',
        compact(RECORD).replace(b'"formatVersion":1', b'"clientAsn":1'),
        compact(RECORD)[:-1] + b',"timestamp":1}',
        compact(RECORD)[:-1] + b',"labels":5}',
        compact(RECORD)[:-1] + b',"":1}',
        compact(RECORD)[:-1] + b',"x":' + b"[" * 250 + b"]" * 250 + b"}",
        compact(RECORD)[:-1],
        compact(RECORD) + b"}",
        compact({**RECORD, "httpRequest": {"uri": "x" * 9000}}),
        b'{"timestamp":1,"a":"\xff","httpRequest":{}}',
    ],
)
def test_what_needs_a_closer_look_is_left_to_the_plain_way(line):
    assert fast(line) is None


def test_what_quotes_the_request_is_not_remembered():
    fast_path._acl_part.clear()
    long = compact({**RECORD, "terminatingRuleMatchDetails": [{"matchedData": ["x" * 5000]}]})
    assert fast(long) == plainly(FORMAT, long, CONTEXTS[0])
    assert not fast_path._acl_part


parts = st.sampled_from(
    [
        '"action":"BLOCK"',
        '"action":{"x":1}',
        '"webaclId":"a"',
        '"httpRequest":{"uri":"/"}',
        '"httpRequest":{}',
        '"x":1.0',
    ]
    + ['"httpRequest":[]', '"labels":[{"name":"a"}]', '"labels":"a"', '"event":1', '"":1', '"timestamp":5', '"k":"{"']
    + ['"ruleGroupList":[{"terminatingRule":{"ruleId":"a"}}]', '"ruleGroupList":[5]', '"n":[{"httpRequest":{}}]']
)


@examples(1000)
@given(st.lists(parts, max_size=6))
def test_whatever_is_in_it_the_record_is_the_same(members):
    line = ("{" + ",".join(['"timestamp":1795236787123', *members]) + "}").encode()
    found = fast(line)
    assert found is None or found == plainly(FORMAT, line, CONTEXTS[0])


class Read(dict):  # type: ignore[type-arg]
    """A record that notes which of its members somebody looks at."""

    def __init__(self, fields: Dict[str, Any]) -> None:
        super().__init__(fields)
        self.keys_read: Set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.keys_read.add(key)
        return super().get(key, default)

    def __getitem__(self, key: str) -> Any:
        self.keys_read.add(key)
        return super().__getitem__(key)


def test_each_side_reads_its_own_part_only():
    """What one side of the common fields reads must not be sought in the other part."""
    record = {
        **RECORD,
        "action": "BLOCK",
        "terminatingRuleType": "RATE_BASED",
        "terminatingRuleId": "Rate",
        "rateBasedRuleList": [{"rateBasedRuleName": "Rate"}],
        "ruleGroupList": [{"terminatingRule": {"ruleId": "E"}}],
        "clientAsn": 1,
    }
    for_decision, for_all = Read(record), Read(record)
    decision(for_decision)
    describe(for_all, CONTEXTS[0])
    assert for_decision.keys_read == fast_path._DECIDES
    assert for_all.keys_read == fast_path._DECIDES | fast_path._ASKS | {"timestamp"}


# --- the request -----------------------------------------------------------------------------------------------------

_plain = "a.:/[]{},é한\x7f\u2028 "
_names = st.sampled_from(
    [
        "Host",
        "host",
        "HOST",
        "User-Agent",
        "REFERER",
        "x-Forwarded-For",
        "X-FORWARDED-FOR",
        "Forwarded",
        "x-forwarded-fo",
        "x",
        "",
    ]
)


def _request(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Dict[str, Any]]:
    """Requests in AWS's order, with any texts in them, also where headers and last members are concerned."""
    addresses = st.one_of(texts, st.sampled_from(["203.0.113.66", "2001:db8::66"]))
    forwarded = st.sampled_from(["unknown, 203.0.113.7:80", '"[2001:db8::7]:443"', 'for=203.0.113.8, for="_x"'])
    paths = st.sampled_from(["/%ea%b0%80/%252e%252E/%c0%ae%00", "a=%27+OR+1%3d1&b=가"])
    names = st.one_of(_names, texts)
    header = st.fixed_dictionaries(
        {"name": names, "value": st.one_of(addresses, forwarded, st.just("[2001:db8::1]:80"))}
    )
    members: Dict[str, st.SearchStrategy[Any]] = {"clientIp": addresses, "country": texts}
    members["headers"] = st.lists(header, max_size=6)
    members.update(dict.fromkeys(("uri", "args", "httpVersion", "httpMethod", "requestId"), texts))
    members.update(uri=st.one_of(texts, paths), args=st.one_of(texts, paths))
    return st.fixed_dictionaries(members, optional=dict.fromkeys(("fragment", "scheme", "host", "more"), texts))


@examples(1000)
@given(_request(st.text(_plain, max_size=5)))
def test_a_request_of_plain_texts_goes_the_fast_path(request):
    line = compact({**RECORD, "httpRequest": request, "labels": [], "clientAsn": 64510})
    assert fast(line) is not None
    assert fast(line) == plainly(FORMAT, line, CONTEXTS[0])


@examples(1000)
@given(_request(st.text(_plain + '\\"\n\t\0\ud800', max_size=5)), st.booleans())
def test_whatever_is_in_the_request_the_record_is_the_same(request, escaped):
    record = {**RECORD, "httpRequest": request, "labels": [{"name": "a"}]}
    line = json.dumps(record, ensure_ascii=escaped, separators=(",", ":")).encode("utf-8", "surrogatepass")
    found = fast(line)
    assert found is None or found == plainly(FORMAT, line, CONTEXTS[0])


@examples(1000)
@given(with_any_bytes(compact(RECORD)))
def test_a_line_with_any_bytes_in_it_is_the_same_either_way(line):
    found = fast(line)
    assert found is None or found == plainly(FORMAT, line, CONTEXTS[0])


@pytest.mark.parametrize(
    "changed",
    [
        (b'"uri":"/cart"', b'"uri":"/c\\u0061rt"'),
        (b'"uri":"/cart"', b'"uri":"/","uri":"/cart"'),
        (b'"},{"name"', b'"},,{"name"'),
        (b'"name":"Host"', b'"name":"Host","":"x"'),
        (b'655c3f03-0a1b2c3d"', b'655c3f03-0a1b2c3d","host":{}'),
        (b'655c3f03-0a1b2c3d"}', b'655c3f03-0a1b2c3d"},"httpRequest":{}'),
        (b'655c3f03-0a1b2c3d"}', b'655c3f03-0a1b2c3d"},'),
    ],
)
def test_an_odd_request_is_left_to_the_plain_way(changed):
    line = compact(RECORD)
    assert fast(line) is not None
    assert changed[0] in line
    assert fast(line.replace(*changed, 1)) is None


def test_names_of_headers_are_not_remembered_without_bound():
    request._wanted.clear()
    headers = [{"name": f"x-{number}" + "y" * 64, "value": ""} for number in range(50)]
    line = compact({**RECORD, "httpRequest": {**REQUEST, "headers": headers}})
    assert fast(line) == plainly(FORMAT, line, CONTEXTS[0]) is not None
    assert not request._wanted
    assert request._wanted["X-Forwarded-For"] == "x-forwarded-for"
