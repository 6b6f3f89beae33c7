"""``start``: the one way into the response, for Splunk's alert actions and for EventBridge's rule on GuardDuty.

Settings (`aws_bridge.functions.variables`): ``TABLE``, ``STATE_MACHINE``, ``PARAMETER``; ``ROLE_NAME`` and
``EXTERNAL_ID`` of the role that is assumed in other accounts; ``LEAST_SEVERITY`` of a finding, 7 if nothing is said.
"""

from __future__ import annotations

import os
from typing import Any, Dict, Mapping

from aws_bridge.accounts.account import Account
from aws_bridge.accounts.area import Area
from aws_bridge.accounts.caller import Caller
from aws_bridge.accounts.session import AwsSession
from aws_bridge.functions.json_log import JsonLog
from aws_bridge.functions.variables import Variables
from es_bridge.backoff import Backoff
from response.actions.start import Start
from response.aws.executions import Executions
from response.aws.incidents import Incidents
from response.aws.parameter import read_limits
from response.core.requests import request_of
from response.core.target import Target

REQUIRED = ("TABLE", "STATE_MACHINE", "PARAMETER")
LEAST_SEVERITY = 7.0
BACKOFF = Backoff(0.2, 2.0)


def start(event: Any, context: Any) -> Dict[str, Any]:
    """Begin the response to every row; return ``{"rows": [{"row", "result", "says", "incident"}, ...]}``.

    Raises `response.errors.ResponseError` or `aws_bridge.errors.AwsError` when nothing was begun.
    """
    return begin(event, os.environ)


def begin(event: Any, environment: Mapping[str, str]) -> Dict[str, Any]:
    """Do what `start` does, with these settings."""
    variables = Variables(environment, required=REQUIRED)
    least = variables.number("LEAST_SEVERITY")
    request = request_of(event, LEAST_SEVERITY if least is None else least)
    region = environment.get("AWS_REGION", "")
    home = Caller(AwsSession(Account("home")), wait_s=BACKOFF.wait_s)
    own = str(home.call("sts", region, "GetCallerIdentity")["Account"])
    here = Area(home, own, region)
    desk = Start(
        limits=read_limits(here, variables.text("PARAMETER")),
        incidents=Incidents(here, variables.text("TABLE")),
        executions=Executions(here, variables.text("STATE_MACHINE")),
        area_of=lambda target: _area_of(target, here, variables),
    )
    rows = desk.start(request.alert, request.rows)
    log = JsonLog()
    for each in rows:
        log.info("start", alert=request.alert, **each.to_json())
    return {"rows": [each.to_json() for each in rows]}


def _area_of(target: Target, here: Area, variables: Variables) -> Area:
    name = variables.text("ROLE_NAME")
    if target.account == here.account or not name:
        return Area(here.caller, target.account, target.region)
    member = here.caller.session.account.member(target.account, target.account, name, variables.text("EXTERNAL_ID"))
    caller = Caller(AwsSession(member), wait_s=BACKOFF.wait_s)
    return Area(caller, target.account, target.region)
