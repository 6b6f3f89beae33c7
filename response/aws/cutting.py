"""Cuts flows that are tracked: an interface is open to the world for an instant, and AWS stops tracking; then closed.

It is closed in two ways that do not depend on each other: the interfaces go into the quarantine group, and the rules of
the open group are taken away whatever became of that.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html#untracked-connections

Needs what `response.aws.quarantine` needs, ``ec2:AuthorizeSecurityGroupIngress`` and ``ec2:DeleteSecurityGroup``.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Callable, Dict, List, NamedTuple

from aws_bridge.accounts.area import Area
from aws_bridge.errors import CallProblem
from response.aws.changes import Changes
from response.aws.quarantine import QuarantineGroups
from response.core import isolation
from response.core.change import DONE, GROUPS, Change, Outcome
from response.core.instance import Instance

#: Seconds in which interfaces are opened; whatever is not open by then stays as it is. All is closed within five.
OPENING_S = 2.0
#: A number of rounds in which whatever is still open is closed.
_ROUNDS = 3


class Cut(NamedTuple):
    """What was done. ``open_s``: how long anything was open, seconds; 0 where nothing was opened."""

    outcomes: List[Outcome]
    open_s: float
    #: Why it was not done, or what was left; empty when all is well.
    problem: str = ""


class Cutting:
    """The trick for one instance."""

    def __init__(
        self, area: Area, groups: QuarantineGroups, changes: Changes, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._area = area
        self._groups = groups
        self._changes = changes
        self._clock = clock

    def cut(self, instance: Instance, closed: Dict[str, str]) -> Cut:
        """Open every interface and close it again. ``closed``: VPC -> the group that lets nothing through.

        Nothing raises: an instance must never stay open because of what went wrong here.
        """
        opened: Dict[str, str] = {}
        outcomes: List[Outcome] = []
        problem = ""
        began = 0.0
        try:
            for vpc in instance.vpcs:
                opened[vpc] = self._groups.opened(vpc, instance.target.instance)
            began = self._clock()
            for each in instance.interfaces:
                if self._clock() - began > OPENING_S:
                    problem = "not every interface was opened: AWS was too slow"
                    break
                outcomes.append(self._changes.make(Change(GROUPS, each.id, each.groups, (opened[each.vpc],))))
        except CallProblem as exc:
            problem = str(exc)
        finally:
            outcomes += self._close(instance, closed) if began else []
            left = self._shut(list(opened.values()))
        open_s = self._clock() - began if began else 0.0
        refused = [each.why for each in outcomes if each.result != DONE]
        return Cut(outcomes, open_s, "; ".join(filter(None, (problem, *refused, left))))

    def _close(self, instance: Instance, closed: Dict[str, str]) -> List[Outcome]:
        outcomes: List[Outcome] = []
        wanted = isolation.closing(_with_unknown_groups(instance), closed)
        for _ in range(_ROUNDS):
            made = self._changes.make_all(wanted)
            outcomes += made
            wanted = [each.change for each in made if each.result != DONE]
            if not wanted:
                break
        return outcomes

    def _shut(self, groups: List[str]) -> str:
        """Take the rules of the open groups away, and the groups; return what was left."""
        left = []
        for id in groups:
            for _ in range(_ROUNDS):
                try:
                    self._groups.emptied(id)
                    break
                except CallProblem as exc:
                    why = str(exc)
            else:
                left.append(f"the group {id} may still let everything through: {why}")
                continue
            try:
                self._area.ask("ec2", "DeleteSecurityGroup", GroupId=id)
            except CallProblem:
                # It is empty, and found again by its name.
                pass
        return "; ".join(left)


def _with_unknown_groups(instance: Instance) -> Instance:
    """Return an instance of whose interfaces nobody knows the groups, so that each is closed."""
    return replace(instance, interfaces=tuple(replace(each, groups=("",)) for each in instance.interfaces))
