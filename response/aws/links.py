"""Links by which a person answers a question: an id of 256 random bits each, of which the table has the hash alone.

Items ``link|<sha256 of the id>`` with what the page shows. Needs ``dynamodb:PutItem`` on the table to make one,
``GetItem`` to find it. ``expires`` is the table's attribute for time to live: an item stays a while after its time, so
that who comes late is told so.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import time
from typing import Any, Callable, Dict, NamedTuple, Optional

from aws_bridge.accounts.area import Area
from response.core.asking import Asking

_BYTES = 32
#: What `secrets.token_urlsafe` makes of so many bytes.
ID = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_KEPT_S = 7 * 24 * 3600


class Link(NamedTuple):
    """A link that was given out."""

    asking: Asking
    #: Name of the channel it was sent to.
    channel: str
    made_ms: int


class Links:
    """The links of one table."""

    def __init__(self, area: Area, table: str, clock: Callable[[], float] = time.time) -> None:
        """``area``: where the table is. ``clock`` gives epoch seconds."""
        self._area = area
        self._table = table
        self._clock = clock

    def make(self, asking: Asking, channel: str) -> str:
        """Return the id of a new link. Raises `aws_bridge.errors.CallProblem`."""
        id, now_s = secrets.token_urlsafe(_BYTES), self._clock()
        item = {
            **_key(id), "asking": {"S": json.dumps(asking._asdict())}, "channel": {"S": channel},
            "made": {"N": str(int(now_s * 1000))}, "expires": {"N": str(int(max(now_s, asking.until_s)) + _KEPT_S)},
        }  # fmt: skip
        self._area.ask("dynamodb", "PutItem", TableName=self._table, Item=item)
        return id

    def find(self, id: str) -> Optional[Link]:
        """Return a link by its id, or nothing. Raises `aws_bridge.errors.CallProblem`."""
        answer = self._area.ask("dynamodb", "GetItem", TableName=self._table, Key=_key(id), ConsistentRead=True)
        item = answer.get("Item")
        if not item:
            return None
        known = json.loads(item["asking"]["S"])
        return Link(Asking(**known), item["channel"]["S"], int(item["made"]["N"]))


def _key(id: str) -> Dict[str, Any]:
    return {"pk": {"S": f"link|{hashlib.sha256(id.encode()).hexdigest()}"}}
