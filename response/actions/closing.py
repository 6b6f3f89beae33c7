"""Ends an incident: the instance is put back to its saved state, and only then the incident is over."""

from __future__ import annotations

from typing import NamedTuple

from aws_bridge.accounts.area import Area
from response.actions.release import ACTION, Release
from response.actions.revoke import Revocation
from response.aws.incidents import RELEASED, Incidents
from response.aws.saved_state import SavedStates
from response.core.result import ALREADY_DONE, DONE, REFUSED, ActionResult
from response.core.target import Target


class Closing(NamedTuple):
    """Where the instance is, and what is known of its incident."""

    area: Area
    states: SavedStates
    incidents: Incidents

    def close(self, target: Target, *, dry_run: bool = False) -> ActionResult:
        """Release the open incident of an instance. One that isolated nothing is over at once.

        Raises what `response.actions.release.Release.release` raises.
        """
        found = self.incidents.find(target)
        if found is None or found.state == RELEASED:
            says = f"{target} has no open incident: there is nothing to release"
            return ActionResult(ACTION, target, found.id if found else "", REFUSED, says)
        revoked = Revocation(self.area, self.states.area, self.states.bucket).recorded(target, found.id)
        if self.states.load(target, found.id) is None and not revoked:
            self.incidents.close(target.key, found.id)
            says = f"{target}: the incident {found.id} changed nothing, so nothing is put back, and it is over"
            return ActionResult(ACTION, target, found.id, DONE, says)
        result = Release(self.area, self.states).release(target, found.id, dry_run=dry_run)
        if result.result in (DONE, ALREADY_DONE):
            self.incidents.close(target.key, found.id)
        return result
