"""Every response begins here, whether Splunk or EventBridge asks for it: who, may we, is there one already, go."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, NamedTuple

from aws_bridge.accounts.area import Area
from aws_bridge.errors import CallProblem
from response.aws.executions import Executions
from response.aws.incidents import NEW, RUNNING, WAITING, Incidents, Opened
from response.aws.instances import Instances
from response.core.limits import LIVE, Limits
from response.core.target import Target, target_of
from response.errors import BadTarget, ResponseError

#: What became of a row.
STARTED, ATTACHED, WAITS, REFUSED, FAILED = "started", "attached", "waits_for_approval", "refused", "failed"
#: Rows of one request; more are refused, one by one, so that nobody waits for a function that ran out of time.
MOST_ROWS = 500


class Started(NamedTuple):
    """What became of one row."""

    row: int
    result: str
    says: str
    incident: str = ""

    def to_json(self) -> Dict[str, Any]:
        """Return it for an answer or a status."""
        return self._asdict()


@dataclass(frozen=True)
class Start:
    """What a start needs. ``area_of``: target -> the account and region it is in."""

    limits: Limits
    incidents: Incidents
    executions: Executions
    area_of: Callable[[Target], Area]

    def start(self, alert: str, rows: List[Mapping[str, Any]]) -> List[Started]:
        """Begin the response to each row of an alert; return one outcome a row, in their order.

        ``alert`` names it for good: the search's sid, or the finding's id and the time of its update. A row has
        ``instance``, ``account`` and ``region``, or ``arn``; one with ``refuse`` must not be acted on. A row that fails
        stops no other.
        """
        return [self._row(number, alert, row) for number, row in enumerate(rows)]

    def _row(self, number: int, alert: str, row: Mapping[str, Any]) -> Started:
        if number >= MOST_ROWS:
            return Started(number, REFUSED, f"more than {MOST_ROWS} rows in one alert: send the rest as another")
        if row.get("refuse"):
            return Started(number, REFUSED, str(row["refuse"]))
        try:
            texts = {name: _text(row, name) for name in ("instance", "account", "region", "arn")}
            target = target_of(texts["instance"], texts["account"], texts["region"], arn=texts["arn"])
            outside = self.limits.outside(target)
            if outside:
                return Started(number, REFUSED, f"{target}: {outside}")
            instance = Instances(self.area_of(target)).read(target)
            if instance.gone:
                return Started(number, REFUSED, f"{target} is {instance.state}: there is nothing left to isolate")
            opened = self.incidents.open(target, alert, lambda id: self._input(id, target, alert))
            if opened.state == WAITING:
                return Started(number, WAITS, f"{target}: incident {opened.id} waits for a person", opened.id)
            if opened.state == RUNNING:
                return Started(number, ATTACHED, f"{target}: attached to the open incident {opened.id}", opened.id)
            reason = "; ".join(self.limits.asks_for(instance)) or self._too_many(alert, opened.id)
            if reason:
                self.incidents.move(target, opened.id, NEW, WAITING)
                says = f"{target}: incident {opened.id} waits for a person: {reason}"
                return Started(number, WAITS, says, opened.id)
            return self.go(number, target, opened)
        except (BadTarget, CallProblem, ResponseError) as exc:
            result = REFUSED if isinstance(exc, BadTarget) else FAILED
            return Started(number, result, str(exc))

    def go(self, number: int, target: Target, opened: Opened) -> Started:
        """Start the execution of an incident; of one that was opened and never started, whoever comes next does."""
        self.executions.start(opened.id, opened.input)
        self.incidents.move(target, opened.id, opened.state, RUNNING)
        how = "" if self.limits.mode == LIVE else ", as a dry run: nothing is changed"
        if opened.new:
            return Started(number, STARTED, f"{target}: incident {opened.id} started{how}", opened.id)
        return Started(number, ATTACHED, f"{target}: attached to the open incident {opened.id}", opened.id)

    def _too_many(self, alert: str, incident: str) -> str:
        """Return which limit an incident exceeds, or nothing. One that waits is not counted in the hour."""
        if not self.incidents.within(f"alert|{alert}", incident, self.limits.most_an_alert):
            return f"one alert may isolate {self.limits.most_an_alert} instances"
        if not self.incidents.within(self.incidents.this_hour(), incident, self.limits.most_an_hour):
            return f"{self.limits.most_an_hour} instances may be isolated in an hour"
        return ""

    def _input(self, incident: str, target: Target, alert: str) -> str:
        known = {
            "incident": incident,
            "account": target.account,
            "region": target.region,
            "instance": target.instance,
            "alert": alert,
            "dry_run": self.limits.mode != LIVE,
        }
        return json.dumps(known, sort_keys=True)


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name) or ""
    if not isinstance(value, str):
        raise BadTarget(f"{name} is {str(value)[:80]!r}: one text is needed")
    return value.strip()
