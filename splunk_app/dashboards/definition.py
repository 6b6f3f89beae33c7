"""A page in one language as a definition of Dashboard Studio.

Splunk's documentation: "Dashboard definition" and "Data sources" of Dashboard Studio; members after
``@splunk/dashboard-definition`` 29.6. The form with one layout is what every Splunk from 9.0 on reads.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List
from urllib.parse import quote

from splunk_app.dashboards.columns import column_format
from splunk_app.dashboards.page import COLUMNS, HEIGHTS, Link, Page, Panel
from splunk_app.dashboards.reading import LANGUAGES, Catalogue

APP = "aws_siem_bridge"
#: What a text input has at first: any value. An empty one would keep its searches waiting.
ANY = "*"
_TYPES = {
    "table": "splunk.table", "single": "splunk.singlevalue", "column": "splunk.column", "line": "splunk.line",
    "bar": "splunk.bar", "text": "splunk.markdown",
}  # fmt: skip
_UNIT_PX = 100
_WORD = re.compile(r"\{\{([\w.]+)\}\}")
_RANGE = {"earliest": "$global_time.earliest$", "latest": "$global_time.latest$"}


def view_name(page: str, language: str) -> str:
    """Return the name of a page's view: the first language has the plain name."""
    return page if language == LANGUAGES[0] else f"{page}_{language}"


def definition(name: str, page: Page, words: Catalogue, language: str) -> Dict[str, Any]:
    """Return the definition of a page."""
    title = words.text(f"{name}.title", language)
    return {
        "title": title,
        "description": words.text(f"{name}.about", language),
        "dataSources": data_sources(name, page, words, language),
        "visualizations": {panel.id: _visualization(name, page, panel, words, language) for panel in page.panels},
        "inputs": _inputs(page, words, language),
        "defaults": {"dataSources": {"ds.search": {"options": {"queryParameters": _RANGE}}}},
        "layout": _layout(page),
    }


def data_sources(name: str, page: Page, words: Catalogue, language: str) -> Dict[str, Dict[str, Any]]:
    """Return the searches of a page and the chains of its panels, by id."""
    found: Dict[str, Dict[str, Any]] = {}
    for search, query in page.searches.items():
        options = {"query": with_words(query, words, language).strip(), "queryParameters": _RANGE}
        found[f"search_{search}"] = {"type": "ds.search", "name": search, "options": options}
    for panel in page.panels:
        if chain := chain_of(name, panel, words, language):
            found[source_of(panel)] = {
                "type": "ds.chain",
                "name": panel.id,
                "options": {"extend": f"search_{panel.search}", "query": chain},
            }
    return found


def chain_of(name: str, panel: Panel, words: Catalogue, language: str) -> str:
    """Return what a panel makes of the rows of its search; empty: it shows them as they are."""
    chain = with_words(panel.chain, words, language).strip()
    if panel.headings:
        columns = [key.rpartition(".")[2] for key in words.texts if key.startswith(f"{name}.columns.{panel.id}.")]
        pairs = (f'{each} AS "{words.text(f"{name}.columns.{panel.id}.{each}", language)}"' for each in columns)
        chain += f"\n| rename {', '.join(pairs)}"
    return chain


def source_of(panel: Panel) -> str:
    """Return the id of the data source that a panel shows."""
    return f"panel_{panel.id}" if panel.chain or panel.headings else f"search_{panel.search}"


def with_words(search: str, words: Catalogue, language: str) -> str:
    """Return a search with the texts of the catalogue it names as ``{{home.do.findings}}``."""
    return _WORD.sub(lambda match: words.text(match.group(1), language), search)


def named_words(search: str) -> List[str]:
    """Return the keys of texts that a search names."""
    return _WORD.findall(search)


def _visualization(name: str, page: Page, panel: Panel, words: Catalogue, language: str) -> Dict[str, Any]:
    if panel.kind == "text":
        return {"type": _TYPES[panel.kind], "options": {"markdown": words.text(f"{name}.panels.{panel.id}", language)}}
    found: Dict[str, Any] = {
        "type": _TYPES[panel.kind],
        "title": words.text(f"{name}.panels.{panel.id}", language),
        "dataSources": {"primary": source_of(panel)},
        "options": dict(panel.options),
        "showProgressBar": True,
    }
    if panel.kind == "table":
        shown = column_format(f"{page.searches[panel.search]} {panel.chain}")
        if panel.headings:
            shown = {words.text(f"{name}.columns.{panel.id}.{each}", language): shown[each] for each in shown}
        found["options"]["columnFormat"] = shown
    if panel.kind != "single":  # which shows 0 then, and has no room for a sentence
        # Always there: Dashboard Studio has no text of its own for a panel without rows.
        found["description"] = words.text(f"empty.{panel.empty}", language)
    if panel.link:
        found["eventHandlers"] = [_handler(panel.link, language)]
    return found


def _handler(link: Link, language: str) -> Dict[str, Any]:
    if link.search:
        span = {"earliest": link.earliest, "latest": "now"} if link.earliest else _RANGE
        options = {"type": "custom", "query": link.search.strip(), **span, "newTab": True}
        return {"type": "drilldown.linkToSearch", "options": options}
    if link.url:
        return {"type": "drilldown.customUrl", "options": {"url": link.url, "newTab": True}}
    parts = [f"form.{name}={value}" for name, value in link.inputs.items()]
    parts += [f"form.global_time.{name}={token[:-1]}|u$" for name, token in _RANGE.items()]
    url = f"/app/{APP}/{quote(view_name(link.page, language))}?{'&'.join(parts)}"
    return {"type": "drilldown.customUrl", "options": {"url": url, "newTab": False}}


def _inputs(page: Page, words: Catalogue, language: str) -> Dict[str, Any]:
    found: Dict[str, Any] = {
        "input_time": {
            "type": "input.timerange",
            "title": words.text("inputs.time", language),
            "options": {"token": "global_time", "defaultValue": f"{page.earliest},{page.latest}"},
        }
    }
    for name in page.inputs:
        found[f"input_{name}"] = {
            "type": "input.text",
            "title": words.text(f"inputs.{name}", language),
            "options": {"token": name, "defaultValue": ANY},
        }
    return found


def _layout(page: Page) -> Dict[str, Any]:
    rows: List[List[Panel]] = [[]]
    for panel in page.panels:
        if sum(each.width for each in rows[-1]) + panel.width > COLUMNS:
            rows.append([])
        rows[-1].append(panel)
    structure: List[Dict[str, Any]] = []
    y = 0
    for row in rows:
        x, height = 0, max(panel.height or HEIGHTS[panel.kind] for panel in row)  # of all: no gap below a low one
        for panel in row:
            position = {"x": x, "y": y, "w": panel.width * _UNIT_PX, "h": height}
            structure.append({"item": panel.id, "type": "block", "position": position})
            x += panel.width * _UNIT_PX
        y += height
    return {
        "type": "grid",
        "options": {"width": COLUMNS * _UNIT_PX},
        "structure": structure,
        "globalInputs": ["input_time", *(f"input_{name}" for name in page.inputs)],
    }
