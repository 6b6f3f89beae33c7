"""What passes between an API that lists findings and whoever polls it.

A source that can be polled has a module ``api`` that offers ``lister(caller, region, choice)``, a `Lister`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Callable, List, Mapping, NamedTuple, Protocol, Tuple

from collectors.errors import InvalidRecord
from collectors.records.finding import Finding, objects, text
from collectors.records.record import Origin


class Window(NamedTuple):
    """Times of an update, epoch milliseconds, both inclusive. Pinned: all pages of a list are of one window."""

    start_ms: int
    end_ms: int


class Page(NamedTuple):
    """One page of a list."""

    #: In the order of the list.
    findings: List[Finding]
    #: Empty at the end.
    next_token: str
    #: AWS's own time when it made the page, less a little, epoch milliseconds: what is newer may have changed since.
    as_of_ms: int
    #: What could not be made a finding of, in words.
    bad: Tuple[str, ...] = ()
    #: Whether the list is sorted by the time of the update, as far as AWS says.
    ordered: bool = True


@dataclass(frozen=True)
class Choice:
    """Which findings of a source are wanted; what does not apply to a source is left alone."""

    #: From 0 to 10.
    least_severity: float = 0.0
    archived: bool = True
    #: Products, as people call them: only these, and all but these; all if empty.
    products: Tuple[str, ...] = ()
    left_out: Tuple[str, ...] = ()
    #: Only what is active now.
    only_active: bool = False


class Lister(Protocol):
    """Lists the findings of one account and region by the time of their update, the oldest first."""

    def page(self, window: Window, token: str) -> Page:
        """Return a page of the findings updated within ``window``; ``token`` is empty for the first.

        Raises `aws_bridge.errors.CallProblem`.
        """


def page_of(
    answer: Mapping[str, Any], as_of_ms: int, make: Callable[[Mapping[str, Any], Origin], Finding], origin: Origin
) -> Page:
    """Return the page that an answer with ``Findings`` and ``NextToken`` is, its findings made by ``make``."""
    found: List[Finding] = []
    bad: List[str] = []
    for fields in objects(answer.get("Findings")):
        try:
            found.append(make(fields, origin))
        except InvalidRecord as exc:
            bad.append(str(exc))
    return Page(found, text(answer.get("NextToken")), as_of_ms, tuple(bad))


def iso(epoch_ms: int) -> str:
    """Return ``2026-11-30T10:00:05.678Z``."""
    return datetime.fromtimestamp(epoch_ms // 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S") + (
        f".{epoch_ms % 1000:03d}Z"
    )
