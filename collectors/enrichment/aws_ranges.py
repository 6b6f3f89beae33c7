"""AWS's published address ranges (``ip-ranges.json``) as rows of a lookup.

https://docs.aws.amazon.com/vpc/latest/userguide/aws-ip-ranges.html: the file lists a range once for each service that
it belongs to, ``AMAZON`` for all of them. What is in ``EC2`` is rented by customers, also by attackers.
"""

from __future__ import annotations

import ipaddress
import json
from datetime import datetime, timezone
from typing import Any, Dict, Iterator, List, NamedTuple, Set, Tuple

from collectors.errors import CollectorError

#: The service whose ranges have customers' machines in them.
CUSTOMERS = "EC2"
_ALL = "AMAZON"
_LISTS = (("prefixes", "ip_prefix"), ("ipv6_prefixes", "ipv6_prefix"))


class Ranges(NamedTuple):
    """The file: when AWS made it, epoch seconds, and its rows by range."""

    built_s: int
    rows: List[Dict[str, Any]]


def read_ranges(content: bytes) -> Ranges:
    """Return what a file holds: a row a range with ``cidr``, ``services``, ``customers``, ``region`` and ``built``.

    ``services``: names with a space between, without ``AMAZON`` where there is another; ``customers``: ``yes`` where
    customers' machines are. Raises `CollectorError` for anything but a whole file of AWS.
    """
    try:
        found = json.loads(content)
        built_s = _built(found)
        services: Dict[str, Set[str]] = {}
        regions: Dict[str, str] = {}
        for cidr, service, region in _entries(found):
            services.setdefault(cidr, set()).add(service)
            regions[cidr] = region
    except (ValueError, TypeError, KeyError, RecursionError) as exc:
        raise CollectorError(f"it is not AWS's ip-ranges.json: {type(exc).__name__}: {exc}") from None
    if not services:
        raise CollectorError("it is not AWS's ip-ranges.json: no range is in it")
    rows = [
        {
            "cidr": cidr,
            "services": " ".join(sorted(names - {_ALL} or names)),
            "customers": "yes" if CUSTOMERS in names else "no",
            "region": regions[cidr],
            "built": built_s,
        }
        for cidr, names in services.items()
    ]
    return Ranges(built_s, rows)


def _built(found: Dict[str, Any]) -> int:
    made = datetime.strptime(found["createDate"], "%Y-%m-%d-%H-%M-%S")
    return int(made.replace(tzinfo=timezone.utc).timestamp())


def _entries(found: Dict[str, Any]) -> Iterator[Tuple[str, str, str]]:
    """Yield (range, service, region). Raises KeyError, TypeError or ValueError for what is none."""
    for name, member in _LISTS:
        for entry in found[name]:
            yield str(ipaddress.ip_network(entry[member])), str(entry["service"]), str(entry["region"])
