"""Status events of the response, as `response.status.objects` puts them into S3: one JSON object a line.

They are read as logs are (`objects.ObjectQueue`). An event that comes twice has the same ``status_id``.
"""

from __future__ import annotations

from typing import Any, Mapping

from collectors.errors import InvalidRecord
from collectors.records.finding import UNKNOWN, Finding, Severity, text
from collectors.records.json_codec import PLAIN
from collectors.records.record import Context, Origin, Record
from collectors.sinks.splunk_events.sink import RESPONSE


def kept(line: bytes, identity: str, number: int, context: Context) -> Finding:
    """Return the event of a line. Raises `InvalidRecord` for what is no status event."""
    try:
        fields: Mapping[str, Any] = PLAIN.loads(line)
    except (ValueError, RecursionError) as exc:
        raise InvalidRecord(f"the record is not JSON: {exc}") from exc
    time = fields.get("time") if isinstance(fields, dict) else None
    if not isinstance(time, (int, float)) or isinstance(time, bool) or not fields.get("status_id"):
        raise InvalidRecord("the record is no status of the response: it has no time or no status_id")
    origin = Origin(text(fields.get("account")), text(fields.get("region")))
    record = Record(RESPONSE, int(time * 1000), text(fields["status_id"]), line.strip(), number, origin)
    return Finding(record, "", b"", Severity(0.0, UNKNOWN), text(fields.get("step")), text(fields.get("target")))
