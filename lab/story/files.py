"""The story's records in the files and folders that AWS writes, in flat memory for any number of events.

CloudTrail: one file an account, region and five minutes, each one line ``{"Records":[...]}``:
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
"""

from __future__ import annotations

import json
import random
import string
import zlib
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, BinaryIO, Callable, Dict, Iterable, Iterator, List, Tuple

from lab.story.cloudtrail import Background, LabelledRecord, attack_records

WINDOW_S = 300
LABELS = "labels.jsonl"
#: Calls per hour of the day in Seoul, as shares of the busiest hour: people work from nine to six.
BUSY = (3, 2, 2, 2, 2, 3, 4, 6, 8, 10, 10, 9, 8, 9, 10, 10, 10, 9, 7, 6, 5, 5, 4, 3)
SEOUL_OFFSET_S = 9 * 3600
#: AWS closes a file at some tens of megabytes and begins the next.
MAX_RECORDS_IN_FILE = 50_000
WRITE_BYTES = 64 * 1024
SUFFIX_CHARS = string.ascii_letters + string.digits

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


@dataclass(frozen=True)
class Written:
    """What was written: events, those of the attack among them, files, and bytes of JSON before compression."""

    events: int
    attack_events: int
    files: int
    json_bytes: int


def write_story(
    folder: Path,
    events: int,
    seed: int,
    start_ms: int,
    end_ms: int,
    *,
    compressed: bool = True,
    progress: Callable[[int], None] = lambda written: None,
) -> Written:
    """Write ``events`` CloudTrail events from ``start_ms`` to ``end_ms`` (epoch ms, end exclusive) below ``folder``.

    The same arguments give the same records. The attack is among them (its first part only, when there are fewer
    events than it has); ``labels.jsonl`` says which they are. ``progress`` is called with the number written so far.
    Raises ValueError for a window without a whole second or a negative number.
    """
    if events < 0:
        raise ValueError("the number of events must be 0 or more")
    first_s, last_s = -(-start_ms // 1000), (end_ms - 1) // 1000
    if last_s < first_s:
        raise ValueError("the time window must hold at least one whole second: CloudTrail has no finer times")
    attack = deque(attack_records(seed, start_ms, end_ms)[:events])
    attack_events = len(attack)
    folder.mkdir(parents=True, exist_ok=True)
    _write_labels(folder / LABELS, attack)
    background = Background(seed)
    rng = random.Random(f"{seed}:cloudtrail:times")  # noqa: S311 - a story, not a secret
    files = CloudTrailFiles(folder, seed, compressed)
    written = 0
    for begin_s, until_s, count in _windows(first_s, last_s + 1, events - attack_events):
        own = []
        while attack and attack[0].time_s < until_s:
            own.append(attack.popleft())
        times = sorted([begin_s + int(rng.random() * (until_s - begin_s)) for _ in range(count)])
        files.begin(until_s)
        for record in _in_order(background.records(times), times, own):
            files.add(record)
            written += 1
        files.end()
        progress(written)
    return Written(written, attack_events, files.written, files.json_bytes)


def _windows(first_s: int, until_s: int, events: int) -> Iterator[Tuple[int, int, int]]:
    """Yield (begin, end, number of events) of each five minutes; the numbers add up to ``events``."""

    def edges() -> Iterator[Tuple[int, int, float]]:
        begin = first_s
        while begin < until_s:
            end = min(until_s, begin - begin % WINDOW_S + WINDOW_S)
            yield begin, end, (end - begin) * BUSY[(begin + SEOUL_OFFSET_S) // 3600 % 24]
            begin = end

    total = sum(weight for _, _, weight in edges())
    seen, given = 0.0, 0
    for begin, end, weight in edges():
        seen += weight
        upto = events if end == until_s else int(events * seen / total)
        yield begin, end, upto - given
        given = upto


def _in_order(
    records: Iterator[Dict[str, Any]], times: List[int], own: List[LabelledRecord]
) -> Iterator[Dict[str, Any]]:
    position = 0
    for time_s, record in zip(times, records):
        while position < len(own) and own[position].time_s <= time_s:
            yield own[position].record
            position += 1
        yield record
    for labelled in own[position:]:
        yield labelled.record


def _write_labels(path: Path, attack: Iterable[LabelledRecord]) -> None:
    with path.open("w", encoding="utf-8") as out:
        for labelled in attack:
            label = {"log": "cloudtrail", "eventID": labelled.record["eventID"], "step": labelled.step}
            out.write(_encode(label) + "\n")


class CloudTrailFiles:
    """The files of one delivery after the other: ``begin(time)``, ``add(record)``, ``end()``."""

    def __init__(self, folder: Path, seed: int, compressed: bool) -> None:
        self._folder = folder
        self._compressed = compressed
        self._rng = random.Random(f"{seed}:cloudtrail:files")  # noqa: S311 - names, not secrets
        self._delivered_s = 0
        self._open: Dict[Tuple[str, str], _OpenFile] = {}
        self.written = 0
        self.json_bytes = 0

    def begin(self, delivered_s: int) -> None:
        """Begin the delivery that AWS would date ``delivered_s``."""
        self._delivered_s = delivered_s

    def add(self, record: Dict[str, Any]) -> None:
        """Append one record to the file of its account and region."""
        place = (record["recipientAccountId"], record["awsRegion"])
        found = self._open.get(place)
        if found is None or found.records >= MAX_RECORDS_IN_FILE:
            if found is not None:
                self._close(found)
            found = self._open[place] = _OpenFile(self._path(*place), self._compressed)
        found.add(_encode(record).encode())

    def end(self) -> None:
        """Finish the files of this delivery."""
        for found in self._open.values():
            self._close(found)
        self._open.clear()

    def _close(self, found: _OpenFile) -> None:
        found.close()
        self.written += 1
        self.json_bytes += found.json_bytes

    def _path(self, account: str, region: str) -> Path:
        delivered = datetime.fromtimestamp(self._delivered_s, timezone.utc)
        suffix = "".join(self._rng.choices(SUFFIX_CHARS, k=16))
        name = f"{account}_CloudTrail_{region}_{delivered:%Y%m%dT%H%MZ}_{suffix}.json"
        parts = ("AWSLogs", account, "CloudTrail", region, f"{delivered:%Y}", f"{delivered:%m}", f"{delivered:%d}")
        return self._folder.joinpath(*parts, name + (".gz" if self._compressed else ""))


class _OpenFile:
    def __init__(self, path: Path, compressed: bool) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: BinaryIO = path.open("wb")
        # A gzip header without name and time: the same story gives the same bytes. Level 1 is twice as fast as the
        # default, for a fifth more bytes.
        self._gzip = zlib.compressobj(1, zlib.DEFLATED, 16 + zlib.MAX_WBITS) if compressed else None
        self._buffer = bytearray(b'{"Records":[')
        self.records = 0
        self.json_bytes = 0

    def add(self, text: bytes) -> None:
        if self.records:
            self._buffer += b","
        self._buffer += text
        self.records += 1
        if len(self._buffer) >= WRITE_BYTES:
            self._flush()

    def close(self) -> None:
        self._buffer += b"]}"
        self._flush()
        if self._gzip:
            self._file.write(self._gzip.flush())
        self._file.close()

    def _flush(self) -> None:
        self._file.write(self._gzip.compress(self._buffer) if self._gzip else self._buffer)
        self.json_bytes += len(self._buffer)
        self._buffer.clear()
