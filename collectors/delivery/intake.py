"""One object into the store: opened, recognised, read, written; every record ends in one answer."""

from __future__ import annotations

import math
from typing import Callable, Collection, Optional

from collectors.addresses import Address
from collectors.delivery.dead_letters import DeadLetters
from collectors.delivery.event_window import EventWindow
from collectors.delivery.objects import Objects
from collectors.delivery.outcome import ObjectResult
from collectors.json_codec import Codec, fastest
from collectors.records import ObjectRef
from es_bridge.transport import Transport


def forever() -> float:
    """Return the time left of what has no deadline."""
    return math.inf


class Intake:
    """Takes objects, one at a time; each worker has an intake of its own."""

    def __init__(
        self,
        transport: Transport,
        objects: Objects,
        dead_letters: Optional[DeadLetters],
        *,
        window: Optional[EventWindow] = None,
        look_up: Optional[Callable[[Address], dict]] = None,
        codec: Optional[Codec] = None,
        on_wait: Callable[[str], None] = lambda reason: None,
    ) -> None:
        raise NotImplementedError

    def take(
        self,
        ref: ObjectRef,
        *,
        first_number: int = 1,
        only: Optional[Collection[int]] = None,
        dataset: str = "",
        seconds_left: Callable[[], float] = forever,
    ) -> ObjectResult:
        """Take one object. Raises `StoreUnavailable` or `IntakeStopped`; never for the object's own faults."""
        raise NotImplementedError
