"""Whether two inputs bring findings of the same product: each of them is then paid for twice.

GuardDuty's findings come by their own input, by EventBridge, and by way of Security Hub, under other keys there. What
another stanza of inputs.conf reads is told by its settings; an account is known by its name in this app.
"""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, List, Mapping, NamedTuple

from splunk_host import APP
from splunk_host.splunkd import Splunkd

from aws_inputs.kinds import EVENTS, GUARDDUTY, PROWLER, SECURITY_HUB, kind_of
from aws_inputs.settings import names
from collectors.sources.hub_products import PRODUCTS, short_name

#: Sources of the queue's events that are whole hubs.
_HUBS = ("securityhub", "securityhub_v2")
#: Products of which it has events of their own.
_OF_EVENTS = frozenset({"accessanalyzer", "guardduty", "inspector", "macie"})
_NO = ("1", "true", "t", "yes", "on")


class Brought(NamedTuple):
    """What one road of an input brings."""

    stanza: str
    road: str
    products: FrozenSet[str]


class Overlap(NamedTuple):
    """Two roads of the same products."""

    first: str
    second: str
    products: List[str]


def overlaps(splunkd: Splunkd, own: str, mine: Mapping[str, str]) -> List[Overlap]:
    """Return where the input ``own``, of these values, and another one, or two roads of its own, bring the same.

    Raises `splunk_host.splunkd.SplunkdError`.
    """
    mine = {key: str(value or "").strip() for key, value in mine.items()}
    stanzas = {
        name: {key: str(value or "").strip() for key, value in content.items()}
        for name, content in splunkd.stanzas(APP, "inputs").items()
        if kind_of(name) and name.partition("://")[1]
    }
    roads = _roads(own, mine)
    others = [
        road
        for name, values in stanzas.items()
        if name != own and values.get("disabled", "").lower() not in _NO and _same_place(mine, values)
        for road in _roads(name, values)
    ]
    found = []
    for number, road in enumerate(roads):
        for other in [*roads[number + 1 :], *others]:
            both = sorted(road.products & other.products)
            if both:
                found.append(Overlap(_called(road), _called(other), both))
    return found


def _called(road: Brought) -> str:
    return f"{road.stanza} ({road.road})"


def _roads(stanza: str, values: Mapping[str, str]) -> List[Brought]:
    kind = kind_of(stanza)
    if kind is GUARDDUTY:
        return [Brought(stanza, "GuardDuty", frozenset({"guardduty"}))]
    if kind is PROWLER:
        return [Brought(stanza, "files", frozenset({"prowler"}))]
    if kind is SECURITY_HUB:
        return [Brought(stanza, "Security Hub", _of_a_hub(values))]
    if kind is not EVENTS:
        return []
    datasets = names(values.get("datasets", ""))
    if not datasets:  # what comes is decided by EventBridge's rules
        return [Brought(stanza, "events", frozenset({*_OF_EVENTS, *_of_a_hub(values)}))]
    own = frozenset(datasets) & _OF_EVENTS
    roads = [Brought(stanza, "events of Security Hub", _of_a_hub(values))] if set(datasets) & set(_HUBS) else []
    return [*roads, Brought(stanza, "events", own)] if own else roads


def _of_a_hub(values: Mapping[str, str]) -> FrozenSet[str]:
    chosen = frozenset(map(short_name, names(values.get("products", "")))) or frozenset(PRODUCTS)
    return chosen - frozenset(map(short_name, names(values.get("products_left_out", ""))))


def _same_place(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether two stanzas may read the same account and region: a queue gets what rules of any region send."""
    if (one.get("account") or "default") != (other.get("account") or "default"):
        return False
    mine, theirs = (set(names(each.get("regions", ""))) - {"all"} for each in (one, other))
    return not mine or not theirs or bool(mine & theirs)


def notices(splunkd: Splunkd, own: str, mine: Mapping[str, str]) -> List[Dict[str, Any]]:
    """Return what a health event says of each overlap."""
    return [
        {
            "products": found.products,
            "inputs": [found.first, found.second],
            "error": f"{found.first} and {found.second} both bring the findings of {', '.join(found.products)}. By "
            "another road they have other keys, and are seen twice: products_left_out of the Security Hub input, "
            "products or datasets say which road a product takes",
        }
        for found in overlaps(splunkd, own, mine)
    ]
