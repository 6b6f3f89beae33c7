"""Watches isolated instances: as long as an incident is open, a flow that was let through is told of.

An instance counts as isolated from the first time that every interface is seen in a group without any way out; that
moment is noted below ``progress/``. Flows from before it are the business of `response.actions.collect_logs`.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any, Callable, Dict, NamedTuple, Optional

from aws_bridge.accounts.area import Area
from aws_bridge.errors import AwsError, CallRejected
from es_bridge.errors import BridgeError
from response.aws.evidence import EvidenceStore
from response.aws.incidents import RELEASED, Incidents, Opened
from response.aws.instances import Instances
from response.aws.quarantine import QuarantineGroups
from response.core.budget import Budget
from response.core.instance import Instance
from response.core.target import Target
from response.core.traces import FLOW, INDICES, accepted_after, who_of
from response.errors import ResponseError
from response.raw_store import RawStore

ACTION = "watch"
#: Flows were let through; or nobody can tell.
ACCEPTED, UNKNOWN = "accepted_flows", "unknown"
#: Each look is about flows that ended in so much time before; AWS delivers their records within half of it.
LOOKS_BACK_S = 2 * 3600
#: Targets that a sentence names.
_NAMED = 5


class Seen(NamedTuple):
    """What was seen of one incident."""

    incident: Opened
    target: Target
    result: str
    says: str

    def to_event(self) -> Dict[str, Any]:
        """Return the status that is sent of it."""
        known = {name: self.incident.event.get(name) for name in ("action", "sid", "rid", "search")}
        where = {"account": self.target.account, "region": self.target.region, "instance": self.target.instance}
        said = {
            "incident": self.incident.id,
            "step": ACTION,
            "state": "failed",
            "result": self.result,
            "says": self.says,
        }
        return {**{name: value for name, value in known.items() if value}, **where, **said}


@dataclass(frozen=True)
class Watch:
    """What is watched, and who is asked. ``store_of``: target and incident -> where progress is noted."""

    incidents: Incidents
    raw: RawStore
    area_of: Callable[[Target], Area]
    store_of: Callable[[Target, str], EvidenceStore]
    clock: Callable[[], float]

    def look(self, tell: Callable[[Seen], Any], budget: Budget = Budget()) -> int:  # noqa: B008 - never changed
        """Look at every open incident of an instance, in another order each time; one that fails stops no other.

        ``tell`` is called with what is seen, at once. Returns how many there was no time for.
        """
        open_ = [
            (each, target) for each in self.incidents.all() for target in [_target(each)]
            if target is not None and each.state != RELEASED and not each.event.get("dry_run", True)
        ]  # fmt: skip
        random.shuffle(open_)
        for number, (incident, target) in enumerate(open_):
            if number and budget.is_over:
                return len(open_) - number
            try:
                seen = self._of(incident, target)
            except (AwsError, ResponseError, BridgeError) as exc:
                seen = Seen(incident, target, UNKNOWN, f"{target}: whether flows are let through is not known: {exc}")
            if seen:
                tell(seen)
        return 0

    def _of(self, incident: Opened, target: Target) -> Optional[Seen]:
        area = self.area_of(target)
        instance = Instances(area).network(target)
        if instance.gone:
            return None
        since_s = self._isolated_since(target, incident.id)
        if since_s is None:
            if _is_isolated(area, instance):
                self._note(target, incident.id)
            return None
        # Once isolated it stays watched, also when somebody has opened it by hand.
        who, now_s = who_of(instance, ""), self.clock()
        clause = accepted_after(who, max(since_s, now_s - LOOKS_BACK_S))
        flows = [hit.source for hit in self.raw.records(INDICES[FLOW], clause, now_s - LOOKS_BACK_S, None)]
        if not flows:
            return None
        ends = sorted({_end(each) for each in flows})
        named = ", ".join(ends[:_NAMED]) + (f" and {len(ends) - _NAMED} more" if len(ends) > _NAMED else "")
        says = f"{target} is isolated, and {len(flows):,} flows were let through since: {named}"
        return Seen(incident, target, ACCEPTED, says)

    def _isolated_since(self, target: Target, incident: str) -> Optional[float]:
        try:
            return float(json.loads(self.store_of(target, incident).read_progress(ACTION))["isolated_since"])
        except CallRejected as exc:
            if "NoSuchKey" not in str(exc):
                raise
        except (ValueError, KeyError, TypeError):
            pass
        return None

    def _note(self, target: Target, incident: str) -> None:
        known = {"isolated_since": self.clock()}
        self.store_of(target, incident).write_progress(ACTION, json.dumps(known).encode())


def _target(incident: Opened) -> Optional[Target]:
    try:
        return Target(*(str(incident.event.get(name) or "") for name in ("account", "region", "instance")))
    except ResponseError:
        return None


def _is_isolated(area: Area, instance: Instance) -> bool:
    """Return whether every interface is in a quarantine group alone, and none of these has a way in or out."""
    groups = {group for each in instance.interfaces for group in each.groups}
    quarantine = QuarantineGroups(area)
    if not groups or not groups <= quarantine.ids(instance.vpcs):
        return False
    return all(quarantine.closed(each) for each in groups)


def _end(flow: Dict[str, Any]) -> str:
    return f"{flow.get('srcaddr')} -> {flow.get('dstaddr')}:{flow.get('dstport')}"
