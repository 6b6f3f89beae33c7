"""Texts where addresses are expected: which are some, their ranges, and how much is remembered."""

from __future__ import annotations

import ipaddress
import json
from typing import Any, Dict, List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.records import addresses
from collectors.records.addresses import AddressBook


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("0.0.0.0", "reserved"),
        ("0.1.2.3", "reserved"),
        ("9.255.255.255", ""),
        ("10.0.0.0", "private"),
        ("10.255.255.255", "private"),
        ("11.0.0.0", ""),
        ("100.63.255.255", ""),
        ("100.64.0.0", "shared"),
        ("100.127.255.255", "shared"),
        ("100.128.0.0", ""),
        ("127.0.0.1", "loopback"),
        ("169.254.169.254", "link_local"),
        ("172.15.255.255", ""),
        ("172.16.0.0", "private"),
        ("172.31.255.255", "private"),
        ("172.32.0.0", ""),
        ("192.0.0.1", "reserved"),
        ("192.0.2.1", ""),
        ("192.168.255.255", "private"),
        ("198.18.0.1", "reserved"),
        ("198.51.100.1", ""),
        ("203.0.113.66", ""),
        ("224.0.0.1", "multicast"),
        ("239.255.255.255", "multicast"),
        ("240.0.0.1", "reserved"),
        ("255.255.255.255", "reserved"),
        ("::", "reserved"),
        ("::1", "loopback"),
        ("::2", "reserved"),
        ("100::1", "reserved"),
        ("2001:db8::1", ""),
        ("2600:1f18::44", ""),
        ("3fff:ffff::1", ""),
        ("4000::1", "reserved"),
        ("fc00::1", "private"),
        ("fdff::1", "private"),
        ("fe00::1", "reserved"),
        ("fe80::1", "link_local"),
        ("fec0::1", "private"),
        ("ff02::1", "multicast"),
        ("::ffff:10.0.0.1", "private"),
        ("::ffff:203.0.113.66", ""),
        ("::FFFF:7f00:1", "loopback"),
        ("64:ff9b::10.0.0.1", "private"),
        ("64:ff9b::cb00:7142", ""),
        ("64:ff9b:1::1", "reserved"),
    ],
)
def test_ranges(text, scope):
    facts = AddressBook()[text]
    assert facts.is_ip
    assert facts.version == (6 if ":" in text else 4)
    assert facts.fields == ({"ip": text, "scope": scope} if scope else {"ip": text})
    assert json.loads("{" + facts.members + "}") == facts.fields


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "AWS Internal",
        "cloudtrail.amazonaws.com",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.256",
        "01.2.3.4",
        "1.2.3.4 ",
        " 1.2.3.4",
        "1.2.3.4\n",
        "1.2.3.4/32",
        "0x1.2.3.4",
        "16909060",
        "１.2.3.4",
        "1.2.3.4\0",
        "fe80::1%eth0",
        "::1%",
        ":::",
        "1::2::3",
        "[::1]",
        "2001:db8::1:80:ffff:ffff:ffff:ffff:1",
        "\ud800",
        ":\ud800",
        "x" * 40_000,
    ],
)
def test_what_is_no_address(text):
    facts = AddressBook(lambda address: {"geo": {"country_iso_code": "KR"}})[text]
    assert (facts.is_ip, facts.fields, facts.members, facts.version, facts.known) == (False, {}, "", 0, "")


def test_public_addresses_are_looked_up_and_others_not():
    asked: List[str] = []

    def look_up(address: Any) -> Dict[str, Any]:
        asked.append(str(address))
        return {"geo": {"country_iso_code": "KR"}, "as": {"number": 64500}} if str(address) == "203.0.113.66" else {}

    book = AddressBook(look_up)
    found = [book[text] for text in ("10.0.0.1", "fe80::1", "203.0.113.66", "192.0.2.1", "::ffff:203.0.113.66")]
    assert asked == ["203.0.113.66", "192.0.2.1", "203.0.113.66"]
    assert found[2].fields == {"ip": "203.0.113.66", "geo": {"country_iso_code": "KR"}, "as": {"number": 64500}}
    assert found[2].members == '"ip":"203.0.113.66","geo":{"country_iso_code":"KR"},"as":{"number":64500}'
    assert found[2].known == found[4].known == '"geo":{"country_iso_code":"KR"},"as":{"number":64500}'
    assert found[3].fields == {"ip": "192.0.2.1"}
    assert book["203.0.113.66"] is found[2]
    assert len(asked) == 3


def test_a_full_book_is_begun_anew(monkeypatch):
    monkeypatch.setattr(addresses, "CAPACITY", 3)
    book = AddressBook()
    for number in range(10):
        assert book[f"10.0.0.{number}"].fields["ip"] == f"10.0.0.{number}"
        assert len(book) <= 3


def test_long_texts_are_not_remembered():
    book = AddressBook()
    assert not book["x" * 46].is_ip
    assert not book["x" * 45].is_ip
    assert list(book) == ["x" * 45]


@given(st.ip_addresses() | st.ip_addresses(v=4) | st.ip_addresses(network="64:ff9b::/96"))
def test_every_address_is_one_and_private_ones_are_never_public(address):
    facts = AddressBook()[str(address)]
    assert facts.is_ip
    documentation = any(
        address in ipaddress.ip_network(text)
        for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20")
    )
    if address.is_private and not documentation and "scope" not in facts.fields:
        # Python calls these private since 3.12 only in part; they are given out for protocols, not for networks.
        assert any(address in ipaddress.ip_network(text) for text in ("2001::/23", "64:ff9b::/96", "2002::/16"))


@given(st.text(max_size=50))
def test_any_text_is_taken(text):
    facts = AddressBook()[text]
    if facts.is_ip:
        assert str(ipaddress.ip_address(text)) == str(ipaddress.ip_address(facts.fields["ip"]))
