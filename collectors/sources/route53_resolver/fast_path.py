"""Resolver records in half the time: read by patterns, as AWS usually writes them; nothing is decoded.

AWS writes the fields of a record in one order, and nearly always plain text. Such a line is JSON, repeats no key and
fits the index template, and each text in it stands for itself: the patterns have shown all that, so what they found
goes into the common fields as it is.

Every other line is left to `normalise`; the records are the same.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import NamedTuple, Optional

from collectors.records.event_time import EventTime, from_iso
from collectors.records.record import Context, Record
from collectors.records.shape import LONGEST_INDEXED
from collectors.sources.route53_resolver import normalise as plain
from collectors.sources.route53_resolver.common import (
    ADDRESS_TYPES,
    REPEATED,
    Repeated,
    common_fields,
    repeated_of,
    resolved,
    source_of,
)
from collectors.sources.route53_resolver.name import question_of
from collectors.sources.route53_resolver.normalise import FORMAT

#: Of a JSON string in ASCII: no escapes.
_TEXT = r'[^"\\\x00-\x1f]*'
_ANSWER = rf'\{{"Rdata":"{_TEXT}","Type":"{_TEXT}","Class":"{_TEXT}"\}}'
#: The beginning is the same text in all records of a second; `_NAME` ends it.
_HEAD = re.compile(
    rf'\{{("version":"{_TEXT}","account_id":"{_TEXT}","region":"{_TEXT}"),"vpc_id":"{_TEXT}"'
    rf',"query_timestamp":"({_TEXT})'
)
_NAME = '","query_name":"'
_LONGEST_HEAD = 512
_REST = re.compile(
    rf'({_TEXT})",("query_type":"{_TEXT}","query_class":"{_TEXT}","rcode":"{_TEXT}")'
    rf',"answers":\[((?:{_ANSWER}(?:,{_ANSWER})*)?)\]'
    rf',"srcaddr":"({_TEXT})","srcport":"({_TEXT})",("transport":"{_TEXT}")'
    rf',"srcids":\{{(?:"instance":"({_TEXT})"'
    rf'|"resolver_endpoint":"{_TEXT}"(?:,"resolver_network_interface":"{_TEXT}")?)?\}}'
    rf'((?:,"firewall_rule_action":"{_TEXT}")?(?:,"firewall_rule_group_id":"{_TEXT}")?'
    rf'(?:,"firewall_domain_list_id":"{_TEXT}")?)\}}'
)
_ADDRESS = "|".join(ADDRESS_TYPES)
_addresses = re.compile(rf'"Rdata":"({_TEXT})","Type":"(?:{_ADDRESS})"').findall


def normalise(line: bytes, identity: str, number: int, context: Context) -> Record:
    """Return the record on ``line``, as `normalise.normalise` does."""
    return _quickly(line, identity, number, context) or plain.normalise(line, identity, number, context)


class _Head(NamedTuple):
    """What the beginning of a record says."""

    #: Members that the common fields need, as they stand there.
    said: str
    time: EventTime


def _quickly(line: bytes, identity: str, number: int, context: Context) -> Optional[Record]:
    if len(line) > LONGEST_INDEXED or not line.isascii():
        return None
    text = line.decode()
    cut = text.find(_NAME, 0, _LONGEST_HEAD)
    head = _head(text[:cut]) if cut > 0 else None
    found = _REST.fullmatch(text, cut + len(_NAME)) if head else None
    if not head or not found:
        return None
    name, question, answers, address, port, transport, instance, firewall = found.groups()
    source, ip_version = source_of(address, port, context)
    common = common_fields(
        head.time,
        _repeated(head.said, question, transport, firewall, ip_version),
        source,
        question_of[name],
        resolved(_addresses(answers), context) if answers else "",
        f'"{instance}"' if instance else "",
    )
    whole = f"{common},{text[1:]}".encode()
    return tuple.__new__(Record, (FORMAT.dataset, head.time.epoch_ms, identity, whole, number, None))


@lru_cache(maxsize=4096)
def _head(text: str) -> Optional[_Head]:
    found = _HEAD.fullmatch(text)
    time = from_iso(found[2]) if found else None
    return _Head(found[1], time) if found and time else None


@lru_cache(maxsize=4096)
def _repeated(head: str, question: str, transport: str, firewall: str, ip_version: int) -> Repeated:
    fields = json.loads(f"{{{head},{question},{transport}{firewall}}}")
    return repeated_of[tuple(map(fields.get, REPEATED)), ip_version]
