"""``readiness``: would a response work? Called each night by a schedule; what is not ready is an event in Splunk.

Event: ``{"accounts": ["..."], "regions": ["..."]}``; its own account and region if nothing is said. Settings:
``PARAMETER``, ``TOOLS_PARAMETER``, ``STATE_MACHINE``, ``BUCKET``, ``BUCKET_REGION``, ``JOBS_BUCKET``, ``TOOLS_BUCKET``,
``KEYS`` (ARNs between commas), those of `response.handlers.areas` and `response.status.publisher`.
"""

from __future__ import annotations

import os
import time
from typing import Any, Dict, List, Mapping, Optional

from aws_bridge.functions.json_log import JsonLog
from aws_bridge.functions.variables import Variables
from response.actions.readiness import ALL_ASKED, NOT_READY, Check, Home, not_asked, of_area, of_home
from response.aws.handover import Handover
from response.core.budget import Budget, budget_of
from response.core.status import FAILED, status_of
from response.handlers.areas import areas_of
from response.status.publisher import publisher_of

ACTION = "readiness"
_DAY_S = 24 * 3600
#: Places that each night begins further on; a prime, so that it comes round to each.
_STEP = 37
REQUIRED = ("PARAMETER", "TOOLS_PARAMETER", "STATE_MACHINE", "BUCKET", "JOBS_BUCKET", "TOOLS_BUCKET")


def readiness(event: Any, context: Any) -> Dict[str, Any]:
    """Ask everything; return ``{"result": "done" or "partial", "says", "checks"}``. Raises what `areas_of` raises."""
    return do(event, os.environ, budget_of(context))


def do(event: Any, environment: Mapping[str, str], budget: Optional[Budget] = None, **more: Any) -> Dict[str, Any]:
    """Do what `readiness` does, with these settings and so much time: each area is told of when it was asked."""
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
    budget = budget or Budget()
    checks: List[Check] = []
    log, publisher = JsonLog(), publisher_of(variables, here, **more)

    def tell(found: List[Check]) -> None:
        checks.extend(found)
        bad = [each for each in found if each.state == NOT_READY or each.what == ALL_ASKED]
        for each in bad:
            log.warning(ACTION, **each.to_json())
        if bad:
            publisher.publish([_status(each) for each in bad])

    of_all, tools = of_home(home)
    tell(of_all)
    accounts, regions = known.get("accounts") or [here.account], known.get("regions") or [here.region]
    places = [(str(account), str(region)) for account in accounts for region in regions]
    # Where there is no time for all, each night begins elsewhere.
    first = int(time.time() // _DAY_S) * _STEP % len(places)
    left: List[Check] = []
    for account, region in [*places[first:], *places[:first]]:
        area = areas.of(account, region)
        if budget.is_over:
            left.append(not_asked(area))
        else:
            tell(of_area(area, tools, budget))
    if left:
        tell(left)
    bad = [each for each in checks if each.state == NOT_READY or each.what == ALL_ASKED]
    says = f"{len(checks)} checks: {len(bad)} not ready"
    return {"result": "partial" if bad else "done", "says": says, "checks": [each.to_json() for each in checks]}


def _status(check: Check) -> Dict[str, Any]:
    event = {
        "account": check.account, "region": check.region, "target": check.target, "action": ACTION, "step": check.what,
        "state": FAILED, "result": check.state, "says": check.says,
    }  # fmt: skip
    return status_of(event, time.time())
