"""What passes between whoever polls many places and a source that knows which of them see each other.

A place is one account in one region. The list of an administrator shows its members' findings as well, that of an
aggregation region those of the regions linked to it: polling both would bring everything twice.

A source of which that is so has a module ``shown`` that offers ``shown(asking)``: the places, beside its own, that the
list there shows. With ``BY_ORGANISATION = True`` it needs `Asking.organisation_id` for that.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, FrozenSet, Iterator, List, NamedTuple, Sequence, Set

from aws_bridge.accounts.caller import Caller
from aws_bridge.errors import CallRejected
from collectors.records.finding import objects, text
from collectors.records.record import Origin

#: Of a list of members; a longer one is one that never ends.
_MOST_PAGES = 2_000


class Asking(NamedTuple):
    """Whose list is asked about."""

    caller: Caller
    place: Origin
    #: Regions of this account that are read.
    regions: Sequence[str]
    #: The organisation that this account is in, if it is known, and the ids of the accounts of it that are read.
    accounts: Sequence[str] = ()
    organisation_id: str = ""


#: Raises `aws_bridge.errors.CallProblem` when it cannot be found out.
Shown = Callable[[Asking], FrozenSet[Origin]]


def pages(asking: Asking, service: str, region: str, operation: str, items: str, **given: Any) -> Iterator[Any]:
    """Yield the objects of a list of AWS's, in whatever casing the service writes ``NextToken``."""
    seen: Set[str] = set()
    token: Dict[str, str] = {}
    for _ in range(_MOST_PAGES):
        answer = asking.caller.wire(service, region, operation, **given, **token).body
        yield from objects(answer.get(items))
        following = text(answer.get("NextToken")) or text(answer.get("nextToken"))
        if not following:
            return
        if following in seen:
            break
        seen.add(following)
        token = {"nextToken" if service in ("inspector2", "macie2") else "NextToken": following}
    raise CallRejected(f"{service}:{operation} gives the same page again and again", call=f"{service}:{operation}")


def enabled(members: Iterator[Any], id_name: str, status_name: str) -> List[str]:
    """Return the ids of members that are enrolled: one that was invited, removed or paused is shown by nobody."""
    return [text(each.get(id_name)) for each in members if text(each.get(status_name)).lower() == "enabled"]


def linked(mode: str, named: Sequence[Any], home: str, regions: Sequence[str]) -> List[str]:
    """Return the regions an aggregation region shows, of those that are read.

    https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetFindingAggregator.html
    """
    if mode == "SPECIFIED_REGIONS":
        found = [region for region in regions if region in named]
    elif mode == "ALL_REGIONS":
        found = list(regions)
    elif mode == "ALL_REGIONS_EXCEPT_SPECIFIED":
        found = [region for region in regions if region not in named]
    else:  # NO_REGIONS, or a mode of tomorrow: nothing is taken for shown
        found = []
    return [region for region in found if region != home]
