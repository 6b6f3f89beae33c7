"""Status events as objects of S3, where AWS cannot reach Splunk: the app's input ``aws_response_status`` reads them.

``<prefix><year>/<month>/<day>/<incident or alert>/<milliseconds>-<status_id>.json``, one event a line. An event that is
put twice is one object. Needs ``s3:PutObject`` on the prefix.
"""

from __future__ import annotations

import json
import re
import time
from typing import Any, Mapping, Sequence

from aws_bridge.accounts.area import Area

PREFIX = "status/"
_NOT_IN_A_KEY = re.compile(r"[^A-Za-z0-9._-]", re.ASCII)


class StatusObjects:
    """One prefix of a bucket."""

    def __init__(self, area: Area, bucket: str, prefix: str = PREFIX) -> None:
        """``area``: whose the bucket is, and where."""
        self._area, self._bucket, self._prefix = area, bucket, prefix

    def publish(self, statuses: Sequence[Mapping[str, Any]]) -> None:
        """Put events, one object for each. Raises `aws_bridge.errors.CallProblem`."""
        for each in statuses:
            body = json.dumps(each, separators=(",", ":")).encode() + b"\n"
            self._area.ask(
                "s3", "PutObject", Bucket=self._bucket, Key=self._key(each), Body=body, ContentType="application/json"
            )

    def _key(self, status: Mapping[str, Any]) -> str:
        day = time.strftime("%Y/%m/%d", time.gmtime(status["time"]))
        of = _NOT_IN_A_KEY.sub("_", str(status.get("incident") or status.get("sid") or "none"))[:200]
        return f"{self._prefix}{day}/{of}/{int(status['time'] * 1000)}-{status['status_id']}.json"
