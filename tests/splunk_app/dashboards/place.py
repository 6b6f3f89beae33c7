"""Where pages are run: an engine with the story, the inputs' events, the app's macros and tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Dict, List, Mapping, Tuple

from savedsearches.runner.app_commands import AppCommands
from savedsearches.runner.local_settings import LocalSettings
from savedsearches.runner.lookups import Lookup, shipped_lookups
from savedsearches.runner.macros import Macro, expand_macros, shipped_macros
from savedsearches.runner.moment import Moment
from savedsearches.runner.run import build_stages, run_to_list
from savedsearches.runner.session import Session
from savedsearches.runner.values import Row
from splunk_app.dashboards.definition import ANY, with_words
from splunk_app.dashboards.page import Page
from splunk_app.dashboards.reading import Catalogue, read_pages
from splunk_app.dashboards.tokens import filled
from tests.savedsearches.detections.harness import APP, shown

PAGES, WORDS = read_pages()
#: A search of an index without events is an error of the runner: there is always one, of another app.
OTHER: Row = {"_time": 0, "_raw": "", "index": "other", "source": "other", "sourcetype": "other", "host": "h"}
#: Index macro -> pattern when nothing was ever loaded.
NOTHING = {
    name: Macro("nothing-was-loaded-*")
    for name in ("aws_cloudtrail_raw", "aws_vpc_flow_raw", "aws_dns_raw", "aws_waf_raw", "aws_all_raw")
}


@dataclass
class Place:
    """Runs the searches of pages within one range."""

    settings: LocalSettings
    moment: Moment
    macros: Mapping[str, Macro]
    events: List[Row] = field(default_factory=list)
    lookups: Mapping[str, List[Row]] = field(default_factory=dict)
    #: (level, text) of what the commands said.
    said: List[Tuple[str, str]] = field(default_factory=list)

    def session(self) -> Session:
        tables: Dict[str, Lookup] = shipped_lookups(APP)
        for name, rows in self.lookups.items():
            tables[name].replace([dict(row) for row in rows])
        own = AppCommands(self.settings, lambda level, text: self.said.append((level, text)))
        return Session(self.moment, [*self.events, OTHER], tables, self.macros, own)

    def rows(self, search: str) -> List[Row]:
        return run_to_list(search, self.session())

    def panels(
        self, name: str, chosen: Mapping[str, str] = MappingProxyType({}), language: str = "en"
    ) -> Dict[str, List[Dict[str, Any]]]:
        """Return panel -> its rows; each search of the page is run once, as on the page."""
        page: Page = PAGES[name]
        words: Catalogue = WORDS
        values = {**dict.fromkeys(page.inputs, ANY), **chosen}
        session = self.session()
        found: Dict[str, List[Row]] = {}
        for search, query in page.searches.items():
            found[search] = run_to_list(filled(with_words(query, words, language), values).strip(), session)
        panels: Dict[str, List[Dict[str, Any]]] = {}
        for panel in page.panels:
            if not panel.search:
                continue
            rows = [dict(row) for row in found[panel.search]]
            if chain := filled(with_words(panel.chain, words, language).strip(), values):
                rows = list(build_stages(expand_macros(chain, self.macros), session)(iter(rows)))
            panels[panel.id] = [
                {key: shown(value) for key, value in row.items() if not key.startswith("_") or key == "_time"}
                for row in rows
            ]
        return panels


def base_macros() -> Dict[str, Macro]:
    return {
        **shipped_macros(APP),
        "aws_findings_index": Macro("index=aws_findings"),
        "aws_assets_index": Macro("index=aws_findings"),
        "aws_local_offset_s(1)": Macro("32400", ("time",)),
    }
