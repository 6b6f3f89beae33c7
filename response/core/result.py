"""What an action says when it ends: what it did, what it did not, and how to undo it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Tuple

from response.core.change import FAILED, Outcome
from response.core.evidence import Item
from response.core.target import Target

#: Everything is as it should be; it was so before; it must not be touched; it is not as it should be; only looked at.
DONE, ALREADY_DONE, REFUSED, FAILED_RESULT, PLANNED_RESULT = "done", "already_done", "refused", "failed", "planned"
#: Of evidence: what could be had is kept, and what is missing is named.
PARTIAL = "partial"


@dataclass(frozen=True)
class ActionResult:
    """The end of an action on one instance. ``done`` is never said of an instance that is open."""

    action: str
    target: Target
    incident: str
    result: str
    #: One sentence for a person.
    says: str
    outcomes: Tuple[Outcome, ...] = ()
    #: What the action cannot do, or did not, that a person has to know.
    notes: Tuple[str, ...] = ()
    #: The command that undoes it, or nothing.
    undo: str = ""
    #: What a step that collects kept, and what it could not.
    evidence: Tuple[Item, ...] = ()

    @property
    def failures(self) -> Tuple[Outcome, ...]:
        """The changes that AWS refused."""
        return tuple(each for each in self.outcomes if each.result == FAILED)

    def to_json(self) -> Dict[str, Any]:
        """Return it for a status, a log, a command line."""
        evidence: List[Dict[str, Any]] = [each.to_json() for each in self.evidence]
        return {
            "action": self.action,
            "account": self.target.account,
            "region": self.target.region,
            "instance": self.target.instance,
            "incident": self.incident,
            "result": self.result,
            "says": self.says,
            "changes": [each.to_json() for each in self.outcomes],
            "notes": list(self.notes),
            "undo": self.undo,
            **({"evidence": evidence} if evidence else {}),
        }
