"""Blocked, challenged, only counted or let through: where a WAF record says so, and by which rules."""

from __future__ import annotations

from typing import Any, Dict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.sources.waf.detection import BLOCKED, CHALLENGED, COUNTED, PASSED, Detection, detection


def record(**values: Any) -> Dict[str, Any]:
    return {"action": "ALLOW", "terminatingRuleId": "Default_Action", "terminatingRuleType": "REGULAR", **values}


def rule(name: str, action: str = "COUNT") -> Dict[str, Any]:
    return {"ruleId": name, "action": action}


def group(ending: Any = None, matching: Any = (), excluded: Any = None) -> Dict[str, Any]:
    return {
        "ruleGroupId": "AWS#Group",
        "terminatingRule": ending,
        "nonTerminatingMatchingRules": list(matching),
        "excludedRules": excluded,
    }


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, Detection(PASSED, "", ())),
        ({"terminatingRuleId": "AllowOffice"}, Detection(PASSED, "AllowOffice", ())),
        ({"action": "BLOCK"}, Detection(BLOCKED, "", ())),
        ({"action": "BLOCK", "terminatingRuleId": "BadCountry"}, Detection(BLOCKED, "BadCountry", ())),
        ({"action": "CAPTCHA", "terminatingRuleId": "Ask"}, Detection(CHALLENGED, "Ask", ())),
        ({"action": "CHALLENGE", "terminatingRuleId": "Ask"}, Detection(CHALLENGED, "Ask", ())),
        ({"action": "MONETIZE", "terminatingRuleId": "Pay"}, Detection(PASSED, "Pay", ())),
        ({"nonTerminatingMatchingRules": [rule("A"), rule("B")]}, Detection(COUNTED, "", ("A", "B"))),
        ({"nonTerminatingMatchingRules": [rule("A"), rule("A")]}, Detection(COUNTED, "", ("A",))),
        ({"nonTerminatingMatchingRules": [{"ruleId": "A"}]}, Detection(COUNTED, "", ("A",))),
        # The client had a valid token: nothing is wrong with it.
        ({"nonTerminatingMatchingRules": [rule("A", "CAPTCHA"), rule("B", "CHALLENGE")]}, Detection(PASSED, "", ())),
        ({"ruleGroupList": [group(matching=[rule("G")])]}, Detection(COUNTED, "", ("G",))),
        (
            {"ruleGroupList": [group(excluded=[{"exclusionType": "EXCLUDED_AS_COUNT", "ruleId": "X"}])]},
            Detection(COUNTED, "", ("X",)),
        ),
        # A group that is counted as a whole: its rule ended the group, not the request.
        ({"ruleGroupList": [group(rule("E", "BLOCK"))]}, Detection(COUNTED, "", ("E",))),
        (
            {
                "nonTerminatingMatchingRules": [rule("MyGroup")],
                "ruleGroupList": [group(rule("E", "BLOCK"), [rule("G")])],
            },
            Detection(COUNTED, "", ("MyGroup", "G", "E")),
        ),
        # The last group whose rule ended it is the one that ended the request.
        (
            {
                "action": "BLOCK",
                "terminatingRuleId": "MyGroup",
                "terminatingRuleType": "MANAGED_RULE_GROUP",
                "ruleGroupList": [group(rule("E1", "BLOCK")), group(rule("E2", "BLOCK"), [rule("G")])],
            },
            Detection(BLOCKED, "E2", ("E1", "G")),
        ),
        (
            {
                "action": "BLOCK",
                "terminatingRuleId": "Mine",
                "terminatingRuleType": "REGULAR",
                "ruleGroupList": [group(rule("E", "BLOCK"))],
            },
            Detection(BLOCKED, "Mine", ("E",)),
        ),
        (
            {"action": "BLOCK", "terminatingRuleId": "MyGroup", "terminatingRuleType": "GROUP", "ruleGroupList": []},
            Detection(BLOCKED, "MyGroup", ()),
        ),
        # The same rule id in two groups: one counted, one decided.
        (
            {
                "action": "BLOCK",
                "terminatingRuleId": "MyGroup",
                "terminatingRuleType": "GROUP",
                "ruleGroupList": [group(rule("E", "BLOCK")), group(rule("E", "BLOCK"))],
            },
            Detection(BLOCKED, "E", ("E",)),
        ),
        (
            {"rateBasedRuleList": [{"rateBasedRuleId": "id", "rateBasedRuleName": "Rate"}]},
            Detection(COUNTED, "", ("Rate",)),
        ),
        ({"rateBasedRuleList": [{"rateBasedRuleId": "id"}]}, Detection(COUNTED, "", ("id",))),
        (
            {
                "action": "BLOCK",
                "terminatingRuleId": "Rate",
                "terminatingRuleType": "RATE_BASED",
                "rateBasedRuleList": [{"rateBasedRuleName": "Rate"}, {"rateBasedRuleName": "Other"}],
            },
            Detection(BLOCKED, "Rate", ("Other",)),
        ),
        (
            {
                "action": "BLOCK",
                "terminatingRuleId": "id",  # WAF Classic names the rule by its id
                "terminatingRuleType": "RATE_BASED",
                "rateBasedRuleList": [{"rateBasedRuleId": "id"}],
            },
            Detection(BLOCKED, "id", ()),
        ),
    ],
)
def test_detections(values, expected):
    assert detection(record(**values)) == expected


