"""A daemon in a thread of the test, with the real intake."""

from __future__ import annotations

import io
import json
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence

from aws_bridge.objects import S3Objects
from aws_bridge.queue import Queue
from collectors.delivery.daemon import Daemon, DaemonSettings, Taker
from collectors.delivery.dead_letters import DeadLetters
from collectors.delivery.intake import Intake
from collectors.delivery.letter_store import letter_store
from collectors.delivery.object_log import ObjectLog
from collectors.delivery.prometheus import DaemonMetrics
from collectors.delivery.store_gate import StoreGate
from es_bridge.backoff import Backoff
from es_bridge.config import ClusterConfig
from es_bridge.transport import Transport
from tests.account import Account
from tests.collectors.shelf import opensearch_sink

#: A failure is seen soon; what a test waits for is an event, and this only its end.
PATIENCE_S = 60.0
QUICK = {"visibility_s": 4, "long_poll_s": 1, "retry": Backoff(0, 0), "grace_s": 5.0}


def intake_of(account: Account, url: str, folder: Path, **more: Any) -> Intake:
    """Return an intake from the account's buckets into the cluster at ``url``; dead letters go to ``folder``."""
    transport = Transport(ClusterConfig((url,), max_retries=0, connect_timeout_s=2.0))
    letters = DeadLetters(letter_store(str(folder)))
    sink = opensearch_sink(transport, {"give_up_after_s": more.pop("give_up_after_s", 1.0)})
    return Intake(sink, S3Objects(account.s3), letters, **more)


class Running:
    """A daemon that runs until the end of the ``with`` block, or until it ends by itself."""

    def __init__(
        self, queue: Queue, takers: Sequence[Taker], gate: Optional[StoreGate] = None, **settings: Any
    ) -> None:
        self.metrics = DaemonMetrics()
        self._log = io.StringIO()
        chosen = DaemonSettings(workers=len(takers), **{**QUICK, **settings})
        self.daemon = Daemon(
            queue, takers, chosen, self.metrics, ObjectLog(self._log), gate or StoreGate(pauses=Backoff(0.1, 30.0))
        )
        self.status: Optional[int] = None
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        self.status = self.daemon.run()

    def __enter__(self) -> Running:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.daemon.ask_to_stop()
        self.join()

    def join(self) -> Optional[int]:
        """Wait for its end and return the status."""
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive(), "the daemon does not end"
        return self.status

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until ``condition``."""
        give_up_s = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < give_up_s, "\n".join(map(str, self.lines()))
            time.sleep(0.05)

    def lines(self, event: str = "") -> List[Dict[str, Any]]:
        """Return what it logged."""
        found = [json.loads(line) for line in self._log.getvalue().splitlines()]
        return [line for line in found if event in ("", line["event"])]

    def value(self, name: str, **labels: str) -> float:
        """Return a metric, without the prefix of its name; 0 if it has no such value."""
        return self.metrics.registry.get_sample_value(f"aws_siem_bridge_{name}", labels) or 0.0
