"""Every page on the story, and on a search head where nothing was ever loaded."""

from __future__ import annotations

import json
from typing import Any, Dict, List

import pytest

from .place import PAGES, Place

#: What the engine counts differently from run to run: when the store's indices were looked at, and their size.
VARIES = {"mib", "behind_min", "written_min", "size_bytes", "lag_s", "ingest_lag_s"}
#: Rows of a panel that are written down; of the others only how many they are.
FIRST = 12


def told(panels: Dict[str, List[Dict[str, Any]]]) -> Dict[str, Any]:
    """Return how many rows each panel has, and its first ones, each as one line."""
    return {
        panel: {
            "rows": len(rows),
            "first": [line({**row, **dict.fromkeys(VARIES & set(row), "varies")}) for row in rows[:FIRST]],
        }
        for panel, rows in panels.items()
    }


def line(row: Dict[str, Any]) -> str:
    return " ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in row.items())


@pytest.mark.parametrize("page", sorted(PAGES))
def test_every_panel_shows_the_story(page: str, on_story: Place, golden: Any) -> None:
    golden(f"dashboards/{page}.json", told(on_story.panels(page)))


@pytest.mark.parametrize(
    ("page", "chosen"),
    [
        ("cloudtrail", {"what": "203.0.113.66"}),
        ("waf", {"what": "Log4JRCE_HEADER"}),
        ("vpc_flow", {"what": "203.0.113.77", "account": "111122223333"}),
        ("response", {"what": "i-0f1e2d3c4b5a60001-1"}),
    ],
)
def test_inputs_narrow_every_panel(page: str, chosen: Dict[str, str], on_story: Place, golden: Any) -> None:
    golden(f"dashboards/{page}_narrowed.json", told(on_story.panels(page, chosen)))


@pytest.mark.parametrize("page", sorted(PAGES))
def test_a_page_without_any_data_has_no_error(page: str, on_nothing: Place) -> None:
    panels = on_nothing.panels(page)
    kinds = {panel.id: panel.kind for panel in PAGES[page].panels}
    for panel, rows in panels.items():
        if kinds[panel] == "single":
            assert len(rows) == 1, f"{panel} shows no number: {rows}"
