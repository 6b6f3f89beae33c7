"""Which objects S3 announces in a message, whoever wrapped it. Pure: a text in, references out.

S3 announces a new object in one of these ways, and the wrapper is recognised, never configured
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html):

=====================  ===============================================================================================
body                   objects
=====================  ===============================================================================================
S3 event               ``Records[]``, keys form-encoded: a space is ``+``, ``=`` is ``%3D`` (so every Hive folder)
EventBridge            ``detail``, one object; the key is plain: decoding would turn its ``+`` and ``%`` into others
SNS envelope           either of them as a text under ``Message``; with raw delivery there is no envelope
``s3:TestEvent``       none: S3 sends it when somebody configures the bucket's notifications
=====================  ===============================================================================================

Events about anything else than a new object (removed, restored, tagged, ...) announce nothing and are counted. Whatever
is none of this raises `NotANotification` and belongs into the queue's own dead-letter queue.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, NamedTuple, Tuple
from urllib.parse import unquote_plus

from aws_bridge.errors import NotANotification
from aws_bridge.object_ref import ObjectRef

S3, EVENTBRIDGE, TEST = "s3", "eventbridge", "test"


class Opened(NamedTuple):
    """A message as JSON, out of its envelope."""

    event: Dict[str, Any]
    #: Whether it came in an envelope of SNS.
    is_wrapped: bool


class Notification(NamedTuple):
    """What one message announces."""

    #: `S3`, `EVENTBRIDGE` or `TEST`.
    kind: str
    objects: Tuple[ObjectRef, ...] = ()
    #: Events in it that are not about a new object.
    ignored: int = 0


def opened(body: str) -> Opened:
    """Return the event in a message with this ``body``. Raises `NotANotification`."""
    event = _object(body, "the message")
    if event.get("Type") == "Notification" and isinstance(event.get("Message"), str):
        return Opened(_object(event["Message"], "the SNS message inside"), True)
    return Opened(event, False)


def notification_in(event: Dict[str, Any]) -> Notification:
    """Return what an event announces. Raises `NotANotification`."""
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


def object_ref(bucket: Any, key: Any, version_id: Any = None, size_bytes: Any = None) -> ObjectRef:
    """Return the object with these names, each checked. Raises `NotANotification`."""
    version = _text(version_id) if version_id else ""
    return ObjectRef(_text(bucket), _text(key), version, size_bytes if is_count(size_bytes) else -1)


def is_count(value: Any) -> bool:
    """Whether ``value`` is a whole number of 0 or more."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _from_s3(records: List[Any]) -> Notification:
    objects: List[ObjectRef] = []
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
        objects.append(object_ref(bucket, key, found.get("versionId"), found.get("size")))
    return Notification(S3, tuple(objects), ignored)


def _from_eventbridge(event: Dict[str, Any]) -> Notification:
    if event.get("source") != "aws.s3" or event["detail-type"] != "Object Created":
        if event.get("source") == "aws.s3":
            return Notification(EVENTBRIDGE, ignored=1)
        raise NotANotification(f"an event {event['detail-type']!r} of {event.get('source')!r}, and not one of S3")
    try:
        bucket, found = event["detail"]["bucket"]["name"], event["detail"]["object"]
        ref = object_ref(bucket, found["key"], found.get("version-id"), found.get("size"))
    except (KeyError, TypeError) as exc:
        raise NotANotification(f"an event of EventBridge without {exc}") from exc
    return Notification(EVENTBRIDGE, (ref,))


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


def _names(event: Dict[str, Any]) -> str:
    """Return the first names of its members: a message can be anything, and this goes into a log."""
    return ", ".join(repr(name[:40]) for name in list(event)[:8]) or "none"
