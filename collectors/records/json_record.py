"""One JSON object as AWS wrote it, and the `Record` made of it: the common fields in front, AWS's own behind them.

Usually the record's own text is copied. Only a text that an engine would refuse or change is written anew: one that
repeats a key, has half of a surrogate pair in a key, is nested too deeply, or has members that do not fit the template.
These go to ``unmapped``, an object that is stored and not indexed.

Whether a text repeats a key is found out by writing the decoded record again: when that gives the same bytes, decoding
lost nothing. Where it does not, `collectors.records.exact_json` looks closely, ten times as slowly.
"""

from __future__ import annotations

import json
import re
from json.encoder import encode_basestring
from typing import Any, Callable, Collection, Dict, Iterator, Mapping, NamedTuple, Optional, Tuple

from collectors.errors import InvalidRecord
from collectors.records.event_time import EventTime
from collectors.records.exact_json import (
    MAX_DEPTH,
    ExactDecoder,
    Number,
    encode,
    has_broken_key,
    may_be_deep,
    mend_keys,
    shallow,
)
from collectors.records.json_codec import PLAIN, Codec
from collectors.records.lines import Lines
from collectors.records.record import BadBefore, BadRecord, Context, Made, Record, record_id
from collectors.records.shape import ANYTHING, LONGEST_INDEXED, MAX_LISTS, VALUE, Shape, nests_lists

#: Makes a named tuple at a third of the cost of its own constructor: 3 % of what a small record takes.
_new = tuple.__new__
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class JsonFormat(NamedTuple):
    """What makes the JSON objects of one log into records."""

    dataset: str
    shape: Shape
    #: Decoded record and context -> its time and its common fields, as a JSON object without the closing brace. Raises
    #: `InvalidRecord` for a record that has no time, in an object that has none. Text put together so takes half the
    #: time of a dictionary that is encoded.
    describe: Callable[[Dict[str, Any], Context], Tuple[EventTime, str]]


#: Line, identity, number and context -> the record. Raises `InvalidRecord`.
Make = Callable[[bytes, str, int, Context], Record]


def json_records(lines: Lines, context: Context, make: Make) -> Iterator[Made]:
    """Yield the records of one object, one for each of ``lines``, and its bad ones."""
    identity = context.ref.identity
    bad_before = BadBefore()
    was_bad = False
    for item in lines:
        if isinstance(item, BadRecord):
            yield item
            continue
        number, line = item
        if was_bad and line in bad_before:
            yield lines.bad(number, line, bad_before[line])
            continue
        try:
            made = make(line, record_id(identity, number), number, context)
            was_bad = False
        except InvalidRecord as exc:
            if lines.take_apart():
                continue
            was_bad = True
            bad_before.keep(line, str(exc))
            yield lines.bad(number, line, str(exc))
            continue
        yield made


def json_record(log: JsonFormat, line: bytes, identity: str, number: int, context: Context) -> Record:
    """Return the record on ``line``, which has no white space at its ends.

    Raises `InvalidRecord` for a line that is no JSON object, and what ``log.describe`` raises.
    """
    codec = context.codec
    if len(line) <= LONGEST_INDEXED:
        fields, braces = lossless(line, codec)
        if fields and not log.shape.misfits(fields, braces, codec.dumps):
            time, common = log.describe(fields, context)
            body = common.encode() + b"," + line[1:]
            return _new(Record, (log.dataset, time.epoch_ms, identity, body, number, None))
    exact = _exactly(line)
    if not exact.fields:
        raise InvalidRecord("the record is an empty object")
    time, common = log.describe(_plain_numbers(exact.fields), context)
    return Record(log.dataset, time.epoch_ms, identity, _careful_body(common, exact, log.shape), number)


def lossless(text: bytes, codec: Codec) -> Tuple[Optional[Dict[str, Any]], int]:
    """Return the JSON object that ``text`` is, and how often ``{`` stands in it; None if it needs a closer look.

    That is, if it is not written as the codec writes it, or may be nested too deeply, or has more lists in lists than
    an engine takes. Else decoding has lost nothing: no key is repeated, every number is as it was written.
    """
    size = len(text)
    braces = size - len(text.replace(b"{", b""))  # half the time of bytes.count
    lists = size - len(text.replace(b"[", b""))
    if braces + lists > MAX_DEPTH:
        return None, braces
    try:
        fields = codec.loads(text)
        if type(fields) is not dict or codec.dumps(fields) != text or (lists > MAX_LISTS and nests_lists(fields)):
            return None, braces
        return fields, braces
    except (ValueError, TypeError, RecursionError):  # orjson has a TypeError for what it cannot write
        return None, braces


