"""WAF records faster: what the web ACL writes into a record is nearly always what it wrote before.

AWS writes a record in the order ``timestamp``, the web ACL's part (its name, rules and decision), ``httpRequest`` and
what else belongs to the request. The first part is the same text in most records: it is decoded, checked and made into
common fields once, which saves a sixth of the work of `normalise` (measured). Where the first part is always another
one, because it quotes what was matched in an attack, this costs about as much as it gains elsewhere.

A line that is not like that, or needs a closer look, is left to `normalise`; the records are the same.
"""

from __future__ import annotations

from typing import FrozenSet, NamedTuple, Optional, Tuple

from collectors.records.cache import bounded_cache
from collectors.records.event_time import from_epoch_ms
from collectors.records.json_codec import Codec
from collectors.records.json_record import lossless
from collectors.records.record import Context, Record
from collectors.records.shape import LONGEST_INDEXED
from collectors.sources.waf import normalise as plain
from collectors.sources.waf.decision import Decision, decision
from collectors.sources.waf.normalise import FORMAT
from collectors.sources.waf.request import asked, common_fields

_START = b'{"timestamp":'
#: Unescaped quotes and a brace: inside a string these bytes cannot stand in this order.
_REQUEST = b',"httpRequest":{'

#: What `decision` reads, and so may stand in the web ACL's part only.
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
#: What `common_fields` reads, and so may stand behind it only.
_ASKS = frozenset(("httpRequest", "clientAsn"))


class _AclPart(NamedTuple):
    #: Keys that may not stand behind it: its own, and `_DECIDES`.
    keys: FrozenSet[str]
    decision: Decision


class _Last(NamedTuple):
    """The part that was met last, with `_REQUEST` behind it: in a file of one web ACL nearly always the next one."""

    text: bytes
    codec: Optional[Codec]
    acl: _AclPart


#: Shared by threads, which replace it as a whole.
_last = _Last(_START, None, _AclPart(frozenset(), decision({})))


def normalise(line: bytes, identity: str, number: int, context: Context) -> Record:
    """Return the record on ``line``, as `normalise.normalise` does."""
    return _quickly(line, identity, number, context) or plain.normalise(line, identity, number, context)


def _quickly(line: bytes, identity: str, number: int, context: Context) -> Optional[Record]:
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
        part = line[comma:cut]
        found = _acl_part[part, codec]
        if found is None:
            return None
        acl = found
        _last = _Last(part + _REQUEST, codec, acl)
    time = from_epoch_ms(int(digits))
    if time is None:
        return None
    rest, braces = lossless(b"{" + line[cut + 1 :], codec)
    if rest is None or not acl.keys.isdisjoint(rest) or FORMAT.shape.misfits(rest, braces, codec.dumps):
        return None
    common = common_fields(time.stamp, acl.decision, asked(rest["httpRequest"]), rest.get("clientAsn"), context)
    text = line.replace(b"{", f"{common},".encode(), 1)  # copies once
    return tuple.__new__(Record, (FORMAT.dataset, time.epoch_ms, identity, text, number, None))


#: A part of more bytes is not remembered: it quotes the request.
@bounded_cache(most=1024, longest=4096, size=lambda key: len(key[0]))
def _acl_part(key: Tuple[bytes, Codec]) -> Optional[_AclPart]:
    """Return what stands between a record's timestamp and its request; None if it needs a closer look.

    The text begins with the comma behind the timestamp.
    """
    text, codec = key
    fields, braces = lossless(b'{"timestamp":1' + text + b"}", codec)
    if fields is None or not _ASKS.isdisjoint(fields) or FORMAT.shape.misfits(fields, braces, codec.dumps):
        return None
    return _AclPart(_DECIDES.union(fields), decision(fields))
