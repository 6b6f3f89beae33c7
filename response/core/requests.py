"""What asks for a response: an alert of Splunk with its rows, or an event of EventBridge about a finding of GuardDuty.

A sample of GuardDuty is never acted on: anybody who may create sample findings would isolate what they name.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple

from response.core.cases import ACTIONS, RESPOND
from response.errors import BadRequest

GUARDDUTY_EVENT = "GuardDuty Finding"
#: An alert's name is part of keys: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
_LONGEST_ALERT = 1_000


class Request(NamedTuple):
    """One request. ``alert`` names it for good; each row names what to act on, or says why it must not be acted on."""

    alert: str
    rows: List[Mapping[str, Any]]
    action: str = RESPOND
    #: Names the hand-over: the same id again is answered as it was the first time. Empty for none.
    id: str = ""
    search: str = ""
    user: str = ""
    options: Mapping[str, str] = {}


def request_of(event: Any, least_severity: float = 7.0) -> Request:
    """Return what an event asks for. Raises `BadRequest` for one of another shape.

    Splunk's alert action sends ``{"id", "action", "alert": "<sid>", "search", "user", "options": {text: text},
    "rows": [{"rid", "instance", "account", "region", "arn", "principal", "address", "sample", ...}]}``; without
    ``action`` it is the whole response.
    """
    if not isinstance(event, dict):
        raise BadRequest(f"a request is an object, this is {type(event).__name__}")
    if event.get("detail-type") == GUARDDUTY_EVENT:
        return _of_guardduty(event, least_severity)
    alert, rows = event.get("alert"), event.get("rows")
    if not isinstance(alert, str) or not 0 < len(alert) <= _LONGEST_ALERT:
        raise BadRequest(
            f"alert is missing, or no text of at most {_LONGEST_ALERT:,} characters: send the search's sid"
        )
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadRequest('rows is no list of objects: send {"alert": "<sid>", "rows": [{"instance": "i-..."}]}')
    action = event.get("action") or RESPOND
    if action not in ACTIONS:
        raise BadRequest(f"there is no action {str(action)[:80]!r}; there is {', '.join(ACTIONS)}")
    options = event.get("options") or {}
    if not isinstance(options, dict) or not all(isinstance(each, str) for each in options.values()):
        raise BadRequest("options is no object of texts")
    texts = {name: event.get(name) or "" for name in ("id", "search", "user")}
    for name, text in texts.items():
        if not isinstance(text, str) or len(text) > _LONGEST_ALERT:
            raise BadRequest(f"{name} is no text of at most {_LONGEST_ALERT:,} characters")
    return Request(alert, [_unless_sample(row) for row in rows], action, options=options, **texts)


def _of_guardduty(event: Mapping[str, Any], least_severity: float) -> Request:
    """https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings_eventbridge.html."""
    detail = event.get("detail")
    if not isinstance(detail, dict) or not detail.get("id"):
        raise BadRequest("the event of GuardDuty has no finding in its detail")
    instance = ((detail.get("resource") or {}).get("instanceDetails") or {}).get("instanceId") or ""
    # GuardDuty uses an id again when the same thing happens again, so the time of the update belongs to the name.
    alert = f"guardduty:{detail['id']}:{detail.get('updatedAt', '')}"
    row: Dict[str, Any] = {
        "instance": instance,
        # Of a member, which is not the account of the event where an administrator gets it.
        "account": str(detail.get("accountId") or event.get("account") or ""),
        "region": str(detail.get("region") or event.get("region") or ""),
        "sample": bool(((detail.get("service") or {}).get("additionalInfo") or {}).get("sample")),
    }
    if not instance:
        row["refuse"] = f"the finding {detail.get('type', '')} is about no instance"
    elif float(detail.get("severity") or 0) < least_severity:
        row["refuse"] = f"its severity {detail.get('severity')} is below {least_severity:g}"
    return Request(alert, [_unless_sample(row)])


def _unless_sample(row: Mapping[str, Any]) -> Mapping[str, Any]:
    if str(row.get("sample") or "").lower() in ("true", "1"):
        return {**row, "refuse": "it is a sample finding: nothing is done about it"}
    return row
