"""Finds what nobody else would notice: workflows that broke, questions without an answer, clocks that are over.

An incident's first execution is looked at, and each that was begun beside it: evidence, credentials, a release.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, NamedTuple

from aws_bridge.errors import CallProblem
from es_bridge.times import format_utc
from response.aws.executions import BROKEN, NONE, Execution, Executions
from response.aws.incidents import NEW, RELEASED, WAITING, Incidents, Opened
from response.aws.questions import Questions
from response.core import cases, clocks
from response.core.budget import Budget

BROKE, NEVER_STARTED, UNANSWERED, CLOCK, UNKNOWN = "broken", "never_started", "unanswered", "clock", "unknown"
#: People are told of these, besides Splunk.
TOLD = (BROKE, NEVER_STARTED)
#: An execution is started within seconds after it was noted; a start may be tried again for minutes.
_STARTED_WITHIN_MS = 15 * 60_000
#: A clock is told of when it has so little left.
_TOLD_BEFORE_S = 4 * 3600


class Found(NamedTuple):
    """One thing that somebody has to look at. ``incident`` is it, or an execution beside its first."""

    kind: str
    incident: Opened
    says: str

    @property
    def mark(self) -> str:
        """What is kept when people were told of it, so that they are told once."""
        return f"{self.kind} {self.incident.execution}"

    def to_event(self) -> Dict[str, Any]:
        """Return the status that is sent of it."""
        found = {"step": "sweep", "state": "failed", "result": self.kind, "says": self.says}
        return {**_known(self.incident), **found, "execution": self.incident.execution}

    def to_notice(self) -> Dict[str, Any]:
        """Return what people are told of it, as the function ``notify`` takes it."""
        return {**self.incident.event, **self.to_event(), "kind": "broken", "result": "failed"}


class Changed(NamedTuple):
    """Clocks of an incident that people started or stopped since Splunk was told of its clocks."""

    incident: Opened

    def to_events(self) -> List[Dict[str, Any]]:
        """Return the statuses that are sent of it, each with the ``clock`` and when it is ``due``, in epoch seconds."""
        begun, ended = clocks.changed(dict(self.incident.clocks_shown), dict(self.incident.clocks))
        changed = [(name, due, "started") for name, due in sorted(begun.items())]
        changed += [(name, due, "stopped") for name, due in sorted(ended.items())]
        return [
            {
                **_known(self.incident), "step": "clock", "state": "step", "result": result, "clock": name,
                "due": due / 1000, "says": f"{name}: due at {format_utc(due)}, {result} by a person",
            }
            for name, due, result in changed
        ]  # fmt: skip


class Swept(NamedTuple):
    """What was found, what Splunk does not know, and how many could not be looked at since time was over."""

    found: List[Found]
    changed: List[Changed]
    left: int = 0


@dataclass(frozen=True)
class Sweep:
    """What is swept. ``clock`` gives epoch seconds; ``unanswered_s``: how old a question is that is told of."""

    incidents: Incidents
    executions: Executions
    questions: Questions
    clock: Callable[[], float]
    unanswered_s: float

    def sweep(self, budget: Budget = Budget()) -> Swept:  # noqa: B008 - never changed
        """Return what was found, of every incident that is not over; one that cannot be looked at stops no other.

        In another order each time, so that what was left for want of time comes at another. Raises `CallProblem`
        when the table cannot be read.
        """
        everything = list(self.incidents.everything())
        incidents = {each.id: each for each in everything if not each.is_further}
        open_ = [each for each in everything if is_open(each, incidents.get(incident_of(each)))]
        random.shuffle(open_)
        found = [each for incident in incidents.values() for each in self._clocks_of(incident)]
        changed = [Changed(each) for each in incidents.values() if each.clocks != each.clocks_shown]
        for number, each in enumerate(open_):
            if budget.is_over and number:
                return Swept(found, changed, len(open_) - number)
            try:
                found += self._of(each)
            except CallProblem as exc:
                found.append(Found(UNKNOWN, each, f"how {each.execution} goes is not known: {exc}"))
        return Swept(found, changed)

    def _clocks_of(self, incident: Opened) -> List[Found]:
        """Return the clocks that are nearly over, of an incident that is over too: a person stops them."""
        dues = clocks.as_of(dict(incident.clocks), int(self.clock() * 1000))
        return [Found(CLOCK, incident, each.says) for each in dues if each.left_s < _TOLD_BEFORE_S]

    def _of(self, incident: Opened) -> List[Found]:
        now_ms = int(self.clock() * 1000)
        execution = self.executions.describe(incident.execution)
        found = []
        resume = f"resume it: aws-siem-bridge respond resume {incident.id}"
        what = f"{incident.event.get('action')} of the incident {incident_of(incident)}" if incident.is_further else ""
        if execution.status in BROKEN:
            says = f"the execution {incident.execution} is {_how(execution)}. To go on, {resume}"
            found.append(Found(BROKE, incident, f"{what}: {says}" if what else says))
        elif execution.status == NONE:
            # AWS forgets an execution 90 days after its end: one that is known to have ended is none of these.
            if not incident.outcome and now_ms - incident.since_ms > _STARTED_WITHIN_MS:
                says = f"{what or 'the incident'} has no execution; {resume}"
                found.append(Found(NEVER_STARTED, incident, says))
        elif _asks(incident):
            question = self.questions.find(incident_of(incident))
            if question and not question.answer and now_ms - question.asked_ms > self.unanswered_s * 1000:
                minutes = (now_ms - question.asked_ms) // 60_000
                whom = question.approver or "nobody by name"
                approve = f"aws-siem-bridge respond approve {question.incident}"
                says = f"no answer for {minutes} minutes; asked is {whom}: {approve}"
                found.append(Found(UNANSWERED, incident, says))
        return found


def _known(incident: Opened) -> Dict[str, Any]:
    event = incident.event
    known = {name: event.get(name) for name in (
        "account", "region", "instance", "target", "action", "sid", "rid", "search", "dry_run")}  # fmt: skip
    return {**{name: value for name, value in known.items() if value is not None}, "incident": incident_of(incident)}


def incident_of(opened: Opened) -> str:
    """Return the id of the incident that an execution belongs to: its own, where it belongs to none."""
    return str(opened.event.get("incident") or opened.id) if opened.is_further else opened.id


def is_open(opened: Opened, incident: object) -> bool:
    """Return whether something is not over. ``incident``: what an execution belongs to, if it is in the table.

    With its incident an execution is over, too, but for evidence: that is missing all the same.
    """
    if opened.state == RELEASED:
        return False
    if not opened.is_further or incident_of(opened) == opened.id or opened.event.get("action") == cases.COLLECT:
        return True
    return isinstance(incident, Opened) and incident.state != RELEASED


def _asks(incident: Opened) -> bool:
    asks = bool((incident.event.get("ask") or {}).get("when"))
    # An incident that is new was started by somebody who could not note it any more.
    return incident.state == WAITING or (incident.state == NEW and (asks or not incident.is_further))


def _how(execution: Execution) -> str:
    return f"{execution.status}: {execution.why[:500]}" if execution.why else execution.status
