"""The requests that an alert makes: what `start` reads, in pieces that Lambda takes, each with an id of its own.

The id follows from what is asked for, so that the same alert handed over twice is one request to `start`.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Dict, Iterable, Iterator, List, Mapping, NamedTuple

from alert_actions.actions import ACCOUNT, ANSWER, Action
from alert_actions.payload import Payload

#: Lambda takes 1 MB of an asynchronous call: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MOST_BYTES = 900_000
#: `start` refuses more rows of one request.
MOST_ROWS = 500


class Request(NamedTuple):
    """One request."""

    id: str
    #: Name of the alert action.
    action: str
    #: Text for `start`.
    body: str
    rids: List[str]


def requests_of(action: Action, payload: Payload, rows: Iterable[Dict[str, str]]) -> Iterator[Request]:
    """Yield the requests for these rows."""
    head: Dict[str, Any] = {
        "action": action.action,
        "alert": payload.sid,
        "search": payload.search,
        "user": payload.user,
        "options": options_of(action, payload.params),
    }
    room = MOST_BYTES - len(_text({**head, "id": "0" * 40, "rows": []}).encode())
    batch: List[Dict[str, str]] = []
    left = room
    for row in rows:
        needs = len(_text(row).encode()) + 2
        if batch and (needs > left or len(batch) == MOST_ROWS):
            yield _request(action, head, batch)
            batch, left = [], room
        batch.append(row)
        left -= needs
    if batch:
        yield _request(action, head, batch)


def options_of(action: Action, params: Mapping[str, str]) -> Dict[str, str]:
    """Return the options of the response, as they are set or by default; without those that AWS decides."""
    named = {ACCOUNT, ANSWER, *action.field_names}
    found = {each.name: params.get(each.name) or each.default for each in action.params if each.name not in named}
    return {name: value for name, value in found.items() if value}


def _request(action: Action, head: Mapping[str, Any], rows: List[Dict[str, str]]) -> Request:
    asked = {**head, "rows": rows}
    id = hashlib.sha256(_text(asked).encode()).hexdigest()[:40]
    return Request(id, action.name, _text({"id": id, **asked}), list(dict.fromkeys(row["rid"] for row in rows)))


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
