"""The sink OpenSearch, or Elasticsearch: a record becomes one ``create`` of a bulk request (`es_bridge.bulk`)."""

from __future__ import annotations

import math
import time
from contextlib import closing
from typing import Callable, Generator, Iterable, Iterator

from collectors.errors import IntakeStopped, StoreUnavailable
from collectors.records.record import Record
from collectors.sinks.contract import Answer, ignore
from collectors.sinks.opensearch.index_names import index_of
from collectors.sinks.opensearch.ingested import stamped
from es_bridge.bulk import GIVE_UP_AFTER_S, MAX_BYTES, MAX_DOCS, WORKERS, Create, bulk_create
from es_bridge.errors import AuthenticationError, BridgeError, PermissionDenied
from es_bridge.transport import Transport

#: Makes a named tuple at a third of the cost of its own constructor.
_new = tuple.__new__


class OpenSearchSink:
    """Writes to one cluster: see `collectors.sinks.contract.Sink`."""

    def __init__(
        self,
        transport: Transport,
        *,
        workers: int = WORKERS,
        max_docs: int = MAX_DOCS,
        max_bytes: int = MAX_BYTES,
        give_up_after_s: float = GIVE_UP_AFTER_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """All but ``clock``, which stamps documents, are those of `es_bridge.bulk.bulk_create`."""
        self.transport = transport
        self._workers, self._max_docs, self._max_bytes = workers, max_docs, max_bytes
        self._give_up_after_s = give_up_after_s
        self._clock = clock

    @property
    def batch_records(self) -> int:
        """See `Sink.batch_records`."""
        return self._max_docs

    def write(
        self,
        records: Iterable[Record],
        *,
        give_up_after_s: float = math.inf,
        on_wait: Callable[[str], None] = ignore,
    ) -> Generator[Answer, None, None]:
        """See `Sink.write`."""
        outcomes = bulk_create(
            self.transport,
            _creates(records),
            max_docs=self._max_docs,
            max_bytes=self._max_bytes,
            workers=self._workers,
            give_up_after_s=min(self._give_up_after_s, give_up_after_s),
            on_wait=on_wait,
            bodies=stamped(self._clock),
        )
        try:
            # Closed here and not whenever the exception that ended it is forgotten: then nothing is in flight any more.
            with closing(outcomes):
                for document, result, reason, error_type in outcomes:
                    yield _new(Answer, (document.about, result, reason, error_type))
        except (AuthenticationError, PermissionDenied) as exc:
            raise IntakeStopped(str(exc)) from exc
        except BridgeError as exc:
            raise StoreUnavailable(str(exc)) from exc

    def place_of(self, record: Record) -> str:
        """Return the index."""
        return index_of(record)


def _creates(records: Iterable[Record]) -> Iterator[Create]:
    for record in records:
        yield _new(Create, (index_of(record), record.identity, record.text, record))
