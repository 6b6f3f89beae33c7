"""What the web ACL made of a request, as common fields of the document."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Dict, Mapping, NamedTuple, Tuple

from collectors.records.exact_json import encode
from collectors.sources.waf.detection import detection
from collectors.sources.waf.log import LOG

DATASET = LOG.event_dataset

_OUTCOMES = {"ALLOW": "success", "BLOCK": "failure", "CAPTCHA": "failure", "CHALLENGE": "failure"}


class Decision(NamedTuple):
    """Members as JSON, without the braces of the object they belong to."""

    #: Of ``event``.
    event: str
    #: ``http.response``, with a comma before it.
    response: str
    #: ``rule``, ``waf`` and ``cloud``, with a comma before each.
    rest: str


def decision(fields: Mapping[str, Any]) -> Decision:
    """Return what a decoded record says about the web ACL and what it did. What has an odd shape says nothing."""
    get = fields.get
    status, rule, acl = get("responseCodeSent"), get("terminatingRuleId"), get("webaclId")
    action = get("action")
    return _decision(
        action if type(action) is str else "",
        rule if type(rule) is str else "",
        acl if type(acl) is str else "",
        status if type(status) is int else 0,
        detection(fields),
    )


@lru_cache(maxsize=4096)
def _decision(action: str, rule: str, acl: str, status: int, found: Tuple[Any, ...]) -> Decision:
    verdict, terminating_rule, counted_rules = found
    arn = acl.split(":")
    of_acl = {"region": arn[3], "account": {"id": arn[4]}} if len(arn) > 5 and arn[4] else {}
    rest = {
        "rule": {"id": terminating_rule, "name": rule} if terminating_rule else {},
        "waf": _without_empty({"verdict": verdict, "counted_rules": list(counted_rules)}),
        "cloud": {"provider": "aws", **of_acl},
    }
    event = {"dataset": DATASET, "action": action, "outcome": _OUTCOMES.get(action)}
    return Decision(
        encode(_without_empty(event))[1:-1],
        f',"response":{{"status_code":{status}}}' if status else "",
        "," + encode(_without_empty(rest))[1:-1],
    )


def _without_empty(members: Mapping[str, Any]) -> Dict[str, Any]:
    return {key: value for key, value in members.items() if value}
