"""What a user writes for an aggregation: taken apart as Splunk does, and refused where it is something else."""

from __future__ import annotations

import random
import re
from typing import Any, Dict, List

import pytest

from es_bridge.aggregations.condition import parse_condition
from es_bridge.aggregations.measures import parse_by, parse_measures
from es_bridge.aggregations.order import parse_sort, sort_rows
from es_bridge.aggregations.request import stats_request
from es_bridge.aggregations.span import parse_span
from es_bridge.aggregations.values import epoch_text, float_text, iso_text
from es_bridge.errors import QueryError


@pytest.mark.parametrize(
    ("text", "measures"),
    [
        ("count", [("count", "", "count")]),
        ("count()", [("count", "", "count")]),
        ("COUNT, Dc(a.b)", [("count", "", "count"), ("dc", "a.b", "Dc(a.b)")]),
        ("count dc(x) as n sum(y)", [("count", "", "count"), ("dc", "x", "n"), ("sum", "y", "sum(y)")]),
        ("count AS n,max( a{}.b )", [("count", "", "n"), ("max", "a{}.b", "max(a{}.b)")]),
        ('values("a b") as "all of it", min(\'c)d\')', [("values", "a b", "all of it"), ("min", "c)d", "min(c)d)")]),
        ("latest(as) as as", [("latest", "as", "as")]),
    ],
)
def test_measures(text: str, measures: List[Any]) -> None:
    assert [tuple(each) for each in parse_measures(text)] == measures


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("   ", "is empty"),
        ("median(x)", "Functions: count, dc, estdc, sum, min, max, avg, values, earliest, latest"),
        ("distinct_count(x)", "Use dc"),
        ("summ(x)", "Did you mean 'sum'"),
        ("sum", "write sum(field)"),
        ("dc()", "without a field"),
        ("count(eval(x>1))", "expressions such as eval()"),
        ("sum(a, b)", "one field in parentheses"),
        ("sum(*)", "wildcards are not possible"),
        ("sum(x", "one field in parentheses"),
        ("count,", "ends with a comma"),
        ("count,, dc(x)", "cannot be read"),
        ("count;dc(x)", "cannot be read at ';dc(x)'"),
        ("sum(x) as", "no function here"),
        ('sum(x) as ""', "empty name"),
        ("count, count", "two columns would be called 'count'"),
        ("count as __mv_x", "Splunk hides"),
        (",".join(f"sum(f{n})" for n in range(51)), "at most 50"),
        ("sum(" + "x" * 600 + ")", "600 characters"),
        ("count " * 3000, "at most 10000"),
    ],
)
def test_what_are_no_measures(text: str, said: str) -> None:
    with pytest.raises(QueryError) as caught:
        stats_request(stats=text)
    assert said in str(caught.value)


def test_fields_to_group_by() -> None:
    assert parse_by('a, b.c  d,"e f"') == ("a", "b.c", "d", "e f")
    assert parse_by("") == ()
    for text, said in [
        ("a*", "wildcards"),
        ("_time", "use span="),
        ('"a', "cannot be read"),
        (",".join("abcdefghijk"), "at most 10"),
    ]:
        with pytest.raises(QueryError, match=said):
            parse_by(text)
    with pytest.raises(QueryError, match="two columns would be called 'a'"):
        stats_request(by="a, b, a")


def test_which_groups_are_the_best() -> None:
    stats = "count, sum(n) as all, max(n) as most, dc(n) as ns"
    asked = stats_request(stats=stats, by='a, b, "c d"', top='20 "c d", a BY b on all').top
    assert asked is not None and asked.rank is not None
    assert (asked.number, asked.fields, asked.within, asked.rank.column) == (20, ("c d", "a"), ("b",), "all")
    assert stats_request(by="a", top="3 a on count").top == (3, ("a",), (), None)
    for text, said in [
        ("a", "a number and fields"),
        ("0 a", "1 to 1000"),
        ("1001 a", "1 to 1000"),
        ("5 by b", "not in by="),
        ("5 x", "'x', which is not in by="),
        ("5 a by x", "'x', which is not in by="),
        ("5 a by a", "a number and fields"),
        ("5 a on all by b", "a number and fields"),
        ("5 a on ns", "not on 'ns'"),
        ("5 a on nosuch", "not on 'nosuch'"),
        ("5 *", "wildcards"),
    ]:
        with pytest.raises(QueryError, match=re.escape(said)):
            stats_request(stats=stats, by="a, b", top=text)
    with pytest.raises(QueryError, match="two columns would be called 'top_of'"):
        stats_request(stats="count as top_of", by="a", top="5 a")


