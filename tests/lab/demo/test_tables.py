"""What was found, laid out for terminals of any width."""

from __future__ import annotations

import io
from typing import Dict, List

import pytest
from rich.cells import cell_len
from rich.console import Console

from lab.demo.search import Row
from lab.demo.tables import Asked, as_results, as_table, as_whole

ROWS: List[Row] = [
    {
        "_time": "1796016715.523",
        "name": "정보보호팀 담당자" * n,
        "uri": "/help/배송",
        "tags{}": ["a", "b"],
        "_raw": "{}",
    }
    for n in (1, 2, 9)
]


def lines(rows: List[Row], width: int, *fields: str) -> List[str]:
    out = io.StringIO()
    Console(file=out, width=width).print(as_table(rows, Asked(fields), width))
    return [line.rstrip() for line in out.getvalue().splitlines()]


@pytest.mark.parametrize("width", [3, 20, 21, 40, 61, 80, 120, 300])
@pytest.mark.parametrize("fields", [(), ("name", "uri", "tags{}")])
def test_no_line_is_wider_than_the_terminal(width: int, fields: tuple) -> None:
    assert all(cell_len(line) <= width for line in lines(ROWS, width, *fields))


def test_columns_of_double_width_text_stand_under_each_other() -> None:
    _, _, *rows = lines(ROWS, 120, "name", "uri")
    assert len({cell_len(row.partition("/help")[0]) for row in rows}) == 1


def test_what_was_asked_for_is_there_however_narrow() -> None:
    text = "\n".join(lines(ROWS[:1], 30, "name", "uri", "tags{}"))
    assert "/help/배송" in text
    assert "a, b" in text


def test_only_the_name_gives_way_where_that_is_enough() -> None:
    rows: List[Row] = [{"_time": "0.000", "httpRequest.httpMethod": "GET", "httpRequest.headers": "x" * 20}]
    head, _, row = lines(rows, 58, "httpRequest.h*")
    assert head == "_time                 …st.httpMethod  httpRequest.headers"
    assert row == "1970-01-01 00:00:00Z  GET             " + "x" * 20


def test_fields_that_no_row_has() -> None:
    assert lines(ROWS, 80, "nothing")[0].split() == ["_time", "nothing"]


@pytest.mark.parametrize(
    ("args", "fields"),
    [
        (["index=a"], ()),
        (["fields=*"], ()),
        (["fields=a,*"], ()),
        (["fields=a, b.c*"], ("a", "b.c*")),
        (["query=fields=x"], ()),
    ],
)
def test_what_a_line_asks_for(args: List[str], fields: tuple) -> None:
    assert Asked.by(args).fields == fields


def test_text_of_others_is_no_command_to_the_terminal() -> None:
    row: Dict = {"_time": "0.000", "a\x1b[2J": "b\x1b[31m[bold]c", "_raw": "{}"}
    out = io.StringIO()
    console = Console(file=out, width=100, force_terminal=True, no_color=True)
    console.print(as_table([row], Asked(), 100))
    console.print(as_whole(row))
    assert "\x1b[2J" not in out.getvalue()
    assert "\x1b[31m" not in out.getvalue()
    assert out.getvalue().count("b\\u001b[31m[bold]c") == 2


def test_short_names_are_never_cut() -> None:
    rows: List[Row] = [{"_time": "0.000", "bytes": "1", "protocol": "6", "text": "x" * 300}]
    assert lines(rows, 60, "bytes", "protocol", "text")[0].split() == ["_time", "bytes", "protocol", "text"]


RESULTS: List[Row] = [
    {"userIdentity.arn": "arn:aws:iam::111122223333:user/kim" * n, "count": str(10**n), "values": ["a", "b"]}
    for n in (1, 2)
]


@pytest.mark.parametrize("width", [3, 20, 37, 40, 80, 300])
def test_results_have_all_their_columns_whatever_the_width(width: int) -> None:
    out = io.StringIO()
    Console(file=out, width=width).print(as_results(RESULTS, width))
    text = out.getvalue()
    assert all(cell_len(line.rstrip()) <= width for line in text.splitlines())
    if width >= 20:
        assert "a, b" in text and "100" in text
    if width >= 40:  # the first column gives way, unlike a time
        assert text.splitlines()[0].split()[-2:] == ["count", "values"]


def test_results_with_a_time_begin_with_it() -> None:
    out = io.StringIO()
    Console(file=out, width=60).print(as_results([{"_time": "0", "BLOCK": "3", "ALLOW": "x" * 80}], 60))
    head, _, row = out.getvalue().splitlines()
    assert head.split() == ["_time", "BLOCK", "ALLOW"]
    assert row.startswith("1970-01-01 00:00:00Z  3 ")
