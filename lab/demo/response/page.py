"""The page of an incident: one HTML file without scripts, every value escaped."""

from __future__ import annotations

import time
from html import escape
from typing import Any, List, Mapping, NamedTuple, Sequence, Tuple

from es_bridge.terminal import shown

#: Nothing is loaded and nothing runs, whatever a value holds.
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #1c2733;
  background: #fff }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .35rem .7rem .35rem 0; border-bottom: 1px solid #d5dbe1;
  overflow-wrap: anywhere }
td:first-child { white-space: nowrap; font-variant-numeric: tabular-nums }
.failed, .refused { color: #b3261e } .partial { color: #8a5a00 } .done { color: #1b6e3c }
@media (prefers-color-scheme: dark) { body { color: #e3e8ed; background: #14191f } th, td { border-color: #36414c }
  .failed, .refused { color: #ff8a80 } .partial { color: #f0c060 } .done { color: #7bd79b } }
"""
#: Results that have a colour.
_COLOURED = ("done", "partial", "failed", "refused")


class Told(NamedTuple):
    """What the page tells. ``timeline``: the rows of the search, with ``after``, step, state, result and says."""

    title: str
    facts: Sequence[Tuple[str, str]]
    timeline: Sequence[Mapping[str, Any]]
    verified: bool
    #: What the verification said, a line each.
    verification: Sequence[str]
    written_s: float


def page_of(told: Told) -> str:
    """Return the page."""
    facts = "".join(_row("th", [name], "td", [value]) for name, value in told.facts)
    columns = ("after", "step", "state", "result", "says")
    heads = _row("th", ["Seconds after the alert", "Step", "State", "Result", "What it says"])
    steps = "".join(_row("td", [_text(row.get(name)) for name in columns], mark=row) for row in told.timeline)
    lines = "".join(f"<li>{_escaped(line)}</li>" for line in told.verification)
    result = "The evidence is as it was collected" if told.verified else "The evidence is NOT as it was collected"
    written = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(told.written_s))
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f'<meta name="viewport" content="width=device-width">\n'
        f"<title>{_escaped(told.title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{_escaped(told.title)}</h1>\n<table>\n{facts}</table>\n"
        f"<h2>Timeline</h2>\n<table>\n{heads}{steps}</table>\n"
        f"<h2>Evidence</h2>\n<p>{result}.</p>\n<ul>{lines}</ul>\n"
        f"<p>Written by script/demo, {written}, from the status events in Splunk's stand-in.</p>\n</body>\n</html>\n"
    )


def _row(kind: str, cells: List[str], kind2: str = "", cells2: Sequence[str] = (), mark: Any = None) -> str:
    result = _text((mark or {}).get("result"))
    name = f' class="{result}"' if result in _COLOURED else ""
    first = "".join(f"<{kind}>{_escaped(each)}</{kind}>" for each in cells)
    return f"<tr{name}>{first}{''.join(f'<{kind2}>{_escaped(each)}</{kind2}>' for each in cells2)}</tr>\n"


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)


def _escaped(text: str) -> str:
    return escape(shown(text), quote=True)
