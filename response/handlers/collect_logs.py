"""``collect_logs``: the original log objects with the instance's records, and flows let through after the isolation.

The event's ``isolated_at`` (epoch seconds) says when the instance was isolated; without it, when its state was saved.

Settings: `response.handlers.step`, `response.handlers.evidence`; the raw store: ``URL`` (several between commas),
``SIGV4_REGION`` and ``SERVICE``, or ``SECRET_ARN``, ``CA_FILE``; where each log is delivered
(``s3://bucket/[prefix/]AWSLogs/[o-id/]``): ``LOGS_CLOUDTRAIL``, ``LOGS_VPC_FLOW``, ``LOGS_ROUTE53_RESOLVER``,
``LOGS_WAF``, and ``LOGS_REGION`` of the buckets.
"""

from __future__ import annotations

import os
import time
from typing import Any, Dict, Mapping, Optional

from aws_bridge.clients import client
from aws_bridge.errors import AwsError
from aws_bridge.functions.secrets import login_of
from aws_bridge.functions.variables import Variables
from es_bridge.config import Auth, ClusterConfig
from es_bridge.transport import Transport
from response.actions.collect_logs import LogCollection
from response.aws.instances import Instances
from response.aws.log_objects import Delivery, delivery_of
from response.aws.profile_role import role_of
from response.core.budget import Budget, budget_of
from response.core.traces import INDICES, Who, who_of
from response.errors import BadRequest
from response.handlers.evidence import store_of
from response.handlers.options import answered
from response.handlers.step import Step, step_of
from response.raw_store import RawStore

REQUIRED = ("BUCKET", "PARAMETER")
_TIMEOUT_S = 30.0


def collect_logs(event: Any, context: Any) -> Dict[str, Any]:
    """Collect; return `response.core.result.ActionResult.to_json`. Raises `response.errors.StillRunning`."""
    return do(event, os.environ, budget_of(context))


def do(event: Any, environment: Mapping[str, str], budget: Optional[Budget] = None) -> Dict[str, Any]:
    """Do what `collect_logs` does, with these settings and so much time."""
    step = step_of(event, environment, REQUIRED)
    target = step.target
    raw = raw_store_of(step.variables)
    work = LogCollection(store_of(step), raw, deliveries_of(step), budget=budget or Budget())
    dry_run = step.is_dry_run()
    isolated_s = None if dry_run else _isolated_s(step)
    found = work.collect(
        target, step.incident, _who(step), now_s=time.time(), isolated_s=isolated_s, dry_run=dry_run
    )  # fmt: skip
    return answered(found)


def raw_store_of(variables: Variables) -> Optional[RawStore]:
    """Return the raw store, None where none is set."""
    urls = variables.several("URL")
    if not urls:
        return None
    auth = Auth()
    if "SIGV4_REGION" in variables:
        auth = Auth("sigv4", region=variables.text("SIGV4_REGION"), service=variables.text("SERVICE", "es"))
    elif "SECRET_ARN" in variables:
        login = login_of(client("secretsmanager"), variables.text("SECRET_ARN"))
        auth = Auth("basic", username=login.username, password=login.password)
    ca_file = variables.text("CA_FILE") or None
    config = ClusterConfig(urls, auth=auth, ca_file=ca_file, connect_timeout_s=5.0, request_timeout_s=_TIMEOUT_S)
    return RawStore(Transport(config, opaque_id="aws-siem-bridge respond"))


def deliveries_of(step: Step) -> Dict[str, Delivery]:
    """Return where each log is delivered, of those that are set."""
    here = step.areas.here
    area = here._replace(region=step.variables.text("LOGS_REGION") or here.region)
    places = {log: step.variables.text(f"LOGS_{log.upper()}") for log in INDICES}
    return {log: delivery_of(area, place) for log, place in places.items() if place}


def _who(step: Step) -> Who:
    """Return by what the instance is known: as it was saved, since isolation takes its role and may end it."""
    target = step.target
    area = step.areas.of(target.account, target.region)
    instance = step.states.load(target, step.incident) or Instances(area).read(target)
    try:
        role = role_of(area, instance.profile)
    except AwsError:
        # Its sessions are named after the instance, which the search knows, too.
        role = ""
    return who_of(instance, role)


def _isolated_s(step: Step) -> Optional[float]:
    given = step.event.get("isolated_at")
    if given is None:
        return step.states.saved_at(step.target, step.incident)
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        raise BadRequest(f"isolated_at is {str(given)[:40]!r}: epoch seconds are needed")
    return float(given)
