"""Every page on the story, and on a search head where nothing was ever loaded."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Dict, List
from zoneinfo import ZoneInfo

import pytest

from savedsearches.runner.macros import expand_macros
from savedsearches.runner.run import build_stages
from splunk_app.dashboards.definition import chain_of, headings, with_words
from splunk_app.dashboards.page import Panel
from splunk_app.dashboards.reading import LANGUAGES

from .place import PAGES, WORDS, Place

#: What the engine counts differently from run to run: when the store's indices were looked at, and their size.
VARIES = {"mib", "behind_min", "written_min"}
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
    panels = on_story.panels(page)
    golden(f"dashboards/{page}.json", told(panels))
    for panel in PAGES[page].panels:
        if panel.kind == "table":
            for language in LANGUAGES:
                for row, shown in zip(panels[panel.id], headed(page, panel, panels[panel.id], on_story, language)):
                    heads = headings(page, PAGES[page], panel, WORDS, language)
                    assert {name for name in shown if not name.startswith("_")} <= set(heads.values())
                    # What a link takes is there under the field's own name, in a column that is not shown.
                    wanted = panel.link.row_fields if panel.link else []
                    assert {name: shown.get(f"_{name}") for name in wanted} == {name: row.get(name) for name in wanted}


def headed(page: str, panel: Panel, rows: List[Dict[str, Any]], place: Place, language: str) -> List[Dict[str, Any]]:
    """Return the rows of a table as they are shown."""
    whole = chain_of(page, PAGES[page], panel, WORDS, language)
    commands = whole.removeprefix(with_words(panel.chain, WORDS, language).strip())
    return list(build_stages(expand_macros(commands, place.macros), place.session())(dict(row) for row in rows))


def test_times_of_the_engine_are_shown_on_the_readers_clock(on_story: Place) -> None:
    (panel,) = [each for each in PAGES["dns"].panels if each.id == "rare"]
    on_story.moment = replace(on_story.moment, zone=ZoneInfo("Asia/Seoul"))
    for given in ("2026-11-20T16:46:37Z", "2026-11-20T16:46:37.250Z"):
        (row,) = headed("dns", panel, [{"domain": "a.example", "first_time": given}], on_story, "ko")
        assert row["처음"] == "2026-11-21 01:46:37"


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
            (row,) = rows
            assert [value.isdigit() for value in row.values()] == [True], f"{panel} shows no number: {rows}"
