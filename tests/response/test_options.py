"""What Splunk's alert actions offer, what the table of options has, and what is read: the same names everywhere."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import Set

import pytest

from response.core import cases
from response.core.options import OF_ONE_FINDING, OPTIONS, options_of
from response.core.requests import Request
from response.handlers import collect_volatile
from response.handlers.options import option
from response.handlers.step import step_of
from response.state_machines import definition
from tests.response.workshop import Workshop

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT / "splunk_app" / "package" / "bin") not in sys.path:
    sys.path.insert(0, str(ROOT / "splunk_app" / "package" / "bin"))
from alert_actions.actions import ACTIONS  # noqa: E402  # isort: skip

_READERS = ("option", "chosen", "several")
_DIRECT = re.compile(r"""options(?:\.get\(|\[)["']([a-z_]+)["']|_options\(event\)\.get\("([a-z_]+)"\)""")


def read() -> Set[str]:
    """Return the options that the response reads, by its source."""
    found = set(re.findall(r"\$job\.options\.(\w+)", definition.text()))
    for path in (ROOT / "response").rglob("*.py"):
        if "cli" in path.relative_to(ROOT / "response").parts:
            continue
        text = path.read_text("utf-8")
        found |= {first or second for first, second in _DIRECT.findall(text)}
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _READERS:
                found |= {each.value for each in node.args[1:2] if isinstance(each, ast.Constant)}
    return found


def test_what_is_read_is_in_the_table_and_nothing_else():
    # finding_of reads its three in a loop.
    assert read() | {"product", "finding", "product_arn"} == set(OPTIONS) | OF_ONE_FINDING


@pytest.mark.parametrize("action", ACTIONS.values(), ids=list(ACTIONS))
def test_an_alert_action_offers_what_its_action_takes(action):
    names = [each.name for each in action.options]
    assert len(names) == len(set(names)) and set(names) == options_of(action.action)


def test_every_action_is_offered():
    assert {each.action for each in ACTIONS.values()} == set(cases.ACTIONS)


def test_an_option_that_no_action_has_cannot_be_read(room):
    known = {"incident": "i-1", "options": {"ip_set": "mine"}}
    step = step_of(known, {"AWS_REGION": "eu-west-1"}, ())
    with pytest.raises(KeyError, match="no action has the option ip_set"):
        option(step, "ip_set")


def test_memory_that_is_not_asked_for_is_not_collected(room):
    settings = {f"AWS_SIEM_BRIDGE_{name}": "x" for name in collect_volatile.REQUIRED}
    known = {"incident": "i-1", "account": room.account.id, "region": "eu-west-1", "instance": "i-0123456789abcdef0"}
    room.session.made.clear()
    found = collect_volatile.do({**known, "options": {"volatile": "0"}}, {"AWS_REGION": "eu-west-1", **settings})
    assert (found["result"], "volatile=no" in found["says"], "evidence" in found) == ("done", True, False)


def test_a_response_that_stays_soft_and_takes_credentials(room):
    target = room.server()
    row = {"instance": target.instance, "account": target.account, "region": target.region}
    options = {"mode": "soft", "revoke_credentials": "1"}
    with Workshop(room) as workshop:
        (asked,) = workshop.ask(Request("sid-1", [row], options=options))
        assert workshop.well(asked.incident) == "done"
        assert [each["mode"] for each in workshop.called("isolate", asked.incident)] == ["soft"]
        for step in ("collect_volatile", "revoke_credentials", "archive"):
            assert workshop.called(step, asked.incident), step
