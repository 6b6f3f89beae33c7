"""Resolver records as AWS usually writes them, in half the time: read by one pattern, nothing is decoded.

AWS writes the fields of a record in one order, and nearly always plain text. Such a line is JSON, repeats no key and
fits the index template, and each text in it stands for itself: the pattern has shown all that, so what it found goes
into the common fields as it is.

Every other line is left to `collectors.json_record`; the documents are the same.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Optional

from collectors.event_time import from_iso
from collectors.json_record import json_document
from collectors.records import Context
from collectors.route53_resolver.common import (
    REPEATED,
    Repeated,
    common_fields,
    remembered,
    resolved,
    source_of,
    without_dot,
)
from collectors.route53_resolver.normalise import LOG
from collectors.shape import LONGEST_INDEXED
from es_bridge.bulk import Document

#: Of a JSON string in ASCII: no escapes.
_TEXT = r'[^"\\\x00-\x1f]*'
_ANSWER = rf'\{{"Rdata":"{_TEXT}","Type":"{_TEXT}","Class":"{_TEXT}"\}}'
_USUAL = re.compile(
    rf'\{{("version":"{_TEXT}","account_id":"{_TEXT}","region":"{_TEXT}"),"vpc_id":"{_TEXT}"'
    rf',"query_timestamp":"({_TEXT})","query_name":"({_TEXT})"'
    rf',("query_type":"{_TEXT}","query_class":"{_TEXT}","rcode":"{_TEXT}")'
    rf',"answers":\[((?:{_ANSWER}(?:,{_ANSWER})*)?)\]'
    rf',"srcaddr":"({_TEXT})","srcport":"({_TEXT})",("transport":"{_TEXT}")'
    rf',"srcids":\{{(?:"instance":"({_TEXT})"'
    rf'|"resolver_endpoint":"{_TEXT}"(?:,"resolver_network_interface":"{_TEXT}")?)?\}}'
    rf'((?:,"firewall_rule_action":"{_TEXT}")?(?:,"firewall_rule_group_id":"{_TEXT}")?'
    rf'(?:,"firewall_domain_list_id":"{_TEXT}")?)\}}'
)
#: `normalise.ADDRESS_TYPES`.
_addresses = re.compile(rf'"Rdata":"({_TEXT})","Type":"A(?:AAA)?"').findall


def document(line: bytes, identity: str, number: int, context: Context) -> Document:
    """Return the document of the record on ``line``, as `collectors.json_record.json_document` does."""
    return _quick_document(line, identity, number, context) or json_document(LOG, line, identity, number, context)


def _quick_document(line: bytes, identity: str, number: int, context: Context) -> Optional[Document]:
    if len(line) > LONGEST_INDEXED or not line.isascii():
        return None
    text = line.decode()
    found = _USUAL.fullmatch(text)
    if found is None:
        return None
    head, written, name, question, answers, address, port, transport, instance, firewall = found.groups()
    time = from_iso(written)
    if time is None:
        return None
    source, ip_version = source_of(address, port, context)
    common = common_fields(
        time,
        _repeated(head, question, transport, firewall, ip_version),
        source,
        f'"{without_dot(name)}"' if name else "",
        resolved(_addresses(answers), context) if answers else "",
        f'"{instance}"' if instance else "",
    )
    body = f"{common},{text[1:]}".encode()
    return tuple.__new__(Document, (LOG.index_prefix + time.day, identity, body, number))


@lru_cache(maxsize=4096)
def _repeated(head: str, question: str, transport: str, firewall: str, ip_version: int) -> Repeated:
    fields = json.loads(f"{{{head},{question},{transport}{firewall}}}")
    return remembered(tuple(map(fields.get, REPEATED)), ip_version)
