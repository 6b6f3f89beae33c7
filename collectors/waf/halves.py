"""WAF records in half the time: what the web ACL writes into a record is nearly always what it wrote before.

AWS writes a record in the order ``timestamp``, the web ACL's half (its name, rules and decision), ``httpRequest`` and
what else belongs to the request. The first half is the same text in most records: it is decoded, checked and made into
common fields once. Of the second half `usual_request` reads the request without decoding it, and only what stands
behind that is decoded. Where the first half is always another one, because it quotes what was matched in an attack,
this costs about as much as it gains elsewhere.

A line that is not like that, or needs a closer look, is left to `collectors.json_record`; the documents are the same.
"""

from __future__ import annotations

from functools import lru_cache
from typing import FrozenSet, NamedTuple, Optional

from collectors.event_time import from_epoch_ms
from collectors.json_codec import Codec
from collectors.json_record import json_document, lossless
from collectors.records import Context
from collectors.shape import LONGEST_INDEXED
from collectors.waf.decision import Decision, decision
from collectors.waf.normalise import LOG
from collectors.waf.request import common_fields
from collectors.waf.usual_request import usual_request
from es_bridge.bulk import Document

_START = b'{"timestamp":'
#: Unescaped quotes and a brace: inside a string these bytes cannot stand in this order.
_REQUEST = b',"httpRequest":{'
#: A half of more bytes is not remembered: it quotes the request.
_LONGEST_HALF = 4096

#: What `decision` reads, and so may stand in the first half only.
_DECIDES = frozenset(
    (
        "webaclId",
        "terminatingRuleId",
        "terminatingRuleType",
        "action",
        "ruleGroupList",
        "rateBasedRuleList",
        "nonTerminatingMatchingRules",
        "responseCodeSent",
    )
)
#: What `common_fields` reads, and so may stand in the second half only.
_ASKS = frozenset(("httpRequest", "clientAsn"))


class _AclHalf(NamedTuple):
    #: Keys that may not stand in the second half: those of this one, and `_DECIDES`.
    keys: FrozenSet[str]
    decision: Decision


class _Last(NamedTuple):
    """The half that was met last, with `_REQUEST` behind it: in a file of one web ACL nearly always the next one."""

    text: bytes
    codec: Optional[Codec]
    acl: _AclHalf


#: Shared by threads, which replace it as a whole.
_last = _Last(_START, None, _AclHalf(frozenset(), decision({})))


def document(line: bytes, identity: str, number: int, context: Context) -> Document:
    """Return the document of the record on ``line``, as `collectors.json_record.json_document` does."""
    return _quick_document(line, identity, number, context) or json_document(LOG, line, identity, number, context)


def _quick_document(line: bytes, identity: str, number: int, context: Context) -> Optional[Document]:
    global _last
    comma = line.find(b",", len(_START), 32)
    if comma < 0 or not line.startswith(_START) or len(line) > LONGEST_INDEXED:
        return None
    digits = line[len(_START) : comma]
    if not digits.isdigit() or digits[:1] == b"0":  # JSON has no leading zeros
        return None
    codec = context.codec
    last = _last
    if line.startswith(last.text, comma) and last.codec is codec:
        cut, acl = comma + len(last.text) - len(_REQUEST), last.acl
    else:
        cut = line.find(_REQUEST)
        if cut < 0:
            return None
        half = line[comma:cut]
        is_short = len(half) <= _LONGEST_HALF
        found = _acl_half(half, codec) if is_short else _acl_half.__wrapped__(half, codec)
        if found is None:
            return None
        acl = found
        if is_short:
            _last = _Last(half + _REQUEST, codec, acl)
    try:
        text = line[cut + len(_REQUEST) :].decode()
    except UnicodeDecodeError:
        return None
    usual = usual_request(text)
    time = from_epoch_ms(int(digits))
    if usual is None or time is None:
        return None
    request, end = usual
    rest, braces = lossless(f'{{"httpRequest":null{text[end:]}'.encode(), codec)
    if rest is None or not acl.keys.isdisjoint(rest) or LOG.shape.misfits(rest, braces, codec.dumps):
        return None
    common = common_fields(time.stamp, acl.decision, request, rest.get("clientAsn"), context)
    body = line.replace(b"{", f"{common},".encode(), 1)  # copies once
    return tuple.__new__(Document, (LOG.index_prefix + time.day, identity, body, number))


@lru_cache(maxsize=1024)
def _acl_half(text: bytes, codec: Codec) -> Optional[_AclHalf]:
    """Return what stands between a record's timestamp and its request; None if it needs a closer look.

    ``text`` begins with the comma behind the timestamp.
    """
    fields, braces = lossless(b'{"timestamp":1' + text + b"}", codec)
    if fields is None or not _ASKS.isdisjoint(fields) or LOG.shape.misfits(fields, braces, codec.dumps):
        return None
    return _AclHalf(_DECIDES.union(fields), decision(fields))
