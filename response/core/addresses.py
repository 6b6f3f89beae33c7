"""Which addresses may be blocked. Text that an attacker chose must not lead to a block of one's own network. Pure."""

from __future__ import annotations

import ipaddress
from typing import Iterable, List, NamedTuple, Tuple, Union

from response.errors import BadTarget

Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

#: What no attacker on the internet has: https://www.iana.org/assignments/iana-ipv4-special-registry/ and
#: https://www.iana.org/assignments/iana-ipv6-special-registry/. Addresses for documentation are not among them: nobody
#: has them, so a block of one does no harm.
_SPECIAL: Tuple[Tuple[str, str], ...] = (
    ("0.0.0.0/8", "this network"), ("10.0.0.0/8", "private"), ("100.64.0.0/10", "shared by carriers"),
    ("127.0.0.0/8", "the machine itself"), ("169.254.0.0/16", "link-local"), ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "of protocols"), ("192.88.99.0/24", "reserved"), ("192.168.0.0/16", "private"),
    ("198.18.0.0/15", "for benchmarks"), ("224.0.0.0/4", "multicast"), ("240.0.0.0/4", "reserved"),
    ("::/8", "reserved"), ("64:ff9b::/96", "IPv4 translated to IPv6"), ("64:ff9b:1::/48", "private"),
    ("100::/64", "discarded"), ("fc00::/7", "private"), ("fe80::/10", "link-local"), ("fec0::/10", "private"),
    ("ff00::/8", "multicast"),
)  # fmt: skip
_RESERVED: Tuple[Tuple[Network, str], ...] = tuple((ipaddress.ip_network(text), why) for text, why in _SPECIAL)
#: The widest networks that are blocked unless something else is set: lengths of prefixes.
WIDEST_V4, WIDEST_V6 = 24, 48
#: Characters of an address that a message repeats.
_SHOWN = 80


class Rules(NamedTuple):
    """What must not be blocked."""

    #: Never blocked: partners, offices, scanners of one's own.
    trusted: Tuple[Network, ...] = ()
    #: Addresses of one's own: (network, whose it is).
    own: Tuple[Tuple[Network, str], ...] = ()
    widest_v4: int = WIDEST_V4
    widest_v6: int = WIDEST_V6

    def refusal(self, network: Network) -> str:
        """Return why a network must not be blocked, or nothing."""
        widest = self.widest_v4 if network.version == 4 else self.widest_v6
        if network.prefixlen < max(widest, 1):
            return f"{network} is wider than /{widest}"
        for trusted in self.trusted:
            if _overlap(network, trusted):
                return f"{network} meets the trusted {trusted}"
        for own, whose in self.own:
            if _overlap(network, own):
                return f"{network} meets {own}, {whose}"
        for reserved, why in _RESERVED:
            if _overlap(network, reserved):
                return f"{network} is in {reserved}, which is {why}"
        return ""


def network_of(text: str) -> Network:
    """Return an address or a network. Raises `BadTarget` for anything else, also for a network with bits of a host."""
    given = text.strip() if isinstance(text, str) else ""
    try:
        # fe80::1%eth0 is an address of one link: nothing for a set.
        found = ipaddress.ip_network("" if "%" in given else given)
    except ValueError:
        raise BadTarget(
            f"{given[:_SHOWN]!r} is no address and no network: write 203.0.113.7, 203.0.113.0/24 or 2001:db8::/64"
        ) from None
    # ::ffff:203.0.113.7 is what a dual-stack server's log has for an IPv4 client; WAF sees the IPv4 address.
    mapped = getattr(found.network_address, "ipv4_mapped", None)
    if mapped is not None and found.prefixlen >= 96:
        return ipaddress.IPv4Network((int(mapped), found.prefixlen - 96))
    return found


def networks_of(texts: Iterable[str]) -> Tuple[Network, ...]:
    """Return networks of a list. Raises `BadTarget`."""
    return tuple(network_of(each) for each in texts)


class Sorted(NamedTuple):
    """What may be blocked, each once, in the order given; and what must not, with the reason."""

    networks: List[Network]
    refused: List[str]


def sort_out(texts: Iterable[str], rules: Rules) -> Sorted:
    """Sort addresses, one by one, into those that may be blocked and refusals in words."""
    found = Sorted([], [])
    for text in texts:
        try:
            network = network_of(text)
        except BadTarget as exc:
            found.refused.append(str(exc))
            continue
        refusal = rules.refusal(network)
        if refusal:
            found.refused.append(refusal)
        elif network not in found.networks:
            found.networks.append(network)
    return found


def _overlap(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)
