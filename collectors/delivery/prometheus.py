"""What the daemon counts, for Prometheus, in a registry of its own; ``prometheus_client`` is imported when it is made.

Names begin with ``aws_siem_bridge_``. ``account`` and ``region`` are what the object's key says, empty where it says
nothing. Lag is computed when it is asked for, so it grows while a source is silent.
"""

from __future__ import annotations

import threading
import time
from typing import Any, Callable, Dict, Tuple

from aws_bridge.object_ref import ObjectRef
from collectors.delivery.outcome import ObjectResult
from collectors.errors import CollectorError
from collectors.records.key_origin import origin_of

PREFIX = "aws_siem_bridge_"
_SOURCE = ("dataset", "account", "region")


class DaemonMetrics:
    """One process's counts. Safe to use from several threads; ``clock`` gives seconds since 1970."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        try:
            from prometheus_client import CollectorRegistry, Counter, Gauge
        except ImportError as exc:
            raise CollectorError("the daemon needs prometheus_client: pip install '.[loader]' in the clone") from exc

        def counter(name: str, text: str, labels: Tuple[str, ...] = ()) -> Any:
            return Counter(PREFIX + name, text, labels, registry=self.registry)

        def gauge(name: str, text: str, labels: Tuple[str, ...] = ()) -> Any:
            return Gauge(PREFIX + name, text, labels, registry=self.registry)

        self.registry = CollectorRegistry()
        self.records = counter(
            "records", "Records by what became of them: stored, already_there, dead", (*_SOURCE, "result")
        )
        self.objects = counter("objects", "Objects by outcome: done, retry, unfinished", (*_SOURCE, "outcome"))
        self.objects_passed_over = counter(
            "objects_passed_over", "Objects that are none of the logs, by what they are called", ("what",)
        )
        self.object_bytes = counter("object_bytes", "Unpacked bytes read", _SOURCE)
        self.lag_seconds = gauge("lag_seconds", "Age of the newest event that was loaded", _SOURCE)
        self.messages_received = counter("messages_received", "Messages received from the queue")
        self.messages_deleted = counter("messages_deleted", "Messages deleted: everything in them is done")
        self.messages_returned = counter(
            "messages_returned", "Messages given back: retry, poison, fault, stopped", ("why",)
        )
        self.messages_lost = counter("messages_lost", "Messages whose receipt ran out while they were worked on")
        self.deletes_failed = counter("deletes_failed", "Messages that are done and could not be deleted")
        self.extensions_failed = counter(
            "visibility_extensions_failed", "Attempts to keep a message hidden that failed"
        )
        self.events_ignored = counter("events_ignored", "Events of S3 about anything else than a new object")
        self.bulk_waits = counter("bulk_waits", "Times the cluster had no room for a request and it was sent again")
        self.store_available = gauge(
            "store_available", "1 while the cluster takes documents, 0 while nothing is received"
        )
        self.messages_in_flight = gauge("messages_in_hand", "Messages received and neither deleted nor given back")
        self.oldest_in_flight_seconds = gauge(
            "oldest_message_in_hand_seconds", "Age of the oldest message in hand, since it was sent"
        )
        self.store_available.set(1)
        self._clock = clock
        self._newest_ms: Dict[Tuple[str, ...], int] = {}
        self._lock = threading.Lock()

    def object_taken(self, ref: ObjectRef, result: ObjectResult) -> None:
        """Count what became of an object, or of a part of it."""
        origin = origin_of(ref.key)
        source = (result.dataset, origin.account, origin.region)
        for name in ("stored", "already_there", "dead"):
            count = getattr(result, name)
            if count:
                self.records.labels(*source, name).inc(count)
        self.objects.labels(*source, result.outcome).inc()
        if result.passed_over:
            self.objects_passed_over.labels(result.passed_over).inc()
        self.object_bytes.labels(*source).inc(result.bytes_read)
        if result.newest_ms:
            self._newest(source, result.newest_ms)

    def watch_messages(self, sent_ms: Callable[[], Tuple[int, ...]]) -> None:
        """Show how many messages are in flight and how old they are; ``sent_ms`` gives when each was sent."""

        def oldest() -> float:
            times = [each for each in sent_ms() if each]
            return max(0.0, self._clock() - min(times) / 1000) if times else 0.0

        self.messages_in_flight.set_function(lambda: len(sent_ms()))
        self.oldest_in_flight_seconds.set_function(oldest)

    def text(self) -> Tuple[bytes, str]:
        """Return all of it as Prometheus reads it, and the content type."""
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        return generate_latest(self.registry), CONTENT_TYPE_LATEST

    def _newest(self, source: Tuple[str, ...], newest_ms: int) -> None:
        with self._lock:
            is_new = source not in self._newest_ms
            self._newest_ms[source] = max(newest_ms, self._newest_ms.get(source, 0))
        if is_new:
            self.lag_seconds.labels(*source).set_function(lambda: self._clock() - self._newest_ms[source] / 1000)
