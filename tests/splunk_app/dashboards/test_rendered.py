"""Pages as people see them: Splunk's own packages draw them in a browser, with rows of the story.

Their data sources ask the stand-in for splunkd, which runs the searches. Screenshots are kept in
``AWS_SIEM_BRIDGE_SCREENSHOTS``, or in pytest's temporary folder.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from es_bridge.config import ClusterConfig
from lab.browser import BrowserUnavailable, open_browser
from lab.dashboards import DashboardsUnavailable, find_bundle
from lab.dashboards.browser import DashboardPage
from lab.splunkd import SplunkdStandIn, add_cluster
from lab.splunkd.jobs import World
from savedsearches.runner.knowledge import Knowledge
from savedsearches.runner.lookups import shipped_lookups
from savedsearches.runner.values import Row
from splunk_app.dashboards.definitions import definitions
from tests.savedsearches.detections import story

from .fixtures import ALL_OWN, OWN_INDICES
from .place import APP, base_macros

# Splunk's packages are fetched and bundled first where script/test has not done so.
pytestmark = pytest.mark.timeout(900)
DASHBOARDS = {each.name: each for each in definitions()}
NO_ROWS = "No search results returned"
#: (page, panel) without rows in the story; the text under the title says what to do.
EMPTY = {("cloudtrail", "findings")}
RANGE = (str(story.ORDINARY_S), str(story.LOOKED_AT_S))


@pytest.fixture(scope="module")
def splunkd(
    engine: Any,
    settings: Any,
    knowledge: Knowledge,
    inputs_events: List[Row],
    response_events: List[Row],
    tables: Dict[str, List[Row]],
) -> Iterator[SplunkdStandIn]:
    try:
        bundle = find_bundle()
    except DashboardsUnavailable as error:
        if os.environ.get("CI", "").lower() == "true":
            raise
        pytest.skip(str(error))
    with SplunkdStandIn(APP, web=True) as server:
        server.pages.dashboards = bundle
        add_cluster(server.state, ClusterConfig((engine.url,), name="story"))
        lookups = shipped_lookups(APP)
        for name, rows in tables.items():
            lookups[name].replace([dict(row) for row in rows])
        events = [*story.splunk_events(knowledge), *inputs_events, *response_events]
        macros = {**base_macros(), **OWN_INDICES, "aws_all_raw": ALL_OWN}
        server.state.jobs.world = World(events, lookups, macros, story.LOOKED_AT_S)
        yield server


@pytest.fixture(scope="module")
def page(splunkd: SplunkdStandIn) -> Iterator[DashboardPage]:
    try:
        with open_browser() as browser:
            yield DashboardPage(browser, splunkd.web_uri)
    except BrowserUnavailable as error:
        if os.environ.get("CI", "").lower() == "true":
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    chosen = os.environ.get("AWS_SIEM_BRIDGE_SCREENSHOTS")
    folder = Path(chosen) if chosen else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


#: Each page is drawn light in one language and dark in the other; the whole square is for ``--full``.
EVERY_DAY = {("en", "light"), ("ko", "dark")}
DRAWN = [
    pytest.param(name, theme, marks=() if (each.language, theme) in EVERY_DAY else pytest.mark.full)
    for name, each in sorted(DASHBOARDS.items())
    for theme in ("light", "dark")
]


@pytest.mark.parametrize(("name", "theme"), DRAWN)
def test_a_page_is_drawn_with_rows_of_the_story(
    name: str, theme: str, page: DashboardPage, splunkd: SplunkdStandIn, screenshots: Path
) -> None:
    texts = page.open(name, theme, RANGE)
    page.screenshot(screenshots / f"{name}_{theme}.png")
    assert (page.complaints, page.strangers, splunkd.not_served) == ([], [], [])
    assert page.problems() == [] and page.cut() == []
    shown = DASHBOARDS[name].definition["visualizations"]
    assert set(texts) == set(shown)
    for panel, text in texts.items():
        title = shown[panel].get("title", "")
        beneath = text.replace(title, "", 1).replace(shown[panel].get("description", ""), "", 1).strip()
        assert text.strip().startswith(title) and beneath, f"{panel} is empty: {text}"
        if (name.removesuffix("_ko"), panel) not in EMPTY:
            assert NO_ROWS not in text, f"{panel} has no rows"
