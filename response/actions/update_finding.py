"""Says where a finding came from that it is dealt with, with the incident's id, and reads it back."""

from __future__ import annotations

from typing import Tuple

from aws_bridge.accounts.area import Area
from aws_bridge.errors import CallProblem
from response.aws.finding_states import ARCHIVED, FindingStates
from response.core.change import DONE, FAILED, PLANNED, Change, Outcome
from response.core.findings import GUARDDUTY, STATES, Finding
from response.core.result import ALREADY_DONE, FAILED_RESULT, PLANNED_RESULT, REFUSED, ActionResult
from response.core.result import DONE as ALL_DONE
from response.core.target import Subject

ACTION = "update_finding"
_KIND = "finding"


def update_finding(
    area: Area, finding: Finding, incident: str, state: str = "RESOLVED", *, dry_run: bool = False
) -> ActionResult:
    """Set a finding to RESOLVED or NOTIFIED; of GuardDuty, archive it, which is for RESOLVED only.

    Raises `response.errors.BadTarget` where there is none, `CallProblem` when it cannot be read: nothing was changed.
    """
    subject = Subject(area.account, area.region, f"{finding.product} {finding.id[-80:]}")
    if state not in STATES or (finding.product == GUARDDUTY and state != "RESOLVED"):
        says = f"{subject}: {finding.product} has no state {state[:40]}"
        return ActionResult(ACTION, subject, incident, REFUSED, says)
    states = FindingStates(area)
    before = states.read(finding)
    after = ARCHIVED if finding.product == GUARDDUTY else state
    change = Change(_KIND, finding.id, before, after)
    undo = "" if before == after else f"set it back to {before} where it came from"
    if dry_run:
        outcomes: Tuple[Outcome, ...] = () if before == after else (Outcome(change, PLANNED),)
        says = f"{subject} is {before} and would be {after}; nothing was changed"
        return ActionResult(ACTION, subject, incident, PLANNED_RESULT, says, outcomes)
    if before == after:
        return ActionResult(ACTION, subject, incident, ALREADY_DONE, f"{subject} is {after}")
    try:
        why = states.set(finding, incident, state)
    except CallProblem as exc:
        why = str(exc)
    try:
        now = states.read(finding)
    except CallProblem as exc:
        now, why = "", why or f"it could not be read back: {exc}"
    if now == after:
        outcome = Outcome(change, DONE)
        return ActionResult(
            ACTION, subject, incident, ALL_DONE, f"{subject} is {after}, read back", (outcome,), undo=undo
        )
    why = why or f"it was set, and it is {now}: Security Hub may take minutes; repeat it"
    says = f"{subject} is NOT {after}: {why}"
    return ActionResult(ACTION, subject, incident, FAILED_RESULT, says, (Outcome(change, FAILED, why),))
