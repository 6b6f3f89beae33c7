"""``readiness``: would a response work? Called each night by a schedule; what is not ready is an event in Splunk.

Event: ``{"accounts": ["..."], "regions": ["..."]}``; its own account and region if nothing is said. Settings:
``PARAMETER``, ``TOOLS_PARAMETER``, ``STATE_MACHINE``, ``BUCKET``, ``BUCKET_REGION``, ``JOBS_BUCKET``, ``TOOLS_BUCKET``,
``KEYS`` (ARNs between commas), those of `response.handlers.areas` and `response.status.publisher`.
"""

from __future__ import annotations

import os
import time
from typing import Any, Dict, Mapping

from aws_bridge.functions.json_log import JsonLog
from aws_bridge.functions.variables import Variables
from response.actions.readiness import NOT_READY, Check, Home, of_area, of_home
from response.aws.handover import Handover
from response.core.status import FAILED, status_of
from response.handlers.areas import areas_of
from response.status.publisher import publisher_of

ACTION = "readiness"
REQUIRED = ("PARAMETER", "TOOLS_PARAMETER", "STATE_MACHINE", "BUCKET", "JOBS_BUCKET", "TOOLS_BUCKET")


def readiness(event: Any, context: Any) -> Dict[str, Any]:
    """Ask everything; return ``{"result": "done" or "partial", "says", "checks"}``. Raises what `areas_of` raises."""
    return do(event, os.environ)


def do(event: Any, environment: Mapping[str, str], **more: Any) -> Dict[str, Any]:
    """Do what `readiness` does, with these settings."""
    variables = Variables(environment, required=REQUIRED)
    areas = areas_of(environment, variables)
    here = areas.here
    known = event if isinstance(event, dict) else {}
    bucket_area = here._replace(region=variables.text("BUCKET_REGION") or here.region)
    jobs, tools_bucket = (
        variables.text(name).replace("{region}", here.region) for name in ("JOBS_BUCKET", "TOOLS_BUCKET")
    )
    home = Home(
        here, variables.text("PARAMETER"), variables.text("TOOLS_PARAMETER"), variables.text("STATE_MACHINE"),
        variables.text("BUCKET"), bucket_area, tuple(variables.several("KEYS")),
        Handover(here, jobs, here, tools_bucket),
    )  # fmt: skip
    checks, tools = of_home(home)
    for account in known.get("accounts") or [here.account]:
        for region in known.get("regions") or [here.region]:
            checks += of_area(areas.of(str(account), str(region)), tools)
    bad = [each for each in checks if each.state == NOT_READY]
    log = JsonLog()
    for each in bad:
        log.warning(ACTION, **each.to_json())
    if bad:
        publisher_of(variables, here, **more).publish([_status(each) for each in bad])
    says = f"{len(checks)} checks: {len(bad)} not ready"
    return {"result": "partial" if bad else "done", "says": says, "checks": [each.to_json() for each in checks]}


def _status(check: Check) -> Dict[str, Any]:
    event = {
        "account": check.account, "region": check.region, "target": check.target, "action": ACTION, "step": check.what,
        "state": FAILED, "result": check.state, "says": check.says,
    }  # fmt: skip
    return status_of(event, time.time())