@pytest.mark.parametrize(
    ("text", "step_ms"),
    [
        ("30s", 30_000),
        ("5m", 300_000),
        ("5min", 300_000),
        ("h", 3_600_000),
        ("4hrs", 14_400_000),
        ("1d", 0),
        ("day", 0),
    ],
)
def test_spans(text: str, step_ms: int) -> None:
    assert parse_span(text).step_ms == step_ms


@pytest.mark.parametrize("text", ["5", "0m", "2d", "1w", "1mon", "-5m", "5 m", "5m5s", "m" * 100])
def test_what_is_no_span(text: str) -> None:
    with pytest.raises(QueryError):
        parse_span(text)


COLUMNS = ("count", "name", "dc(x)", "all")
ROW: Dict[str, Any] = {"count": 12, "name": "10", "dc(x)": 2.5, "all": ["a", "b"]}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("count>10", True),
        ("count > 12 OR count=12", True),
        ("count>10 AND count<12", False),
        ("NOT count>10", False),
        ("NOT count>10 OR name=10", True),  # NOT binds first
        ("count=1 AND count=2 OR count=12", True),  # then AND
        ("count=12 OR count=1 AND count=2", True),
        ("(count=12 OR count=1) AND count=2", False),
        ("name < 9", False),  # as numbers
        ('name = "10.0"', True),
        ('name != "x"', True),
        ("'dc(x)' >= 2.5", True),
        ("dc(x) >= 2.5", True),
        ('all = "b"', True),
        ("count == name", False),
        ("not (count<=12)", False),
        ("-5 < count", True),
        ("count>1e1", True),
    ],
)
def test_conditions(text: str, holds: bool) -> None:
    assert parse_condition(text, COLUMNS)(ROW) is holds


def test_a_column_without_a_value_is_neither() -> None:
    for text in ("count>1", "NOT count>1", "count!=1", "count=count"):
        assert parse_condition(text, COLUMNS)({}) is None
    assert parse_condition("count>1 OR name=1", COLUMNS)({"name": 1}) is True
    assert parse_condition("count>1 AND name=1", COLUMNS)({"name": 2}) is False


@pytest.mark.parametrize(
    "text",
    [
        "", "count", "count>", ">1", "count>1 AND", "(count>1", "count>1)", "count>1 count>2", "cuont>1", "count~1",
        "count>1; DROP", 'name="x', "count>1 XOR count>2", "like(name, 1)", "count>" + "1" * 3000, "NOT " * 300,
    ],
)  # fmt: skip
def test_what_is_no_condition(text: str) -> None:
    with pytest.raises(QueryError):
        parse_condition(text, COLUMNS)


def test_rows_are_sorted_by_number_and_by_letter() -> None:
    rows: List[Dict[str, Any]] = [{"n": n, "t": t} for n in (10, 9, "100", None, "x") for t in ("b", "a")]
    rows = [{name: value for name, value in row.items() if value is not None} for row in rows]
    random.Random(1).shuffle(rows)
    sort_rows(rows, parse_sort("n, -t", ("n", "t")))
    assert [(row.get("n"), row["t"]) for row in rows] == [(n, t) for n in (9, 10, "100", "x", None) for t in ("b", "a")]
    sort_rows(rows, parse_sort("-n t", ("n", "t")))
    assert [(row.get("n"), row["t"]) for row in rows] == [(n, t) for n in ("x", "100", 10, 9, None) for t in ("a", "b")]
    assert parse_sort("", ()) == ()
    for text in ("cuont", "-", '"n', "n;t"):
        with pytest.raises(QueryError):
            parse_sort(text, ("n", "t"))


def test_values_are_written_as_events_have_them() -> None:
    assert [float_text(value, "float") for value in (0.10000000149011612, 1.0, 16777216.0, 3.4028234663852886e38)] == [
        "0.1", "1", "16777216", "3.4028235e+38",
    ]  # fmt: skip
    assert float_text(0.0999755859375, "half_float") == "0.1"
    assert (float_text(0.1 + 0.2, "double"), float_text(1.5, "double")) == ("0.30000000000000004", "1.5")
    assert (iso_text(0), iso_text(1_700_000_000_500)) == ("1970-01-01T00:00:00Z", "2023-11-14T22:13:20.500Z")
    assert [epoch_text(ms) for ms in (0, 1_700_000_000_123, -1)] == ["0.000", "1700000000.123", "-0.001"]
