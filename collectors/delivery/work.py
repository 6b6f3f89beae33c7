"""What a message of the queue asks the loader for: the objects that S3 announced in it, or the rest of one.

A continuation is the rest of an object that an earlier run of ours had no time for. It is one only as a body of its
own, as we write it: whoever may publish to a topic is not us.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple, Tuple

from aws_bridge.errors import NotANotification
from aws_bridge.notification import is_count, notification_in, object_ref, opened
from aws_bridge.object_ref import ObjectRef

#: The member that makes a body one of ours, and the version of what is in it.
CONTINUATION = "aws_siem_bridge_continuation"
CONTINUATION_VERSION = 1
#: How often an object may be passed on. Each time stores what fits into one run of a function, so an honest object of
#: 75 MB needs under a hundred even where a run is a minute: what needs more goes round in circles.
MAX_HOPS = 1000


class Work(NamedTuple):
    """One object to take, from record ``first_number`` (from 1) on."""

    ref: ObjectRef
    first_number: int = 1
    #: How many runs have passed it on already.
    hops: int = 0


class Asked(NamedTuple):
    """What one message asks for."""

    work: Tuple[Work, ...] = ()
    #: Events in it that are not about a new object.
    ignored: int = 0


def read_work(body: str) -> Asked:
    """Return what the message with this ``body`` asks for. Raises `NotANotification`."""
    message = opened(body)
    if CONTINUATION not in message.event:
        notification = notification_in(message.event)
        return Asked(tuple(Work(ref) for ref in notification.objects), notification.ignored)
    if message.is_wrapped or len(message.event) > 1:
        raise NotANotification(
            "a continuation inside of another message: this loader sends a continuation to the queue itself, as "
            "the whole message. Check who may publish to the topic, or send to this queue"
        )
    return Asked((_continued(message.event[CONTINUATION]),))


def continuation(work: Work) -> str:
    """Return the body of the message that passes ``work`` on. Raises `NotANotification` after `MAX_HOPS` times."""
    if work.hops >= MAX_HOPS:
        raise NotANotification(
            f"{work.ref.uri} has been passed on {work.hops} times and is at record {work.first_number}: a run does "
            "next to nothing. Give the function more time, or look at why the cluster is slow"
        )
    facts = {
        "version": CONTINUATION_VERSION,
        "bucket": work.ref.bucket,
        "key": work.ref.key,
        "version_id": work.ref.version_id,
        "size_bytes": work.ref.size_bytes,
        "next_record": work.first_number,
        "hops": work.hops + 1,
    }
    return json.dumps({CONTINUATION: facts}, separators=(",", ":"))


def _continued(facts: Any) -> Work:
    version = facts.get("version") if isinstance(facts, dict) else None
    if version != CONTINUATION_VERSION:
        raise NotANotification(
            f"a continuation of version {version!r}, and this code knows {CONTINUATION_VERSION}. Is an older version "
            "of the loader reading the queue of a newer one?"
        )
    try:
        ref = object_ref(facts["bucket"], facts["key"], facts["version_id"], facts["size_bytes"])
        first_number, hops = facts["next_record"], facts["hops"]
    except KeyError as exc:
        raise NotANotification(f"a continuation without {exc}") from exc
    if not (is_count(first_number) and first_number >= 1 and is_count(hops) and hops <= MAX_HOPS):
        raise NotANotification(f"a continuation at record {first_number!r} after {hops!r} hops")
    return Work(ref, first_number, hops)
