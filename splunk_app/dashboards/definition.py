"""A page in one language as a definition of Dashboard Studio.

Splunk's documentation: "Dashboard definition" and "Data sources" of Dashboard Studio; members after
``@splunk/dashboard-definition`` 29.6. The form with one layout is what every Splunk from 9.0 on reads.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List
from urllib.parse import quote

from splunk_app.dashboards.colours import SERIES, column_colours
from splunk_app.dashboards.columns import column_format, columns_of
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
_ROW_TOKEN = re.compile(r"\$row\.")
#: Columns in which the engine's times stand: ISO 8601 in UTC, while people read their own clock.
_TIMES_OF_THE_ENGINE = ("first_time", "last_time", "newest", "written")
_CLOCK = '"%Y-%m-%d %H:%M:%S"'
_CHARTS = ("column", "line", "bar")
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
        if chain := chain_of(name, page, panel, words, language):
            found[source_of(panel)] = {
                "type": "ds.chain",
                "name": panel.id,
                "options": {"extend": f"search_{panel.search}", "query": chain},
            }
    return found


def chain_of(name: str, page: Page, panel: Panel, words: Catalogue, language: str) -> str:
    """Return what a panel makes of the rows of its search; empty: it shows them as they are."""
    chain = with_words(panel.chain, words, language).strip()
    if panel.kind == "table":
        chain = f"{chain}\n{_headed(name, page, panel, words, language)}".strip()
    return chain


def columns(page: Page, panel: Panel) -> List[str]:
    """Return the fields that a table shows, in their order."""
    return [field for field in _all_columns(page, panel) if field not in panel.hidden]


def _all_columns(page: Page, panel: Panel) -> List[str]:
    return columns_of(f"{page.searches[panel.search]} {panel.chain}")


def heading_key(name: str, panel: Panel, field: str, words: Catalogue) -> str:
    """Return under which key of the catalogue a column's heading is: one of this panel, or that of all pages."""
    own = f"{name}.columns.{panel.id}.{field}"
    return own if own in words.texts else f"columns.{field}"


def headings(name: str, page: Page, panel: Panel, words: Catalogue, language: str) -> Dict[str, str]:
    """Return field -> heading of a table. Raises `KeyError`."""
    shown = ("time" if field == "_time" else field for field in columns(page, panel))
    return {field: words.text(heading_key(name, panel, field, words), language) for field in shown}


def _headed(name: str, page: Page, panel: Panel, words: Catalogue, language: str) -> str:
    """Return the commands that give a table its headings.

    What a link needs of a row stays under its own name in a column that is not shown, as those with ``_`` are: tokens
    know no letters but those of English.
    """
    shown = columns(page, panel)
    linked = panel.link.row_fields if panel.link else []
    evals = [f"_{field}={field}" for field in linked]
    if "_time" in shown:
        evals.append(f"time=strftime(_time, {_CLOCK})")
    for field in shown:
        if field in _TIMES_OF_THE_ENGINE:
            epoch = f'strptime(replace({field}, "(\\.[0-9]+)?Z$", "+0000"), "%Y-%m-%dT%H:%M:%S%z")'
            evals.append(f"{field}=coalesce(strftime({epoch}, {_CLOCK}), {field})")
    heads = headings(name, page, panel, words, language)
    names = " ".join([*heads, *(f"_{field}" for field in linked)])
    pairs = ", ".join(f'{field} AS "{heading}"' for field, heading in heads.items())
    return "\n".join([*([f"| eval {', '.join(evals)}"] if evals else []), f"| table {names}", f"| rename {pairs}"])


def source_of(panel: Panel) -> str:
    """Return the id of the data source that a panel shows."""
    return f"panel_{panel.id}" if panel.chain or panel.kind == "table" else f"search_{panel.search}"


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
        found["options"].update(_table_options(name, page, panel, words, language))
        if colours := column_colours(headings(name, page, panel, words, language)):
            found["context"] = colours.context
            for heading, shown in colours.columns.items():
                found["options"]["columnFormat"].setdefault(heading, {}).update(shown)
    if panel.kind in _CHARTS:  # the panel's title says what is counted, and the names of fields would say it raw
        hidden = {"xAxisTitleVisibility": "hide", "yAxisTitleVisibility": "hide", "y2AxisTitleVisibility": "hide"}
        found["options"] = {**hidden, "seriesColorsByField": SERIES, **found["options"]}
    if panel.kind != "single":  # which shows 0 then, and has no room for a sentence
        # Always there: Dashboard Studio has no text of its own for a panel without rows.
        found["description"] = words.text(f"empty.{panel.empty}", language)
    if panel.link:
        found["eventHandlers"] = [_handler(panel.link, language)]
    return found


def _table_options(name: str, page: Page, panel: Panel, words: Catalogue, language: str) -> Dict[str, Any]:
    shown = column_format(headings(name, page, panel, words, language))
    return {"columnFormat": shown, "showInternalFields": False}


def _of_hidden(text: str) -> str:
    """Return a text of a link with the tokens of the columns that are not shown: ``$row._src.value|u$``."""
    return _ROW_TOKEN.sub("$row._", text)


def _handler(link: Link, language: str) -> Dict[str, Any]:
    if link.search:
        span = {"earliest": link.earliest, "latest": "now"} if link.earliest else _RANGE
        options = {"type": "custom", "query": _of_hidden(link.search.strip()), **span, "newTab": True}
        return {"type": "drilldown.linkToSearch", "options": options}
    if link.url:
        return {"type": "drilldown.customUrl", "options": {"url": _of_hidden(link.url), "newTab": True}}
    parts = [f"form.{name}={_of_hidden(value)}" for name, value in link.inputs.items()]
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
