"""``sweep_blocks``: takes out the addresses whose time is over, in every account, region and scope that has some.

Settings: those of `response.handlers.block_ip`.
"""

from __future__ import annotations

import os
import random
import time
from typing import Any, Dict, List, Mapping, Optional

from aws_bridge.errors import CallProblem
from aws_bridge.functions.json_log import JsonLog
from aws_bridge.functions.variables import Variables
from response.actions.block import SWEEP, Blocking, places
from response.aws.blocks import Blocks
from response.aws.ip_sets import IpSets
from response.aws.parameter import read_limits
from response.core.budget import Budget, budget_of
from response.core.limits import LIVE
from response.core.result import FAILED_RESULT, PARTIAL, PLANNED_RESULT, ActionResult
from response.core.target import Subject
from response.handlers.areas import areas_of
from response.handlers.options import answered


def sweep_blocks(event: Any, context: Any) -> Dict[str, Any]:
    """Sweep once; return ``{"results": [...]}``, one result an incident and place."""
    return {"results": swept(os.environ, budget_of(context))}


def swept(environment: Mapping[str, str], budget: Optional[Budget] = None) -> List[Dict[str, Any]]:
    """Sweep with these settings and so much time, each time in another order.

    A place that fails is a result, and stops no other. Raises `aws_bridge.errors.CallProblem` when the table or the
    parameter cannot be read.
    """
    variables = Variables(environment, required=("PARAMETER", "TABLE"))
    areas = areas_of(environment, variables)
    here = areas.here
    table = Blocks(here, variables.text("TABLE"))
    live = read_limits(here, variables.text("PARAMETER")).mode == LIVE
    found: List[ActionResult] = []
    all_places = places(table, time.time())
    random.shuffle(all_places)
    for account, region, scope in all_places:
        subject = Subject(account, region, f"blocks of {scope}")
        if not live:
            says = "blocks whose time is over stay: this is a dry run"
            found.append(ActionResult(SWEEP, subject, "", PLANNED_RESULT, says))
            continue
        if budget is not None and budget.is_over:
            says = "blocks whose time is over are still in force: no time was left, the next sweep goes on"
            found.append(ActionResult(SWEEP, subject, "", PARTIAL, says))
            continue
        area = areas.of(account, region)
        try:
            found += Blocking(area, IpSets(area, scope), table).sweep(budget or Budget())
        except CallProblem as exc:
            JsonLog().error(SWEEP, account=account, region=region, reason=str(exc))
            found.append(ActionResult(SWEEP, subject, "", FAILED_RESULT, str(exc)))
    return [answered(each) for each in found]
