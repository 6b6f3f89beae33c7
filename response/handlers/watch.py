"""``watch``: by a schedule, tell of flows of isolated instances that were let through, until the incident is released.

Settings: ``TABLE``, ``BUCKET``, ``BUCKET_REGION``, ``PUBLISH_FUNCTION`` (the name of ``publish_status``, called
asynchronously), the raw store's of `response.handlers.collect_logs`, and those of `response.handlers.areas`.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any, Dict, List, Mapping, Optional

from aws_bridge.errors import CallProblem
from aws_bridge.functions.json_log import JsonLog
from aws_bridge.functions.variables import Variables
from response.actions.watch import ACTION, UNKNOWN, Seen, Watch
from response.aws.evidence import EvidenceStore, folder_of
from response.aws.incidents import Incidents
from response.core.budget import Budget, budget_of
from response.core.target import Target
from response.errors import BadSettings
from response.handlers.areas import areas_of
from response.handlers.collect_logs import raw_store_of

REQUIRED = ("TABLE", "BUCKET", "PUBLISH_FUNCTION", "URL")


def watch(event: Any, context: Any) -> Dict[str, Any]:
    """Look at every open incident; return ``{"found": number, "left": how many there was no time for}``.

    Raises `aws_bridge.errors.CallProblem` when somebody could not be told, after all others were.
    """
    return do(event, os.environ, budget_of(context))


def do(event: Any, environment: Mapping[str, str], budget: Optional[Budget] = None) -> Dict[str, Any]:
    """Do what `watch` does, with these settings and so much time."""
    variables = Variables(environment, required=REQUIRED)
    raw, areas = raw_store_of(variables), areas_of(environment, variables)
    if raw is None:
        raise BadSettings("no raw store is set")
    here, log = areas.here, JsonLog()
    bucket_area = here._replace(region=variables.text("BUCKET_REGION") or here.region)
    told: List[Seen] = []
    problems: List[CallProblem] = []

    def store_of(target: Target, incident: str) -> EvidenceStore:
        folder = folder_of(target.account, target.region, target.instance, incident)
        return EvidenceStore(bucket_area, variables.text("BUCKET"), folder)

    def publish(known: Mapping[str, Any]) -> None:
        payload = json.dumps({**known, "time": time.time()}).encode()
        name = variables.text("PUBLISH_FUNCTION")
        try:
            here.ask("lambda", "Invoke", FunctionName=name, InvocationType="Event", Payload=payload)
        except CallProblem as exc:
            problems.append(exc)

    def tell(each: Seen) -> None:
        told.append(each)
        log.warning("watch", incident=each.incident.id, result=each.result, says=each.says)
        publish(each.to_event())

    left = Watch(
        Incidents(here, variables.text("TABLE")), raw, lambda target: areas.of(target.account, target.region), store_of,
        time.time,
    ).look(tell, budget or Budget())  # fmt: skip
    if left:
        says = f"{left} incidents could not be looked at: there was no time left, they come at another time"
        log.warning("watch", left=left, says=says)
        publish({"step": ACTION, "state": "failed", "result": UNKNOWN, "says": says})
    if problems:
        raise problems[0]
    return {"found": len(told), "left": left}
