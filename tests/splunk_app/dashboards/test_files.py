"""What Splunk reads is what the pages say, and a page that leads nowhere is refused."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from configparser import RawConfigParser
from pathlib import Path
from typing import Any, Dict

import pytest

pytest.importorskip("pydantic", reason="pages are read where they are worked on, with Python 3.11")

from pydantic import ValidationError

from savedsearches.content.reading import ContentError
from splunk_app.dashboards.checks import problems_of
from splunk_app.dashboards.definitions import definitions
from splunk_app.dashboards.page import MOST_SEARCHES, Page
from splunk_app.dashboards.reading import HERE, LANGUAGES, Catalogue, read_pages
from splunk_app.dashboards.render import CONFIGURATION, ORDER, ROOT, UI, rendered
from splunk_app.dashboards.tokens import filled

PAGES, WORDS = read_pages()
META = ROOT / "splunk_app" / "package" / "metadata" / "default.meta"


def test_the_files_are_those_of_the_pages() -> None:
    for path, text in rendered().items():
        assert (ROOT / path).read_text("utf-8") == text, f"python -m splunk_app.dashboards writes {path}"
    views = {path.relative_to(ROOT) for path in (ROOT / UI / "views").glob("*.xml")}
    assert views | {UI / "nav" / "default.xml"} == set(rendered())


def test_every_page_is_whole() -> None:
    assert problems_of(PAGES, WORDS) == []
    assert set(ORDER) == set(PAGES)


@pytest.mark.parametrize("made", definitions(), ids=lambda made: made.name)
def test_a_view_holds_its_definition_and_nothing_in_it_dangles(made: Any) -> None:
    view = ET.parse(ROOT / UI / "views" / f"{made.name}.xml").getroot()
    definition = json.loads(view.findtext("definition") or "")
    assert (view.get("version"), view.findtext("label"), definition) == ("2", made.definition["title"], made.definition)
    sources, shown = definition["dataSources"], definition["visualizations"]
    used = {name for each in shown.values() for name in each.get("dataSources", {}).values()}
    extended = {source["options"]["extend"] for source in sources.values() if source["type"] == "ds.chain"}
    assert used | extended == set(sources)
    assert sum(source["type"] == "ds.search" for source in sources.values()) <= MOST_SEARCHES
    places = [block["item"] for block in definition["layout"]["structure"]]
    assert sorted(places) == sorted(shown) and set(definition["layout"]["globalInputs"]) == set(definition["inputs"])
    boxes = [block["position"] for block in definition["layout"]["structure"]]
    for number, one in enumerate(boxes):
        assert one["x"] + one["w"] <= definition["layout"]["options"]["width"]
        for two in boxes[number + 1 :]:
            apart = one["x"] + one["w"] <= two["x"] or two["x"] + two["w"] <= one["x"]
            assert apart or one["y"] + one["h"] <= two["y"] or two["y"] + two["h"] <= one["y"]
    for each in shown.values():  # each says what to do where it has no rows; a number is 0 then
        assert each["type"] in ("splunk.markdown", "splunk.singlevalue") or each["description"]


def test_the_navigation_begins_with_the_first_page_and_has_all() -> None:
    views = list(ET.parse(ROOT / UI / "nav" / "default.xml").getroot().iter("view"))
    assert views[0].attrib == {"name": "home", "default": "true"}
    names = [view.get("name") for view in views]
    assert sorted(map(str, names)) == sorted({each.name for each in definitions()} | {"search", *CONFIGURATION})


def test_everybody_reads_the_pages_and_administrators_the_configuration() -> None:
    meta = RawConfigParser(strict=True)
    meta.read_string("[DEFAULT]\n" + META.read_text("utf-8").replace("[]", "[all]", 1))
    readers = {
        stanza: meta[stanza]["access"].partition("write")[0] for stanza in meta.sections() if "access" in meta[stanza]
    }
    assert "[ * ]" in readers["views"]
    for name in CONFIGURATION:
        assert "*" not in readers[f"views/{name}"] and "admin" in readers[f"views/{name}"]
    assert not [stanza for stanza in readers if stanza.startswith("views/") and stanza[6:] not in CONFIGURATION]
    assert "*" in readers["collections/aws_triage"]


SEARCH = '| elasticstats index=`aws_waf_raw` cluster="$cluster|u$" by=waf.verdict'
EVENTS = '| elasticsearch index=`aws_waf_raw` cluster="$cluster|u$" size={}'
PANEL: Dict[str, Any] = {
    "id": "requests", "kind": "table", "width": 6, "search": "s", "empty": "no_waf",
    "chain": "| rename waf.verdict AS verdict | table verdict requests",
}  # fmt: skip


def page(search: str = SEARCH, link: Any = None, **panel: Any) -> Page:
    return Page.model_validate(
        {
            "earliest": "-1d", "inputs": ["cluster"], "searches": {"s": search},
            "panels": [{**PANEL, **panel, **({"link": link} if link else {})}],
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (page(), ""),
        (page(SEARCH.replace("|u$", "$")), "write $cluster|u$"),
        (page(SEARCH.replace("|u$", "|s$")), "write $cluster|u$"),
        (page(SEARCH.replace("$cluster|u$", "prod")), "no search heeds the input 'cluster'"),
        (page(SEARCH + " equals=\"source.ip=$what|u$\""), "nothing sets $what$"),
        (page(SEARCH.replace("waf.verdict", "waf.verdit")), "waf.verdit is not counted by any template"),
        (page(EVENTS.format(0)), "with a size of 200"),
        (page(EVENTS.format(100), chain="| stats count"), "on whole events"),
        (page(chain="| nosuch"), "not in the runner's subset"),
        (page(chain="| eval a=\"{{waf.nothing}}\""), "catalogue.yml has no"),
        (page(empty="no_such"), "catalogue.yml has no empty.no_such"),
        (page(id="nobody"), "catalogue.yml has no waf.panels.nobody"),
        (page(chain="| sort 5 requests"), "end it with | table"),
        (page(chain="| eval odd=1 | table odd"), "catalogue.yml has no columns.odd"),
        (page(chain="| eval docs=1 | table docs documents"), "two columns are called 'Events'"),
        (page(chain="| eval a=1 | table says error todo"), "some columns are out of sight"),
        (page(link={"page": "waf", "inputs": {"cluster": "$row.src.value|u$"}}), "its link needs the column src"),
        (page(link={"page": "nowhere", "inputs": {"what": "$row.verdict.value|u$"}}), "no page 'nowhere'"),
        (page(link={"page": "home", "inputs": {"what": "$row.verdict.value|u$"}}), "the page home has no input 'what'"),
        (page(link={"page": "waf", "inputs": {"what": "x"}}), "nothing of the row"),
        (page(link={"page": "waf", "inputs": {"what": "$row.verdict.value$"}}), "without the filter"),
        (page(link={"search": "| elasticstats index=`aws_waf_raw` query=\"$row.verdict.value|u$"}), "not closed"),
        (page(link={"url": "https://evil.example/?q=$row.verdict.value|u$"}), "only"),
    ],
)  # fmt: skip
def test_what_leads_nowhere_is_said(made: Page, says: str) -> None:
    # Without the other pages, which take most of the time: a link leads to one of them, and words of theirs are unused.
    problems = problems_of({"home": PAGES["home"], "waf": made}, WORDS)
    found = [problem for problem in problems if "no page shows" not in problem and not problem.startswith("home: ")]
    assert any(says in problem for problem in found) if says else not found, found


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"searches": dict.fromkeys("abcd", SEARCH)}, "at most 3"),
        ({"nonsense": 1}, "Extra inputs"),
        ({"inputs": ["size"]}, "Input should be"),
        ({"panels": [{**PANEL, "search": "t"}]}, "no search 't'"),
        ({"panels": [PANEL, PANEL]}, "two panels are called requests"),
        ({"panels": [{**PANEL, "empty": ""}]}, "no rows"),
        ({"panels": [{**PANEL, "width": 13}]}, "less than or equal to 12"),
    ],
)
def test_a_page_is_read_strictly(change: Dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Page.model_validate({"earliest": "-1d", "searches": {"s": SEARCH}, "panels": [PANEL], **change})


def test_all_errors_of_all_files_come_at_once(tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "a.yml").write_text("earliest: -1d\nearliest: -2d\n")
    (tmp_path / "pages" / "b.yml").write_text("earliest: -1d\npanels: []\n")
    (tmp_path / "catalogue.yml").write_text("a: {title: {en: A}}\n")
    with pytest.raises(ContentError) as caught:
        read_pages(tmp_path)
    said = caught.value.problems
    assert len(said) == 4 and "written twice" in said[0] and "a.title: give it in en and ko" in said[-1]


def test_a_text_of_a_search_cannot_end_it() -> None:
    texts = {**WORDS.texts, "home.todo.waf": {"en": 'a "quoted" word', "ko": "x"}}
    assert any("home.todo.waf: a text that stands in a search" in each for each in problems_of(PAGES, Catalogue(texts)))


def test_a_value_is_put_in_once_and_not_read_for_tokens() -> None:
    given = {"a": "$b$ %", "b": "no"}
    assert filled("x=$a|u$ y=$b$ z=$a|u|u$ 5$ $", given) == "x=%24b%24%20%25 y=no z=%24b%24%20%25 5$ $"


def test_both_languages_are_complete() -> None:
    assert {each.language for each in definitions()} == set(LANGUAGES)
    korean = [text["ko"] for key, text in WORDS.texts.items() if key.startswith(("empty.", "inputs."))]
    assert all(any("가" <= letter <= "힣" for letter in text) for text in korean)
    assert (HERE / "catalogue.yml").is_file()
