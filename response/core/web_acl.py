"""Whether a web ACL blocks what is in an IP set: its rules as WAF's `GetWebACL` gives them. Pure.

https://docs.aws.amazon.com/waf/latest/developerguide/waf-rules.html
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Tuple

#: How a statement uses a set: it is enough that the address is in it; more has to be true; not at all.
_ALONE, _WITH_MORE, _NOT = 2, 1, 0


class Use(NamedTuple):
    """Rules of one web ACL that use a set."""

    #: Names of rules that block whatever is in it.
    blocking: Tuple[str, ...] = ()
    #: Rules that use it and do not block by it, each in words.
    otherwise: Tuple[str, ...] = ()
    #: Names of rules before the first blocking one that let traffic pass at once.
    allowed_before: Tuple[str, ...] = ()


def rule_groups(acl: Mapping[str, Any]) -> List[str]:
    """Return the ARNs of the rule groups of a web ACL, those of Firewall Manager too."""
    found = []
    for rule in _rules(acl):
        group = (rule.get("Statement") or {}).get("RuleGroupReferenceStatement")
        if group:
            found.append(str(group["ARN"]))
    return found


def use_of(acl: Mapping[str, Any], arn: str, groups: Mapping[str, Mapping[str, Any]]) -> Use:
    """Return how a web ACL uses the set ``arn``. ``groups``: ARN of a rule group -> the group."""
    blocking: List[str] = []
    otherwise: List[str] = []
    allowed: List[str] = []
    for rule in _rules(acl):
        statement = rule.get("Statement") or {}
        reference = statement.get("RuleGroupReferenceStatement")
        if reference:
            inner = _of_group(rule, reference, groups.get(reference["ARN"]) or {}, arn)
            blocking += inner.blocking
            otherwise += inner.otherwise
            continue
        action = _action(rule)
        how = _uses(statement, arn)
        if how == _ALONE and action == "Block":
            blocking.append(rule["Name"])
        elif how:
            otherwise.append(f"the rule {rule['Name']} {_why_not(how, action)}")
        elif action == "Allow" and not blocking:
            allowed.append(rule["Name"])
    return Use(tuple(blocking), tuple(otherwise), tuple(allowed) if blocking else ())


def _rules(acl: Mapping[str, Any]) -> List[Dict[str, Any]]:
    """Return a web ACL's rules in the order in which they are looked at."""
    managed = [
        [
            {**each, "Statement": each.get("FirewallManagerStatement") or {}}
            for each in acl.get(f"{when}ProcessFirewallManagerRuleGroups") or ()
        ]
        for when in ("Pre", "Post")
    ]
    parts: Iterable[List[Dict[str, Any]]] = (managed[0], list(acl.get("Rules") or ()), managed[1])
    return [rule for part in parts for rule in sorted(part, key=lambda each: int(each.get("Priority") or 0))]


def _of_group(rule: Mapping[str, Any], reference: Mapping[str, Any], group: Mapping[str, Any], arn: str) -> Use:
    instead = {each["Name"]: _name(each.get("ActionToUse")) for each in reference.get("RuleActionOverrides") or ()}
    instead.update({each["Name"]: "Count" for each in reference.get("ExcludedRules") or ()})
    whole = _name(rule.get("OverrideAction"))
    blocking, otherwise = [], []
    for each in group.get("Rules") or ():
        how = _uses(each.get("Statement") or {}, arn)
        if not how:
            continue
        action = "Count" if whole == "Count" else instead.get(each["Name"]) or _action(each)
        name = f"{each['Name']} of {rule['Name']}"
        if how == _ALONE and action == "Block":
            blocking.append(name)
        else:
            otherwise.append(f"the rule {name} {_why_not(how, action)}")
    return Use(tuple(blocking), tuple(otherwise))


def _uses(statement: Mapping[str, Any], arn: str) -> int:
    reference = statement.get("IPSetReferenceStatement")
    if reference:
        return _ALONE if reference.get("ARN") == arn else _NOT
    for name, value in statement.items():
        if name == "OrStatement":
            return max((_uses(each, arn) for each in value.get("Statements") or ()), default=_NOT)
        if name == "AndStatement":
            parts = [_uses(each, arn) for each in value.get("Statements") or ()]
            return _WITH_MORE if any(parts) else _NOT
        if name == "NotStatement":
            return _WITH_MORE if _uses(value.get("Statement") or {}, arn) else _NOT
        if isinstance(value, Mapping) and value.get("ScopeDownStatement"):
            return _WITH_MORE if _uses(value["ScopeDownStatement"], arn) else _NOT
    return _NOT


def _why_not(how: int, action: str) -> str:
    if how == _WITH_MORE:
        return "asks for more than that an address is in the set"
    return f"does not block: its action is {action or 'unknown'}"


def _action(rule: Mapping[str, Any]) -> str:
    return _name(rule.get("Action"))


def _name(action: Any) -> str:
    return next(iter(action), "") if isinstance(action, Mapping) else ""
