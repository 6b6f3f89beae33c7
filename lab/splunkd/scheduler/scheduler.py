"""Runs what is due, raises alerts, and remembers both over a restart."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import timezone, tzinfo
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping

from savedsearches.runner import values
from savedsearches.runner.errors import SplError
from savedsearches.runner.moment import Moment
from savedsearches.runner.values import Row

from .saved_search import SavedSearch, saved_search

#: Runs a search within a range and returns its rows.
Run = Callable[[str, Moment], List[Row]]


@dataclass(frozen=True)
class Alert:
    """An alert: the search, the time it was scheduled for, when it was raised, the rows that were not suppressed."""

    search: str
    scheduled_s: float
    raised_s: float
    rows: List[Row]


@dataclass
class _Remembered:
    """What outlives a restart."""

    #: Search -> the last scheduled time that was run for.
    last: Dict[str, float] = field(default_factory=dict)
    #: Search -> key of a row -> when it was raised.
    raised: Dict[str, Dict[str, float]] = field(default_factory=dict)


class Scheduler:
    """``tick`` it with the time; what is due since the last tick then runs, oldest first.

    ``may_run`` is asked before each run: what it refuses is skipped, as when too many searches run at once. ``act`` is
    given search, settings and rows of each alert: `..alert_actions.AlertActions.run_alert` runs its actions.
    """

    def __init__(
        self,
        stanzas: Mapping[str, Mapping[str, str]],
        run: Run,
        state_file: Path,
        *,
        began_s: float,
        zone: tzinfo = timezone.utc,
        may_run: Callable[[str, float], bool] = lambda name, scheduled_s: True,
        act: Callable[[str, Mapping[str, str], List[Row]], Any] = lambda name, settings, rows: None,
    ) -> None:
        found = (saved_search(name, settings) for name, settings in stanzas.items())
        self.searches: List[SavedSearch] = [each for each in found if each is not None]
        #: Failures: (search, scheduled time, what it said). A run that fails is not repeated.
        self.failures: List[Any] = []
        self._run, self._zone, self._may_run, self._act = run, zone, may_run, act
        self._state_file = state_file
        self._began_s = began_s
        self._state = _Remembered(**json.loads(state_file.read_text("utf-8"))) if state_file.exists() else _Remembered()

    def tick(self, now_s: float) -> List[Alert]:
        """Run what is due, and return the alerts."""
        alerts: List[Alert] = []
        for search in self.searches:
            last_s = self._state.last.setdefault(search.name, self._began_s)
            due = list(search.cron.between(last_s, now_s, self._zone))
            if not search.continuous:
                due = due[-1:]  # what it missed it has missed
            for scheduled_s in due:
                if not self._may_run(search.name, scheduled_s):
                    if search.continuous:
                        break  # it stays due, and so do those after it
                else:
                    alerts += self._one_run(search, scheduled_s, now_s)
                self._state.last[search.name] = scheduled_s
                self._save()
        return alerts

    def _one_run(self, search: SavedSearch, scheduled_s: float, now_s: float) -> List[Alert]:
        try:
            rows = self._run(search.search, search.moment(scheduled_s, self._zone))
        except SplError as exc:
            self.failures.append((search.name, scheduled_s, str(exc)))
            return []
        new = self._not_suppressed(search, rows, now_s)
        if not new:
            return []
        self._act(search.name, search.settings, new)
        return [Alert(search.name, scheduled_s, now_s, new)]

    def _not_suppressed(self, search: SavedSearch, rows: List[Row], now_s: float) -> List[Row]:
        """Return the rows that were not raised within the period, and note them. Without fields all rows are one."""
        raised = self._state.raised.setdefault(search.name, {})
        keys = [json.dumps([values.texts(row.get(name)) for name in search.suppressed_by]) for row in rows]
        new: List[Row] = []
        fresh = set()
        for key, row in zip(keys, rows):
            known_s = raised.get(key)
            suppressed = known_s is not None and now_s - known_s < search.suppressed_for_s
            if suppressed and (search.suppressed_by or key not in fresh):
                continue
            fresh.add(key)
            raised[key] = now_s
            new.append(row)
        return new

    def _save(self) -> None:
        temporary = self._state_file.with_suffix(".new")
        temporary.write_text(json.dumps(asdict(self._state)), "utf-8")
        temporary.replace(self._state_file)
