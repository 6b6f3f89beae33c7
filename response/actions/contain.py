"""Takes all rights from a principal, and gives them back: a user or role of IAM, a user of Identity Center.

The denial holds for sessions that are open, too; what of a user's sign-in cannot be put back is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

from aws_bridge.accounts.area import Area
from response.actions.reversible import Reversible, finished, pending, planned
from response.actions.revoke import named, refusal, role_wide, undo_of
from response.aws.controls import Controls
from response.aws.identity_center import center_user, rights
from response.aws.keys import active_keys
from response.aws.parts import Parts
from response.core import change as kinds
from response.core.change import THERE, Change
from response.core.denials import CONTAINED_POLICY, deny_all
from response.core.principal import IDENTITY_CENTER_USER, ROLE, Principal
from response.core.result import REFUSED, ActionResult
from response.errors import StillRunning

ACTION, RELEASE = "contain_principal", "release_principal"
_CENTER_SESSIONS = (
    "sessions in accounts that were begun before last until they end (as long as the permission set says, at most 12 "
    "hours), and so does the session of the access portal: end it in Identity Center, and `aws login` sessions with "
    "RevokeOAuth2TokenWithIAM (check R47)"
)
_PASSWORD = "the console password cannot be read, so release cannot put it back: a new one has to be set"  # noqa: S105
_SESSIONS = (
    "open sessions, also of the console, are denied everything within minutes; of `aws login` sessions it is not known "
    "(check R45)"
)


@dataclass(frozen=True)
class Chosen:
    """What is to be done. ``everybody``: a role may be denied although others use it, too."""

    keys: bool = True
    password: bool = True
    deny: bool = True
    everybody: bool = False


@dataclass(frozen=True)
class Containment:
    """Where principals are contained. ``area`` is the one Identity Center is in for its users."""

    area: Area
    bucket_area: Area
    bucket: str
    #: Where to look for users of a role: all regions that are on if None.
    regions: Optional[Sequence[str]] = None

    def contain(self, principal: Principal, incident: str, chosen: Chosen, *, dry_run: bool = False) -> ActionResult:
        """Take a principal's rights.

        Raises `response.errors.BadTarget`, `StillRunning` while Identity Center is at it (call again), and
        `aws_bridge.errors.CallProblem` when nothing was changed.
        """
        principal = named(self.area, principal)
        subject = principal.subject
        why = refusal(self.area, principal)
        if why:
            return ActionResult(ACTION, subject, incident, REFUSED, f"{principal}: {why}")
        way = self._way(principal)
        wanted, notes, refused = self._wanted(principal, chosen, way)
        if principal.kind == ROLE and not chosen.deny:
            says = f"{principal}: of a role nothing but a denial takes rights: choose it"
            return ActionResult(ACTION, subject, incident, REFUSED, says)
        if dry_run:
            return planned(ACTION, subject, incident, wanted, (*notes, *refused), "without rights")
        outcomes = way.make(incident, wanted)
        running = pending(outcomes)
        if running:
            raise StillRunning(f"AWS is still taking {', '.join(running)} from {principal}: call again")
        return finished(ACTION, subject, incident, outcomes, notes, refused, undo_of(principal), "without rights")

    def release(self, principal: Principal, incident: str, *, dry_run: bool = False) -> ActionResult:
        """Give a principal back what was taken, by containing it or by revoking its credentials.

        Raises as `response.actions.reversible.Reversible.undo`.
        """
        principal = named(self.area, principal)
        return self._way(principal).undo(RELEASE, principal.subject, incident, dry_run=dry_run)

    def _way(self, principal: Principal) -> Reversible:
        return Reversible(Controls(self.area), Parts(self.bucket_area, self.bucket, principal.subject))

    def _wanted(
        self, principal: Principal, chosen: Chosen, way: Reversible
    ) -> Tuple[List[Change], List[str], List[str]]:
        """Return the changes, notes, and what is not done for want of consent."""
        if principal.kind == IDENTITY_CENTER_USER:
            return rights(self.area, center_user(self.area, principal.name)), [_CENTER_SESSIONS], []
        wanted: List[Change] = []
        notes = [_SESSIONS] if chosen.deny else []
        refused: List[str] = []
        if principal.kind == ROLE:
            if chosen.deny:
                more, refused = role_wide(self.area, principal.name, "", self.regions, everybody=chosen.everybody)
                notes += more
        else:
            wanted += active_keys(self.area, Principal(principal.account, principal.kind, principal.name)) * chosen.keys
            password = Change(kinds.PASSWORD, principal.name, THERE, "")
            if chosen.password and way.controls.value(password) == THERE:
                wanted.append(password)
                notes.append(_PASSWORD)
        if chosen.deny and not refused:
            kind = kinds.ROLE_POLICY if principal.kind == ROLE else kinds.USER_POLICY
            denial = Change(kind, principal.name, "", deny_all(), (("policy", CONTAINED_POLICY),))
            before = way.controls.value(denial)
            if before != denial.after:
                wanted.append(Change(kind, principal.name, before, denial.after, denial.with_))
        return wanted, notes, refused
