"""Finds what nobody else would notice: workflows that broke, questions without an answer, clocks that are over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, List, NamedTuple

from response.aws.executions import BROKEN, NONE, Execution, Executions
from response.aws.incidents import NEW, RELEASED, WAITING, Incidents, Opened
from response.aws.questions import Questions
from response.core import clocks

BROKE, NEVER_STARTED, UNANSWERED, CLOCK = "broken", "never_started", "unanswered", "clock"
#: An incident that was opened is started within seconds; a start may be tried again for minutes.
_STARTED_WITHIN_MS = 15 * 60_000
#: A clock is told of when it has so little left.
_TOLD_BEFORE_S = 4 * 3600


class Found(NamedTuple):
    """One thing that somebody has to look at."""

    kind: str
    incident: Opened
    says: str

    def to_event(self) -> Dict[str, Any]:
        """Return the status that is sent of it."""
        known = {name: self.incident.event.get(name) for name in (
            "account", "region", "instance", "target", "action", "sid", "rid", "search", "dry_run")}  # fmt: skip
        return {
            **{name: value for name, value in known.items() if value is not None},
            "incident": self.incident.id, "step": "sweep", "state": "failed", "result": self.kind, "says": self.says,
        }  # fmt: skip


@dataclass(frozen=True)
class Sweep:
    """What is swept. ``clock`` gives epoch seconds; ``unanswered_s``: how old a question is that is told of."""

    incidents: Incidents
    executions: Executions
    questions: Questions
    clock: Callable[[], float]
    unanswered_s: float

    def sweep(self) -> List[Found]:
        """Return what was found, of every incident that is not over. Raises `aws_bridge.errors.CallProblem`."""
        found = []
        for incident in self.incidents.all():
            if incident.state != RELEASED:
                found += self._of(incident)
        return found

    def _of(self, incident: Opened) -> List[Found]:
        now_ms = int(self.clock() * 1000)
        execution = self.executions.describe(incident.execution)
        found = []
        resume = f"resume it: aws-siem-bridge respond resume {incident.id}"
        if execution.status in BROKEN:
            says = f"the execution {incident.execution} is {_how(execution)}. To go on, {resume}"
            found.append(Found(BROKE, incident, says))
        elif execution.status == NONE and (incident.state != NEW or now_ms - incident.opened_ms > _STARTED_WITHIN_MS):
            found.append(Found(NEVER_STARTED, incident, f"the incident has no execution; {resume}"))
        elif incident.state == WAITING:
            question = self.questions.find(incident.id)
            if question and not question.answer and now_ms - question.asked_ms > self.unanswered_s * 1000:
                minutes = (now_ms - question.asked_ms) // 60_000
                whom = question.approver or "nobody by name"
                says = (
                    f"no answer for {minutes} minutes; asked is {whom}: aws-siem-bridge respond approve {incident.id}"
                )
                found.append(Found(UNANSWERED, incident, says))
        for each in clocks.as_of(dict(incident.clocks), now_ms):
            if each.left_s < _TOLD_BEFORE_S:
                found.append(Found(CLOCK, incident, each.says))
        return found


def _how(execution: Execution) -> str:
    return f"{execution.status}: {execution.why[:500]}" if execution.why else execution.status
