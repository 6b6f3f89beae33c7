"""The fast path through a Resolver record and the plain way make the same record, whatever it says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.records.addresses import AddressBook
from collectors.records.json_codec import PLAIN, fastest
from collectors.records.record import Context
from collectors.sources.route53_resolver import fast_path
from collectors.sources.route53_resolver.normalise import FORMAT
from tests.collectors.json_logs import REF, compact, lines_of, look_up, plainly, with_any_bytes
from tests.collectors.sources.route53_resolver.test_engines import HOSTILE
from tests.collectors.sources.route53_resolver.test_normalise import RECORD, changed
from tests.examples import examples

CONTEXTS = [Context(REF, codec, AddressBook(look_up)) for codec in (fastest(), PLAIN)]
LINES = lines_of("route53_resolver")


def fast(line: bytes) -> Any:
    """Return what the fast path makes of a line, None where it leaves it to the plain way."""
    found, plain = (fast_path._quickly(line, "id", 7, context) for context in CONTEXTS)
    assert found == plain
    return found


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"answers": []},
        {"answers": [{"Rdata": text, "Type": "A", "Class": "IN"} for text in ("203.0.113.9", "192.0.2.7", "text")]},
        {"answers": [{"Rdata": "x.example.", "Type": "CNAME", "Class": "IN"}, *RECORD["answers"]]},
        {"answers": [{"Rdata": "2001:db8::66", "Type": "AAAA", "Class": "IN"}], "query_type": "AAAA"},
        {"srcids": {}},
        {"srcids": {"resolver_endpoint": "rslvr-in-1"}},
        {"srcids": {"resolver_endpoint": "rslvr-out-1", "resolver_network_interface": "rni-1"}},
        {"firewall_rule_action": "BLOCK", "firewall_rule_group_id": "rslvr-frg-1", "firewall_domain_list_id": "r-1"},
        {"firewall_rule_action": "ALERT", "firewall_rule_group_id": "rslvr-frg-1"},
        {"query_name": ".", "srcaddr": "no address", "srcport": "", "transport": "DOH", "account_id": ""},
        {"query_name": "", "srcaddr": "", "query_type": "", "query_class": "", "rcode": "", "region": ""},
        {"query_timestamp": "2026-11-22T00:30:00.123+09:00", "srcport": "99999", "srcids": {"instance": ""}},
        {"query_name": 'del\x7f.{"}.[],:'.replace('"', "'")},
    ],
)
def test_records_as_aws_writes_them_go_the_fast_path(values):
    line = compact(changed(**values))
    assert fast(line) is not None
    assert fast(line) == plainly(FORMAT, line, CONTEXTS[0])


@pytest.mark.parametrize("line", [*LINES, *map(str.encode, HOSTILE)])
def test_samples_and_hostile_records_are_the_same_either_way(line):
    found = fast(line)
    assert found is None or found == plainly(FORMAT, line, CONTEXTS[0])


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        json.dumps(RECORD).encode(),
        b" " + compact(RECORD),
        compact(RECORD)[:-1],
        compact(RECORD) + b"}",
        compact(RECORD)[:-1] + b',"event":1}',
        compact(RECORD)[:-1] + b',"rcode":"NOERROR"}',
        compact(changed(query_timestamp="yesterday")),
        compact(changed(query_timestamp="2026-11-21T04:53:07Z" + " " * 40)),
        compact(changed(srcport=49152)),
        compact(changed(answers=[{"Rdata": "203.0.113.9", "Type": "A", "Class": "IN", "More": "x"}])),
        compact(changed(answers="text")),
        compact(RECORD).replace(b"}],", b"},],"),
        compact(RECORD).replace(b'"NOERROR"', b'"NO\tERROR"'),
        compact(RECORD).replace(b'"NOERROR"', b'"NO\\u0045RROR"'),
        compact(RECORD).replace(b'"NOERROR"', b'"NO\xffERROR"'),
        compact(changed(query_name="한글.example.")),
        compact(changed(query_name="x" * 9000)),
    ],
)
def test_what_needs_a_closer_look_is_left_to_the_plain_way(line):
    assert fast(line) is None


_texts = st.text('a.:0[]{},"\\\n\x7fé', max_size=4)
_changes = st.dictionaries(
    st.sampled_from([*RECORD, "firewall_rule_action", "firewall_rule_group_id", "more", ""]),
    st.one_of(_texts, st.just(...), st.lists(st.fixed_dictionaries({"Rdata": _texts, "Type": st.just("A")}))),
    max_size=3,
)


@examples(1000)
@given(_changes, st.booleans())
def test_whatever_is_in_it_the_record_is_the_same(values, escaped):
    line = json.dumps(changed(**values), ensure_ascii=escaped, separators=(",", ":")).encode()
    found = fast(line)
    assert found is None or found == plainly(FORMAT, line, CONTEXTS[0])


@examples(1000)
@given(with_any_bytes(compact(RECORD)))
def test_a_line_with_any_bytes_in_it_is_the_same_either_way(line):
    found = fast(line)
    assert found is None or found == plainly(FORMAT, line, CONTEXTS[0])
