"""EventBridge where moto does otherwise: who an event is from, where it goes on to, and who may say what.

- An event keeps its account, region, time and id when a rule sends it to another bus.
- A caller cannot send events of AWS's services; they are made inside, by `deliver`.
- A target that fails is the rule's business, and no error of whoever sent the event.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-region.html
"""

from __future__ import annotations

import json
import time
import traceback
import uuid
from datetime import datetime, timezone
from typing import Any, Dict, List, Optional

from es_bridge.terminal import put_error

DEFAULT_BUS = "default"
#: Of moto's events and of no other.
_OF_MOTO = ("ingestion-time", "replay-name")


def service_event(
    source: str,
    detail_type: str,
    account: str,
    region: str,
    detail: Dict[str, Any],
    resources: Optional[List[str]] = None,
) -> Dict[str, Any]:
    """Return an event as a service of AWS sends it now."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": source,
        "account": account,
        "time": time.time(),
        "region": region,
        "resources": resources or [],
        "detail": detail,
    }


def deliver(event: Dict[str, Any], account: str, region: str, bus: str = DEFAULT_BUS) -> None:
    """Let the rules of a bus see an event."""
    from moto.events.models import events_backends

    found = events_backends[account][region].event_buses.get(bus)
    for rule in list(found.rules.values()) if found else ():
        if rule.state == "ENABLED":
            rule.send_to_targets(event)


def install() -> None:
    """Put these rules around moto's own."""
    from moto.events.models import EventsBackend, Rule

    send_by_moto = Rule.send_to_targets
    put_by_moto = EventsBackend.put_events

    def send_to_targets(self: Any, original_event: Dict[str, Any], transform_input: bool = True) -> None:
        if not self.event_pattern.matches_event(original_event):
            return
        event = {name: value for name, value in original_event.items() if name not in _OF_MOTO}
        if not isinstance(event["time"], str):
            event["time"] = f"{datetime.fromtimestamp(float(event['time']), timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
        for target in list(self.targets):
            try:
                if target["Arn"].split(":")[2] == "sqs":
                    _to_queue(target, _input(target, event) if transform_input else event, self.region_name)
                elif ":event-bus/" in target["Arn"]:
                    _to_bus(target["Arn"], event, self.account_id)
                else:
                    send_by_moto(_Alone(self, target), original_event, transform_input)
            except Exception:
                put_error(*traceback.format_exc().split("\n"))

    def put_events(self: Any, events: List[Dict[str, Any]]) -> List[Dict[str, Any]]:
        """https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html."""
        if len(events) > 10:
            return put_by_moto(self, events)
        said = []
        for event in events:
            if str(event.get("Source", "")).startswith("aws."):
                text = "Not authorized for the source."
                said.append({"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": text})
            else:
                said += put_by_moto(self, [event])
        return said

    Rule.send_to_targets = send_to_targets
    EventsBackend.put_events = put_events


class _Alone:
    """A rule with one of its targets, for what moto sends to."""

    def __init__(self, rule: Any, target: Dict[str, Any]) -> None:
        self._rule = rule
        self.targets = [target]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rule, name)


def _input(target: Dict[str, Any], event: Dict[str, Any]) -> Any:
    if "Input" in target:
        return json.loads(target["Input"])
    if target.get("InputTransformer"):
        from moto.events.utils import EventTemplateParser

        given = target["InputTransformer"]
        with_time = {**event, "ingestion-time": time.time()}
        return EventTemplateParser.parse(given.get("InputTemplate"), given.get("InputPathsMap", {}), with_time)
    if "InputPath" in target:
        from jsonpath_ng.ext import parse

        return parse(target["InputPath"]).find(event)[0].value
    return event


def _to_queue(target: Dict[str, Any], body: Any, region: str) -> None:
    """A queue is in the rule's region; it may be another account's."""
    from moto.sqs.models import sqs_backends

    _, _, _, where, account, name = target["Arn"].split(":", 5)
    if where != region:
        raise ValueError(f"a rule in {region} cannot send to a queue in {where}")
    sqs_backends[account][where].send_message(
        queue_name=name,
        message_body=json.dumps(body),
        group_id=target.get("SqsParameters", {}).get("MessageGroupId"),
    )


def _to_bus(arn: str, event: Dict[str, Any], sender: str) -> None:
    """Another account's bus must let the sender in."""
    from moto.events.models import events_backends

    _, _, _, region, account, name = arn.split(":", 5)
    bus = name.partition("/")[2]
    found = events_backends[account][region].event_buses[bus]
    if account != sender and not _lets_in(found.policy, sender):
        raise PermissionError(f"the policy of {arn} does not let account {sender} put events")
    deliver(event, account, region, bus)


def _lets_in(policy: Any, account: str) -> bool:
    statements = json.loads(policy)["Statement"] if policy else []
    for statement in statements:
        principal = statement.get("Principal", {})
        named = principal.get("AWS", []) if isinstance(principal, dict) else principal
        named = [named] if isinstance(named, str) else named
        if statement.get("Effect") == "Allow" and any(one == "*" or "::*:" in one or account in one for one in named):
            return True
    return False
