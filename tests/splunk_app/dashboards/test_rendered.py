"""Pages as people see them: Splunk's own packages draw them in a browser, with rows of the story.

Their data sources ask the stand-in for splunkd, which runs the searches. Screenshots are kept in
``AWS_SIEM_BRIDGE_SCREENSHOTS``, or in pytest's temporary folder.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List
from urllib.parse import parse_qs, urlsplit

import pytest

from es_bridge.config import ClusterConfig
from lab.dashboards.browser import DashboardPage
from lab.splunkd import SplunkdStandIn, User, add_cluster, jobs
from lab.splunkd.jobs import World
from savedsearches.runner.knowledge import Knowledge
from savedsearches.runner.lookups import shipped_lookups
from savedsearches.runner.macros import Macro
from savedsearches.runner.values import Row
from splunk_app.dashboards.definitions import definitions
from tests.savedsearches.detections import story

from .fixtures import ALL_OWN, OWN_INDICES
from .place import APP, NOTHING, OTHER, base_macros

# Splunk's packages are fetched and bundled first where script/test has not done so.
pytestmark = pytest.mark.timeout(900)
DASHBOARDS = {each.name: each for each in definitions()}
NO_ROWS = "No search results returned"
#: (page, panel) without rows in the story; the text under the title says what to do.
EMPTY = {("cloudtrail", "findings")}
RANGE = (str(story.ORDINARY_S), str(story.LOOKED_AT_S))


@pytest.fixture(scope="module")
def world(
    knowledge: Knowledge, inputs_events: List[Row], response_events: List[Row], tables: Dict[str, List[Row]]
) -> World:
    lookups = shipped_lookups(APP)
    for name, rows in tables.items():
        lookups[name].replace([dict(row) for row in rows])
    events = [*story.splunk_events(knowledge), *inputs_events, *response_events]
    macros = {**base_macros(), **OWN_INDICES, "aws_all_raw": ALL_OWN}
    return World(events, lookups, macros, story.LOOKED_AT_S)


@pytest.fixture(scope="module")
def splunkd(bundle: Path, engine: Any, settings: Any, world: World) -> Iterator[SplunkdStandIn]:
    with SplunkdStandIn(APP, web=True) as server:
        server.pages.dashboards = bundle
        add_cluster(server.state, ClusterConfig((engine.url,), name="story"))
        server.state.jobs.world = world
        yield server


@pytest.fixture(scope="module")
def page(splunkd: SplunkdStandIn, browser: Any) -> DashboardPage:
    return DashboardPage(browser, splunkd.web_uri)


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
    assert page.cut() == []
    if theme == "light":  # the definition is the same in both
        assert page.problems() == []
    shown = DASHBOARDS[name].definition["visualizations"]
    assert set(texts) == set(shown)
    for panel, text in texts.items():
        title = shown[panel].get("title", "")
        beneath = text.replace(title, "", 1).replace(shown[panel].get("description", ""), "", 1).strip()
        assert text.strip().startswith(title) and beneath, f"{panel} is empty: {text}"
        if (name.removesuffix("_ko"), panel) not in EMPTY:
            assert NO_ROWS not in text, f"{panel} has no rows"


@pytest.mark.parametrize(
    ("name", "panel", "leads"),
    [
        ("waf", "who", "/app/aws_siem_bridge/cloudtrail"),
        ("waf_ko", "who", "/app/aws_siem_bridge/cloudtrail_ko"),
        ("guardduty_ko", "list", "https://console.aws.amazon.com/guardduty/home"),
    ],
)
def test_a_click_takes_the_value_of_the_row(name: str, panel: str, leads: str, page: DashboardPage) -> None:
    """Also where the column has a Korean heading, or is not shown: Splunk's own code fills the link.

    Links to a search are Splunk Web's own, which is not in the packages.
    """
    page.open(name, "light", RANGE)
    address = page.click(panel)
    parts = urlsplit(address)
    assert address.startswith(leads) or parts.path.endswith(leads), address
    assert "$" not in address and "row." not in address
    if name.startswith("waf"):
        assert parse_qs(parts.query)["form.what"] == ["203.0.113.45"]


#: What an attacker writes where a page shows it, after what stands there.
PLANTED = (
    "<script>window.hurt=1</script>", "<img src=x onerror=window.hurt=1>", "</script><svg onload=window.hurt=1>",
    "$what$ $row._src.value$", "javascript:window.hurt=1", "[a](javascript:window.hurt=1)", "\"'`|\\", "\u202egnp.exe",
    "a\u200bb", "two\nlines\r\nand\ttabs", "x" * 10_000, "\u2028\u0000\ufffe", "&lt;b&gt;%3Cscript%3E",
)  # fmt: skip
#: Fields that our own code or AWS's enumerations fill, and by which panels choose rows.
OURS = {"severity", "state", "status", "step", "result", "verdict", "action", "rcode", "outcome", "part", "group"}


def planted(row: Row, number: int) -> Row:
    """Return a row in which all that is text has something planted."""

    def hurt(value: Any, place: int) -> Any:
        if isinstance(value, list):
            return [hurt(each, place + n) for n, each in enumerate(value)]
        text = str(value)
        is_number = text.replace(".", "", 1).replace("-", "", 1).isdigit()
        return value if is_number or not text else f"{text}{PLANTED[place % len(PLANTED)]}"

    return {
        name: value if name in OURS or name.startswith("_") else hurt(value, number + place)
        for place, (name, value) in enumerate(row.items())
    }


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name == "waf" else pytest.mark.full) for name in sorted(DASHBOARDS)],
)
def test_what_an_attacker_wrote_stays_text(
    name: str, page: DashboardPage, screenshots: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_search = jobs.run_search

    def run_planted(search: str, session: Any) -> Iterator[Row]:
        return (planted(row, number) for number, row in enumerate(run_search(search, session)))

    monkeypatch.setattr(jobs, "run_search", run_planted)
    texts = page.open(name, "light", RANGE)
    page.screenshot(screenshots / f"{name}_planted.png")
    assert (page.complaints, page.strangers, page.injected()) == ([], [], [])
    assert any("<script>" in text or "<img" in text for text in texts.values())


#: What is missing -> what the red sign of each panel that needs it says.
MISSING = {
    "no cluster": "an administrator adds one",
    "no rule": "gives access",
    "no engine": "127.0.0.1:9",
    "no log": "",
}


@pytest.mark.parametrize(
    "missing", [pytest.param(each, marks=() if each == "no cluster" else pytest.mark.full) for each in MISSING]
)
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name == "home" else pytest.mark.full)
        for name, each in sorted(DASHBOARDS.items())
        if each.language == "en"
    ],
)
def test_where_something_is_missing_a_page_says_what_to_do(
    name: str, missing: str, bare: Callable[[str], DashboardPage], screenshots: Path
) -> None:
    page = bare(missing)
    texts = page.open(name, "light", RANGE)
    page.screenshot(screenshots / f"{name}_{missing.replace(' ', '_')}.png")
    definition = DASHBOARDS[name].definition
    sources = definition["dataSources"]
    of_store = {
        name
        for name, each in sources.items()
        if "| elastic" in sources[each["options"].get("extend", name)]["options"]["query"]
    }
    assert (page.strangers, page.cut()) == ([], [])
    said = page.errors()
    for panel, text in texts.items():
        shown = definition["visualizations"][panel]
        if MISSING[missing] and shown.get("dataSources", {}).get("primary") in of_store:
            assert MISSING[missing] in said.pop(panel, ""), f"{panel}: {text}"
        elif shown["type"] == "splunk.singlevalue":
            assert text.split()[-1].isdigit(), f"{panel} shows no number: {text}"
        else:
            assert text.replace(shown.get("title", ""), "", 1).strip(), f"{panel} is empty"
    assert said == {}


@pytest.fixture(scope="module")
def bare(bundle: Path, engine: Any, browser: Any) -> Iterator[Callable[[str], DashboardPage]]:
    """Search heads where something is missing, seen by a user without any right beyond searching."""
    macros = {**base_macros(), **NOTHING, "aws_findings_index": Macro("index=*")}
    clusters = {
        "no rule": ({}, engine.url),
        "no engine": ({"user": ["*"]}, "http://127.0.0.1:9"),
        "no log": ({"user": ["*"]}, engine.url),
    }
    found: Dict[str, DashboardPage] = {}
    with contextlib.ExitStack() as stack:

        def get(missing: str) -> DashboardPage:
            if missing not in found:
                server = stack.enter_context(SplunkdStandIn(APP, web=True, web_user=User("kim", ("user",))))
                server.pages.dashboards = bundle
                server.state.jobs.world = World([OTHER], shipped_lookups(APP), macros, story.LOOKED_AT_S)
                if missing in clusters:
                    access, url = clusters[missing]
                    add_cluster(server.state, ClusterConfig((url,), name="story"), access=access)
                found[missing] = DashboardPage(browser, server.web_uri)
            return found[missing]

        yield get
