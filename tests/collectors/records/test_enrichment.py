"""Address databases: the layouts in use, several files together, and files that cannot be used."""

from __future__ import annotations

import ipaddress
import sys
from pathlib import Path
from typing import Any, Dict

import pytest

from collectors.errors import CollectorError
from collectors.records.addresses import AddressBook
from collectors.records.enrichment import open_databases

mmdb_writer = pytest.importorskip("mmdb_writer", reason="mmdb_writer needs Python 3.11")
netaddr = pytest.importorskip("netaddr")
pytest.importorskip("maxminddb")

SEOUL = {"geo": {"country_iso_code": "KR"}}
EXAMPLE_AS = {"as": {"number": 64500, "organization": {"name": "Example Hosting"}}}


def write(path: Path, entries: Dict[str, Any], kind: str = "Test", ip_version: int = 6) -> Path:
    writer = mmdb_writer.MMDBWriter(ip_version, kind, ipv4_compatible=ip_version == 6)
    for network, entry in entries.items():
        writer.insert_network(netaddr.IPSet([network]), entry)
    writer.to_db_file(str(path))
    return path


def known(path: Path, address: str) -> Dict[str, Any]:
    return open_databases([path])(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("entry", "facts"),
    [
        ({"country": {"iso_code": "KR", "names": {"en": "South Korea"}}, "city": {"geoname_id": 1}}, SEOUL),
        ({"registered_country": {"iso_code": "KR"}}, SEOUL),
        ({"country": {"geoname_id": 7}, "registered_country": {"iso_code": "KR"}}, SEOUL),
        ({"country_code": "kr"}, SEOUL),
        ({"country": "KR", "country_name": "South Korea"}, SEOUL),
        ({"country": "South Korea", "country_code": "KR"}, SEOUL),
        ({"autonomous_system_number": 64500, "autonomous_system_organization": "Example Hosting"}, EXAMPLE_AS),
        ({"asn": "AS64500", "as_name": "Example Hosting"}, EXAMPLE_AS),
        ({"asn": 64500, "as_org": "Example Hosting"}, EXAMPLE_AS),
        ({"as_number": "64500", "as_organization": "Example Hosting"}, EXAMPLE_AS),
        ({"asn": "AS64500"}, {"as": {"number": 64500}}),
        ({"as_name": "예시 호스팅"}, {"as": {"organization": {"name": "예시 호스팅"}}}),
        ({"country": {"iso_code": "KR"}, "asn": 64500, "as_org": "Example Hosting"}, {**SEOUL, **EXAMPLE_AS}),
    ],
)
def test_the_layouts_in_use(tmp_path, entry, facts):
    path = write(tmp_path / "addresses.mmdb", {"203.0.113.0/24": entry, "2001:db8:7::/48": entry})
    assert known(path, "203.0.113.9") == facts
    assert known(path, "2001:db8:7::1") == facts
    assert known(path, "198.51.100.1") == {}


@pytest.mark.parametrize(
    "odd", [{"asn": "ASx"}, {"asn": 0}, {"asn": True}, {"asn": 2**40}, {"country": "K"}, {"as_org": 7}]
)
def test_values_that_say_nothing_are_left_out(tmp_path, odd):
    path = write(tmp_path / "odd.mmdb", {"203.0.113.0/25": odd, "203.0.113.128/25": {"country_code": "KR"}})
    assert known(path, "203.0.113.1") == {}
    assert known(path, "203.0.113.200") == SEOUL


def test_several_files_and_the_first_one_counts(tmp_path):
    city = write(tmp_path / "city.mmdb", {"203.0.113.0/24": {"country": {"iso_code": "KR"}}}, "GeoLite2-City")
    asn = write(
        tmp_path / "asn.mmdb",
        {"203.0.113.0/24": {"autonomous_system_number": 64500, "autonomous_system_organization": "Example Hosting"}},
        "GeoLite2-ASN",
    )
    other = write(tmp_path / "other.mmdb", {"203.0.113.0/24": {"country_code": "US"}, "192.0.2.0/24": {"asn": 7}})
    look_up = open_databases([city, str(asn), other])
    assert look_up(ipaddress.ip_address("203.0.113.9")) == {**SEOUL, **EXAMPLE_AS}
    assert look_up(ipaddress.ip_address("192.0.2.9")) == {"as": {"number": 7}}


def test_a_file_of_ipv4_only_knows_nothing_about_ipv6(tmp_path):
    path = write(tmp_path / "four.mmdb", {"203.0.113.0/24": {"country_code": "KR"}}, ip_version=4)
    assert known(path, "203.0.113.9") == SEOUL
    assert known(path, "2001:db8::1") == {}


def test_in_an_address_book(tmp_path):
    entries = {
        "203.0.113.0/24": {"country": {"iso_code": "KR"}, "asn": 64500, "as_org": "Example Hosting"},
        "10.0.0.0/8": {"country_code": "XX"},
    }
    book = AddressBook(open_databases([write(tmp_path / "addresses.mmdb", entries)]))
    assert book["203.0.113.9"].fields == {"ip": "203.0.113.9", **SEOUL, **EXAMPLE_AS}
    assert book["64:ff9b::203.0.113.9"].fields == {"ip": "64:ff9b::203.0.113.9", **SEOUL, **EXAMPLE_AS}
    assert book["10.1.2.3"].fields == {"ip": "10.1.2.3", "scope": "private"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "is no MMDB file"),
        (b"country,asn\nKR,64500\n", "is no MMDB file"),
    ],
)
def test_a_file_that_is_none(tmp_path, content, says):
    path = tmp_path / "addresses.mmdb"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CollectorError, match=says) as raised:
        open_databases([path])
    assert str(path) in str(raised.value)


def test_a_database_of_something_else(tmp_path):
    path = write(
        tmp_path / "anonymous.mmdb", {"203.0.113.0/24": {"is_vpn": True, "network": "x"}}, "GeoIP2-Anonymous-IP"
    )
    with pytest.raises(CollectorError, match=r"GeoIP2-Anonymous-IP.*its fields are is_vpn, network\. Use a Country"):
        open_databases([path])


def test_a_database_without_entries(tmp_path):
    with pytest.raises(CollectorError, match="has no entries"):
        open_databases([write(tmp_path / "empty.mmdb", {})])


def test_a_damaged_database_is_named(tmp_path):
    path = write(tmp_path / "addresses.mmdb", {"203.0.113.0/24": {"country_code": "KR"}})
    content = path.read_bytes()
    start = content.index(b"country_code") - 1
    path.write_bytes(content[:start] + b"\xff" * 12 + content[start + 12 :])
    with pytest.raises(CollectorError, match=r"addresses\.mmdb is damaged"):
        open_databases([path])


def test_without_the_package(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "maxminddb", None)
    with pytest.raises(CollectorError, match=r"pip install '\.\[loader\]'"):
        open_databases([tmp_path / "any.mmdb"])


def test_what_is_known_of_many_addresses_is_held_once(tmp_path):
    entry = {"country_code": "KR", "asn": 64500, "as_org": "Example Hosting"}
    look_up = open_databases([write(tmp_path / "addresses.mmdb", {"203.0.113.0/24": entry, "192.0.2.0/24": entry})])
    one, other = (look_up(ipaddress.ip_address(text)) for text in ("203.0.113.9", "192.0.2.9"))
    assert one["as"] is other["as"]
    assert one["geo"] is other["geo"]
