"""What a message of the queue asks for: the objects it names, whoever wrapped it. Pure: a text in, references out.

S3 announces a new object in one of these ways, and the wrapper is recognised, never configured
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html):

=====================  ===============================================================================================
body                   objects
=====================  ===============================================================================================
S3 event               ``Records[]``, keys form-encoded: a space is ``+``, ``=`` is ``%3D`` (so every Hive folder)
EventBridge            ``detail``, one object; the key is plain: decoding would turn its ``+`` and ``%`` into others
SNS envelope           either of them as a text under ``Message``; with raw delivery there is no envelope
``s3:TestEvent``       none: S3 sends it when somebody configures the bucket's notifications
continuation           one, from a record on: the rest of an object that an earlier run of ours had no time for; only as
                       a body of its own, as we write it: whoever may publish to a topic is not us
=====================  ===============================================================================================

Events about anything else than a new object (removed, restored, tagged, ...) ask for nothing and are counted. Whatever
is none of this raises `NotANotification` and belongs into the queue's own dead-letter queue.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, NamedTuple, Tuple
from urllib.parse import unquote_plus

from aws_bridge.errors import NotANotification
from aws_bridge.object_ref import ObjectRef

#: The member that makes a body one of ours, and the version of what is in it.
CONTINUATION = "aws_siem_bridge_continuation"
CONTINUATION_VERSION = 1
#: How often an object may be passed on. Each time stores what fits into one run of a function, so an honest object of
#: 75 MB needs under a hundred even where a run is a minute: what needs more goes round in circles.
MAX_HOPS = 1000

S3, EVENTBRIDGE, CONTINUED, TEST = "s3", "eventbridge", "continuation", "test"

__all__ = ["NotANotification", "Notification", "Work", "continuation", "read_notification"]


class Work(NamedTuple):
    """One object to take, from record ``first_number`` (from 1) on."""

    ref: ObjectRef
    first_number: int = 1
    #: How many runs have passed it on already.
    hops: int = 0


class Notification(NamedTuple):
    """What one message asks for."""

    #: `S3`, `EVENTBRIDGE`, `CONTINUED` or `TEST`.
    kind: str
    work: Tuple[Work, ...] = ()
    #: Events in it that are not about a new object.
    ignored: int = 0


def read_notification(body: str) -> Notification:
    """Return what the message with this ``body`` asks for. Raises `NotANotification`."""
    event = _object(body, "the message")
    is_wrapped = event.get("Type") == "Notification" and isinstance(event.get("Message"), str)
    if is_wrapped:
        event = _object(event["Message"], "the SNS message inside")
    if CONTINUATION in event:
        if is_wrapped or len(event) > 1:
            raise NotANotification(
                "a continuation inside of another message: this loader sends a continuation to the queue itself, as "
                "the whole message. Check who may publish to the topic, or send to this queue"
            )
        return _continued(event[CONTINUATION])
    if event.get("Event") == "s3:TestEvent":
        return Notification(TEST)
    if isinstance(event.get("Records"), list):
        return _from_s3(event["Records"])
    if "detail-type" in event and "detail" in event:
        return _from_eventbridge(event)
    raise NotANotification(
        f"not a notification about S3 objects: its members are {_names(event)}. Does something else write into this "
        "queue?"
    )


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


def _continued(facts: Any) -> Notification:
    version = facts.get("version") if isinstance(facts, dict) else None
    if version != CONTINUATION_VERSION:
        raise NotANotification(
            f"a continuation of version {version!r}, and this code knows {CONTINUATION_VERSION}. Is an older version "
            "of the loader reading the queue of a newer one?"
        )
    try:
        ref = ObjectRef(
            _text(facts["bucket"]), _text(facts["key"]), _version(facts["version_id"]), _size(facts["size_bytes"])
        )
        first_number, hops = facts["next_record"], facts["hops"]
    except KeyError as exc:
        raise NotANotification(f"a continuation without {exc}") from exc
    if not (_is_count(first_number) and first_number >= 1 and _is_count(hops) and hops <= MAX_HOPS):
        raise NotANotification(f"a continuation at record {first_number!r} after {hops!r} hops")
    return Notification(CONTINUED, (Work(ref, first_number, hops),))


def _from_s3(records: List[Any]) -> Notification:
    work: List[Work] = []
    ignored = 0
    for record in records:
        if not isinstance(record, dict) or "s3" not in record:
            raise NotANotification("a list of records that are not events of S3")
        # "ObjectCreated:Put" in events, "s3:ObjectCreated:Put" in configurations; both have been seen on the wire.
        if not str(record.get("eventName", "")).replace("s3:", "", 1).startswith("ObjectCreated:"):
            ignored += 1
            continue
        try:
            bucket, found = record["s3"]["bucket"]["name"], record["s3"]["object"]
            key = unquote_plus(_text(found["key"]))
        except (KeyError, TypeError) as exc:
            raise NotANotification(f"an event of S3 without {exc}") from exc
        work.append(Work(ObjectRef(_text(bucket), key, _version(found.get("versionId")), _size(found.get("size")))))
    return Notification(S3, tuple(work), ignored)


def _from_eventbridge(event: Dict[str, Any]) -> Notification:
    if event.get("source") != "aws.s3" or event["detail-type"] != "Object Created":
        if event.get("source") == "aws.s3":
            return Notification(EVENTBRIDGE, ignored=1)
        raise NotANotification(f"an event {event['detail-type']!r} of {event.get('source')!r}, and not one of S3")
    try:
        bucket, found = event["detail"]["bucket"]["name"], event["detail"]["object"]
        ref = ObjectRef(_text(bucket), _text(found["key"]), _version(found.get("version-id")), _size(found.get("size")))
    except (KeyError, TypeError) as exc:
        raise NotANotification(f"an event of EventBridge without {exc}") from exc
    return Notification(EVENTBRIDGE, (Work(ref),))


def _object(text: str, what: str) -> Dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise NotANotification(f"{what} is not JSON ({exc})") from exc
    if not isinstance(found, dict):
        raise NotANotification(f"{what} is JSON, but not an object")
    return found


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise NotANotification(f"a bucket, key or version that is {value!r}")
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can spell and no request to S3 can
        raise NotANotification(f"a bucket, key or version that is no text: {value!r}") from None
    return value


def _version(value: Any) -> str:
    return _text(value) if value else ""


def _size(value: Any) -> int:
    return value if _is_count(value) else -1


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _names(event: Dict[str, Any]) -> str:
    """Return the first names of its members: a message can be anything, and this goes into a log."""
    return ", ".join(repr(name[:40]) for name in list(event)[:8]) or "none"
