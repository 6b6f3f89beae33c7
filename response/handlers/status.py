"""``status``: how isolated the instances of a request are, and how far their incidents are. Changes nothing.

Settings: ``TABLE`` (`response.handlers.step`).
"""

from __future__ import annotations

import os
import time
from typing import Any, Dict, Mapping, Optional

from aws_bridge.errors import AwsError
from response.actions.look import look
from response.core import cases, clocks
from response.core.budget import Budget, budget_of
from response.core.target import target_of
from response.errors import ResponseError
from response.handlers.step import Step, request_rows, step_of

REQUIRED = ("TABLE",)
FAILED = "failed"


def status(event: Any, context: Any) -> Dict[str, Any]:
    """Return ``{"rows": [{"row", "result", "says", "incident", "state", "outcome", "dry_run", "alerts", "clocks"},
    ...]}``.

    ``result`` is ``hard``, ``soft``, ``open``, ``gone``, or ``failed`` where it could not be read.
    """
    return do(event, os.environ, budget_of(context))


def do(event: Any, environment: Mapping[str, str], budget: Optional[Budget] = None) -> Dict[str, Any]:
    """Do what `status` does, with these settings and so much time. A row that there is none for is failed."""
    rows = request_rows(event)
    step = step_of({"incident": "by instance"}, environment, REQUIRED)
    return {"rows": [_row(step, number, row, budget or Budget()) for number, row in enumerate(rows)]}


def _row(step: Step, number: int, row: Mapping[str, Any], budget: Budget) -> Dict[str, Any]:
    answer: Dict[str, Any] = {
        "row": number, "incident": "", "state": "", "outcome": "", "dry_run": False, "alerts": [], "clocks": [],
    }  # fmt: skip
    if budget.is_over:
        return {**answer, "result": FAILED, "says": "it was not looked at: there was no time left, ask for it again"}
    try:
        texts = {name: cases.text_of(row, name) for name in ("instance", "account", "region", "arn")}
        target = target_of(texts["instance"], texts["account"], texts["region"], arn=texts["arn"])
        found = step.incidents.find(target)
        if found:
            known = {"incident": found.id, "state": found.state, "outcome": found.outcome,
                     "dry_run": bool(found.event.get("dry_run"))}  # fmt: skip
            dues = clocks.as_of(dict(found.clocks), int(time.time() * 1000))
            answer.update(known, alerts=list(found.alerts), clocks=[each.says for each in dues])
        seen = look(step.areas.of(target.account, target.region), target)
        return {**answer, "result": seen.isolated, "says": seen.says}
    except (ResponseError, AwsError) as exc:
        return {**answer, "result": FAILED, "says": str(exc)}
