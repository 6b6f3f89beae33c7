"""CloudTrail's free-form objects that engines can index as a whole: see `collectors.store.object_fields`."""

from __future__ import annotations

OBJECTS = ("requestParameters", "responseElements", "additionalEventData", "serviceEventDetails")
