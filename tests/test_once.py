"""What ``--once`` leaves out (`tests.once`)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tests.once import divided


def test_only_further_parameters_of_what_starts_a_program_are_left_out() -> None:
    def item(nodeid: str, *fixtures: str) -> Any:
        return SimpleNamespace(nodeid=nodeid, fixturenames=fixtures)

    first = item("t.py::a[1]", "splunk", "store")
    repeat = item("t.py::a[2-[]", "splunk", "store")
    others = [
        item("t.py::b[1]", "tmp_path"),
        item("t.py::b[2]", "tmp_path"),
        item("t.py::C::a[2]", "built_app"),
        item("t.py::d[1]", "splunkd", "aws"),
        item("t.py::d[2]", "splunkd", "aws"),
    ]
    assert divided([first, repeat, *others]) == ([first, *others], [repeat])
