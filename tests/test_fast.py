"""What ``--fast`` leaves out (`tests.fast`)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Optional

import pytest

from lab.engine import start_engine
from tests.fast import MOST_PARAMETERS, share, why_not, without_repeats


def unit() -> None: ...


def starts_one() -> None:
    start_engine("opensearch-2.19")


def item(
    *fixtures: str, function: Any = unit, params: Optional[dict] = None, by: Any = None, **marks: Any
) -> SimpleNamespace:
    return SimpleNamespace(
        function=function,
        fixturenames=fixtures,
        callspec=SimpleNamespace(params=params or {}),
        _fixtureinfo=SimpleNamespace(name2fixturedefs={"its_own": [by]} if by else {}),
        get_closest_marker=lambda name: SimpleNamespace(args=marks[name]) if name in marks else None,
    )


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (item(), None),
        (item("tmp_path", params={"value": "x"}), None),
        (item("engine", "engine_by_id"), "an engine"),
        (item("engine", "engine_by_id", fast=()), None),
        (item("engine_by_id", "aws", fast=()), "the stand-in for AWS"),
        (item("engine_by_id", params={"cluster": "elasticsearch-9.0"}, fast=()), "other engines"),
        (item("engine_by_id", params={"cluster": "opensearch-2.19"}, fast=()), None),
        (item("splunk"), "the search command as a process, with the stand-in for splunkd"),
        (item("store", "request", params={"store": "s3"}), "the stand-in for AWS"),
        (item("store", params={"store": "s3"}), None),
        (item(slow=("it reads a day of logs",)), "it reads a day of logs"),
        (item(function=starts_one), "an engine of its own"),
        (item(by=SimpleNamespace(func=starts_one, scope="module")), "an engine of its own"),
        (item(by=SimpleNamespace(func=starts_one, scope="session")), None),
    ],
)
def test_why_a_test_is_left_out(asked: Any, expected: Optional[str]) -> None:
    assert why_not(asked) == expected


def test_a_function_counts_once_and_runs_if_one_of_its_parameters_does() -> None:
    names = ["t.py::a[1]", "t.py::a[2]", "t.py::b", "t.py::C::a[1-[]"]
    items: Any = [SimpleNamespace(nodeid=name) for name in names]
    assert share(items, ["slow", None, "slow", None]) == (2, 3)


def test_of_many_parameters_a_few_run_drawn_by_the_commit() -> None:
    items: Any = [SimpleNamespace(nodeid=f"t.py::a[{number}]") for number in range(40)]
    items += [SimpleNamespace(nodeid="t.py::b[1]"), SimpleNamespace(nodeid="t.py::b[2]")]
    reasons = ["slow"] + [None] * 41
    drawn = {name: without_repeats(items, reasons, name) for name in ("one commit", "another")}
    assert drawn["one commit"] == without_repeats(items, reasons, "one commit") != drawn["another"]
    for found in drawn.values():
        assert found[:40].count(None) == MOST_PARAMETERS
        assert found[0] == "slow" and found[40:] == [None, None]
