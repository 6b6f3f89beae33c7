"""CloudTrail records of another shape than the usual one: aggregated events.

An aggregated event is a trail's summary of the data events of five minutes, if it was asked for one
(https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-aggregated-events.html). It has
``eventId`` (with a small d), ``accountId`` and ``timeWindow``, and neither eventID, eventTime nor eventName:

======================  ==========================================================================================
common field            comes from
======================  ==========================================================================================
@timestamp              timeWindow.windowStart, the first moment of what is summed up; else windowEnd, eventTime, the
                        object's time
event.time_from         only in the last case: `collectors.records.object_time`
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

from typing import Any, Dict, Mapping, Optional, Tuple

from collectors.errors import InvalidRecord
from collectors.records.event_time import EventTime, odd_time
from collectors.records.object_time import ObjectTime
from collectors.records.shape import VALUE

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


def is_aggregated(fields: Mapping[str, Any]) -> bool:
    """Return whether a decoded record is an aggregated event."""
    if fields.get("eventCategory") == "Aggregated" or fields.get("eventType") == "AwsAggregatedEvent":
        return True
    return isinstance(fields.get("timeWindow"), dict) and "eventTime" not in fields


def aggregated(
    fields: Mapping[str, Any], place: str, object_time: Optional[ObjectTime]
) -> Tuple[EventTime, str, Dict[str, Any]]:
    """Return time, id and common fields of an aggregated event.

    ``place`` is its id where it has none of its own that can be used, and ``object_time`` its time. Raises
    `InvalidRecord` where neither has one.
    """
    window = fields.get("timeWindow")
    bounds = (window.get("windowStart"), window.get("windowEnd")) if isinstance(window, dict) else ()
    times = [odd_time(text) for text in (*bounds, fields.get("eventTime"))]
    time = next(filter(None, times), None)
    borrowed = None if time else object_time
    time = time or (borrowed and borrowed.time)
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
    time_from = borrowed.source if borrowed else ""
    event = {"dataset": AGGREGATED, "id": event_id, "provider": _text(fields, "eventSource"), "time_from": time_from}
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


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if type(value) is str else ""
