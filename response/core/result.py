"""What an action says when it ends: what it did, what it did not, and how to undo it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Tuple, Union

from response.core.change import FAILED, Outcome
from response.core.evidence import Item
from response.core.target import Subject, Target

#: Everything is as it should be; it was so before; it must not be touched; it is not as it should be; only looked at.
DONE, ALREADY_DONE, REFUSED, FAILED_RESULT, PLANNED_RESULT = "done", "already_done", "refused", "failed", "planned"
#: Of evidence: what could be had is kept, and what is missing is named.
PARTIAL = "partial"


@dataclass(frozen=True)
class ActionResult:
    """The end of an action on one instance, or on another subject. ``done`` is never said of one that is open."""

    action: str
    target: Union[Target, Subject]
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
        target = self.target
        which = {"instance": target.instance} if isinstance(target, Target) else {"target": target.name}
        return {
            "action": self.action,
            "account": target.account,
            "region": target.region,
            **which,
            "incident": self.incident,
            "result": self.result,
            "says": self.says,
            "changes": [each.to_json() for each in self.outcomes],
            "notes": list(self.notes),
            "undo": self.undo,
            **({"evidence": evidence} if evidence else {}),
        }
