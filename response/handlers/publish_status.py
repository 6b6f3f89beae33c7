"""``publish_status``: tell Splunk of one step. The workflow calls it asynchronously, so that it delays nothing.

What cannot be sent is raised at last: Lambda keeps the event and calls again, and the workflow never sees it. Settings:
`response.status.publisher`, and those of `response.handlers.areas`.
"""

from __future__ import annotations

import os
import time
from typing import Any, Dict, Mapping

from aws_bridge.functions.json_log import JsonLog
from aws_bridge.functions.variables import Variables
from response.core.status import status_of
from response.handlers.areas import areas_of
from response.status.publisher import publisher_of


def publish_status(event: Any, context: Any) -> Dict[str, Any]:
    """Send the status; return ``{"result": "done", "says", "status_id"}``. Raises `response.errors.ResponseError`."""
    return do(event, os.environ)


def do(event: Any, environment: Mapping[str, str], **more: Any) -> Dict[str, Any]:
    """Do what `publish_status` does, with these settings."""
    variables = Variables(environment)
    status = status_of(event, time.time())
    way = publisher_of(variables, areas_of(environment, variables).here, **more).publish([status])
    says = f"sent by {way}" if way else "nobody is told: neither STATUS_HEC_URL nor STATUS_BUCKET is set"
    JsonLog().info("publish_status", way=way, **status)
    return {"result": "done", "says": says, "status_id": status["status_id"]}
