"""Security Hub's filters, which its ASFF and its OCSF lists share.

https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_StringFilter.html
https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_DateFilter.html
https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_NumberFilter.html
https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_MapFilter.html
"""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta, timezone
from typing import Any, Callable, Dict, Iterable, List, Sequence

from lab.aws.services import times

#: Comparisons of texts in lists of findings; automation rules have more, GetFindingsV2 has CONTAINS_WORD as well.
POSITIVE: Dict[str, Callable[[str, str], bool]] = {
    "EQUALS": lambda text, wanted: text == wanted,
    "PREFIX": lambda text, wanted: text.startswith(wanted),
    "CONTAINS_WORD": lambda text, wanted: wanted.lower() in text.lower().split(),
}
NEGATIVE: Dict[str, Callable[[str, str], bool]] = {
    "NOT_EQUALS": lambda text, wanted: text == wanted,
    "PREFIX_NOT_EQUALS": lambda text, wanted: text.startswith(wanted),
}
_BOUNDS: Dict[str, Callable[[float, float], bool]] = {
    "Gte": lambda number, bound: number >= bound,
    "Lte": lambda number, bound: number <= bound,
    "Eq": lambda number, bound: number == bound,
    "Gt": lambda number, bound: number > bound,
    "Lt": lambda number, bound: number < bound,
}


class WrongFilter(ValueError):
    """What AWS does not accept as a filter; the text says why."""


def texts_fit(found: Sequence[Any], filters: Sequence[Dict[str, str]], words: bool = False) -> bool:
    """Whether texts fit filters of one field: any of those that ask for something, and all that exclude something."""
    texts = [str(each) for each in found]
    asked = [each["Comparison"] for each in filters]
    for comparison in asked:
        if comparison not in {**POSITIVE, **NEGATIVE} or (comparison == "CONTAINS_WORD" and not words):
            raise WrongFilter(f"Comparison {comparison} is not supported here")
    if "EQUALS" in asked and set(asked) & set(NEGATIVE):
        raise WrongFilter("EQUALS cannot be combined with NOT_EQUALS or PREFIX_NOT_EQUALS on the same field")
    wanted = [each for each in filters if each["Comparison"] in POSITIVE]
    hit = any(POSITIVE[each["Comparison"]](text, each["Value"]) for each in wanted for text in texts)
    if wanted and not hit:
        return False
    excluded = [each for each in filters if each["Comparison"] in NEGATIVE]
    return not any(NEGATIVE[each["Comparison"]](text, each["Value"]) for each in excluded for text in texts)


def dates_fit(found: Iterable[str], filters: Sequence[Dict[str, Any]]) -> bool:
    """Whether a time is in one of the ranges: from start to end, both included, or so many days back."""
    ranges = [_range(each) for each in filters]
    moments = [times.parse(each) for each in found]
    return any(start <= moment <= end for start, end in ranges for moment in moments)


def _range(given: Dict[str, Any]) -> Sequence[datetime]:
    if "DateRange" in given:
        days = given["DateRange"]
        now = datetime.now(timezone.utc)
        border = now - timedelta(days=days["Value"])
        older = days.get("Comparison") == "OLDER_THAN"
        return (datetime.min.replace(tzinfo=timezone.utc), border) if older else (border, now)
    if "Start" not in given or "End" not in given:
        # Seen of the real service: elastic/integrations pull request 19101.
        raise WrongFilter("DateFilter must have both Start and End, or a DateRange")
    try:
        start, end = times.parse(given["Start"]), times.parse(given["End"])
    except ValueError:
        raise WrongFilter(f"{given['Start']} or {given['End']} is no timestamp") from None
    if start > end:
        raise WrongFilter("Start must not be after End")
    return start, end


def numbers_fit(found: Iterable[float], filters: Sequence[Dict[str, float]]) -> bool:
    """Whether a number is within all the bounds of one of the filters."""
    return any(
        all(_BOUNDS[name](number, bound) for name, bound in each.items()) for each in filters for number in found
    )


def maps_fit(found: Iterable[Dict[str, str]], filters: Sequence[Dict[str, str]]) -> bool:
    """Whether a map has one of the keys with its value; NOT_EQUALS excludes instead."""
    maps = list(found)
    by_comparison: Dict[str, List[bool]] = {}
    for each in filters:
        comparison = each.get("Comparison", "EQUALS")
        if comparison not in ("EQUALS", "NOT_EQUALS"):
            raise WrongFilter(f"Comparison {comparison} is not supported here")
        hit = any(one.get(each["Key"]) == each["Value"] for one in maps)
        by_comparison.setdefault(comparison, []).append(hit)
    return any(by_comparison.get("EQUALS", [True])) and not any(by_comparison.get("NOT_EQUALS", []))


def addresses_fit(found: Iterable[str], filters: Sequence[Dict[str, str]]) -> bool:
    """Whether an address is in one of the networks."""
    networks = [ipaddress.ip_network(each["Cidr"], strict=False) for each in filters]
    return any(ipaddress.ip_address(each) in network for each in found for network in networks)


def booleans_fit(found: Iterable[bool], filters: Sequence[Dict[str, bool]]) -> bool:
    """Whether a boolean is one of those asked for."""
    return any(each is wanted["Value"] for wanted in filters for each in found)
