"""The quick way through a WAF record and the careful one make the same document, whatever the record."""

from __future__ import annotations

import json
from typing import Any, Dict, Set

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.json_codec import PLAIN, fastest
from collectors.records import Context
from collectors.waf import halves
from collectors.waf.decision import decision
from collectors.waf.normalise import LOG
from collectors.waf.request import common_fields
from tests.collectors.json_logs import REF, careful, compact, lines_of
from tests.collectors.waf.test_engines import HOSTILE
from tests.collectors.waf.test_normalise import RECORD

CONTEXTS = (Context(REF, fastest()), Context(REF, PLAIN))
LINES = lines_of("waf")


def quick(line: bytes) -> Any:
    """Return what the quick way makes of a line, None where it leaves it to the careful way."""
    found, plain = (halves._quick_document(line, "id", 7, context) for context in CONTEXTS)
    assert None in (found, plain) or found == plain  # the codecs write 1e300 differently, so one of them leaves it
    return found


@pytest.mark.parametrize("line", LINES)
def test_records_as_aws_writes_them_go_the_quick_way(line):
    assert quick(line) is not None
    assert quick(line) == careful(LOG, line, CONTEXTS[0])


@pytest.mark.parametrize("line", HOSTILE)
def test_hostile_records_are_the_same_either_way(line):
    for written in (line.encode(), compact(json.loads(line, strict=False)) if "\\ud" not in line else line.encode()):
        found = quick(written)
        assert found is None or found == careful(LOG, written, CONTEXTS[0])


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
def test_what_needs_a_closer_look_is_left_to_the_careful_way(line):
    assert quick(line) is None


def test_what_quotes_the_request_is_not_remembered():
    halves._acl_half.cache_clear()
    long = compact({**RECORD, "terminatingRuleMatchDetails": [{"matchedData": ["x" * 5000]}]})
    assert quick(long) == careful(LOG, long, CONTEXTS[0])
    assert halves._acl_half.cache_info().currsize == 0


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


@settings(max_examples=1000)
@given(st.lists(parts, max_size=6))
def test_whatever_is_in_it_the_document_is_the_same(members):
    line = ("{" + ",".join(['"timestamp":1795236787123', *members]) + "}").encode()
    found = quick(line)
    assert found is None or found == careful(LOG, line, CONTEXTS[0])


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


def test_each_side_reads_its_own_half_only():
    """What one side of the common fields reads must not be sought in the other half."""
    record = {
        **RECORD,
        "action": "BLOCK",
        "terminatingRuleType": "RATE_BASED",
        "terminatingRuleId": "Rate",
        "rateBasedRuleList": [{"rateBasedRuleName": "Rate"}],
        "clientAsn": 1,
    }
    for_decision, for_request = Read(record), Read({**record, "httpRequest": {"clientIp": "203.0.113.66"}})
    common_fields("", decision(for_decision), for_request, CONTEXTS[0])
    assert for_decision.keys_read == halves._DECIDES
    assert for_request.keys_read == halves._ASKS
