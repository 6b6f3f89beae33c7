"""``watch``: by a schedule, tell of flows of isolated instances that were let through, until the incident is released.

Settings: ``TABLE``, ``BUCKET``, ``BUCKET_REGION``, ``PUBLISH_FUNCTION`` (the name of ``publish_status``, called
asynchronously), the raw store's of `response.handlers.collect_logs`, and those of `response.handlers.areas`.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any, Dict, Mapping

from aws_bridge.functions.json_log import JsonLog
from aws_bridge.functions.variables import Variables
from response.actions.watch import Watch
from response.aws.evidence import EvidenceStore, folder_of
from response.aws.incidents import Incidents
from response.core.target import Target
from response.errors import BadSettings
from response.handlers.areas import areas_of
from response.handlers.collect_logs import raw_store_of

REQUIRED = ("TABLE", "BUCKET", "PUBLISH_FUNCTION", "URL")


def watch(event: Any, context: Any) -> Dict[str, Any]:
    """Look at every open incident; return ``{"found": number}``."""
    return do(event, os.environ)


def do(event: Any, environment: Mapping[str, str]) -> Dict[str, Any]:
    """Do what `watch` does, with these settings."""
    variables = Variables(environment, required=REQUIRED)
    raw, areas = raw_store_of(variables), areas_of(environment, variables)
    if raw is None:
        raise BadSettings("no raw store is set")
    here = areas.here
    bucket_area = here._replace(region=variables.text("BUCKET_REGION") or here.region)

    def store_of(target: Target, incident: str) -> EvidenceStore:
        folder = folder_of(target.account, target.region, target.instance, incident)
        return EvidenceStore(bucket_area, variables.text("BUCKET"), folder)

    found = Watch(
        Incidents(here, variables.text("TABLE")), raw, lambda target: areas.of(target.account, target.region), store_of,
        time.time,
    ).look()  # fmt: skip
    log = JsonLog()
    for each in found:
        log.warning("watch", incident=each.incident.id, result=each.result, says=each.says)
        payload = json.dumps({**each.to_event(), "time": time.time()}).encode()
        name = variables.text("PUBLISH_FUNCTION")
        here.ask("lambda", "Invoke", FunctionName=name, InvocationType="Event", Payload=payload)
    return {"found": len(found)}
