"""Revokes credentials: of an instance, of a role's sessions, of a user's keys. Each part is chosen, and can be undone.

Of an instance in this order: no new keys (empty profile, metadata service off), waited for; then a denial on the role
of all that was issued before. The denial alone would be no help: the metadata service would issue new keys at once.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Callable, List, Optional, Sequence, Tuple

from aws_bridge.accounts.area import Area
from aws_bridge.errors import CallProblem, CallRejected
from response.actions.reversible import Reversible, finished, pending, planned
from response.aws.controls import Controls, association
from response.aws.empty_profile import NAME, ensure_empty_profile, is_empty_profile
from response.aws.keys import active_keys, is_gone, user_of_key
from response.aws.parts import Parts
from response.aws.role_users import role_of_profile, users_of
from response.core import change as kinds
from response.core.change import ALREADY, FAILED, Change, Outcome
from response.core.denials import REVOKED_POLICY, deny_issued_before
from response.core.principal import IDENTITY_CENTER_USER, ROLE, USER, Principal
from response.core.result import REFUSED, ActionResult
from response.core.reversal import PENDING, key_of
from response.core.target import Target
from response.errors import BadTarget, StillRunning

ACTION, RESTORE = "revoke_credentials", "restore_credentials"
STILL_VALID = (
    "keys that were issued already stay valid until they end (an instance's within six hours): only a denial on the "
    "role voids them"
)
SESSIONS = (
    "console sessions of the role that began before are denied, too; of `aws login` sessions it is not known: end them "
    "with RevokeOAuth2TokenWithIAM (check R45)"
)
USER_SESSIONS = (
    "sessions of GetSessionToken and GetFederationToken, and console sessions, that began before are denied; of "
    "`aws login` sessions it is not known: end them with RevokeOAuth2TokenWithIAM (check R45). The console password "
    "stays"
)
_UNKNOWN = ("InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed")


@dataclass(frozen=True)
class Selection:
    """What is to be done. ``everybody``: a role may be denied although others use it, too."""

    profile: bool = True
    metadata: bool = True
    deny: bool = False
    keys: bool = True
    everybody: bool = False


@dataclass(frozen=True)
class Revocation:
    """Where credentials are revoked, and where their first state is saved."""

    area: Area
    bucket_area: Area
    bucket: str
    #: Where else to look for users of a role: all regions that are on if None.
    regions: Optional[Sequence[str]] = None
    #: Epoch seconds.
    clock: Callable[[], float] = time.time

    def revoke_instance(
        self, target: Target, incident: str, chosen: Selection, *, dry_run: bool = False
    ) -> ActionResult:
        """Revoke an instance's credentials.

        Raises `BadTarget`, `StillRunning` while AWS is at it (call again), and `CallProblem` when nothing was changed.
        """
        way = self._way(target)
        metadata = self._metadata(target)
        there = association(self.area, target.instance)
        recorded = way.parts.load(incident)
        profile = next((each.before for each in recorded if each.kind == kinds.PROFILE), there[1] if there else "")
        replaced = bool(there) and is_empty_profile(there[1])
        closed = chosen.profile or chosen.metadata or replaced or metadata == "disabled" or not there
        if chosen.deny and not closed:
            says = (
                f"{target}: a denial alone helps for minutes, since the metadata service issues new keys: choose the "
                "empty profile or the metadata service as well"
            )
            return ActionResult(ACTION, target, incident, REFUSED, says)
        role = role_of_profile(self.area, profile) if chosen.deny and profile and not is_empty_profile(profile) else ""
        notes, refused = self._others(role, target.instance, chosen)
        wanted: List[Change] = []
        if chosen.profile and there and not replaced:
            empty = f"{there[1].rpartition('instance-profile/')[0]}instance-profile/{NAME}"
            wanted.append(Change(kinds.PROFILE, target.instance, there[1], empty))
        if chosen.metadata and metadata == "enabled":
            wanted.append(Change(kinds.METADATA, target.instance, "enabled", "disabled"))
        if dry_run:
            deny = [self._denial(way, kinds.ROLE_POLICY, role, recorded)] if role and not refused else []
            return planned(ACTION, target, incident, [*wanted, *deny], (*notes, *refused), "without credentials")
        if any(each.kind == kinds.PROFILE for each in wanted):
            ensure_empty_profile(self.area)
        outcomes = way.make(incident, wanted)
        self._wait(way, target, incident, outcomes)
        if role and not refused:
            denial = self._denial(way, kinds.ROLE_POLICY, role, way.parts.load(incident))
            if wanted and all(each.result == FAILED for each in outcomes):
                refused.append(f"the role {role} was not denied, since the instance would get new keys")
            elif way.controls.value(denial) != denial.after:
                outcomes += way.make(incident, [denial])
        # What an earlier call of this step changed, while AWS was at it.
        said = {key_of(each.change) for each in outcomes}
        outcomes += [Outcome(each, ALREADY) for each in way.parts.load(incident) if key_of(each) not in said]
        notes += [SESSIONS] if role and not refused else [STILL_VALID] if profile else []
        if chosen.profile and not profile:
            notes.append("it has no role, so there is no profile to replace")
        undo = f"aws-siem-bridge respond release {target.instance}"
        return finished(ACTION, target, incident, outcomes, notes, refused, undo, "without new credentials")

    def revoke_principal(
        self, principal: Principal, incident: str, chosen: Selection, *, dry_run: bool = False
    ) -> ActionResult:
        """Revoke a role's sessions, or a user's keys and sessions. Raises as `revoke_instance`."""
        principal = self._named(principal)
        subject = principal.subject
        why = refusal(self.area, principal)
        if principal.kind == IDENTITY_CENTER_USER:
            why = "the sessions of an Identity Center user are ended in Identity Center: use contain_principal"
        if why:
            return ActionResult(ACTION, subject, incident, REFUSED, f"{principal}: {why}")
        way = Reversible(Controls(self.area), Parts(self.bucket_area, self.bucket, subject))
        recorded = way.parts.load(incident)
        notes: List[str] = [USER_SESSIONS if principal.kind == USER else SESSIONS]
        refused: List[str] = []
        wanted: List[Change] = []
        if principal.kind == ROLE:
            notes_, refused = self._others(principal.name, "", chosen)
            notes += notes_
        elif chosen.keys:
            wanted += active_keys(self.area, principal)
        if principal.kind == USER and principal.access_key.startswith("AKIA") and not chosen.deny:
            notes = ["sessions that were begun with the key stay valid: only a denial on the user voids them"]
        if chosen.deny and not refused:
            kind = kinds.ROLE_POLICY if principal.kind == ROLE else kinds.USER_POLICY
            denial = self._denial(way, kind, principal.name, recorded)
            if way.controls.value(denial) != denial.after:
                wanted.append(denial)
        elif principal.kind == ROLE and not refused:
            says = f"{principal}: a role has nothing but its sessions to revoke: choose the denial"
            return ActionResult(ACTION, subject, incident, REFUSED, says)
        if dry_run:
            return planned(ACTION, subject, incident, wanted, (*notes, *refused), "without its credentials")
        outcomes = way.make(incident, wanted)
        undo = undo_of(principal)
        return finished(ACTION, subject, incident, outcomes, notes, refused, undo, "without its credentials")

    def recorded(self, target: Target, incident: str) -> List[Change]:
        """Return what was changed of an instance's credentials, also what was put back since. Raises `CallProblem`."""
        return self._way(target).parts.load(incident)

    def restore_instance(self, target: Target, incident: str, *, dry_run: bool = False) -> ActionResult:
        """Give an instance its credentials back. Raises as `Reversible.undo`."""
        return self._way(target).undo(RESTORE, target, incident, dry_run=dry_run)

    def _way(self, target: Target) -> Reversible:
        return Reversible(Controls(self.area), Parts(self.bucket_area, self.bucket, target))

    def _metadata(self, target: Target) -> str:
        try:
            found = self.area.ask("ec2", "DescribeInstances", InstanceIds=[target.instance])["Reservations"]
        except CallRejected as exc:
            if not any(code in str(exc) for code in _UNKNOWN):
                raise
            found = []
        for reservation in found:
            for each in reservation["Instances"]:
                if each["State"]["Name"] not in ("shutting-down", "terminated"):
                    return str((each.get("MetadataOptions") or {}).get("HttpEndpoint") or "enabled")
        raise BadTarget(f"there is no instance {target}, or it is terminated")

    def _wait(self, way: Reversible, target: Target, incident: str, outcomes: Sequence[Outcome]) -> None:
        """Raise `StillRunning` unless AWS is done with profile and metadata service."""
        slow = [each for each in way.parts.load(incident) if each.kind in (kinds.PROFILE, kinds.METADATA)]
        known = {key_of(each.change): each for each in outcomes}
        running = set(pending(outcomes))
        for each in slow:
            if key_of(each) not in known and way.controls.value(each) == PENDING:
                running.add(each.kind)
        if running:
            raise StillRunning(f"AWS is still changing {', '.join(sorted(running))} of {target}: call again")

    def _others(self, role: str, but: str, chosen: Selection) -> Tuple[List[str], List[str]]:
        """Return notes, and why the role is not denied: others use it, and nobody agreed."""
        if not chosen.deny or not role:
            return [], []
        return role_wide(self.area, role, but, self.regions, everybody=chosen.everybody)

    def _denial(self, way: Reversible, kind: str, name: str, recorded: Sequence[Change]) -> Change:
        """Return the denial that is written down, or a new one: of what was issued before now."""
        with_ = (("policy", REVOKED_POLICY),)
        wanted = key_of(Change(kind, name, "", "", with_))
        found = next((each for each in recorded if key_of(each) == wanted), None)
        if found:
            return found
        before = way.controls.value(Change(kind, name, "", "", with_))
        return Change(kind, name, before, deny_issued_before(self.clock()), with_)

    def _named(self, principal: Principal) -> Principal:
        return named(self.area, principal)


