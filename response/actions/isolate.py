"""Isolates an instance: saved state, protection, out of service, closed, read back. Safe to run again at any point.

``hard`` leaves no way in or out. ``soft`` leaves the ways to SSM and S3 that the instance has through VPC endpoints, so
that evidence can still be collected.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, FrozenSet, List, NamedTuple, Tuple

from aws_bridge.accounts.area import Area
from aws_bridge.errors import CallProblem
from response.aws.changes import Changes
from response.aws.cutting import Cutting
from response.aws.instances import Instances
from response.aws.machines import NO_AGENT, agents
from response.aws.quarantine import HARD, SOFT, QuarantineGroups
from response.aws.saved_state import SavedStates
from response.aws.ways_out import open_s3, reach_of
from response.core import change, isolation
from response.core.change import PLANNED, Outcome
from response.core.instance import Instance
from response.core.reach import Reach, may_capture, tracked_paths
from response.core.result import ALREADY_DONE, DONE, FAILED_RESULT, PARTIAL, PLANNED_RESULT, REFUSED, ActionResult
from response.core.target import Target

ACTION = "isolate"
#: How often interfaces are listed again, for those that are attached while this works.
ROUNDS = 3


class Isolation(NamedTuple):
    """Where an instance is isolated, and where its saved state goes."""

    area: Area
    states: SavedStates

    def isolate(
        self,
        target: Target,
        incident: str,
        *,
        mode: str = HARD,
        dry_run: bool = False,
        capture_first: bool = False,
        cut_flows: bool = False,
    ) -> ActionResult:
        """Isolate an instance; the result says ``done`` only when it was read back as isolated.

        ``soft`` opens nothing that is closed. With ``capture_first`` it leaves an instance open whose VPC has no
        endpoints for SSM, since nothing could be collected from it otherwise: the result is ``partial`` and says so. An
        instance without an agent or without any way to SSM is closed all the same. ``cut_flows``: open a hard isolation
        for an instant, so that flows end, too.
        Raises `response.errors.BadTarget` where there is no such instance, and `CallProblem` when nothing could be
        read, or the state could not be saved: then nothing was changed.
        """
        instances = Instances(self.area)
        instance = instances.read(target)
        if instance.gone:
            says = f"{target} is {instance.state}: there is nothing left to isolate"
            return ActionResult(ACTION, target, incident, REFUSED, says)
        groups = QuarantineGroups(self.area)
        reaches, ways = self._ways(instance) if mode == SOFT or cut_flows else ({}, [])
        leads = {vpc: reaches[vpc].leads if mode == SOFT and vpc in reaches else () for vpc in instance.vpcs}
        if dry_run:
            return self._planned(instance, incident, mode, leads, ways)
        ours = groups.ids(instance.vpcs)
        isolated_before = _all_in(instance, ours)
        saved = self.states.load(target, incident)
        if mode == SOFT and isolated_before and _all_in(instance, groups.ids(instance.vpcs, HARD)):
            mode, leads = HARD, dict.fromkeys(leads, ())
        if saved is None and not isolated_before:
            saved = self.states.save(incident, instance)
        if saved:
            instance = _restorable(instance, saved)
        changes = Changes(self.area, target.instance)
        outcomes = changes.make_all(isolation.protection(instance))
        outcomes += changes.make_all(isolation.out_of_service(instance))
        if capture_first and mode == SOFT and not isolated_before and not any(leads.values()):
            lack = self._no_capture(instance, reaches)
            if not lack:
                return _left_open(instance, incident, outcomes, ways)
            ways.append(f"it was not left open for a capture: {lack}")
        cut = False
        if cut_flows and mode == HARD and not isolated_before:
            said, cut = self._cut(instance, groups, changes, reaches, outcomes)
            ways += said
        closed, problem = self._close(instance, instances, groups, changes, mode, leads, outcomes)
        result = self._result(instance, incident, outcomes, closed, problem, saved is None, ways, cut)
        return self._with_ways(result, leads) if mode == SOFT and closed else result

    def _ways(self, instance: Instance) -> Tuple[Dict[str, Reach], List[str]]:
        """Return how each VPC's interfaces reach SSM and S3, and that in words. What cannot be read is no way."""
        reaches: Dict[str, Reach] = {}
        try:
            for vpc in instance.vpcs:
                mine = tuple(each for each in instance.interfaces if each.vpc == vpc)
                reaches[vpc] = reach_of(self.area, vpc, mine)
        except CallProblem as exc:
            return {}, [f"how it reaches SSM and S3 is not known: {exc}"]
        return reaches, [f"{vpc}: {each.says}" for vpc, each in reaches.items()]

    def _no_capture(self, instance: Instance, reaches: Dict[str, Reach]) -> str:
        """Return why waiting for evidence would be for nothing."""
        if instance.platform == "windows":
            return "no volatile evidence of Windows is collected"
        if not may_capture(reaches.values()):
            return "no way leads to SSM at all, or none is known"
        try:
            return agents(self.area, instance.target.instance).get(instance.target.instance, NO_AGENT).says
        except CallProblem as exc:
            return f"SSM does not say whether there is an agent: {exc}"

    def _cut(
        self,
        instance: Instance,
        groups: QuarantineGroups,
        changes: Changes,
        reaches: Dict[str, Reach],
        outcomes: List[Outcome],
    ) -> Tuple[List[str], bool]:
        """Cut what is tracked; return it in words, and whether it was cut. What goes wrong costs the rest nothing."""
        try:
            closed = {vpc: groups.ensure(vpc, HARD) for vpc in instance.vpcs}
        except CallProblem as exc:
            return [f"tracked flows were not cut: {exc}"], False
        done = Cutting(self.area, groups, changes).cut(instance, closed)
        outcomes += done.outcomes
        what = f"it was open to everybody for {done.open_s:.1f} s, to cut the flows that were tracked"
        found = [what if done.open_s else "tracked flows were not cut"]
        found += [f"while flows were cut: {done.problem}"] if done.problem else []
        found.append(f"flows by these paths are tracked all the same: {tracked_paths(reaches.values())}")
        return found, bool(done.open_s) and not done.problem

    def _with_ways(self, result: ActionResult, leads: Dict[str, Tuple[str, ...]]) -> ActionResult:
        """Say what soft isolation leaves open, and whether data can leave by it."""
        ways = sorted({way for each in leads.values() for way in each})
        if not ways:
            return replace(result, says=f"{result.says}; no way is left open, there are no endpoints for SSM")
        try:
            wide = [each for vpc in leads for each in open_s3(self.area, vpc, self.states.bucket)]
        except CallProblem as exc:
            wide, ways = [], [*ways, f"policies of the endpoints are not known: {exc}"]
        says = f"{result.says}; open at port 443: {', '.join(ways)}"
        if wide:
            says += f"; data can leave by {', '.join(wide)}: its policy is not limited to the evidence bucket"
        return replace(result, says=says)

    def _close(
        self,
        instance: Instance,
        instances: Instances,
        groups: QuarantineGroups,
        changes: Changes,
        mode: str,
        leads: Dict[str, Tuple[str, ...]],
        outcomes: List[Outcome],
    ) -> Tuple[bool, str]:
        """Put every interface into the quarantine group of its VPC; return whether it was read back so, or why not."""
        try:
            now = instance
            for _ in range(ROUNDS):
                # A new interface may be in another VPC than the ones that are known.
                ids = {vpc: groups.ensure(vpc, mode, leads.get(vpc, ())) for vpc in now.vpcs}
                wanted = isolation.closing(now, ids)
                outcomes += changes.make_all(wanted)
                interfaces = instances.interfaces(instance.target)
                now = Instance(instance.target, instance.state, interfaces=interfaces)
                left = isolation.open_interfaces(now, {vpc: ids.get(vpc, "") for vpc in now.vpcs})
                if not left:
                    break
            if left:
                return False, "still open: " + ", ".join(f"{each.id} in {', '.join(each.groups)}" for each in left)
            leaking = [id for vpc, id in ids.items() if not groups.closed(id, leads.get(vpc, ()))]
            if leaking:
                return False, f"the quarantine group {', '.join(leaking)} has a rule that lets traffic through"
            return True, ""
        except CallProblem as exc:
            return False, str(exc)

    def _result(
        self,
        instance: Instance,
        incident: str,
        outcomes: List[Outcome],
        closed: bool,
        problem: str,
        unsaved: bool,
        ways: List[str],
        cut: bool,
    ) -> ActionResult:
        target = instance.target
        failed = [each for each in outcomes if each.result == change.FAILED and each.change.kind != change.GROUPS]
        moved = any(each.change.kind == change.GROUPS and each.result == change.DONE for each in outcomes)
        notes = [*ways, *isolation.notes(instance, moved and not cut)]
        notes += [f"not done: {each.change.says}: {each.why}" for each in failed]
        notes += [f"{field} is not known and was left as it is: {why}" for field, why in instance.unread]
        if unsaved:
            notes.append("it was isolated before without a saved state of this incident: release cannot restore it")
        undo = f"aws-siem-bridge respond release {target.instance}"
        if not closed:
            says = f"{target} is NOT isolated: {problem}"
            return ActionResult(ACTION, target, incident, FAILED_RESULT, says, tuple(outcomes), tuple(notes), undo)
        many = len(instance.interfaces)
        says = f"{target} is isolated: {many} interface{'s'[: many != 1]} in the quarantine group, read back"
        result = DONE if moved else ALREADY_DONE
        return ActionResult(ACTION, target, incident, result, says, tuple(outcomes), tuple(notes), undo)

    def _planned(
        self, instance: Instance, incident: str, mode: str, leads: Dict[str, Tuple[str, ...]], ways: List[str]
    ) -> ActionResult:
        ids = {vpc: f"the {mode} quarantine group of {vpc}" for vpc in instance.vpcs}
        wanted = isolation.protection(instance) + isolation.out_of_service(instance) + isolation.closing(instance, ids)
        notes = [*ways, *isolation.notes(instance, True)]
        notes += [f"{field} is not known and would be left as it is: {why}" for field, why in instance.unread]
        if mode == SOFT:
            notes += [
                f"open in {vpc}: {', '.join(ways) or 'nothing, there is no endpoint'}" for vpc, ways in leads.items()
            ]
        outcomes = tuple(Outcome(each, PLANNED) for each in wanted)
        says = f"{instance.target} would be isolated with {len(outcomes)} changes; nothing was changed"
        return ActionResult(ACTION, instance.target, incident, PLANNED_RESULT, says, outcomes, tuple(notes))


def _restorable(now: Instance, saved: Instance) -> Instance:
    """Return an instance without what the saved state does not know: changed by a later run, it would stay changed."""
    unread = {**dict(saved.unread), **dict(now.unread)}
    registrations = tuple(each for each in now.registrations if each in saved.registrations)
    volumes = tuple(each for each in now.volumes if each.id in {volume.id for volume in saved.volumes})
    return replace(now, unread=tuple(unread.items()), registrations=registrations, volumes=volumes)


def _all_in(instance: Instance, groups: FrozenSet[str]) -> bool:
    return bool(instance.interfaces) and all(set(each.groups) <= groups for each in instance.interfaces)


def _left_open(instance: Instance, incident: str, outcomes: List[Outcome], ways: List[str]) -> ActionResult:
    target = instance.target
    says = (
        f"{target} is NOT isolated yet: its VPC has no endpoints for SSM, so it stays open until it was captured, as "
        "the parameter says"
    )
    undo = f"aws-siem-bridge respond release {target.instance}"
    return ActionResult(ACTION, target, incident, PARTIAL, says, tuple(outcomes), tuple(ways), undo)
