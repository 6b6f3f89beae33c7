"""How isolated an instance is: read from AWS, whatever anybody said before."""

from __future__ import annotations

from typing import Dict, NamedTuple, Tuple

from aws_bridge.accounts.area import Area
from response.aws.instances import Instances
from response.aws.quarantine import HARD, SOFT, QuarantineGroups
from response.aws.ways_out import ways_out
from response.core.target import Target

OPEN, GONE = "open", "gone"


class Look(NamedTuple):
    """What was seen. ``isolated`` is ``hard``, ``soft``, ``open`` or ``gone``."""

    isolated: str
    says: str
    #: Interface -> its groups.
    groups: Dict[str, Tuple[str, ...]]


def look(area: Area, target: Target) -> Look:
    """Look at an instance: ``hard`` without any way, ``soft`` with ways to VPC endpoints alone, else ``open``.

    Raises `response.errors.BadTarget` where there is none, `CallProblem` when it cannot be read.
    """
    instance = Instances(area).network(target)
    groups = {each.id: each.groups for each in instance.interfaces}
    if instance.gone:
        return Look(GONE, f"{target} is {instance.state}", groups)
    quarantine = QuarantineGroups(area)
    ours = quarantine.ids(instance.vpcs) if instance.interfaces else frozenset()
    ways: Dict[str, Tuple[str, ...]] = {}
    worst = HARD if instance.interfaces else OPEN
    still_open = []
    for each in instance.interfaces:
        (first, *others) = each.groups or ("",)
        if others or first not in ours:
            still_open.append(each.id)
        elif not quarantine.closed(first):
            leads = ways.setdefault(each.vpc, ways_out(area, each.vpc))
            if quarantine.closed(first, leads):
                worst = SOFT
            else:
                still_open.append(f"{each.id} (somebody added rules to {first})")
    if still_open or worst == OPEN:
        return Look(OPEN, f"{target} is NOT isolated: open: {', '.join(still_open) or 'it has no interface'}", groups)
    how = "isolated" if worst == HARD else "isolated softly: what leads to VPC endpoints of SSM and S3 is open"
    return Look(worst, f"{target} is {how}, read back", groups)