def named(area: Area, principal: Principal) -> Principal:
    """Return a principal with its name: of an access key alone AWS says whose it is. Raises `BadTarget`."""
    if principal.name:
        return principal
    return Principal(principal.account, USER, user_of_key(area, principal.access_key), principal.access_key)


def undo_of(principal: Principal) -> str:
    """Return the command that gives a principal its rights back."""
    return f"aws-siem-bridge respond release-principal {principal.kind}/{principal.name}"


def refusal(area: Area, principal: Principal) -> str:
    """Return why a principal is not touched, or nothing: it is the responder's own, AWS's, or not there.

    Needs ``sts:GetCallerIdentity``, which every policy allows, ``iam:GetUser`` and ``GetRole``.
    """
    if principal.is_asking(str(area.ask("sts", "GetCallerIdentity")["Arn"])):
        return "it is the one that this response runs as: it would lock itself out"
    if principal.kind != IDENTITY_CENTER_USER and is_gone(area, principal):
        return "there is none of that name in this account"
    return principal.unchangeable


def role_wide(
    area: Area, role: str, but: str, regions: Optional[Sequence[str]], *, everybody: bool
) -> Tuple[List[str], List[str]]:
    """Return notes about the other users of a role, and why it is not denied, if it is not.

    What could not be listed counts as a user: nobody knows whom a denial would stop.
    """
    try:
        found = users_of(area, role, but, regions)
        others = [*found.users, *found.unknown]
    except CallProblem as exc:
        others = [f"who uses the role {role} could not be listed: {exc}"]
    notes = [f"a denial on the role {role} stops also: {each}" for each in others]
    if others and not everybody:
        return notes, [
            f"the role {role} was not denied, since others use it ({len(others)}, in the notes): consent to that first"
        ]
    return notes, []