MISSING = [..., None, "", 5, [], "NEW_OF_AWS"]


@pytest.mark.parametrize("kind", [*MISSING, "GROUP", "group", "Managed_Rule_Group"])
@pytest.mark.parametrize("terminating", ["E", "MyGroup", "arn:aws:wafv2:::rulegroup/MyGroup"])
def test_a_rule_that_decided_is_not_a_counted_one_when_its_kind_is_missing(kind, terminating):
    values = {"terminatingRuleId": terminating, "terminatingRuleType": kind}
    for action, verdict in (("BLOCK", BLOCKED), ("CAPTCHA", CHALLENGED), ("CHALLENGE", CHALLENGED), ("ALLOW", COUNTED)):
        groups = [group(rule("Before", "BLOCK")), group(rule("E", action), [rule("G")])]
        found = detection(written(action=action, ruleGroupList=groups, **values))
        assert found == Detection(verdict, "E", ("Before", "G"))


@pytest.mark.parametrize("kind", MISSING)
def test_a_rule_that_ended_a_counted_group_stays_a_counted_one_when_the_kind_is_missing(kind):
    groups = [group(rule("E", "BLOCK"))]
    for values in (
        {"action": "ALLOW", "terminatingRuleId": "Default_Action"},
        {"action": "BLOCK", "terminatingRuleId": "Default_Action"},
        {"action": "ALLOW", "terminatingRuleId": "AllowOffice"},
        {"action": "CAPTCHA", "terminatingRuleId": "Ask"},
    ):
        found = detection(written(terminatingRuleType=kind, ruleGroupList=groups, **values))
        assert found.counted_rules == ("E",)


@pytest.mark.parametrize("kind", [*MISSING, "RATE_BASED", "REGULAR"])
@pytest.mark.parametrize("name", ["rateBasedRuleName", "rateBasedRuleId"])
def test_a_rate_that_decided_is_not_a_counted_one(kind, name):
    rates = [{name: "Rate"}, {name: "Other"}]
    values = {"action": "BLOCK", "terminatingRuleId": "Rate", "terminatingRuleType": kind, "rateBasedRuleList": rates}
    assert detection(written(**values)) == Detection(BLOCKED, "Rate", ("Other",))


def written(**values: Any) -> Dict[str, Any]:
    """Return a record without the members whose value is ``...``."""
    return {name: value for name, value in record(**values).items() if value is not ...}


odd = st.recursive(
    st.none() | st.integers() | st.text(max_size=3) | st.sampled_from(["COUNT", "BLOCK", "GROUP"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["ruleId", "action", "terminatingRule", "nonTerminatingMatchingRules", "excludedRules"]), inner
    ),
    max_leaves=10,
)
NAMES = (
    "action",
    "terminatingRuleId",
    "terminatingRuleType",
    "nonTerminatingMatchingRules",
    "ruleGroupList",
    "rateBasedRuleList",
)


@given(st.dictionaries(st.sampled_from(NAMES), odd))
def test_odd_shapes_say_nothing_and_break_nothing(fields):
    found = detection(fields)
    assert found.verdict in (BLOCKED, CHALLENGED, COUNTED, PASSED)
    assert all(isinstance(name, str) for name in (found.terminating_rule, *found.counted_rules))
