"""Records as events of Splunk's HTTP Event Collector: what the indexers have not acknowledged is sent again.

An event has the same place and exactly the same text as on the way by standard output.
"""

from __future__ import annotations

import json
import math
from typing import Any, Callable, Generator, Iterable, List, Mapping

from collectors.records.record import Record
from collectors.sinks.contract import STORED, Answer, ignore
from collectors.sinks.splunk_events.sink import Placing, about_the_input, place_of, sourcetype_of
from splunk_bridge.hec_delivery import HecDelivery

#: So much is sent in a request.
_BATCH_RECORDS, _BATCH_BYTES = 500, 1 << 19


class HecEvents:
    """Writes by one delivery: see `collectors.sinks.contract.Sink`."""

    batch_records = _BATCH_RECORDS

    def __init__(self, delivery: HecDelivery, placing: Placing) -> None:
        """The delivery's clock gives epoch milliseconds."""
        self.delivery = delivery
        self._placing = placing

    def write(
        self,
        records: Iterable[Record],
        *,
        give_up_after_s: float = math.inf,
        on_wait: Callable[[str], None] = ignore,
    ) -> Generator[Answer, None, None]:
        """See `Sink.write`. Stored means taken by HEC: `taken_until_ms` says what is acknowledged.

        It waits while HEC is away, for as long as that lasts or the delivery's ``sleep`` lets it.
        """
        batch: List[Record] = []
        events: List[bytes] = []
        size = 0
        for record in records:
            batch.append(record)
            events.append(self._event(record))
            size += len(events[-1])
            if len(batch) >= _BATCH_RECORDS or size >= _BATCH_BYTES:
                self.delivery.post(events)
                yield from (Answer(each, STORED) for each in batch)
                batch, events, size = [], [], 0
        if events:
            self.delivery.post(events)
            yield from (Answer(each, STORED) for each in batch)

    def place_of(self, record: Record) -> str:
        """Return the sourcetype."""
        return sourcetype_of(record.dataset)

    def say(self, dataset: str, time_ms: int, members: Mapping[str, Any]) -> None:
        """Write an event about the input itself."""
        for _ in self.write([about_the_input(dataset, time_ms, members)]):
            pass

    def taken_until_ms(self, now_ms: int) -> int:
        """Return the time before which all that was written is acknowledged."""
        return int(self.delivery.taken_until(now_ms))

    def settle(self, within_s: float) -> bool:
        """Wait until all is acknowledged; return whether it is."""
        return self.delivery.settle(within_s)

    def close(self) -> None:
        """End. What is not acknowledged is not waited for."""
        self.delivery.close()

    def _event(self, record: Record) -> bytes:
        event = {**place_of(record, self._placing), "event": record.text.decode("utf-8", "replace")}
        return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
