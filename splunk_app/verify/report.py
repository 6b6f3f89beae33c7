"""What came out of a run, as text and as JSON that two runs can be compared by."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Dict, List, Optional

#: What REST cannot do, the most important first; the page has all.
BY_HAND = (
    ("B8, B3", "a scheduled search that is cut or fails shows it to the scheduler", 5),
    ("E11, D4, D5", "no secret in files, and the local token of each start: needs a shell on the search head", 5),
    ("F1 to F9", "the configuration pages in a browser", 5),
)


@dataclass(frozen=True)
class Outcome:
    """One check: ``passed``, ``failed`` or ``skipped``, and what it saw."""

    number: str
    what: str
    outcome: str
    saw: str
    seconds: float


@dataclass
class Report:
    """A whole run."""

    url: str
    splunk: str
    app: str
    when: str
    outcomes: List[Outcome] = field(default_factory=list)

    @property
    def failed(self) -> List[Outcome]:
        """Return the checks that saw something else than they expect."""
        return [outcome for outcome in self.outcomes if outcome.outcome == "failed"]

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    def changes(self, before: Dict[str, str]) -> List[str]:
        """Return a line for each check that ended otherwise in a run before."""
        return [
            f"{outcome.number}: {before[outcome.number]} before, {outcome.outcome} now"
            for outcome in self.outcomes
            if outcome.number in before and before[outcome.number] != outcome.outcome
        ]

    def summary(self) -> List[str]:
        """Return the last lines of a run."""
        counts = {kind: sum(o.outcome == kind for o in self.outcomes) for kind in ("passed", "failed", "skipped")}
        lines = [
            f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped, "
            f"in {sum(o.seconds for o in self.outcomes):.0f} s, on Splunk {self.splunk} with app {self.app}",
            "By hand, the most important first (docs/verify_on_splunk.md has all):",
        ]
        return lines + [f"  {numbers}: {what} ({minutes} minutes)" for numbers, what, minutes in BY_HAND]


def outcomes_of(path: Path) -> Optional[Dict[str, str]]:
    """Return check -> outcome of a report that was written before; ``None`` where it is none."""
    try:
        return {str(o["number"]): str(o["outcome"]) for o in json.loads(path.read_text(encoding="utf-8"))["outcomes"]}
    except (OSError, ValueError, KeyError, TypeError):
        return None
