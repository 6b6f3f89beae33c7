"""What could not be handed over yet: a collection of the KV store, and who is at which entry.

The KV store has no conditional update, but it keeps two documents from having one ``_key``. So whoever works on an
entry inserts a claim ``<entry>.<number>``: of ten that try, nine get 409. A claim holds until its time is over; then
the next number is free to be taken, by one again. An entry is removed before its claims, and read again after a claim
was won, so that nobody takes up what another one just finished::

    aws_response_queue    _key, action, body, aws_account, sid, search, user, rids, created
    aws_response_claims   _key = <entry>.<number>, entry, number, until, says
"""

from __future__ import annotations

import json
import time
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple

from splunk_host import APP
from splunk_host.splunkd import Splunkd, reason

from alert_actions.requests import Request
from es_bridge.errors import BridgeError

ENTRIES, CLAIMS = "aws_response_queue", "aws_response_claims"
#: Longer than handing over may take.
CLAIM_S = 900
#: After so many seconds without success an entry is given up.
EXPIRES_S = 72 * 3600
#: Before the next attempt, by how many there were.
_WAITS_S = (60, 120, 300, 600, 1800, 3600)
_CONFLICT, _MISSING = 409, 404


class QueueUnusable(BridgeError):
    """The KV store does not keep, or does not tell."""


class Entry(NamedTuple):
    """One request that waits. Times are epoch seconds."""

    id: str
    action: str
    body: str
    aws_account: str
    sid: str
    search: str
    user: str
    app: str
    rids: List[str]
    created: float


class Claim(NamedTuple):
    """The right to work on an entry until a time."""

    entry: str
    number: int

    @property
    def key(self) -> str:
        """Its ``_key``."""
        return f"{self.entry}.{self.number}"


class Queue:
    """The queue of this search head, or of its cluster. All methods raise `QueueUnusable`, `SplunkdError`."""

    def __init__(self, splunkd: Splunkd, clock: Callable[[], float] = time.time) -> None:
        self._splunkd = splunkd
        self._clock = clock

    def keep(
        self, request: Request, *, aws_account: str, sid: str, search: str, user: str, app: str
    ) -> Optional[Claim]:
        """Keep a request, claimed by the caller; return the claim, or nothing when somebody else is at it."""
        claim = self.claim(request.id)
        if claim is None:
            return None
        entry = Entry(
            request.id, request.action, request.body, aws_account, sid, search, user, app, request.rids, self._clock()
        )
        status, body = self._post(ENTRIES, {"_key": entry.id, **entry._asdict(), "rids": json.dumps(entry.rids)})
        if status >= 400 and status != _CONFLICT:
            raise _refused("keeping a request", status, body)
        return claim

    def claim(self, id: str) -> Optional[Claim]:
        """Return the claim of an entry, or nothing while another one holds."""
        held = self._claims(id)
        last = max(held, key=lambda each: each[0], default=(0, 0.0))
        if last[1] > self._clock():
            return None
        claim = Claim(id, last[0] + 1)
        document = {"_key": claim.key, "entry": id, "number": claim.number, "until": self._clock() + CLAIM_S}
        status, body = self._post(CLAIMS, document)
        if status == _CONFLICT:
            return None
        if status >= 400:
            raise _refused("claiming a request", status, body)
        return claim

    def entries(self) -> List[Entry]:
        """Return what waits, the oldest first."""
        return sorted(map(_entry, self._find(ENTRIES, {})), key=lambda each: (each.created, each.id))

    def entry(self, id: str) -> Optional[Entry]:
        """Return one, or nothing when it is done."""
        found = self._find(ENTRIES, {"id": id})
        return _entry(found[0]) if found else None

    def attempts(self, id: str) -> Tuple[int, float, str]:
        """Return how many claims an entry had, until when the last holds (epoch seconds), and why it failed."""
        held = sorted(self._find(CLAIMS, {"entry": id}), key=lambda each: int(each["number"]))
        last = held[-1] if held else {}
        return int(last.get("number", 0)), float(last.get("until", 0)), str(last.get("says", ""))

    def done(self, id: str) -> None:
        """Remove an entry, then its claims."""
        self._remove(ENTRIES, {"id": id})
        self._remove(CLAIMS, {"entry": id})

    def failed(self, claim: Claim, why: str) -> None:
        """Let the entry of a claim wait for its next attempt."""
        wait_s = _WAITS_S[min(claim.number, len(_WAITS_S)) - 1]
        until = {"until": self._clock() + wait_s, "says": why[:500]}
        document = {"_key": claim.key, "entry": claim.entry, "number": claim.number, **until}
        status, body = self._splunkd.post_document(*_path(CLAIMS), claim.key, document=document)
        if status >= 400 and status != _MISSING:
            raise _refused("keeping why it failed", status, body)

    def forget_claims(self) -> None:
        """Remove claims that no entry can have any more: of a process that ended between claim and entry."""
        self._remove(CLAIMS, {"until": {"$lt": self._clock() - EXPIRES_S}})

    def _claims(self, id: str) -> List[Tuple[int, float]]:
        return [(int(each["number"]), float(each["until"])) for each in self._find(CLAIMS, {"entry": id})]

    def _find(self, collection: str, query: Mapping[str, Any]) -> List[Dict[str, Any]]:
        status, body = self._splunkd.document(*_path(collection), query=json.dumps(query))
        if status >= 400:
            raise _refused("reading", status, body)
        try:
            found: List[Dict[str, Any]] = json.loads(body)
            return [dict(each) for each in found]
        except (ValueError, TypeError):
            raise QueueUnusable(f"the KV store's {collection} holds something else than documents") from None

    def _post(self, collection: str, document: Mapping[str, Any]) -> Tuple[int, bytes]:
        return self._splunkd.post_document(*_path(collection), document=document)

    def _remove(self, collection: str, query: Mapping[str, Any]) -> None:
        status, body = self._splunkd.delete(*_path(collection), query=json.dumps(query))
        if status >= 400 and status != _MISSING:
            raise _refused("removing", status, body)


def _path(collection: str) -> Tuple[str, ...]:
    return ("servicesNS", "nobody", APP, "storage", "collections", "data", collection)


def _entry(document: Mapping[str, Any]) -> Entry:
    try:
        given = {name: document[name] for name in Entry._fields}
        return Entry(**{**given, "rids": json.loads(given["rids"]), "created": float(given["created"])})
    except (KeyError, ValueError, TypeError):
        raise QueueUnusable(
            f"{ENTRIES} holds a document {str(document.get('_key'))[:60]!r} that is no request: remove it by hand"
        ) from None


def _refused(what: str, status: int, body: bytes) -> QueueUnusable:
    return QueueUnusable(
        f"the KV store answered {status} for {what} in the queue of responses: {reason(body)}. Is the KV store up, and "
        "does the search belong to an administrator?"
    )
