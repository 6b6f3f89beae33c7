"""Which regions an account has switched on."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Sequence

from aws_bridge.accounts.caller import Caller
from aws_bridge.errors import CallProblem

#: https://docs.aws.amazon.com/accounts/latest/reference/API_ListRegions.html
SWITCHED_ON = ("ENABLED", "ENABLED_BY_DEFAULT")
#: The most that ListRegions gives at once.
_PAGE = 50
#: Any account has fewer.
_MOST_PAGES = 10


class Regions(NamedTuple):
    """The regions to ask, sorted."""

    names: List[str]
    #: Why the account itself could not be asked; then these are all regions of the partition that have the service,
    #: and one that is switched off is found out by its own refusal.
    guessed: str = ""


def enabled_regions(caller: Caller, service: str) -> Regions:
    """Return the regions that are switched on and have ``service``. Needs ``account:ListRegions``. Never raises
    `CallProblem`.
    """
    has_service = set(caller.session.available_regions(service))
    try:
        found = _listed(caller, SWITCHED_ON)
    except CallProblem as exc:
        return Regions(sorted(has_service), str(exc))
    return Regions(sorted(has_service.intersection(found)))


def every_region(caller: Caller) -> List[str]:
    """Return all regions of the partition, also those that are switched off. Raises `CallProblem`."""
    return _listed(caller)


def _listed(caller: Caller, statuses: Sequence[str] = ()) -> List[str]:
    found: List[str] = []
    wanted: Dict[str, Any] = {"RegionOptStatusContains": list(statuses)} if statuses else {}
    for _ in range(_MOST_PAGES):
        answer = caller.call("account", caller.session.account.home_region, "ListRegions", MaxResults=_PAGE, **wanted)
        found += [region["RegionName"] for region in answer.get("Regions", [])]
        if not answer.get("NextToken"):
            break
        wanted["NextToken"] = answer["NextToken"]
    return found
