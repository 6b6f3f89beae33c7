"""``event.ingested``: when the loader wrote a document, by its own clock.

It is put in at the moment of sending, and is no part of the id: a record that is loaded again meets its first copy,
which keeps its first time. So a search by this field sees an event that AWS delivered late, and sees it once. What is
sent again because no answer came has the time of the attempt that was stored.
"""

from __future__ import annotations

from typing import Callable, List, Sequence

from collectors.records.event_time import from_epoch_ms
from es_bridge.bulk import Create

#: The text of every record begins ``{"@timestamp":"2026-11-21T04:53:00.000Z","event":{"dataset":...``.
EVENT = b'"event":{'
_BEGINNING_BYTES = 64


def stamped(clock: Callable[[], float]) -> Callable[[Sequence[Create]], List[bytes]]:
    """Return what makes the bodies that are sent of documents; ``clock`` gives seconds since 1970."""

    def bodies(documents: Sequence[Create]) -> List[bytes]:
        now = from_epoch_ms(int(clock() * 1000))
        member = EVENT + (f'"ingested":"{now.stamp}",'.encode() if now else b"")
        return [_stamped(document.body, member) for document in documents]

    return bodies


def _stamped(body: bytes, member: bytes) -> bytes:
    place = body.find(EVENT, 0, _BEGINNING_BYTES)
    return body if place < 0 else b"".join((body[:place], member, body[place + len(EVENT) :]))
