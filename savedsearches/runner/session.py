"""What a search has around it: events, lookups, macros, its time, and how its subsearches and our commands are run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Protocol, Tuple

from savedsearches.runner.errors import SplRunError
from savedsearches.runner.lookups import Lookup
from savedsearches.runner.macros import Macro
from savedsearches.runner.moment import Moment
from savedsearches.runner.values import Row

#: Rows in, rows out.
Stage = Callable[[Iterator[Row]], Iterator[Row]]
#: What a command's arguments become.
Build = Callable[[str, "Session"], Stage]


class OwnCommands(Protocol):
    """The app's commands, which run as child processes through their real protocol."""

    names: Tuple[str, ...]

    def run(self, name: str, arguments: str, rows: Optional[Iterator[Row]], session: Session) -> Iterator[Row]:
        """Yield the rows of a command; ``rows`` are those before it, ``None`` where it begins the search."""


def _not_running(search: str, session: Session) -> Iterator[Row]:
    raise SplRunError("a subsearch is run by a search")


def _not_building(pipeline: str, session: Session) -> Stage:
    raise SplRunError("a subpipeline is built by a search")


@dataclass
class Session:
    """Everything one search may use. Events are rows with ``index``, ``sourcetype``, ``_time`` and ``_raw``."""

    moment: Moment
    events: List[Row] = field(default_factory=list)
    lookups: Dict[str, Lookup] = field(default_factory=dict)
    macros: Mapping[str, Macro] = field(default_factory=dict)
    own: Optional[OwnCommands] = None
    #: Runs the text of a subsearch within this session; the runner sets it.
    run_search: Callable[[str, Session], Iterator[Row]] = field(default=_not_running, repr=False)
    #: Builds the commands of a subpipeline, which work on rows; the runner sets it.
    build: Callable[[str, Session], Stage] = field(default=_not_building, repr=False)

    def subsearch(self, text: str, most: int) -> List[Row]:
        """Return the rows of a subsearch. Raises `SplRunError` where Splunk would cut them at ``most``."""
        rows: List[Row] = []
        for row in self.run_search(text, self):
            rows.append(row)
            if len(rows) > most:
                raise SplRunError(f"the subsearch gives more than {most:,} rows; Splunk would cut there: {text[:60]!r}")
        return rows


def collected(rows: Iterable[Row]) -> List[Row]:
    """Return all rows, copied, so that a command may change them."""
    return [dict(row) for row in rows]
