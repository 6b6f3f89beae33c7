"""All dashboards, for whoever renders or runs them."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple

from splunk_app.dashboards.definition import definition, view_name
from splunk_app.dashboards.reading import LANGUAGES, read_pages


class Dashboard(NamedTuple):
    """One view. ``definition`` is what stands in it as JSON; ``data_sources`` is its part of that name."""

    name: str
    page: str
    language: str
    definition: Dict[str, Any]
    data_sources: Dict[str, Dict[str, Any]]


def definitions() -> List[Dashboard]:
    """Return every page in every language. Raises `savedsearches.content.reading.ContentError`."""
    pages, words = read_pages()
    found = []
    for page in pages:
        for language in LANGUAGES:
            made = definition(page, pages[page], words, language)
            found.append(Dashboard(view_name(page, language), page, language, made, made["dataSources"]))
    return found
