"""docs/troubleshooting.md quotes messages as the code makes them, and has all that an operator has to act on."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Iterator, List, Tuple

import pytest

from es_bridge import errors

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "troubleshooting.md"
APP = ROOT / "splunk_app" / "package" / "bin"
#: Where messages to users are made.
ROOMS = tuple(ROOT / "es_bridge" / room for room in ("", "unmatched", "lookup", "aggregations", "field_summary"))
#: Messages of the detections; the page has the ones that are not about what was typed.
DETECTIONS = (ROOT / "savedsearches" / room for room in ("content", "cli", "backtest"))
SOURCES = [*(path for room in ROOMS for path in room.glob("*.py")), *APP.rglob("*.py")]
WITH_DETECTIONS = [*SOURCES, *(path for room in DETECTIONS for path in room.glob("*.py"))]
#: Messages of the response; the page has the ones that an operator can do something about.
WITH_RESPONSE = [*WITH_DETECTIONS, *(ROOT / "response").rglob("*.py")]
#: Mistakes in what was typed into a search, or settings that contradict each other: their errors explain themselves. Of
#: all other modules each error must be on the page.
# fmt: off
EXPLAIN_THEMSELVES = {
    "config.py", "equals.py", "event_key.py", "options.py", "query.py", "reply.py", "time_field.py", "timerange.py",
    "times.py", "request.py", "measures.py", "condition.py", "order.py", "span.py", "columns.py", "groups.py",
    "top.py",
}
# fmt: on
#: Loading and the command line have pages of their own, the protocol's errors mean nothing to an operator.
ELSEWHERE = {"bulk.py", "chunked.py", "indices.py", "ping.py"}
#: Stands for what differs from case to case, on the page and in what is made of an f-string.
VARIES = "…"


def text_of(node: ast.AST) -> str:
    """Return a string expression's text with VARIES for each value in it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return text_of(node.left) + text_of(node.right)
    return VARIES


@cache
def texts_in_the_code() -> Tuple[str, ...]:
    """Return every text in the sources but docstrings."""
    found: List[str] = []
    for path in WITH_RESPONSE:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, (ast.Constant, ast.JoinedStr, ast.BinOp)) and id(node) not in prose:
                found.append(text_of(node))
    return tuple(found)


def errors_in(path: Path) -> Iterator[str]:
    """Yield the texts with which a module makes its errors."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ERRORS:
            # Of a status and a text, or of a text and a reason for the log, the user reads the first text.
            texts = [text_of(argument) for argument in node.args]
            yield from [text for text in texts if len(text.replace(VARIES, "").strip()) > 3][:1]


#: It ends inside: nobody reads it.
INTERNAL = {"Aborted"}
#: Errors of this project, the handler's refusal, and what UCC's pages show.
ERRORS = {*vars(errors), "Refused", "RestError", "SplunkdError"} - INTERNAL
QUOTED = re.findall(r"^\| `(.+?)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
COMPLETE_TEXTS = sorted(
    {
        (path.name, text)
        for path in SOURCES
        if path.name not in EXPLAIN_THEMSELVES | ELSEWHERE
        for text in errors_in(path)
    }
)


def test_the_page_quotes_messages() -> None:
    assert len(QUOTED) > 50
    assert len(QUOTED) == len(set(QUOTED)), "a message is on the page twice"


@pytest.mark.parametrize("quoted", QUOTED)
def test_every_quoted_message_is_in_the_code(quoted: str) -> None:
    assert any(quoted in text for text in texts_in_the_code()), f"nothing says {quoted!r} any more"


@pytest.mark.parametrize(("module", "text"), COMPLETE_TEXTS, ids=lambda value: value[:40])
def test_every_error_an_operator_has_to_act_on_is_on_the_page(module: str, text: str) -> None:
    assert any(quoted in text for quoted in QUOTED), f"{module} says this, and docs/troubleshooting.md does not: {text}"
