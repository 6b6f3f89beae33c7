"""What of a WAF log goes to Splunk: requests that were blocked, counted, challenged, monetised or rate-limited. Pure.

The event is the line as AWS wrote it, with three members of ours in front; the rest of the log is in the raw store.
``httpRequest.requestId`` is chosen or repeated by whoever sends requests, so that the event is known by its object and
its number there: ``siem_bridge_id``.
"""

from __future__ import annotations

import json
from typing import Any, Mapping, NamedTuple, Optional

from collectors.errors import InvalidRecord
from collectors.records.event_time import from_epoch_ms, odd_time
from collectors.records.finding import UNKNOWN, Finding, Severity, inside, text
from collectors.records.json_codec import PLAIN
from collectors.records.record import Context, Origin, Record
from collectors.sources.waf.detection import BLOCKED, PASSED, detection
from collectors.sources.waf.log import LOG

CAPTCHA, CHALLENGED, MONETISED, RATE_LIMITED = "captcha", "challenged", "monetised", "rate_limited"
_BY_ACTION = {"CAPTCHA": CAPTCHA, "CHALLENGE": CHALLENGED, "MONETIZE": MONETISED}
_RATE_BASED = "RATE_BASED"
_ENCODER = json.JSONEncoder(separators=(",", ":"))  # json.dumps makes one for each line


class Selected(NamedTuple):
    """Why a request is kept: what was done with it, and the rule that decided or, of rules that count, the first."""

    action: str
    rule: str


def selected(fields: Mapping[str, Any]) -> Optional[Selected]:
    """Return why a decoded line is kept; ``None`` for a request that no rule had anything against."""
    found = detection(fields)
    action = _BY_ACTION.get(text(fields.get("action")))
    rule = found.terminating_rule or (found.counted_rules[0] if found.counted_rules else "")
    if action is None:
        if found.verdict == PASSED:
            return None
        rate_based = fields.get("terminatingRuleType") == _RATE_BASED
        action = RATE_LIMITED if found.verdict == BLOCKED and rate_based else found.verdict
    return Selected(action, rule)


def kept(line: bytes, identity: str, number: int, context: Context) -> Finding:
    """Return the event of a line; its text is empty if it is not kept. Raises `InvalidRecord` for another log's line.

    It is no finding of AWS's, but what is said of one is said of it: a rule, and who did what where.
    """
    try:
        fields = PLAIN.loads(line)
    except (ValueError, RecursionError) as exc:
        raise InvalidRecord(f"the record is not JSON: {exc}") from exc
    if not isinstance(fields, dict) or "webaclId" not in fields:
        raise InvalidRecord("the record is none of a web ACL: it has no webaclId")
    why = selected(fields)
    stamp = fields.get("timestamp")
    time = from_epoch_ms(stamp) if type(stamp) is int else odd_time(stamp)
    borrowed = context.object_time
    if time is None and borrowed is None:
        raise InvalidRecord("the record has no time, and neither has its object")
    time_ms = time.epoch_ms if time else borrowed.time.epoch_ms  # type: ignore[union-attr]
    acl = text(fields.get("webaclId")).split(":")
    origin = Origin(acl[4], acl[3]) if len(acl) > 5 else Origin()
    body = b""
    if why is not None:
        own = {"siem_bridge_action": why.action, "siem_bridge_rule": why.rule, "siem_bridge_id": identity}
        body = _ENCODER.encode(own).encode()[:-1] + b"," + line[1:]
    who = f"{text(inside(fields, 'httpRequest', 'clientIp'))} {text(fields.get('httpSourceId'))}"
    record = Record(LOG.name, time_ms, identity, body, number, origin)
    return Finding(record, "", b"", Severity(0.0, UNKNOWN), why.rule if why else "", who)
