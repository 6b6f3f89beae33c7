"""A place that is not polled because another one shows its findings goes on from there when that ends.

Its checkpoint then is the position of the one that was read in its stead, marked, and renewed as long as that lasts.
"""

from __future__ import annotations

from typing import Any, Mapping, Optional

from collectors.polling.checkpoint import Checkpoints
from collectors.polling.position import Position, Reading, Track

_BY = "handed_over_by"


def hand_over(checkpoints: Checkpoints, name: str, by: str, position: Position, now_ms: int) -> None:
    """Save where the poll ``name`` goes on when ``by`` shows its findings no more. Raises `CheckpointUnusable`."""
    track = Track()
    track.add(now_ms, position, 0, now_ms)
    checkpoints.save(name, {**track.as_json(), _BY: by})


def is_handed_over(stored: Optional[Mapping[str, Any]]) -> bool:
    """Whether a checkpoint is of `hand_over`, and not of a poll of its own."""
    return stored is not None and _BY in stored


def first_position(now_ms: int, backfill_from_ms: int) -> Position:
    """Return where a poll begins that never ran."""
    backfill = Reading(backfill_from_ms, now_ms, backfill_from_ms) if 0 < backfill_from_ms < now_ms else None
    return Position(now_ms, backfill)
