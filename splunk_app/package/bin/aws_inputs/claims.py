"""Whether another process runs the same input, and which of the two goes on.

Each process has a document of its own beside the input's checkpoints, with its last sign of life: so no two write the
same one, and no conditional write is needed, which the KV store has not. It is seen where the checkpoints are seen: a
process that outlived its splunkd, and forwarders that share a file system. Two forwarders with a KV store each do not
see each other; a shipped search over their health events does. Queues need none of this: SQS gives a message to one.
"""

from __future__ import annotations

import os
import uuid
from dataclasses import asdict, dataclass, field
from typing import Any, Callable, Dict, List, Optional

from collectors.polling.checkpoint import Checkpoints

BEAT_EVERY_S = 10
#: A process whose sign of life is older is taken for gone.
GONE_AFTER_MS = 60_000


@dataclass
class Claim:
    """What a process says of itself. Times are epoch milliseconds."""

    run: str
    forwarder: str
    machine: str
    pid: int
    since_ms: int
    beat_ms: int
    #: When it began to read; 0 while it stands by.
    reads_since_ms: int = 0

    @property
    def who(self) -> str:
        """For a person."""
        return f"{self.forwarder}, process {self.pid}"


@dataclass
class Claims:
    """Those of one input, as one of its processes sees them."""

    checkpoints: Checkpoints
    stanza: str
    forwarder: str
    clock_ms: Callable[[], int]
    machine: str = field(default_factory=lambda: os.uname().nodename)
    run: str = field(default_factory=lambda: uuid.uuid4().hex[:16])

    def __post_init__(self) -> None:
        now_ms = self.clock_ms()
        self.own = Claim(self.run, self.forwarder, self.machine, os.getpid(), now_ms, now_ms)
        #: Who goes on.
        self.reader = self.own

    def look(self) -> List[Claim]:
        """Give a sign of life and return the other processes that are alive. Raises `CheckpointUnusable`.

        `reads` and `reader` say afterwards who goes on: the one that began to read last, so that a process that was
        asleep does not go back to where it was; where none has, the one that was started first.
        """
        self._save()
        others = self._others()
        reading = [each for each in (*others, self.own) if each.reads_since_ms]
        if reading:
            chosen = max(reading, key=lambda each: (each.reads_since_ms, each.run))
        else:
            chosen = min((*others, self.own), key=lambda each: (each.since_ms, each.run))
        if chosen is self.own and not self.reads:
            self.own.reads_since_ms = self.clock_ms()
            self._save()
        elif chosen is not self.own and self.reads:
            self.own.reads_since_ms = 0
            self._save()
        self.reader = chosen
        return others

    @property
    def reads(self) -> bool:
        """Whether this process goes on."""
        return self.own.reads_since_ms > 0

    def end(self) -> None:
        """Take the claim back. Raises `CheckpointUnusable`."""
        self.checkpoints.remove(self._name(self.run))

    def _others(self) -> List[Claim]:
        found = []
        for name in self.checkpoints.names(self._name("")):
            claim = _claim(self.checkpoints.load(name))
            if claim is None or claim.run == self.run:
                continue
            if self.clock_ms() - claim.beat_ms > GONE_AFTER_MS or self._is_dead(claim):
                self.checkpoints.remove(name)
                continue
            found.append(claim)
        return found

    def _is_dead(self, claim: Claim) -> bool:
        if claim.machine != self.machine:
            return False
        try:
            os.kill(claim.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:
            pass
        return claim.pid == self.own.pid  # the number was given again, to us

    def _save(self) -> None:
        self.own.beat_ms = self.clock_ms()
        self.checkpoints.save(self._name(self.run), asdict(self.own))

    def _name(self, run: str) -> str:
        return f"{self.stanza}/claim/{run}"


def _claim(stored: Optional[Dict[str, Any]]) -> Optional[Claim]:
    try:
        return Claim(**stored) if stored else None
    except TypeError:
        return None
