"""What the user typed after ``| elasticlookup``, checked."""

from __future__ import annotations

import re
from typing import NamedTuple, Optional, Sequence, Tuple

from es_bridge.errors import QueryError
from search_command.options import Question, check_choice, count, name_list, read_options, take_question

OUTPUTS = ("fields", "rows")
DEFAULT_MOST = 100
DEFAULT_WINDOW = "15m"

#: Spelling in SPL -> option.
NAMES = {
    "index": "index",
    "match": "match",
    "window": "window",
    "before": "before",
    "after": "after",
    "fields": "fields",
    "max": "max",
    "output": "output",
    "prefix": "prefix",
    "query": "query",
    "dsl": "dsl",
    "time_field": "time_field",
    "partial": "partial",
    "unknown_fields": "unknown_fields",
    "cluster": "cluster",
}
_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
#: Ten years.
_LONGEST_MS = 3653 * _UNITS_MS["d"]
_PREFIX = r"[A-Za-z][A-Za-z0-9_.]{0,99}"


class LookupOptions(NamedTuple):
    """One call of the command."""

    question: Question
    #: (field of the store, field of the events). Empty, like ``fields``, where it was not given.
    match: Tuple[Tuple[str, str], ...]
    #: How long before and after an event its matches may be, milliseconds.
    before_ms: int
    after_ms: int
    #: Fields of the matches, ``*`` as wildcard.
    fields: Tuple[str, ...]
    #: Most matches of one event.
    most: int = DEFAULT_MOST
    output: str = "fields"
    #: Begins the name of every column that the command adds.
    prefix: str = ""
    #: Whether the user gave ``max`` himself.
    most_is_given: bool = False


def parse_options(args: Sequence[str], raw_args: Optional[Sequence[str]] = None) -> LookupOptions:
    """Return the options of a call. Raises `QueryError`, whose text names what is valid."""
    given = read_options(args, raw_args, NAMES)
    match = _pairs(given.pop("match")) if given.get("match", "").strip() else ()
    fields = name_list("fields", given.pop("fields", ""))
    given.pop("match", None)
    window = given.pop("window", DEFAULT_WINDOW)
    before, after = (_duration_ms(name, given.pop(name)) if name in given else _duration_ms("window", window)
                     for name in ("before", "after"))  # fmt: skip
    most_is_given = "max" in given
    most = count("max", given.pop("max", str(DEFAULT_MOST)), "matches", least=1)
    output, prefix = given.pop("output", "fields"), given.pop("prefix", "")
    check_choice("output", output, OUTPUTS)
    if prefix and not re.fullmatch(_PREFIX, prefix):
        raise QueryError(f"prefix={prefix} cannot begin the name of a field: use letters, digits, _ and .")
    return LookupOptions(take_question(given), match, before, after, fields, most, output, prefix, most_is_given)


def check_complete(options: LookupOptions) -> None:
    """Raise `QueryError` where something is missing that has no default."""
    for given, name, example in (
        (options.match, "match", 'match="srcaddr=src_ip"'),
        (options.fields, "fields", 'fields="dstaddr, dstport"'),
    ):
        if not given:
            raise QueryError(f"{name}= is missing: write {example}, with the fields of the store and of the events")


def _pairs(text: str) -> Tuple[Tuple[str, str], ...]:
    pairs = []
    for part in text.split(","):
        store, equals, event = (piece.strip() for piece in part.partition("="))
        if not store or (equals and not event):
            raise QueryError(
                f"match={text} cannot be read: write the store's field, =, and the event's field, and commas between "
                'such pairs: match="srcaddr=src_ip, dstport=dest_port"'
            )
        pairs.append((store, event or store))
    return tuple(pairs)


def _duration_ms(name: str, text: str) -> int:
    found = re.fullmatch(r"\s*([0-9]{1,9})\s*([a-z]*)\s*", text)
    unit = _UNITS_MS.get(found[2] or "s") if found else None
    if found is None or unit is None or int(found[1]) * unit > _LONGEST_MS:
        raise QueryError(
            f"{name}={text} is no length of time: write 30s, 15m, 2h, 1d or 1w (of at most ten years); a number alone "
            "is seconds"
        )
    return int(found[1]) * unit
