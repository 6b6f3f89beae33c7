"""What a page's file alone does not show: words, tokens and links that lead nowhere, searches that cannot be read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Set

from savedsearches.content.checks import problems_of_text
from savedsearches.content.commands_of import options_of
from savedsearches.runner.errors import SplError
from savedsearches.runner.macros import expand_macros, shipped_macros
from savedsearches.runner.pipeline import CommandText, split_pipeline
from splunk_app.dashboards.columns import widths_px
from splunk_app.dashboards.definition import chain_of, columns, heading_key, headings, named_words, with_words
from splunk_app.dashboards.page import ROW, Link, Page, Panel
from splunk_app.dashboards.reading import LANGUAGES, Catalogue
from splunk_app.dashboards.tokens import filled, tokens_of

APP = Path(__file__).resolve().parents[1] / "package"
#: Whole events that a panel may show; counting them is the engine's work.
MOST_EVENTS = 200
#: Commands that may follow whole events: none that counts.
_SHOWING = {"table", "fields", "rename", "eval", "sort", "head"}
#: Of a browser window of 1440 pixels, a twelfth of a page, and what a panel keeps for its frame.
_UNIT_PX, _FRAME_PX = 118, 24
_TIMES = ("global_time.earliest", "global_time.latest")
_USER = "env:user"
#: A text in a search between quotes: nothing that ends it, and nothing that Splunk reads in it.
_UNFIT_IN_SEARCH = re.compile(r'["\\$`|\[\]]')
#: Where links outside lead.
_OUTSIDE = ("https://console.aws.amazon.com/",)


def problems_of(pages: Mapping[str, Page], words: Catalogue, app: Path = APP) -> List[str]:
    """Return what is wrong, each line with its page."""
    found = [
        f"{name}: {problem}"
        for name, page in pages.items()
        for problem in [
            *_of_searches(name, page, words, app),
            *_of_columns(name, page, words),
            *_of_links(page, pages, app),
            *_of_inputs(page),
        ]
    ]
    return found + _of_words(pages, words)


def _of_searches(name: str, page: Page, words: Catalogue, app: Path) -> Iterator[str]:
    allowed = set(page.inputs)
    for search, query in page.searches.items():
        yield from _of_tokens(f"search {search}", query, allowed)
    for panel in page.panels:
        yield from _of_tokens(f"panel {panel.id}", panel.chain, allowed)
    for language in LANGUAGES:
        try:
            for search, query in page.searches.items():
                text = with_words(query, words, language)
                yield from _readable(f"search {search} ({language})", text, app)
                yield from _events_are_not_counted(search, text, page, app)
            for panel in page.panels:
                if chain := chain_of(name, page, panel, words, language):
                    yield from _readable(
                        f"panel {panel.id} ({language})", f"| makeresults | where false() {chain}", app
                    )
        except KeyError as exc:
            yield f"catalogue.yml has no {exc}"


def _events_are_not_counted(search: str, text: str, page: Page, app: Path) -> Iterator[str]:
    commands = _commands(text, app)
    for command in commands:
        if command.name == "elasticsearch" and not 0 < int(options_of(command).get("size", "0")) <= MOST_EVENTS:
            yield f"search {search}: | elasticsearch with a size of {MOST_EVENTS} at most; count with | elasticstats"
    if any(command.name == "elasticsearch" for command in commands):
        chains = [_commands(panel.chain, app) for panel in page.panels if panel.search == search and panel.chain]
        for command in [*commands[1:], *(each for chain in chains for each in chain)]:
            if command.name not in _SHOWING:
                yield f"search {search}: | {command.name} on whole events: count with | elasticstats"


def _commands(text: str, app: Path) -> List[CommandText]:
    try:
        return split_pipeline(expand_macros(_with_plain_values(text), shipped_macros(app)))
    except SplError:
        return []  # said by _readable


def _readable(where: str, text: str, app: Path) -> Iterator[str]:
    yield from (f"{where}: {problem}" for problem in problems_of_text(_with_plain_values(text), app))


def _with_plain_values(text: str) -> str:
    return filled(text, {token.name: "x" for token in tokens_of(text)})


def _of_tokens(where: str, text: str, allowed: Set[str], rows: bool = False) -> Iterator[str]:
    for token in tokens_of(text):
        known = token.name in allowed or (rows and (ROW.fullmatch(token.name) or token.name == _USER))
        if not known:
            yield f"{where}: nothing sets ${token.name}$"
        elif token.filters != ["u"]:
            yield f"{where}: write ${token.name}|u$: without the filter its value becomes part of the search"


def _of_columns(name: str, page: Page, words: Catalogue) -> Iterator[str]:
    for panel in page.panels:
        if panel.kind != "table":
            continue
        last = _last_command(panel.chain or page.searches[panel.search])
        if last != "table":
            yield f"panel {panel.id}: end it with | table, which says what its columns are"
            continue
        missing = set(panel.link.row_fields if panel.link else []) - {*columns(page, panel), *panel.hidden}
        yield from (f"panel {panel.id}: its link needs the column {field}" for field in sorted(missing))
        for language in LANGUAGES:
            try:
                heads = headings(name, page, panel, words, language)
            except KeyError:
                continue  # said of the catalogue
            wanted, room = sum(widths_px(heads).values()), panel.width * _UNIT_PX - _FRAME_PX
            if wanted > room:
                yield f"panel {panel.id} ({language}): some columns are out of sight: {wanted} pixels of {room}"
            shown = list(heads.values())
            twice = sorted({each for each in shown if shown.count(each) > 1})
            yield from (f"panel {panel.id}: two columns are called {each!r}" for each in twice)


def _last_command(text: str) -> str:
    return re.sub(r'"[^"]*"', "", text).rpartition("|")[2].split()[0]


def _of_links(page: Page, pages: Mapping[str, Page], app: Path) -> Iterator[str]:
    for panel in page.panels:
        if panel.link:
            yield from (f"link of {panel.id}: {problem}" for problem in _of_link(panel, panel.link, page, pages, app))


def _of_link(panel: Panel, link: Link, page: Page, pages: Mapping[str, Page], app: Path) -> Iterator[str]:
    allowed = {*page.inputs, *_TIMES}
    if link.page and link.page not in pages:
        yield f"no page {link.page!r}"
    elif link.page:
        missing = sorted(set(link.inputs) - set(pages[link.page].inputs))
        yield from (f"the page {link.page} has no input {name!r}" for name in missing)
    for text in (*link.inputs.values(), link.url, link.search):
        yield from _of_tokens("it", text, allowed, rows=True)
    if link.url and not link.url.startswith(_OUTSIDE):
        yield f"{link.url} leads to {', '.join(_OUTSIDE)} only"
    if link.search:
        yield from _readable("search", link.search, app)
    if not link.row_fields:
        yield "nothing of the row that was clicked is in it"


def _of_inputs(page: Page) -> Iterator[str]:
    used = {token.name for text in page.searches.values() for token in tokens_of(text)}
    used |= {token.name for panel in page.panels for token in tokens_of(panel.chain)}
    yield from (f"no search heeds the input {name!r}" for name in page.inputs if name not in used)


def _of_words(pages: Mapping[str, Page], words: Catalogue) -> List[str]:
    wanted: Dict[str, str] = {"inputs.time": "every page"}
    in_searches: Set[str] = set()
    for name, page in pages.items():
        wanted.update({f"{name}.title": name, f"{name}.about": name})
        wanted.update({f"inputs.{each}": name for each in page.inputs})
        for panel in page.panels:
            wanted[f"{name}.panels.{panel.id}"] = name
            if panel.empty:
                wanted[f"empty.{panel.empty}"] = name
            if panel.kind == "table":
                fields = ("time" if field == "_time" else field for field in columns(page, panel))
                wanted.update({heading_key(name, panel, field, words): name for field in fields})
        for text in (*page.searches.values(), *(panel.chain for panel in page.panels)):
            in_searches.update(named_words(text))
            wanted.update(dict.fromkeys(named_words(text), name))
    problems = [f"{name}: catalogue.yml has no {key}" for key, name in wanted.items() if key not in words.texts]
    problems += [f"catalogue.yml: no page shows {key}" for key in words.texts if key not in wanted]
    put_in = [key for key in words.texts if key in in_searches or ".columns." in key]
    problems += [
        f'catalogue.yml: {key}: a text that stands in a search has none of these: " \\ $ ` | [ ]'
        for key in put_in
        if any(_UNFIT_IN_SEARCH.search(text) for text in words.texts[key].values())
    ]
    return problems
