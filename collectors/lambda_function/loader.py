"""What the loader's function is made of, built at the first event and kept between events."""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from typing import Any, Callable, Dict, Sequence

from aws_bridge.clients import client
from aws_bridge.functions.embedded_metrics import emit
from aws_bridge.functions.variables import PREFIX
from aws_bridge.object_ref import ObjectRef
from aws_bridge.objects import S3Objects
from aws_bridge.queue import Message, Queue
from collectors.delivery.dead_letters import DeadLetters
from collectors.delivery.event_window import AS_THE_POLICIES, EventWindow
from collectors.delivery.expected import ANY_BUCKET
from collectors.delivery.intake import Intake
from collectors.delivery.letter_store import letter_store
from collectors.delivery.object_log import ObjectLog
from collectors.delivery.outcome import ObjectResult
from collectors.errors import CollectorError, IntakeStopped
from collectors.lambda_function.address_files import local_files
from collectors.lambda_function.batch import Batch
from collectors.lambda_function.connection import index_of, transport_of
from collectors.lambda_function.event_source_mapping import EventSourceMapping
from collectors.lambda_function.object_metrics import STORE_UNAVAILABLE
from collectors.lambda_function.settings import Settings, read_settings
from collectors.records.enrichment import address_book
from collectors.sinks.opensearch.sink import OpenSearchSink


def prompt_client(service: str) -> Any:
    """Return a client that has given up before the margin of the deadline is over."""
    return client(service, attempts=3, read_timeout_s=10.0)


class Loader:
    """One function instance: its connections, and its answer to each event."""

    def __init__(self, settings: Settings, clients: Callable[[str], Any] = prompt_client) -> None:
        self._settings, self._clients = settings, clients
        self._log = ObjectLog(sys.stdout)
        if not settings.expected_buckets:
            self._log.warning("any_bucket", reason=f"{ANY_BUCKET} ({PREFIX}EXPECT_BUCKETS)")
        self._s3 = clients("s3")
        self._queue = Queue(clients("sqs"), settings.queue_url)
        self._addresses = address_book(local_files(settings.mmdb, self._s3))
        self._intake = self._new_intake()

    def run(self, messages: Sequence[Message], context: Any) -> Dict[str, Any]:
        """Work on a batch within the time that ``context`` tells."""
        margin_s = self._settings.deadline_margin_s

        def seconds_left() -> float:
            return context.get_remaining_time_in_millis() / 1000 - margin_s

        batch = Batch(self, self._queue, self._log, seconds_left, self._settings.expected_buckets)
        answer = batch.run(messages)
        if batch.outage:
            self._switch_off(context.function_name, batch.outage.ref)
        return answer

    def take(
        self, ref: ObjectRef, *, first_number: int = 1, seconds_left: Callable[[], float] = lambda: float("inf")
    ) -> ObjectResult:
        """Take one object; with credentials read again if the cluster refuses those it knew."""
        try:
            return self._intake.take(ref, first_number=first_number, seconds_left=seconds_left)
        except IntakeStopped:
            if not self._settings.secret_arn:
                raise
            self._log.warning("credentials_refused", secret=self._settings.secret_arn)
        self._intake = self._new_intake()
        return self._intake.take(ref, first_number=first_number, seconds_left=seconds_left)

    def _new_intake(self) -> Intake:
        settings = self._settings
        letters = DeadLetters(letter_store(settings.dead_letters, settings.dead_letters_kms_key, self._s3))
        transport = transport_of(settings, self._clients)
        if transport.config.warning:
            self._log.warning("insecure", reason=transport.config.warning)
        return Intake(
            OpenSearchSink(transport),
            S3Objects(self._s3),
            letters,
            window=EventWindow(AS_THE_POLICIES if settings.retention_days is None else settings.retention_days),
            addresses=self._addresses,
        )

    def _switch_off(self, function_name: str, ref: ObjectRef) -> None:
        emit({}, {STORE_UNAVAILABLE: 1})
        index = index_of(ref.key)
        mapping = EventSourceMapping(self._clients("lambda"), function_name, self._settings.event_source_mapping)
        try:
            ours = mapping.disable(index)
        except CollectorError as exc:
            # The messages are hidden for long enough without it: see `batch`.
            self._log.error("switch_off_failed", reason=str(exc))
            return
        self._log.warning("mapping_switched_off" if ours else "mapping_was_off", index=index)


@lru_cache(maxsize=1)
def loader() -> Loader:
    """Return the loader of this instance. Raises `SettingsProblem`, `SecretProblem` or `ConfigError`."""
    return Loader(read_settings(os.environ, required=("URL", "QUEUE_URL", "DEAD_LETTERS")))
