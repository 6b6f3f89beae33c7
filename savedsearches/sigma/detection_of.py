"""A detection made of a rule of Sigma, in the form of `savedsearches.content.detection`: untested, and off."""

from __future__ import annotations

import hashlib
import re
import uuid
from pathlib import Path
from typing import Any, Dict, List

from sigma.rule import SigmaRule

from savedsearches.content.reading import read_yaml
from savedsearches.sigma.log_sources import LogSource

_FORMS = Path(__file__).with_name("forms")
_LEVELS = {"informational": 5, "low": 15, "medium": 30, "high": 60, "critical": 80}
#: What rules of SigmaHQ are under, which do not say so themselves: https://github.com/SigmaHQ/Detection-Rule-License
LICENCE = (
    "the licence of where it was published (SigmaHQ: Detection Rule License 1.1, which asks for the author's name)"
)
_LONGEST_NAME, _LONGEST_TITLE = 60, 100


def detection_of(rule: SigmaRule, source: LogSource, query: str, notes: List[str], stem: str) -> Dict[str, Any]:
    """Return the members of the detection's file. ``stem``: the name of the rule's file."""
    name = name_of(stem)
    level = rule.level.name.lower() if rule.level else "medium"
    # Neither blanks nor backslashes may be taken for the search's own: splunk_bridge.command_line undoes both.
    quoted = query.replace("\\", "\\\\").replace('"', '\\"')
    form = read_yaml(_FORMS / f"{source.data}.yml")

    def filled(text: str) -> str:
        return text.replace("QUERY", quoted).replace("NAME", name)

    title = f"{rule.title} (Sigma)"
    return {
        "id": id_of(str(rule.id or rule.title)),
        "name": name,
        "title": title if len(title) <= _LONGEST_TITLE else f"{title[: _LONGEST_TITLE - 4]} ...",
        "version": 1,
        "description": " ".join(
            f"{rule.description or rule.title} Sigma rule {rule.id} by {rule.author or 'an unnamed author'}, under "
            f"{rule.license or LICENCE}. {'Not quite as the rule has it: ' if notes else ''}{'; '.join(notes)}".split()
        ),
        "data": [source.data],
        "search": filled(form["search"]),
        "schedule": form["schedule"],
        "suppress": {"by": form["by"], "for": "4h"},
        "severity": level,
        "risk": {"score": _LEVELS[level], "objects": form["objects"], "threats": form["threats"]},
        "attack": _techniques(rule),
        "cim": [],
        "guardduty": "not compared",
        "false_positives": "; ".join(rule.falsepositives) or "The rule names none.",
        "first_steps": form["first_steps"],
        "drilldown": {"title": "The events", "search": filled(form["drilldown"])},
        "response": [],
        "raw_rows": 0,
        "false_alarms_a_day": {"most": 1},
        "untested": True,
        "packs": ["sigma"],
    }


def name_of(stem: str) -> str:
    """Return the name of the detection of a rule's file."""
    name = re.sub(r"[^a-z0-9]+", "_", f"sigma_{stem.lower()}").strip("_")
    if len(name) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(stem.encode()).hexdigest()[:6]
    return f"{name[: _LONGEST_NAME - 7].rstrip('_')}_{digest}"


def id_of(text: str) -> str:
    """Return an id of its own that is the same at every import: a rule's own id may be of another version of UUID."""
    return str(uuid.UUID(bytes=hashlib.sha256(f"sigma:{text}".encode()).digest()[:16], version=4))


def _techniques(rule: SigmaRule) -> List[str]:
    found = [tag.name.upper() for tag in rule.tags if tag.namespace == "attack"]
    return sorted({each for each in found if re.fullmatch(r"T\d{4}(\.\d{3})?", each)})
