"""Where the story's public addresses are and whose they are, and an MMDB file that says so.

Addresses are documentation ranges (RFC 5737, RFC 3849) and AS numbers those for documentation (RFC 5398), so no real
database knows them. The file has the fields of a City and an ASN database in one.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, NamedTuple

MMDB_FILE = "addresses.mmdb"
#: When the file says it was made: 2026-11-01.
BUILD_EPOCH = 1_793_491_200


class Network(NamedTuple):
    """One network: its country (ISO 3166), the number of its autonomous system and the owner of that."""

    cidr: str
    country: str
    as_number: int
    as_organization: str


#: The more specific network comes after the wider one.
NETWORKS = (
    Network("192.0.2.0/24", "KR", 64500, "Example Business Internet"),
    Network("192.0.2.128/28", "US", 64501, "Example Code Hosting"),
    Network("192.0.2.144/28", "JP", 64502, "Example Payments"),
    Network("192.0.2.200/32", "JP", 64503, "Example Supplier"),
    Network("198.51.100.0/24", "KR", 64496, "Example Cloud Seoul"),
    Network("203.0.113.0/26", "NL", 64510, "Example Hosting without Questions"),
    Network("203.0.113.64/28", "DE", 64511, "Example Virtual Servers"),
    Network("203.0.113.128/26", "KR", 64504, "Example Mobile"),
    Network("203.0.113.192/27", "JP", 64505, "Example Broadband"),
    Network("203.0.113.224/27", "US", 64506, "Example Cable"),
    Network("2001:db8:20::/48", "KR", 64500, "Example Business Internet"),
    Network("2001:db8:100::/48", "KR", 64504, "Example Mobile"),
    Network("2001:db8:200::/48", "VN", 64507, "Example Fibre"),
)
_PARSED = [(ipaddress.ip_network(network.cidr), network) for network in NETWORKS]


def country_of(address: str) -> str:
    """Return the country of one of the story's public addresses; raises LookupError for any other."""
    return network_of(address).country


@lru_cache(maxsize=1024)
def network_of(address: str) -> Network:
    """Return where one of the story's public addresses is; raises LookupError for any other."""
    parsed = ipaddress.ip_address(address)
    for network, facts in reversed(_PARSED):
        if parsed.version == network.version and parsed in network:
            return facts
    raise LookupError(f"{address} has no part in the story")


def write_mmdb(path: Path) -> None:
    """Write `NETWORKS` as an MMDB file.

    Raises ImportError where the package ``mmdb_writer`` is not installed: it needs Python 3.11.
    """
    from mmdb_writer import MMDBWriter
    from netaddr import IPSet

    class Writer(MMDBWriter):
        """Leaves the time of writing out: the same story gives the same bytes."""

        def _build_meta(self) -> Dict[str, Any]:
            return {**super()._build_meta(), "build_epoch": BUILD_EPOCH}

    writer = Writer(
        ip_version=6,
        ipv4_compatible=True,
        database_type="Example-City-ASN",
        languages=["en"],
        description="Addresses of the story of AWS SIEM Bridge: documentation ranges, nothing of it is real",
        int_type="u32",
    )
    for network in NETWORKS:
        record: Dict[str, Any] = {
            "country": {"iso_code": network.country},
            "autonomous_system_number": network.as_number,
            "autonomous_system_organization": network.as_organization,
        }
        writer.insert_network(IPSet([network.cidr]), record)
    fresh = path.with_name(path.name + ".new")
    writer.to_db_file(str(fresh))
    fresh.replace(path)
