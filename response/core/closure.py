"""What is written when an incident is closed: its cause, what was restored from, whether keys were changed. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Dict, Tuple

from response.errors import BadRequest

ROTATED, NOT_ROTATED, NOT_NEEDED = "yes", "no", "not-needed"
#: Characters of one answer.
MOST_TEXT = 2_000


@dataclass(frozen=True)
class Closure:
    """The end of an incident. Raises `BadRequest` for an answer that is missing or too long."""

    incident: str
    #: How it came to it, in words.
    cause: str
    #: The image, snapshot or backup that was restored, or why none was.
    restore_point: str
    #: Whether the keys that were exposed were changed: `ROTATED`, `NOT_ROTATED`, `NOT_NEEDED`.
    keys_rotated: str
    #: Who closed it: the ARN of the caller.
    by: str
    #: Epoch seconds.
    at_s: int

    def __post_init__(self) -> None:
        for what, text in (("cause", self.cause), ("restore point", self.restore_point)):
            if not text.strip():
                raise BadRequest(f"the {what} is missing: nobody can learn of an incident without it")
            if len(text) > MOST_TEXT:
                raise BadRequest(f"the {what} is longer than {MOST_TEXT:,} characters")
        if self.keys_rotated not in (ROTATED, NOT_ROTATED, NOT_NEEDED):
            raise BadRequest(f"whether keys were rotated is {self.keys_rotated[:40]!r}: yes, no or not-needed")

    @property
    def notes(self) -> Tuple[str, ...]:
        """What is still to be done."""
        if self.keys_rotated == NOT_ROTATED:
            return ("keys that were exposed are still in use: rotate them, then write it down where you track it",)
        return ()

    def to_json(self) -> Dict[str, Any]:
        """Return the record."""
        return asdict(self)
