"""What a web ACL thought of a request: blocked, or only counted, and by which rules. Pure.

The top-level ``action`` of a WAF record is never COUNT: a request that rules recognised as an attack and were told only
to count has the action ALLOW. Where such rules are named
(https://docs.aws.amazon.com/waf/latest/developerguide/logging-fields.html):

- ``nonTerminatingMatchingRules``, of the web ACL and of each rule group, with the action COUNT. CAPTCHA and CHALLENGE
  there mean that the client has shown a valid token: no detection;
- ``ruleGroupList[].excludedRules`` (EXCLUDED_AS_COUNT), the older way to count a rule of a group;
- ``ruleGroupList[].terminatingRule`` of a group that is counted as a whole: the rule ended the group, not the request;
- ``rateBasedRuleList``: rates that are exceeded, whatever the rule does then.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Tuple

BLOCKED, CHALLENGED, COUNTED, PASSED = "blocked", "challenged", "counted", "passed"

_ENDS = {"BLOCK": BLOCKED, "CAPTCHA": CHALLENGED, "CHALLENGE": CHALLENGED}
_IN_A_GROUP = ("GROUP", "MANAGED_RULE_GROUP")
_COUNTS = ("COUNT", "EXCLUDED_AS_COUNT")


class Detection(NamedTuple):
    """``verdict`` is `BLOCKED`, `CHALLENGED` (no valid token was shown), `COUNTED` (let through, but rules that count
    matched) or `PASSED`.
    """

    verdict: str
    #: The rule that decided, in a group the group's own; empty for the web ACL's default action.
    terminating_rule: str
    #: The rules that matched and only counted, each once.
    counted_rules: Tuple[str, ...]


def detection(fields: Mapping[str, Any]) -> Detection:
    """Return what the rules thought of the request of a decoded WAF record. What has an odd shape says nothing."""
    get = fields.get
    terminating = get("terminatingRuleId")
    if type(terminating) is not str or terminating == "Default_Action":
        terminating = ""
    counted: List[str] = []
    matching = get("nonTerminatingMatchingRules")
    if matching:
        _add_counting(counted, matching)
    groups = get("ruleGroupList")
    if groups:
        deciding = _add_groups(counted, groups)
        if deciding and get("terminatingRuleType") in _IN_A_GROUP:
            terminating = counted.pop(deciding - 1)
    rates = get("rateBasedRuleList")
    for rate in _objects(rates) if rates else ():
        names = (rate.get("rateBasedRuleName"), rate.get("rateBasedRuleId"))
        if terminating not in names or get("terminatingRuleType") != "RATE_BASED":
            _add(counted, names[0] or names[1])
    action = get("action")
    verdict = _ENDS.get(action) if type(action) is str else None
    if counted:
        counted = list(dict.fromkeys(counted))
    return Detection(verdict or (COUNTED if counted else PASSED), terminating, tuple(counted))


def _add_groups(counted: List[str], groups: Any) -> int:
    """Add what the rules of the groups counted, and the rules that ended a group; return where the last of these is,
    from 1, and 0 if there is none. If a group ended the request it is that one: nothing is looked at after it.
    """
    last = 0
    for group in _objects(groups):
        get = group.get
        matching, excluded, ending = get("nonTerminatingMatchingRules"), get("excludedRules"), get("terminatingRule")
        if matching:
            _add_counting(counted, matching)
        if excluded:
            for rule in _objects(excluded):
                _add(counted, rule.get("ruleId"))
        if ending and type(ending) is dict and _add(counted, ending.get("ruleId")):
            last = len(counted)
    return last


def _add_counting(counted: List[str], rules: Any) -> None:
    for rule in _objects(rules):
        if rule.get("action", "COUNT") in _COUNTS:
            _add(counted, rule.get("ruleId"))


def _add(counted: List[str], rule: Any) -> bool:
    if type(rule) is not str or not rule:
        return False
    counted.append(rule)
    return True


def _objects(value: Any) -> List[Dict[str, Any]]:
    return [item for item in value if type(item) is dict] if type(value) is list else []
