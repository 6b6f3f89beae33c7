"""What a web ACL thought of a request: blocked, or only counted, and by which rules. Pure.

The top-level ``action`` of a WAF record is never COUNT: a request that rules recognised as an attack and were told only
to count has the action ALLOW. Where such rules are named
(https://docs.aws.amazon.com/waf/latest/developerguide/logging-fields.html):

- ``nonTerminatingMatchingRules``, of the web ACL and of each rule group, with the action COUNT. CAPTCHA and CHALLENGE
  there mean that the client has shown a valid token: no detection;
- ``ruleGroupList[].excludedRules`` (EXCLUDED_AS_COUNT), the older way to count a rule of a group;
- ``ruleGroupList[].terminatingRule`` of a group that is counted as a whole: the rule ended the group, not the request.
  Which of the two it was terminatingRuleType says; where that is missing, whether the rule did what was done then;
- ``rateBasedRuleList``: rates that are exceeded, whatever the rule does then.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Tuple

BLOCKED, CHALLENGED, COUNTED, PASSED = "blocked", "challenged", "counted", "passed"

_ENDS = {"BLOCK": BLOCKED, "CAPTCHA": CHALLENGED, "CHALLENGE": CHALLENGED}
_IN_A_GROUP = ("GROUP", "MANAGED_RULE_GROUP")
_NOT_IN_A_GROUP = ("REGULAR", "RATE_BASED")
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
    action, terminating = get("action"), get("terminatingRuleId")
    if type(action) is not str:
        action = ""
    if type(terminating) is not str or terminating == "Default_Action":
        terminating = ""
    matching, groups, rates = get("nonTerminatingMatchingRules"), get("ruleGroupList"), get("rateBasedRuleList")
    groups = [group for group in groups if type(group) is dict and _matched(group)] if type(groups) is list else ()
    if not matching and not groups and not rates:  # nearly always
        return _detection(action, terminating)
    counted: List[str] = []
    _add_counting(counted, matching)
    last, its_action = _add_groups(counted, groups)
    if last and _decided(get("terminatingRuleType"), get("terminatingRuleId"), action, its_action):
        terminating = counted.pop(last - 1)
    for rate in _objects(rates):
        names = (rate.get("rateBasedRuleName"), rate.get("rateBasedRuleId"))
        if not terminating or terminating not in names:  # names are unique in a web ACL: that one decided
            _add(counted, names[0] or names[1])
    return _detection(action, terminating, tuple(dict.fromkeys(counted)))


@lru_cache(maxsize=4096)
def _detection(action: str, terminating: str, counted: Tuple[str, ...] = ()) -> Detection:
    return Detection(_ENDS.get(action) or (COUNTED if counted else PASSED), terminating, counted)


def _matched(group: Mapping[str, Any]) -> bool:
    """Return whether a rule of the group matched, whatever it did then."""
    get = group.get
    return bool(get("terminatingRule") or get("nonTerminatingMatchingRules") or get("excludedRules"))


def _decided(kind: Any, terminating: Any, action: str, its_action: Any) -> bool:
    """Return whether the last rule that ended a group ended the request as well; ``kind`` is terminatingRuleType.

    Where the record does not say so, by whether the group's rule did what was done to the request.
    """
    kind = kind.upper() if type(kind) is str else ""
    if kind in _IN_A_GROUP:
        return True
    if kind in _NOT_IN_A_GROUP or terminating == "Default_Action":
        return False
    return type(its_action) is not str or its_action.upper() == action.upper()


def _add_groups(counted: List[str], groups: Iterable[Mapping[str, Any]]) -> Tuple[int, Any]:
    """Add what the rules of the groups counted, and the rules that ended a group; return where the last of these is,
    from 1, and 0 if there is none, and its action. If a group ended the request it is that one: nothing is looked at
    after it.
    """
    last, action = 0, None
    for group in groups:
        _add_counting(counted, group.get("nonTerminatingMatchingRules"))
        for rule in _objects(group.get("excludedRules")):
            _add(counted, rule.get("ruleId"))
        ending = group.get("terminatingRule")
        if type(ending) is dict and _add(counted, ending.get("ruleId")):
            last, action = len(counted), ending.get("action")
    return last, action


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
