"""One change of one thing in AWS, and what became of it. A change knows what was before, so that it can be undone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Tuple

# Kinds of changes. `aws.changes` has a call for each.
GROUPS = "groups"
TERMINATION_PROTECTION = "termination_protection"
STOP_PROTECTION = "stop_protection"
ON_SHUTDOWN = "on_shutdown"
KEEP_VOLUME = "keep_volume"
STANDBY = "standby"
REGISTRATION = "registration"
PROFILE = "profile"
METADATA = "metadata"
#: An address in an IP set of AWS WAF.
BLOCKED = "blocked"

# What became of one.
DONE = "done"
ALREADY = "already"
FAILED = "failed"
PLANNED = "planned"


@dataclass(frozen=True)
class Change:
    """``resource`` goes from ``before`` to ``after``: texts, truth values, or tuples of texts."""

    kind: str
    resource: str
    before: Any
    after: Any
    #: What else the call needs, such as the port of a target.
    with_: Tuple[Tuple[str, Any], ...] = ()

    @property
    def says(self) -> str:
        """The change in words."""
        return f"{self.kind} of {self.resource}: {_words(self.before)} -> {_words(self.after)}"


@dataclass(frozen=True)
class Outcome:
    """What became of a change. ``why`` is AWS's answer to one that failed."""

    change: Change
    result: str
    why: str = ""

    def to_json(self) -> Dict[str, Any]:
        """Return it for a status or a log."""
        change = self.change
        known = {"kind": change.kind, "resource": change.resource, "before": change.before, "after": change.after}
        return {**known, "result": self.result, **({"why": self.why} if self.why else {})}


def _words(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    return {True: "yes", False: "no", "": "none"}.get(value, str(value))
