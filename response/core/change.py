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
#: An inline policy of a user or role, as JSON text; empty for none.
USER_POLICY, ROLE_POLICY = "user_policy", "role_policy"
#: An access key: ``Active`` or ``Inactive``.
KEY = "access_key"
#: The password of the console: `THERE` or empty. It cannot be read, so it cannot be put back.
PASSWORD = "console_password"  # noqa: S105 - the name of a kind
#: What an Identity Center user is assigned, and the groups it is in: `THERE` or empty.
ASSIGNMENT, MEMBERSHIP = "assignment", "membership"
#: Of a bucket, as JSON text; empty for none.
PUBLIC_ACCESS, BUCKET_POLICY = "public_access_block", "bucket_policy"

THERE = "there"
#: Characters of a value that a sentence repeats.
_LONG = 40

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

    @property
    def says_short(self) -> str:
        """The change in words, without what it was before: policies are long."""
        after = self.after if isinstance(self.after, bool) or len(str(self.after)) < _LONG else "as asked"
        return f"{self.kind} of {self.resource} -> {_words(after)}"


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
