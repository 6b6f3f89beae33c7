"""Dead letters: what could not be stored, with the reason, so that it can be listed, explained and replayed.

A letter stands for one record of one object, or with number 0 for the object as a whole. Of an object with very many
such records one more letter stands for all the others, from a record on: its ``count`` says how many. Letters of one
object are kept together in files of up to `BLOCK` record numbers::

    <dataset>/<identity of bucket and key>/<first number of the block>-<digest of the numbers in it>.jsonl.gz

So a name says which records are in it and nothing else. The same object taken again, after ``kill -9`` say, writes the
same names again; two workers with the same object overwrite each other's files with equal ones. Where two runs differ
(the deadline of one fell into a block; an index was writable again) both files stay, and reading takes each number
once, the newest first answer. Nothing is ever read to be changed by a writer, so none loses another's letters.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import socket
import zlib
from collections import defaultdict
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from aws_bridge.object_ref import ObjectRef
from collectors.delivery.letter_store import LetterStore, LetterStoreError
from collectors.records.record import EXCERPT_BYTES

#: Record numbers a file covers: at most 6 MB of letters are in memory for one, with excerpts of 4 kB.
BLOCK = 1000
#: Stands for the dataset of an object that is none of the logs.
UNKNOWN = "unknown"

_ID = re.compile(r"[^/]+/[^/]+/[0-9]{1,18}\+?")

_LATER_FIELDS = ("count", "last", "host", "path")

OBJECT_GONE = "object_gone"
NOT_THIS_LOG = "not_this_log"
DAMAGED_FILE = "damaged_file"
BAD_RECORD = "bad_record"
OUTSIDE_WINDOW = "outside_window"


#: Number, and whether the letter stands for many records: a record and the rest from that record on are two letters.
Slot = Tuple[int, bool]


def this_host() -> str:
    """Return the name of this machine."""
    return socket.gethostname()


@dataclass(frozen=True)
class DeadLetter:
    """One record that is not in the store, or with ``number`` 0 what is wrong with an object as a whole."""

    #: Name of the dataset, `UNKNOWN` for what is none.
    dataset: str
    bucket: str
    key: str
    version_id: str
    number: int
    #: Where the record begins, or the damage is, in bytes of the unpacked content; -1 if that is not known.
    offset: int
    reason: str
    #: One of the words above, or the engine's own ``error.type``.
    error_type: str
    #: The first `EXCERPT_BYTES` bytes: of the record as AWS wrote it, or of the document that the engine refused.
    excerpt: bytes
    #: When it was recorded, epoch milliseconds.
    time_ms: int
    #: Where the document would have gone, if it came to be one.
    index: str = ""
    #: Of a letter that stands for many records, how many; they are ``number`` and others up to ``last``.
    count: int = 0
    #: With ``count``: the last record it may stand for; 0 is the end of the object.
    last: int = 0
    #: Machine and path of the file it was read from, empty for an object of S3.
    host: str = ""
    path: str = ""

    @property
    def ref(self) -> ObjectRef:
        """The object it is about. A path on another machine leads nowhere here, and so has its name in front."""
        path = self.path if self.host in ("", this_host()) else f"{self.host}:{self.path}"
        return ObjectRef(self.bucket, self.key, self.version_id, path=path)

    @property
    def slot(self) -> Slot:
        """What tells it from the other letters of its object."""
        return self.number, bool(self.count)

    @property
    def place(self) -> str:
        """The letters of its object: dataset and identity."""
        return f"{self.dataset}/{self.ref.identity}"

    @property
    def id(self) -> str:
        """How it is named on the command line."""
        return f"{self.place}/{self.number}" + ("+" if self.count else "")


class Page(NamedTuple):
    """Some letters, and where the next page goes on (``""``: there is none)."""

    letters: List[DeadLetter]
    after: str


class DeadLetters:
    """The dead letters of one store. Every method raises `LetterStoreError` when the store cannot be used."""

    def __init__(self, store: LetterStore) -> None:
        self._store = store
        self.uri = store.uri

    def add(self, letters: Iterable[DeadLetter]) -> None:
        """Write letters; in place of those of the same records. One file for each block of each object."""
        blocks: Dict[Tuple[str, int], Dict[Slot, DeadLetter]] = defaultdict(dict)
        for letter in letters:
            blocks[letter.place, block_of(letter.number)][letter.slot] = letter
        for (place, block), found in blocks.items():
            self._write(place, block, found)

    def iterate(
        self, *, dataset: str = "", source: str = "", error_type: str = "", since_ms: int = 0, after: str = ""
    ) -> Iterator[DeadLetter]:
        """Yield letters in the order of their ids' objects and numbers; one block is in memory at a time.

        ``source`` is the beginning of the objects' ``s3://bucket/key``; ``after`` the id of the last letter seen.
        """
        if after and not _ID.fullmatch(after):
            raise _no_id(after)
        last_place, _, last_text = after.rpartition("/")
        last = _slot(last_text or "0")
        start = _block_name(last_place, block_of(last[0])) if after else ""
        names = self._store.names(f"{dataset}/" if dataset else "", start)
        for (place, _), same in groupby(names, key=_block_of_name):
            for slot, letter in _newest(self._read(same)).items():
                seen = place == last_place and slot <= last
                asked_for = error_type in ("", letter.error_type) and letter.ref.uri.startswith(source)
                if not seen and letter.time_ms >= since_ms and asked_for:
                    yield letter

    def page(self, limit: int, **which: Any) -> Page:
        """Return at most ``limit`` letters; ``which`` is as for `iterate`."""
        letters: List[DeadLetter] = []
        for letter in self.iterate(**which):
            if len(letters) == limit:
                return Page(letters, letters[-1].id)
            letters.append(letter)
        return Page(letters, "")

    def show(self, letter_id: str) -> List[DeadLetter]:
        """Return the letter of this id; for ``dataset/identity`` without a number all letters of the object."""
        parts = letter_id.strip("/").split("/")
        if len(parts) != 2 and not _ID.fullmatch("/".join(parts)):
            raise _no_id(letter_id)
        place = "/".join(parts[:2])
        prefix = _block_name(place, block_of(_slot(parts[2])[0])) if len(parts) == 3 else place + "/"
        found = _newest(self._read(self._store.names(prefix)))
        return [letter for slot, letter in found.items() if len(parts) == 2 or slot == _slot(parts[2])]

    def remove(self, place: str, answered: Mapping[int, int], many: Optional[Mapping[int, int]] = None) -> None:
        """Remove the letters about these records of one object: number -> ``time_ms`` of the letter.

        ``many`` has those that stand for many records, in the same way.

        A letter written since about the same record has another time and stays. What stays of a block is written before
        its old files are deleted, so a crash in between removes nothing.
        """
        both = answered, many or {}
        for block in sorted({block_of(number) for numbers in both for number in numbers}):
            names = list(self._store.names(_block_name(place, block)))
            left = _newest(each for each in self._read(names) if both[each.slot[1]].get(each.number) != each.time_ms)
            kept = self._write(place, block, left) if left else ""
            for name in names:
                if name != kept:
                    self._store.delete(name)

    def _write(self, place: str, block: int, letters: Dict[Slot, DeadLetter]) -> str:
        slots = sorted(letters)
        written = ",".join(f"{number}+" if is_many else str(number) for number, is_many in slots)
        digest = hashlib.sha256(written.encode()).hexdigest()[:12]
        name = f"{_block_name(place, block)}{digest}.jsonl.gz"
        lines = "".join(_line(letters[slot]) for slot in slots)
        self._store.put(name, gzip.compress(lines.encode(), 6, mtime=0))
        return name

    def _read(self, names: Iterable[str]) -> Iterator[DeadLetter]:
        for name in names:
            content = self._store.get(name)
            if content is None:  # removed since it was listed
                continue
            try:
                letters = [_letter(line) for line in gzip.decompress(content).splitlines()]
            except (OSError, EOFError, ValueError, TypeError, KeyError, zlib.error) as exc:
                raise LetterStoreError(f"{self.uri}: {name} is no file of dead letters: {exc}") from exc
            yield from letters


def _no_id(text: str) -> LetterStoreError:
    return LetterStoreError(f"{text!r} names no dead letter: an id is dataset/object/number, as listed")


def _slot(text: str) -> Slot:
    return int(text.rstrip("+")), text.endswith("+")


def _newest(letters: Iterable[DeadLetter]) -> Dict[Slot, DeadLetter]:
    """Return letters about one object by slot, in order: of several about the same record the newest."""
    found: Dict[Slot, DeadLetter] = {}
    for letter in letters:
        slot = letter.slot
        if slot not in found or letter.time_ms >= found[slot].time_ms:
            found[slot] = letter
    return dict(sorted(found.items()))


def block_of(number: int) -> int:
    """Return the first record number of the block that ``number`` is in; letters about the object have block 0."""
    return number and (number - 1) // BLOCK * BLOCK + 1


def _block_name(place: str, block: int) -> str:
    return f"{place}/{block:011d}-"


def _block_of_name(name: str) -> Tuple[str, int]:
    place, _, file = name.rpartition("/")
    number = file.partition("-")[0]
    if not number.isdigit():
        raise LetterStoreError(f"{name} is no file of dead letters. Keep nothing else under the store's prefix")
    return place, int(number)


def _line(letter: DeadLetter) -> str:
    # What most letters have not is left out: older versions of this program do not know it.
    fields = {name: value for name, value in asdict(letter).items() if value or name not in _LATER_FIELDS}
    excerpt = fields.pop("excerpt")[:EXCERPT_BYTES]
    try:
        fields["excerpt"] = excerpt.decode()
    except UnicodeDecodeError:  # also one that was cut in the middle of a character: bytes are kept, not mended
        fields["excerpt_base64"] = base64.b64encode(excerpt).decode()
    return json.dumps(fields, separators=(",", ":")) + "\n"


def _letter(line: bytes) -> DeadLetter:
    fields = json.loads(line)
    if "excerpt_base64" in fields:
        fields["excerpt"] = base64.b64decode(fields.pop("excerpt_base64"))
    else:
        fields["excerpt"] = fields["excerpt"].encode()
    return DeadLetter(**fields)
