"""Records as a modular input hands them to splunkd: XML on standard output, flushed, and nobody acknowledges.

https://dev.splunk.com/enterprise/docs/developapps/manageknowledge/custominputs/modinputsscript/#Stream-event-data: one
``<stream>`` for the whole run, each event with its stanza, ``unbroken`` and ended by ``<done/>``, so that splunkd
neither breaks nor joins what is one event.
"""

from __future__ import annotations

import array
import fcntl
import json
import math
import termios
import threading
import time
from dataclasses import dataclass
from functools import lru_cache
from itertools import starmap
from typing import Any, BinaryIO, Callable, Dict, Generator, Iterable, List, Mapping
from xml.sax.saxutils import escape, quoteattr

from collectors.errors import StoreUnavailable
from collectors.records.record import Origin, Record
from collectors.sinks.contract import STORED, Answer, ignore
from collectors.sources.registry import FINDINGS, LOGS

#: ``source`` of every event begins with this: our props are for it, whoever else writes the same sourcetype.
SOURCE_PREFIX = "aws_siem_bridge:"
HEALTH, COUNT, ASSET, RESPONSE = "health", "count", "asset", "response"
#: Sourcetypes of what is neither a finding nor a log.
_OURS = {name: f"aws:siem_bridge:{name}" for name in (HEALTH, COUNT, ASSET, RESPONSE)}
#: So much is written before a flush.
_BATCH_RECORDS, _BATCH_BYTES = 100, 1 << 20
#: Characters that no XML has; JSON has another way to write them.
_NOT_IN_XML = {0xFFFE: "\\ufffe", 0xFFFF: "\\uffff", 0x7F: "\\u007f"}


@dataclass(frozen=True)
class Placing:
    """What an input's settings say about its events; empty for the default."""

    stanza: str
    index: str = ""
    #: What comes after ``aws_siem_bridge:<dataset>:``.
    source: str = ""
    host: str = ""


class SplunkEvents:
    """Writes to one stream: see `collectors.sinks.contract.Sink`."""

    batch_records = _BATCH_RECORDS

    def __init__(self, stream: BinaryIO, placing: Placing) -> None:
        self._stream = stream
        self._placing = placing
        self._stanza = quoteattr(placing.stanza)
        self._lock = threading.Lock()
        self._open = False
        self._taken_ms = 0

    def write(
        self,
        records: Iterable[Record],
        *,
        give_up_after_s: float = math.inf,
        on_wait: Callable[[str], None] = ignore,
    ) -> Generator[Answer, None, None]:
        """See `Sink.write`. Stored means flushed: `taken_until_ms` says what has been taken. It waits while splunkd is
        busy, for as long as that lasts.
        """
        batch: List[Record] = []
        size = 0
        for record in records:
            batch.append(record)
            size += len(record.text)
            if len(batch) >= _BATCH_RECORDS or size >= _BATCH_BYTES:
                yield from self._flushed(batch)
                batch, size = [], 0
        yield from self._flushed(batch)

    def place_of(self, record: Record) -> str:
        """Return the sourcetype."""
        return sourcetype_of(record.dataset)

    def say(self, dataset: str, time_ms: int, members: Mapping[str, Any]) -> None:
        """Write an event about the input itself: `HEALTH` or `COUNT`. Raises `StoreUnavailable`."""
        list(self._flushed([about_the_input(dataset, time_ms, members)]))

    def taken_until_ms(self, now_ms: int) -> int:
        """Return the time before which all that was written has been read from the pipe, as far as was seen.

        Nobody knows whether splunkd has it on its disk by then. ``now_ms`` where nobody can know, as in a file.
        """
        if self._drained():
            self._taken_ms = max(self._taken_ms, now_ms)
        return self._taken_ms

    def settle(self, within_s: float) -> bool:
        """Wait until the pipe is empty; return whether it is."""
        end_s = time.monotonic() + within_s
        while not self._drained():
            if time.monotonic() >= end_s:
                return False
            time.sleep(0.05)
        return True

    def _drained(self) -> bool:
        waiting = array.array("i", [0])
        try:
            fcntl.ioctl(self._stream.fileno(), termios.FIONREAD, waiting)
        except (OSError, ValueError):
            return True
        return waiting[0] == 0

    def close(self) -> None:
        """End the stream. Raises `StoreUnavailable`."""
        with self._lock:
            self._send(b"</stream>\n" if self._open else b"")
            self._open = False

    def _flushed(self, records: List[Record]) -> Iterable[Answer]:
        if not records:
            return []
        text = "".join(map(self._event, records)).encode("utf-8", "replace")
        with self._lock:
            self._send(text if self._open else b"<stream>\n" + text)
            self._open = True
        return [Answer(record, STORED) for record in records]

    def _send(self, text: bytes) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError) as exc:
            raise StoreUnavailable(f"splunkd does not read this input's events any more: {exc}") from exc

    def _event(self, record: Record) -> str:
        place = place_of(record, self._placing)
        time_s = place.pop("time")
        data = _element("data", record.text.decode("utf-8", "replace"))
        inside = f"<time>{time_s}</time>{''.join(starmap(_known_element, place.items()))}{data}"
        return f'<event stanza={self._stanza} unbroken="1">{inside}<done/></event>\n'


def _element(name: str, value: str) -> str:
    return f"<{name}>{escape(value.translate(_NOT_IN_XML))}</{name}>"


#: Of what an input's events have in common: index, source, sourcetype and host are of few values.
_known_element = lru_cache(maxsize=1024)(_element)


def place_of(record: Record, placing: Placing) -> Dict[str, str]:
    """Return where an event goes: ``time``, ``index``, ``source``, ``sourcetype``, ``host``; without what is empty."""
    origin = record.origin or Origin()
    source = placing.source or ":".join(part for part in origin if part) or "aws"
    members = {
        "time": f"{record.time_ms // 1000}.{record.time_ms % 1000:03d}",
        "index": placing.index,
        "source": f"{SOURCE_PREFIX}{record.dataset}:{source}",
        "sourcetype": sourcetype_of(record.dataset),
        "host": placing.host or origin.account,
    }
    return {name: value for name, value in members.items() if value}


def about_the_input(dataset: str, time_ms: int, members: Mapping[str, Any]) -> Record:
    """Return an event about the input itself: `HEALTH` or `COUNT`."""
    text = json.dumps(members, separators=(",", ":"), ensure_ascii=False).encode()
    return Record(
        dataset, time_ms, "", text, 0, Origin(str(members.get("account") or ""), str(members.get("region") or ""))
    )


def sourcetype_of(dataset: str) -> str:
    """Return the sourcetype of a dataset."""
    row = FINDINGS.get(dataset) or LOGS.get(dataset)
    return row.sourcetype if row else _OURS[dataset]
