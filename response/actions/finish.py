"""The end of an incident's workflow: how it is, read from AWS and not from what the steps said."""

from __future__ import annotations

from typing import Any, Dict, NamedTuple

from aws_bridge.accounts.area import Area
from response.actions.look import GONE, OPEN, look
from response.aws.incidents import NEW, WAITING, Incidents
from response.aws.quarantine import HARD, SOFT
from response.core import cases
from response.core.result import DONE, FAILED_RESULT, PARTIAL, PLANNED_RESULT, REFUSED
from response.core.target import Target

#: How the workflow came to its end: through all its steps, by a person's no, or because nobody answered.
WHOLE, REJECTED, NO_ANSWER = "whole", "rejected", "no_answer"
_WELL = ("done", "already_done", "planned", "started")


class End(NamedTuple):
    """How it ended. ``isolated`` is ``hard``, ``soft``, ``open``, ``gone``, or empty where nothing was isolated."""

    result: str
    says: str
    isolated: str = ""

    def to_json(self) -> Dict[str, Any]:
        """Return it for the workflow."""
        return self._asdict()


def isolation_ended(area: Area, target: Target, *, ended: str, dry_run: bool, problems: str, wanted: str) -> End:
    """Return how an instance is that should be isolated; ``wanted`` is ``hard`` or ``soft``.

    Raises `aws_bridge.errors.CallProblem` when it cannot be read: then nobody knows.
    """
    if ended == WHOLE and dry_run:
        return End(PLANNED_RESULT, f"{target}: a dry run, nothing was changed. {problems}".strip())
    seen = look(area, target)
    says = f"{seen.says}. {problems}".strip()
    if ended != WHOLE:
        why = "a person rejected it" if ended == REJECTED else "nobody answered"
        kept = seen.isolated == SOFT
        return End(PARTIAL if kept else REFUSED, f"{says} {why}".strip(), seen.isolated)
    if seen.isolated == OPEN or (wanted == HARD and seen.isolated == SOFT):
        return End(FAILED_RESULT if seen.isolated == OPEN else PARTIAL, says, seen.isolated)
    if seen.isolated == GONE:
        return End(PARTIAL, says, seen.isolated)
    return End(PARTIAL if problems else DONE, says, seen.isolated)


def other_ended(action: str, *, ended: str, dry_run: bool, problems: str, last: str) -> End:
    """Return how an action ended that isolates nothing: by its one step, or for evidence by what is missing."""
    if ended != WHOLE:
        why = "a person rejected it" if ended == REJECTED else "nobody answered"
        return End(REFUSED, f"{action} was not done: {why}")
    if action == cases.COLLECT:
        return End(PARTIAL if problems else DONE, problems or "the evidence is complete")
    if last in _WELL:
        return End(PLANNED_RESULT if dry_run else DONE, f"{action} is done" if not dry_run else f"{action}: a dry run")
    return End(last if last in (FAILED_RESULT, REFUSED, PARTIAL) else FAILED_RESULT, problems or f"{action} failed")


def kept(incidents: Incidents, key: str, incident: str, end: End, *, ended: str, dry_run: bool, own: bool) -> None:
    """Keep the end with the incident, which is open until it is released.

    One that changed nothing is over: it was a dry run, or a person rejected it before anything was done. ``own`` is
    false of what was done further in an incident that something else opened.
    """
    incidents.note(key, incident, end.result, end.says)
    if ended == WHOLE:
        # Nobody answered, and it went on by itself.
        incidents.run(key, incident, (NEW, WAITING))
    if own and (dry_run or ended == REJECTED and end.isolated in ("", OPEN, GONE)):
        incidents.close(key, incident)
