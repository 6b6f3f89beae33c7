"""What Splunk is told of a response: one event a step, sourcetype ``aws:siem_bridge:response``.

The workflow sends a step's result; `start` what became of a row that begins no workflow, `release` of each row. The
same event has the same ``status_id``, also when Lambda delivers it twice.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Dict, Iterable, List, Mapping

from response.errors import BadRequest

SOURCETYPE = "aws:siem_bridge:response"
#: ``source`` begins with it, as that of all events of this product.
SOURCE = "aws_siem_bridge:response"
#: Of an incident, of one of its steps, of its end.
STARTED, STEP, FINISHED, FAILED = "started", "step", "finished", "failed"
STATES = (STARTED, STEP, FINISHED, FAILED)
#: Members of an event that are texts, in their order.
_TEXTS = ("incident", "account", "region", "target", "action", "step", "state", "result", "says")
_OF_THE_ALERT = ("sid", "rid", "search", "execution")
#: Longest text of a member: an attacker may have chosen it.
MOST_CHARACTERS = 2_000
#: What `start` says of rows that some workflow tells of.
_TOLD_BY_THE_WORKFLOW = ("started", "attached")
#: Results of a release that ended as it was asked for.
_WELL = ("done", "already_done", "planned")


def status_of(event: Any, now_s: float) -> Dict[str, Any]:
    """Return the event of what the workflow sends. Raises `BadRequest` for one that says no step.

    ``now_s``, epoch seconds, is its time where it says none.
    """
    if not isinstance(event, dict) or not event.get("step"):
        raise BadRequest("the event has no step: publish_status is called by the workflow")
    state = str(event.get("state") or STEP)
    if state not in STATES:
        raise BadRequest(f"state {state[:40]!r} is none of {', '.join(STATES)}")
    time = event.get("time")
    is_number = isinstance(time, (int, float)) and not isinstance(time, bool)
    said = {**event, "state": state, "target": _target(event), "sid": event.get("sid") or event.get("alert") or ""}
    found: Dict[str, Any] = {"time": round(float(time), 3) if is_number else round(now_s, 3)}  # type: ignore[arg-type]
    found.update({name: _text(said.get(name)) for name in (*_TEXTS, *_OF_THE_ALERT)})
    found["dry_run"] = bool(event.get("dry_run", False))
    if event.get("clock"):  # by when something has to be reported: `response.actions.sweep`
        found.update(clock=_text(event["clock"]), due=event.get("due"))
    return {**found, "status_id": _id(found)}


def statuses_of_rows(
    request: Mapping[str, Any], rows: Iterable[Mapping[str, Any]], answers: Iterable[Mapping[str, Any]], now_s: float
) -> List[Dict[str, Any]]:
    """Return the events of rows that begin no workflow: refused, failed, waiting for a person.

    ``request`` has alert, action, search and id; ``answers`` are what `start` returns, each with the number of its row.
    """
    found = []
    numbered = list(rows)
    for answer in answers:
        if answer["result"] in _TOLD_BY_THE_WORKFLOW:
            continue
        row = numbered[answer["row"]] if 0 <= answer["row"] < len(numbered) else {}
        event = {
            **{name: row.get(name) for name in ("account", "region", "instance", "rid")},
            "target": row.get("instance") or row.get("principal") or row.get("address") or row.get("arn"),
            "incident": answer.get("incident"), "action": request.get("action"), "sid": request.get("alert"),
            "search": request.get("search"), "step": "start", "result": answer["result"], "says": answer["says"],
            "state": STEP if answer["result"].startswith("waits") else FAILED,
            "time": now_s, "execution": request.get("id"),
        }  # fmt: skip
        status = status_of(event, now_s)
        # A hand-over that comes again is answered as before, later: it is the same event.
        found.append({**status, "status_id": _id({**status, "time": 0, "status_id": ""})})
    return found


def status_of_release(
    request: Mapping[str, Any], row: Mapping[str, Any], answer: Mapping[str, Any], dry_run: bool, now_s: float
) -> Dict[str, Any]:
    """Return the event of a row that the function `release` was asked for, which no workflow tells of.

    ``row`` has account, region and instance as they were understood; ``answer`` is what `release` returns of it.
    """
    known = {name: row.get(name) for name in ("account", "region", "instance", "rid")}
    event = {
        **known, "target": row.get("instance") or row.get("arn"), "incident": answer["incident"],
        "action": request.get("action") or "release_instance", "sid": request.get("alert"),
        "search": request.get("search"), "step": "release", "result": answer["result"], "says": answer["says"],
        "state": FINISHED if answer["result"] in _WELL else FAILED, "dry_run": dry_run, "time": now_s,
        "execution": request.get("id"),
    }  # fmt: skip
    return status_of(event, now_s)


def _target(event: Mapping[str, Any]) -> str:
    given = event.get("target") or event.get("instance")
    if given:
        return _text(given)
    addresses = event.get("addresses")
    return ", ".join(map(str, addresses)) if isinstance(addresses, list) else ""


def _text(value: Any) -> str:
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}... ({len(text)} characters)"


def _id(found: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:32]
