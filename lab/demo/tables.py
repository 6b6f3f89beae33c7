"""What was found, as text that fits a terminal: which columns, how wide, or one field a line where they do not fit.

Widths are counted in cells: a Hangul syllable takes two.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import Dict, Iterable, List, Sequence, Tuple

from rich import box
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from es_bridge.patterns import fits
from es_bridge.terminal import shown
from lab.demo.search import Row
from savedsearches.runner.columns import columns_of

#: Columns of every row that are no fields of the document.
_META = ("_time", "source", "sourcetype", "index", "host", "doc_id", "_raw")
#: What an analyst looks at first, by ``event.dataset``.
_FIRST: Dict[str, Tuple[str, ...]] = {
    "aws.cloudtrail": ("eventName", "eventSource", "errorCode", "sourceIPAddress", "userIdentity.type"),
    "aws.vpcflow": ("srcaddr", "dstaddr", "dstport", "protocol", "action", "bytes", "log_status"),
    "aws.route53_resolver": ("query_name", "query_type", "rcode", "srcaddr", "dns.resolved_ip{}"),
    "aws.waf": ("action", "source.ip", "source.geo.country_iso_code", "httpRequest.httpMethod", "httpRequest.uri"),
}
#: The same where several logs were found together.
_OF_SEVERAL_LOGS = ("event.dataset", "event.action", "event.outcome", "source.ip", "destination.ip", "cloud.account.id")
_GAP = 2
#: A column is not made narrower than this to let another one in.
_NARROW = 12
_LONGEST_CELL = 60


@dataclass(frozen=True)
class Asked:
    """What a line says about its columns."""

    fields: Tuple[str, ...] = ()

    @classmethod
    def by(cls, args: Iterable[str]) -> Asked:
        """Return what the arguments of ``| elasticsearch`` ask for."""
        lists = [arg.partition("=")[2] for arg in args if arg.startswith("fields=")]
        names = tuple(name.strip() for name in ",".join(lists).split(",") if name.strip())
        return cls(() if "*" in names else names)


def as_table(rows: Sequence[Row], asked: Asked, width: int) -> RenderableType:
    """Return a table of events that is at most ``width`` cells wide, and below it what was left out of it."""
    columns, left_out = _columns(rows, asked)
    return _laid_out(rows, columns, left_out, bool(asked.fields), width)


def as_results(rows: Sequence[Row], width: int) -> RenderableType:
    """Return a table of rows that are no events, with all their columns, as they come."""
    return _laid_out(rows, columns_of(rows), 0, True, width)


def are_events(rows: Sequence[Row]) -> bool:
    """Whether these are events, and not what a command has made of them."""
    return any("_raw" in row for row in rows)


def _laid_out(rows: Sequence[Row], columns: List[str], left_out: int, wants_all: bool, width: int) -> RenderableType:
    cells = [[_cell(name, row) for name in columns] for row in rows]
    content = [min(max(map(cell_len, column)), _LONGEST_CELL) for column in zip(*cells)]
    least = [min(max(wide, cell_len(name)), _NARROW) for wide, name in zip(content, columns)]
    if columns[0] == "_time":  # never made smaller
        least[0] = content[0]
    fitting = len(columns)
    while _total(least[:fitting]) > width and fitting > 2:
        fitting -= 1
    if _total(least[:fitting]) > width or (wants_all and fitting < len(columns)):
        return Group(*(_block(row, columns) for row in rows))
    left_out += len(columns) - fitting
    widths = _widths(columns[:fitting], content[:fitting], width)
    # Two cells between columns: one of the box, one of the padding.
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, _GAP - 1, 0, 0), show_edge=False)
    for name, wide in zip(columns, widths):
        table.add_column(Text(_end_of(shown(name), wide)), width=wide, no_wrap=True, overflow="ellipsis")
    for line in cells:
        table.add_row(*map(Text, line[:fitting]))
    if not left_out:
        return table
    return Group(table, Text(f"{left_out} more fields: fields=<names> chooses, 'event 1' shows all", style="dim"))


def as_whole(row: Row) -> RenderableType:
    """Return one event with all it has, a field a line, but the document as it is stored (`raw`)."""
    return _block(row, [*_META[:-1], *(name for name in row if name not in _META)])


def raw(row: Row) -> str:
    """Return the document of an event as it is stored."""
    return str(row.get("_raw", ""))


def _columns(rows: Sequence[Row], asked: Asked) -> Tuple[List[str], int]:
    """Return the names of the columns, and how many more fields there are."""
    filled = Counter(name for row in rows for name in row if name not in _META)
    if asked.fields:
        found = [name for pattern in asked.fields for name in ([n for n in filled if fits(n, pattern)] or [pattern])]
        return list(dict.fromkeys(["_time", *found])), 0
    if not filled:  # output=raw
        return ["_time", "_raw"], 0
    logs = {str(row.get("event.dataset", "")) for row in rows}
    first = _FIRST.get(next(iter(logs)), ()) if len(logs) == 1 else _OF_SEVERAL_LOGS
    chosen = [name for name in first if name in filled] or [name for name, _ in filled.most_common()]
    return ["_time", *chosen], len(filled) - len(chosen)


def _block(row: Row, names: Sequence[str]) -> RenderableType:
    grid = Table.grid(padding=(0, _GAP, 0, 0))
    grid.add_column(overflow="fold")
    grid.add_column(overflow="fold")
    for name in names:
        if name in row:
            grid.add_row(Text(shown(name), style="bold"), Text(_cell(name, row)))
    return Padding(grid, (0, 0, 1, 0))


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)


def _widths(names: Sequence[str], content: Sequence[int], width: int) -> List[int]:
    """Return the widths of columns that together fit. The time, which comes first, is never made smaller."""
    heads = [cell_len(name) for name in names]
    widths = list(content)
    # A name that is longer than what is below it gives way first ...
    for longest_head in range(max(*heads, _NARROW), _NARROW - 1, -1):
        widths = [max(wide, min(head, longest_head)) for wide, head in zip(content, heads)]
        if _total(widths) <= width:
            return widths
    # ... then the widest columns do.
    for most in range(max(widths), 0, -1):
        shrunk = [wide if name == "_time" else min(wide, most) for name, wide in zip(names, widths)]
        if _total(shrunk) <= width:
            return shrunk
    return widths


def _end_of(name: str, wide: int) -> str:
    """Return a field's name without its beginning: what differs between fields is at their ends."""
    text = name
    while cell_len(text) > wide:
        text = "…" + text[2:]
    return text


def _cell(name: str, row: Row) -> str:
    value = row.get(name, "")
    text = ", ".join(value) if isinstance(value, list) else value
    if name == "_time" and text:
        text = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(float(text)))
    return shown(" ".join(text.split()))
