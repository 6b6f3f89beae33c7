"""CloudTrail records of another shape than the usual one: aggregated events, and times as only some tools write them.

An aggregated event is a trail's summary of the data events of five minutes, if it was asked for one
(https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-aggregated-events.html). It has
``eventId`` (with a small d), ``accountId`` and ``timeWindow``, and neither eventID, eventTime nor eventName:

======================  ==========================================================================================
common field            comes from
======================  ==========================================================================================
@timestamp              timeWindow.windowStart, the first moment of what is summed up; else windowEnd
event.dataset           ``aws.cloudtrail.aggregated``
event.id                eventId
event.provider          eventSource
cloud.provider          ``aws``
cloud.account.id        accountId
cloud.region            awsRegion
======================  ==========================================================================================

Id: ``<eventId>-<accountId>``. There is no event.action on purpose: the calls it sums up are events of their own where
the trail logs these too, and a count over both would be twice as high. What it sums up is in ``summary``.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Mapping, Optional, Tuple

from collectors.errors import InvalidRecord
from collectors.event_time import EventTime, from_epoch_ms, from_iso
from collectors.shape import VALUE

AGGREGATED = "aws.cloudtrail.aggregated"
#: As in `normalise.MAX_ID_BYTES`: the engines' own limit.
_MAX_ID_BYTES = 512

_DIMENSION: Mapping[str, Any] = {
    "dimension": VALUE,
    "aggregationType": VALUE,
    "statistics": {"name": VALUE, "value": VALUE},
}
#: The fields of the index template that only aggregated events have.
AGGREGATED_FIELDS: Mapping[str, Any] = {
    "eventId": VALUE,
    "accountId": VALUE,
    "timeWindow": {"windowStart": VALUE, "windowEnd": VALUE, "windowSize": VALUE},
    "summary": {"primaryDimension": _DIMENSION, "details": _DIMENSION},
}

_ISO_LIKE = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(:\d\d(?:\.\d{1,9})?)? ?(Z|UTC|[+-]\d\d:?\d\d)?", re.ASCII | re.IGNORECASE
)
_SECONDS = re.compile(r"(\d{9,10})(?:\.(\d{1,9}))?", re.ASCII)
_MILLISECONDS = re.compile(r"\d{12,13}", re.ASCII)


def is_aggregated(fields: Mapping[str, Any]) -> bool:
    """Return whether a decoded record is an aggregated event."""
    if fields.get("eventCategory") == "Aggregated" or fields.get("eventType") == "AwsAggregatedEvent":
        return True
    return isinstance(fields.get("timeWindow"), dict) and "eventTime" not in fields


def aggregated(fields: Mapping[str, Any], place: str) -> Tuple[EventTime, str, Dict[str, Any]]:
    """Return time, id and common fields of an aggregated event.

    ``place`` is its id where it has none of its own that can be used. Raises `InvalidRecord` for one without a time.
    """
    window = fields.get("timeWindow")
    bounds = (window.get("windowStart"), window.get("windowEnd")) if isinstance(window, dict) else ()
    times = [odd_time(text) for text in (*bounds, fields.get("eventTime"))]
    time = next(filter(None, times), None)
    if time is None:
        raise InvalidRecord(
            "the aggregated event's timeWindow has neither a windowStart nor a windowEnd like 2026-11-21T04:55:00Z: "
            f"{str(window)[:120]}"
        )
    event_id = _text(fields, "eventId") or _text(fields, "eventID")
    account = _text(fields, "accountId") or _text(fields, "recipientAccountId")
    identity = f"{event_id}-{account}" if event_id and account else event_id
    if not identity or len(identity.encode("utf-8", "replace")) > _MAX_ID_BYTES:
        event_id, identity = "", place
    event = {"dataset": AGGREGATED, "id": event_id, "provider": _text(fields, "eventSource")}
    cloud = {
        "provider": "aws",
        "region": _text(fields, "awsRegion"),
        "account": {"id": account} if account else None,
    }
    common = {
        "@timestamp": time.stamp,
        "event": {key: value for key, value in event.items() if value},
        "cloud": {key: value for key, value in cloud.items() if value},
    }
    return time, identity, common


def odd_time(value: Any) -> Optional[EventTime]:
    """Return a time in the forms that AWS and common tools write: ISO 8601, also without a zone (which is UTC),
    without seconds or with a space, and seconds or milliseconds since 1970; None if it is none."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    text = str(value)
    if len(text) > 40:
        return None
    found = _ISO_LIKE.fullmatch(text)
    if found:
        day, minute, second, zone = found.groups()
        zone = zone if zone and zone[0] in "+-" else "Z"
        return from_iso(f"{day}T{minute}{second or ':00'}{zone}")
    if _MILLISECONDS.fullmatch(text):
        return from_epoch_ms(int(text))
    found = _SECONDS.fullmatch(text)
    return from_epoch_ms(int(found[1]) * 1000 + int((found[2] or "").ljust(3, "0")[:3])) if found else None


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if type(value) is str else ""
