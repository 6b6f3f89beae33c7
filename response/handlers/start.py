"""``start``: the one way into the response, for Splunk's alert actions and for EventBridge's rule on GuardDuty.

Settings (`aws_bridge.functions.variables`): ``TABLE``, ``STATE_MACHINE``, ``PARAMETER``; ``ROLE_NAME`` and
``EXTERNAL_ID`` of the role that is assumed in other accounts; ``LEAST_SEVERITY`` of a finding, 7 if nothing is said;
those of `response.status.publisher`, for rows that begin nothing.
"""

from __future__ import annotations

import os
import time
from typing import Any, Dict, Mapping, Optional

from aws_bridge.functions.json_log import JsonLog
from aws_bridge.functions.variables import Variables
from response.actions.start import Start
from response.aws.executions import Executions
from response.aws.incidents import Incidents
from response.aws.parameter import read_limits
from response.core.budget import Budget, budget_of
from response.core.requests import request_of
from response.core.status import statuses_of_rows
from response.handlers.areas import areas_of
from response.status.publisher import tell

REQUIRED = ("TABLE", "STATE_MACHINE", "PARAMETER")
LEAST_SEVERITY = 7.0


def start(event: Any, context: Any) -> Dict[str, Any]:
    """Begin the response to every row; return ``{"rows": [{"row", "result", "says", "incident"}, ...]}``.

    Raises `response.errors.ResponseError` or `aws_bridge.errors.AwsError` when nothing was begun, and `StillRunning`
    when there was no time for all rows: Lambda calls it again, and it goes on.
    """
    return begin(event, os.environ, budget_of(context))


def begin(event: Any, environment: Mapping[str, str], budget: Optional[Budget] = None) -> Dict[str, Any]:
    """Do what `start` does, with these settings and so much time."""
    variables = Variables(environment, required=REQUIRED)
    least = variables.number("LEAST_SEVERITY")
    request = request_of(event, LEAST_SEVERITY if least is None else least)
    areas = areas_of(environment, variables)
    desk = Start(
        limits=read_limits(areas.here, variables.text("PARAMETER")),
        incidents=Incidents(areas.here, variables.text("TABLE")),
        executions=Executions(areas.here, variables.text("STATE_MACHINE")),
        area_of=lambda target: areas.of(target.account, target.region),
        home=areas.here.account,
    )
    rows = desk.start(request, budget or Budget())
    log = JsonLog()
    for each in rows:
        log.info("start", alert=request.alert, action=request.action, **each.to_json())
    answers = [each.to_json() for each in rows]
    # Of the others the workflow tells.
    tell(variables, areas.here, statuses_of_rows(request._asdict(), request.rows, answers, time.time()))
    return {"rows": answers}
