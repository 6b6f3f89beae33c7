"""Puts an isolated instance back to its saved state, field for field, and reads it back."""

from __future__ import annotations

from dataclasses import replace
from typing import List, NamedTuple, Tuple

from aws_bridge.accounts.area import Area
from response.actions.revoke import Revocation
from response.aws.changes import Changes
from response.aws.instances import Instances
from response.aws.quarantine import QuarantineGroups
from response.aws.saved_state import SavedStates
from response.core import change
from response.core.change import FAILED, PLANNED, Change, Outcome
from response.core.instance import Instance
from response.core.release import restoration
from response.core.result import ALREADY_DONE, DONE, FAILED_RESULT, PLANNED_RESULT, REFUSED, ActionResult
from response.core.target import Target
from response.errors import NoSavedState

ACTION = "release"
#: The network last: nothing is reachable before its profile and its place in the groups are back.
_ORDER = (
    change.KEEP_VOLUME,
    change.ON_SHUTDOWN,
    change.TERMINATION_PROTECTION,
    change.STOP_PROTECTION,
    change.GROUPS,
    change.STANDBY,
    change.REGISTRATION,
)


class Release(NamedTuple):
    """Where an instance is released, and where its saved state is."""

    area: Area
    states: SavedStates

    def release(self, target: Target, incident: str, *, dry_run: bool = False) -> ActionResult:
        """Restore the saved state of an incident; nothing is changed when somebody else changed anything since.

        Raises `NoSavedState` where there is no record, `response.errors.StateDiffers` where it is of another, and
        `CallProblem` when nothing could be read.
        """
        saved = self.states.load(target, incident)
        credentials = Revocation(self.area, self.states.area, self.states.bucket)
        revoked = credentials.recorded(target, incident)
        if saved is None and revoked:
            return replace(credentials.restore_instance(target, incident, dry_run=dry_run), action=ACTION)
        if saved is None:
            raise NoSavedState(
                f"there is no saved state of {target} in incident {incident}: nothing is known that could be restored. "
                "Compare the incident's number; without a record, set the groups of each interface by hand"
            )
        instances = Instances(self.area)
        now = instances.read(target)
        if now.gone:
            says = f"{target} is {now.state}: there is nothing left to release"
            return ActionResult(ACTION, target, incident, REFUSED, says)
        quarantine = QuarantineGroups(self.area).ids({*saved.vpcs, *now.vpcs})
        changes, conflicts, lost, unread = restoration(saved, _without_revoked(now, saved, revoked), quarantine)
        changes.sort(key=lambda each: _ORDER.index(each.kind))
        if conflicts:
            says = f"{target} was changed by somebody else since: nothing was restored"
            notes = (*conflicts, "restore by hand, or set these back to what isolation makes them and release again")
            return ActionResult(ACTION, target, incident, REFUSED, says, notes=notes)
        given_back: Tuple[Outcome, ...] = ()
        if revoked:
            # Credentials before the network: nothing is reachable before it has its role again.
            restored = credentials.restore_instance(target, incident, dry_run=dry_run)
            if restored.result in (REFUSED, FAILED_RESULT):
                return replace(restored, action=ACTION)
            given_back, lost = restored.outcomes, [*restored.notes, *lost]
        if dry_run:
            outcomes = (*given_back, *(Outcome(each, PLANNED) for each in changes))
            says = f"{target} would be released with {len(outcomes)} changes; nothing was changed"
            return ActionResult(ACTION, target, incident, PLANNED_RESULT, says, outcomes, (*lost, *unread))
        made = Changes(self.area, target.instance).make_all(changes)
        now = _without_revoked(instances.read(target), saved, revoked)
        left, still, _, unread = restoration(saved, now, quarantine)
        found = _result(target, incident, [*given_back, *made], [*(each.says for each in left), *still, *unread], lost)
        if found.result != FAILED_RESULT:
            self.states.released(target, incident)
        return found


def _without_revoked(now: Instance, saved: Instance, revoked: List[Change]) -> Instance:
    """Return an instance without what revoking its credentials changed: that is put back by its own record."""
    known = {each.kind: (each.before, each.after) for each in revoked}
    if now.profile in known.get(change.PROFILE, ()):
        now = replace(now, profile=saved.profile)
    if now.metadata in known.get(change.METADATA, ()):
        now = replace(now, metadata=saved.metadata)
    return now


def _result(target: Target, incident: str, made: List[Outcome], left: List[str], lost: List[str]) -> ActionResult:
    notes: Tuple[str, ...] = tuple(lost)
    # Asked twice, a change can be refused because the first answer was lost on its way; what counts is what is there.
    if left:
        notes += tuple(f"not restored: {each}" for each in left)
        notes += tuple(f"{each.change.says}: {each.why}" for each in made if each.result == FAILED)
        says = f"{target} is not as it was saved: {len(left)} of its settings differ or could not be read"
        return ActionResult(ACTION, target, incident, FAILED_RESULT, says, tuple(made), notes)
    says = f"{target} is as it was saved, read back"
    return ActionResult(ACTION, target, incident, DONE if made else ALREADY_DONE, says, tuple(made), notes)