class _Exact(NamedTuple):
    """One record: decoded, with numbers as they were written, and as text."""

    fields: Dict[str, Any]
    #: UTF-8; bytes that are none became U+FFFD, and what is nested too deeply became a string.
    text: bytes
    #: Whether an engine takes the text as it is: no key is repeated or broken.
    copyable: bool


def _exactly(line: bytes) -> _Exact:
    text = line.decode("utf-8", "replace")
    if may_be_deep(line):
        text = shallow(text)
    try:
        if "NaN" in text or "Infinity" in text:  # Python reads these as numbers, and nobody else does
            PLAIN.loads(text)
        fields, end, repeats_keys = ExactDecoder().decode(text, 0)
    except (ValueError, RecursionError) as exc:
        raise InvalidRecord(f"the record is not JSON: {exc}") from exc
    if text[end:].strip():
        raise InvalidRecord(f"the record is not JSON: something stands behind its end, at character {end:,}")
    if not isinstance(fields, dict):
        raise InvalidRecord("the record is no JSON object")
    broken_key = _ESCAPED_SURROGATE.search(text) is not None and has_broken_key(fields)
    return _Exact(fields, text.encode(), not repeats_keys and not broken_key)


def _plain_numbers(value: Any) -> Any:
    """Return ``value`` with Python's numbers, as any other decoder reads it."""
    if isinstance(value, Number):
        return int(value) if value.lstrip("-").isdigit() and len(value) < 20 else float(value)
    if isinstance(value, dict):
        return {key: _plain_numbers(item) for key, item in value.items()}
    return [_plain_numbers(item) for item in value] if isinstance(value, list) else value


def _careful_body(common_text: str, record: _Exact, shape: Shape) -> bytes:
    """Return the text of a record that is long, or whose text an engine would refuse or change."""
    fields = record.fields
    common = json.loads(common_text + "}")
    misfits = shape.misfits(fields, record.text.count(b"{"), _written)
    if record.text.count(b"[") > MAX_LISTS:
        misfits += [key for key in fields if key not in misfits and _nests_lists(key, fields[key], shape)]
    too_long = _too_long(common, fields, misfits, shape) if len(record.text) > LONGEST_INDEXED else []
    if too_long:
        common["event"]["oversized"] = too_long
    if record.copyable and not misfits:
        return encode(common)[:-1].encode() + b"," + record.text[1:]
    if misfits:
        common["unmapped"] = {key: fields[key] for key in misfits}
    kept = {key: value for key, value in fields.items() if key not in misfits}
    return encode(mend_keys({**common, **kept})).encode()


def _nests_lists(key: str, value: Any, shape: Shape) -> bool:
    """Return whether lists are nested too deeply in a member. No engine looks for lists in an object not indexed."""
    return not (shape.members.get(key) == ANYTHING and type(value) is dict) and nests_lists(value)


def _too_long(common: Dict[str, Any], fields: Dict[str, Any], misfits: Collection[str], shape: Shape) -> Any:
    """Return the names of the fields, common ones and the record's own, whose text is too long to be indexed."""

    def described(value: Any) -> Any:
        return {key: described(inner) for key, inner in value.items()} if isinstance(value, Mapping) else VALUE

    own = {key: value for key, value in fields.items() if key not in misfits}
    return sorted({*Shape(described(common)).too_long(common), *shape.too_long(own)})


def _written(value: Any) -> bytes:
    return encode(value).encode()


def quoted(text: str) -> str:
    """Return ``text`` as JSON. Half of a surrogate pair, which UTF-8 has no bytes for, stays the escape it was."""
    written = encode_basestring(text)  # in half the time of orjson, whose result would have to be decoded
    if not written.isascii():
        try:
            written.encode()
        except UnicodeEncodeError:
            return encode(text)
    return written
