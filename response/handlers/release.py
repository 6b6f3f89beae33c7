"""``release``: put instances back to their saved state and end their incidents, for Splunk (rows) and the workflow.

Of a row no workflow tells, so Splunk is told here. Settings: ``BUCKET``, ``TABLE``, ``PARAMETER``
(`response.handlers.step`), and for rows those of `response.status.publisher`.
"""

from __future__ import annotations

import os
import time
from typing import Any, Callable, Dict, Mapping, Optional, Tuple

from aws_bridge.errors import AwsError
from aws_bridge.functions.json_log import JsonLog
from response.actions.closing import Closing
from response.actions.start import only_plans
from response.core import cases
from response.core.budget import Budget, budget_of
from response.core.result import ActionResult
from response.core.status import status_of_release
from response.core.target import Target, target_of
from response.errors import ResponseError, StillRunning
from response.handlers.options import answered
from response.handlers.step import Step, request_rows, step_of
from response.status.publisher import tell

REQUIRED = ("BUCKET", "TABLE", "PARAMETER")
#: The incident of a request is found by its instance.
_BY_INSTANCE = {"incident": "by instance", "dry_run": False}
FAILED = "failed"
#: How often a row is tried again, and how long each pause is: the metadata service and profiles take seconds.
ATTEMPTS, PAUSE_S = 15, 3.0
#: A row may wait that long, and all are told of afterwards.
_MARGIN_S = 120.0


def release(event: Any, context: Any) -> Dict[str, Any]:
    """Release the instance of an event, or of each row: ``{"rows": [{"row", "result", "says", "incident"}, ...]}``."""
    return do(event, os.environ, budget=budget_of(context, _MARGIN_S))


def do(
    event: Any, environment: Mapping[str, str], sleep: Callable[[float], Any] = time.sleep,
    budget: Optional[Budget] = None,
) -> Dict[str, Any]:  # fmt: skip
    """Do what `release` does, with these settings and so much time. A row that there is none for is failed."""
    if isinstance(event, dict) and "rows" in event:
        rows = request_rows(event)
        step = step_of(_BY_INSTANCE, environment, REQUIRED)
        dry_run = step.is_dry_run() or only_plans(event.get("options") or {})
        log, answers, statuses = JsonLog(), [], []
        for number, row in enumerate(rows):
            no_time = budget is not None and budget.is_over
            known, answer = _left(number, row) if no_time else _row(step, number, row, dry_run, sleep)
            log.info("release", **answer)
            answers.append(answer)
            statuses.append(status_of_release(event, known, answer, dry_run, time.time()))
        tell(step.variables, step.areas.here, statuses)
        return {"rows": answers}
    step = step_of(event, environment, REQUIRED)
    return answered(_close(step, step.target, step.is_dry_run()))


def _row(
    step: Step, number: int, row: Mapping[str, Any], dry_run: bool, sleep: Callable[[float], Any]
) -> Tuple[Mapping[str, Any], Dict[str, Any]]:
    """Return the row as it was understood, and its answer."""
    known = row
    try:
        texts = {name: cases.text_of(row, name) for name in ("instance", "account", "region", "arn")}
        target = target_of(texts["instance"], texts["account"], texts["region"], arn=texts["arn"])
        known = {**row, "instance": target.instance, "account": target.account, "region": target.region}
        found = _waited(lambda: _close(step, target, dry_run), sleep)
        return known, {"row": number, "result": found.result, "says": found.says, "incident": found.incident}
    except (ResponseError, AwsError) as exc:
        return known, {"row": number, "result": FAILED, "says": str(exc), "incident": ""}


def _left(number: int, row: Mapping[str, Any]) -> Tuple[Mapping[str, Any], Dict[str, Any]]:
    says = "it was not released: there was no time left for it, send it again"
    return row, {"row": number, "result": FAILED, "says": says, "incident": ""}


def _waited(close: Callable[[], ActionResult], sleep: Callable[[float], Any]) -> ActionResult:
    """Call again while AWS is at it: nobody else does for who asks without waiting for the answer."""
    for _ in range(ATTEMPTS):
        try:
            return close()
        except StillRunning:
            sleep(PAUSE_S)
    return close()


def _close(step: Step, target: Target, dry_run: bool) -> ActionResult:
    closing = Closing(step.areas.of(target.account, target.region), step.states, step.incidents)
    return closing.close(target, dry_run=dry_run)
