"""Numbers of the IP header as words.

Protocols: https://www.iana.org/assignments/protocol-numbers/protocol-numbers.xhtml, in lower case as ECS writes them.
"""

from __future__ import annotations

from typing import List

PROTOCOLS = {
    0: "hopopt",
    1: "icmp",
    2: "igmp",
    3: "ggp",
    4: "ipv4",
    5: "st",
    6: "tcp",
    7: "cbt",
    8: "egp",
    9: "igp",
    17: "udp",
    27: "rdp",
    33: "dccp",
    40: "il",
    41: "ipv6",
    42: "sdrp",
    43: "ipv6-route",
    44: "ipv6-frag",
    45: "idrp",
    46: "rsvp",
    47: "gre",
    48: "dsr",
    50: "esp",
    51: "ah",
    54: "narp",
    55: "mobile",
    56: "tlsp",
    57: "skip",
    58: "ipv6-icmp",
    59: "ipv6-nonxt",
    60: "ipv6-opts",
    84: "iptm",
    88: "eigrp",
    89: "ospfigp",
    92: "mtp",
    94: "ipip",
    97: "etherip",
    98: "encap",
    103: "pim",
    108: "ipcomp",
    112: "vrrp",
    115: "l2tp",
    121: "smp",
    123: "ptp",
    124: "isis-over-ipv4",
    132: "sctp",
    133: "fc",
    135: "mobility-header",
    136: "udplite",
    137: "mpls-in-ip",
    138: "manet",
    139: "hip",
    140: "shim6",
    141: "wesp",
    142: "rohc",
    143: "ethernet",
    144: "aggfrag",
}

#: Bit by bit from the lowest: RFC 9293, RFC 3168.
_FLAGS = ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr")


def protocol_name(number: int) -> str:
    """Return the name of an IP protocol; one without a name here is its number."""
    return PROTOCOLS.get(number, str(number))


def flag_names(bits: int) -> List[str]:
    """Return the TCP flags that are set: 18 is ``["syn", "ack"]``. AWS joins the flags of one interval by OR."""
    return [name for position, name in enumerate(_FLAGS) if bits >> position & 1]
