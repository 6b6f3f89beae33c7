"""One run of a detection: its rows, what it pulled out of the store, how long it took, or why it failed."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Union

from savedsearches.content.catalog import catalog
from savedsearches.content.commands_of import options_of
from savedsearches.content.detection import Detection
from savedsearches.runner import values
from savedsearches.runner.app_commands import SCRIPTS, AppCommands, SettingsSource
from savedsearches.runner.errors import SplError
from savedsearches.runner.local_settings import LocalSettings
from savedsearches.runner.lookups import Lookup
from savedsearches.runner.macros import Macro
from savedsearches.runner.moment import Moment
from savedsearches.runner.pipeline import CommandText
from savedsearches.runner.run import run_to_list
from savedsearches.runner.session import Session
from savedsearches.runner.values import Row


@dataclass
class Outcome:
    """What one run gave. ``raw_rows``: events that came out of the store whole."""

    rows: List[Row] = field(default_factory=list)
    messages: List[str] = field(default_factory=list)
    raw_rows: int = 0
    seconds: float = 0.0
    error: Optional[Exception] = None

    @property
    def warnings(self) -> List[str]:
        """What the commands warned of: parts of the range or of the query that the answer does not cover."""
        return [text for text in self.messages if text.startswith("WARN")]


@dataclass
class Around:
    """What detections run with. ``lookups``: tables, of which each run has a copy of its own."""

    settings: Union[LocalSettings, SettingsSource]
    macros: Mapping[str, Macro]
    lookups: Mapping[str, Lookup]
    events: List[Row] = field(default_factory=list)
    scripts: Path = SCRIPTS
    popen: Callable[..., Any] = subprocess.Popen

    def run(self, detection: Detection, moment: Moment, search: str = "") -> Outcome:
        """Run a detection within a range; ``search`` in the place of its own."""
        outcome = Outcome()
        own = _CountingCommands(
            self.settings,
            lambda level, text: outcome.messages.append(f"{level} {text}"),
            scripts=self.scripts,
            popen=self.popen,
        )
        session = Session(moment, self.events, self._tables(detection), self.macros, own)
        began_s = time.monotonic()
        try:
            outcome.rows = run_to_list(search or detection.search, session)
        except SplError as exc:
            outcome.error = exc
        outcome.seconds = time.monotonic() - began_s
        outcome.raw_rows = own.raw_rows
        return outcome

    def _tables(self, detection: Detection) -> Dict[str, Lookup]:
        """Return the tables for one run: those that are written by a search are its own."""
        tables = {name: replace(table, rows=list(table.rows), _by_key={}) for name, table in self.lookups.items()}
        tables["aws_detections"].replace([dict(row) for row in catalog([detection])])
        return tables


class _CountingCommands(AppCommands):
    """The app's commands; counts the raw events that come out of the store."""

    raw_rows = 0

    def run(self, name: str, arguments: str, rows: Optional[Iterator[Row]], session: Session) -> Iterator[Row]:
        found = super().run(name, arguments, rows, session)
        if name == "elasticsearch":
            return self._counted(found, lambda row: 1)
        if name == "elasticlookup":
            options = options_of(CommandText(name, arguments))
            prefix, one_each = options.get("prefix", ""), options.get("output") == "rows"
            return self._counted(found, lambda row: _pulled(row, prefix, one_each))
        return found

    def _counted(self, rows: Iterator[Row], pulled: Callable[[Row], int]) -> Iterator[Row]:
        for row in rows:
            self.raw_rows += pulled(row)
            yield row


def _pulled(row: Row, prefix: str, one_each: bool) -> int:
    """Return how many documents a row of a lookup is made of."""
    matched, cut = (int(values.text(row.get(f"{prefix}elasticlookup_{name}", "")) or 0) for name in ("matched", "cut"))
    return min(matched, 1) if one_each else matched - cut
