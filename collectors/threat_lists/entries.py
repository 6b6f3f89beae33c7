"""One line of a threat list as an entry, or why it is none."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from typing import Any, Dict, NamedTuple

from collectors.errors import InvalidRecord
from collectors.records.addresses import AddressBook

IP, DOMAIN, HASH = "ip", "domain", "hash"
KINDS = (IP, DOMAIN, HASH)
#: A list with a network larger than this would call much of the internet bad: bits of prefix, by version.
SHORTEST_PREFIX = {4: 8, 6: 19}
_HASH_CHARACTERS = {32: "MD5", 40: "SHA-1", 64: "SHA-256"}
_LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+(?!\d+\Z){_LABEL}")
_BOOK = AddressBook()


class Entry(NamedTuple):
    """One value of a list. ``kind``: one of `KINDS`; times are epoch seconds."""

    value: str
    kind: str
    source: str
    expires: int
    added: int

    @property
    def document(self) -> Dict[str, Any]:
        """Return it as the KV store keeps it; a value that comes again takes its own place."""
        key = hashlib.sha256(f"{self.kind}\0{self.value}\0{self.source}".encode()).hexdigest()[:32]
        return {"_key": key, **self._asdict()}


def kind_and_value(text: str, wanted: str = "") -> tuple[str, str]:
    """Return (kind, value in the form in which it is compared) of a value as lists write it.

    ``wanted``: the only kind it may be. Raises `InvalidRecord`, whose text says what is wrong with it.
    """
    plain = text.strip().strip("\"'").replace("[.]", ".").replace("(.)", ".").replace("[:]", ":")
    kind, value = _recognised(plain)
    if wanted and kind != wanted:
        raise InvalidRecord(f"it is of the kind {kind}, and the list is one of {wanted}")
    return kind, value


def _recognised(text: str) -> tuple[str, str]:
    if "://" in text:
        raise InvalidRecord("it is a URL: lists are of addresses, domains and hashes")
    if re.fullmatch(r"[0-9A-Fa-f]+", text) and len(text) in _HASH_CHARACTERS:
        return HASH, text.lower()
    if re.fullmatch(r"[0-9.]+(/[0-9]+)?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(/[0-9]+)?", text):
        return IP, _address(text)
    return DOMAIN, _domain(text)


def _address(text: str) -> str:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise InvalidRecord("it is no address and no network") from None
    if network.prefixlen < SHORTEST_PREFIX[network.version]:
        raise InvalidRecord(f"the network is larger than /{SHORTEST_PREFIX[network.version]}")
    for end in (network.network_address, network.broadcast_address):
        scope = _BOOK[str(end)].fields.get("scope")
        if scope:
            raise InvalidRecord(f"it is in a range that is not public ({scope})")
    return str(network.network_address) if network.num_addresses == 1 else str(network)


def _domain(text: str) -> str:
    name = text.lower().rstrip(".")
    if name.startswith("*."):
        name = name[2:]
    try:
        name = name if name.isascii() else name.encode("idna").decode("ascii")
    except UnicodeError:
        raise InvalidRecord("it is no domain") from None
    if len(name) > 253 or not _DOMAIN.fullmatch(name):
        raise InvalidRecord("it is no address, network, domain or hash (MD5, SHA-1, SHA-256)")
    return name
