"""Flow log records out of text files, one on each line, in flat memory.

Columns are known by the names in the header line, never by their place: a custom format has any of them in any order.
A file whose header was taken away by some tool is read only when its first line clearly is a record of the default
format (version 2, 14 columns); any other file without a header is `NotThisLog`. A header that comes again, where files
were joined, is no record, and the columns are its own from there on.

No cursor and no overlap: an object is read as a whole. A flow has no identity of its own (identical lines are
legitimate), so a record is known by the object and its number, which counts the records and not the header.
"""

from __future__ import annotations

import re
from typing import Iterable, Iterator, Optional, Tuple

from collectors.errors import InvalidRecord, NotThisLog
from collectors.records.lines import Lines
from collectors.records.record import BadBefore, BadRecord, Context, Made
from collectors.records.shape import LONGEST_INDEXED
from collectors.sources.vpc_flow.columns import DEFAULT_FORMAT, DEFAULT_LINE, KNOWN, plain_name
from collectors.sources.vpc_flow.fast_path import FastNormaliser

#: Far more than all columns there are. A line of 10 MB may have millions of them, which would take hundreds of MB.
_MOST_VALUES = 10_000
_NAMES = re.compile(r"[A-Za-z][\w.-]*(?:\s+[A-Za-z][\w.-]*)*", re.ASCII)


def records(pieces: Iterable[bytes], context: Context) -> Iterator[Made]:
    """Yield a `Record` or a `BadRecord` for each record of a file whose unpacked content arrives in ``pieces``.

    Nothing, and a header alone, are no records. Raises `NotThisLog` when the first line is neither a header nor a
    record of the default format; `collectors.errors.DamagedFile` passes through after every complete line before the
    damage.
    """
    lines = Lines(pieces)
    normaliser: Optional[FastNormaliser] = None
    width = number = 0
    bad_before = BadBefore()
    was_bad = False
    for item in lines:
        if isinstance(item, BadRecord):  # a line too long to be held
            if normaliser is None:
                raise _no_flow_log(item.excerpt)
            number += 1
            if number >= context.first_number:
                yield item._replace(number=number)
            continue
        line = item[1]
        if was_bad and line in bad_before:
            number += 1
            if number >= context.first_number:
                yield lines.bad(number, line, bad_before[line])
            continue
        text = line.decode("utf-8", "replace")
        # Most formats begin with a number, so that most lines are known to be no header by one look.
        columns = header(text) if text[0].isalpha() else ()
        if columns:
            normaliser, width = FastNormaliser(columns, context), len(columns)
            bad_before.clear()
            continue
        if normaliser is None:
            if not DEFAULT_LINE.fullmatch(text):
                raise _no_flow_log(line)
            normaliser, width = FastNormaliser(DEFAULT_FORMAT, context), len(DEFAULT_FORMAT)
        number += 1
        if number < context.first_number:
            continue
        values = text.split(None, _MOST_VALUES)
        try:
            if len(values) != width:
                found = f"{len(values):,}" if len(values) <= _MOST_VALUES else f"more than {_MOST_VALUES:,}"
                raise InvalidRecord(f"the line has {found} columns where its header has {width:,}")
            made = normaliser.record(values, number, len(line) > LONGEST_INDEXED)
            was_bad = False
        except InvalidRecord as exc:
            was_bad = True
            bad_before.keep(line, str(exc))
            yield lines.bad(number, line, str(exc))
            continue
        yield made


def header(line: str) -> Tuple[str, ...]:
    """Return the names of the columns, as the documents have them, if ``line`` is a header; else nothing.

    A record has a number somewhere, a header has names only, two of AWS's among them.
    """
    words = line.split(None, _MOST_VALUES)
    if len(words) > _MOST_VALUES or not _NAMES.fullmatch(line):
        return ()
    names = tuple(map(plain_name, words))
    return names if len(set(names).intersection(KNOWN)) >= 2 else ()


def _no_flow_log(line: bytes) -> NotThisLog:
    return NotThisLog(
        "the first line is neither the header of a flow log nor a record of the default format: "
        f"{line[:80].decode('utf-8', 'replace')!r}"
    )
