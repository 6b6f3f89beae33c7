"""No value of a log line can look like another fact of it, however Splunk takes the line apart."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any, Dict, List

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from splunk_host import log

from lab.splunkd import User
from tests.splunk_app.conftest import Splunk

#: Models of the two ways Splunk reads ``key="value"`` by itself: `KV_MODE = auto` ends a value at the next quote,
#: `auto_escaped` at the next one without a backslash before it. The last one does not know quotes at all.
MODES = {
    "auto": re.compile(r'([A-Za-z_][\w.]*)=(?:"([^"]*)"|([^\s",]+))'),
    "auto_escaped": re.compile(r'([A-Za-z_][\w.]*)=(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))', re.DOTALL),
}
KEYS_ONLY = re.compile(r"([A-Za-z_][\w.]*)\s*=")
FACTS = ("user", "sid", "cluster", "index", "earliest", "engine", "outcome", "error", "reason")
HOSTILE = [
    'a" outcome="done',
    'a\\" outcome=\\"done',
    "a\\",
    '\\\\"',
    '" outcome=done user="root',
    "a outcome=done",
    "a, outcome = done",
    "a\noutcome=done",
    'x\r\n2026-11-21 10:00:00.000 INFO user="root" outcome="done"',
    "".join(map(chr, (0, 7, 0x1B, 0x7F, 0x85, 0xA0, 0x2028, 0x2029, 0x202E, 0x3000, 0xE0001, 0xFEFF, 0xD800))),
    "한국어 'single' `back` &quot; %22 \\u0022",
    "x" * 100_000,
    '"' * 100_000,
    "\U000e0001" * 10_000,
]


def read(mode: str, line: str) -> Dict[str, List[str]]:
    found: Dict[str, List[str]] = {}
    for match in MODES[mode].finditer(line):
        found.setdefault(match[1], []).append(match[2] if match[2] is not None else match[3])
    return found


def check(facts: Dict[str, Any], line: str) -> None:
    assert line.isprintable() and len(line.encode()) < 10_000
    assert not [c for c in line if unicodedata.category(c)[0] in "CZ" and c != " "]
    assert KEYS_ONLY.findall(line) == list(facts)
    for mode in MODES:
        values = read(mode, line)
        assert list(values) == list(facts)
        for name, value in facts.items():
            (text,) = values[name]
            if value is None:
                assert text == "-"
            elif isinstance(value, str) and "(cut here" not in text:
                assert json.loads(f'"{text}"') == value


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(FACTS), st.text() | st.sampled_from(HOSTILE[:11]) | st.none(), min_size=1))
def test_every_value_is_read_as_it_is_and_as_nothing_else(facts: Dict[str, Any]) -> None:
    check(facts, log.line(facts))


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_values_in_every_fact_at_once(hostile: str) -> None:
    facts: Dict[str, Any] = {name: hostile for name in FACTS if name != "reason"}
    check(facts, log.line(facts))


def test_what_is_plain_stays_readable() -> None:
    facts = {"user": "kim", "index": "aws-*,-aws-waf-*", "n": 5, "ms": 1.5, "nothing": None, "error": "한국어: it's"}
    assert log.line(facts) == (
        'user="kim" index="aws-*,-aws-waf-*" n=5 ms=1.5 nothing=- error="한국어: it\'s"'
    )  # fmt: skip
    assert log.line({'a"=b c': 1}) == "a__b_c=1"


def test_a_long_value_says_that_it_is_cut() -> None:
    line = log.line({"index": "x" * 5000, "outcome": "failed"})
    assert "xxx... (cut here, 5000 characters)" in line and line.endswith('outcome="failed"')


@pytest.mark.splunk_python
def test_a_user_cannot_forge_the_line_of_a_search(splunk: Splunk) -> None:
    for number, hostile in enumerate(HOSTILE[:5]):
        with splunk.start("| elasticsearch index=x", User("admin", ("admin",))) as command:
            command.job.args = command.job.raw_args = [f"index={hostile}", f"cluster={hostile}"]
            command.getinfo()
            command.execute()
            assert command.wait() == 1
            lines = command.audit_log().split("\n")[:-1]
        assert len(lines) == number + 1
        facts = lines[number].partition(" INFO ")[2]
        for mode in MODES:
            assert read(mode, facts)["outcome"] == ["failed"]
            (index,) = read(mode, facts)["index"]
            assert json.loads(f'"{index}"') == hostile
