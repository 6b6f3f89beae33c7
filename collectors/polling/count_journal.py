"""Counts on disk, so that a killed process loses none: a line a count, read again at the start.

::

    counts.jsonl            {"key": [...], "number": 3}    a key's first line, with what was counted before
                            7                              one more of the key of the eighth such line
    counts.<batch>.jsonl    the same, sealed: being written to Splunk, removed when that has arrived

A line is in the kernel's hands when `add` returns, so it outlives a killed process. A machine that loses power may lose
the last seconds.
"""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

Key = Tuple[str, ...]
#: With more lines a journal is written anew, with one a key.
_MOST_LINES = 50_000


class CountJournal:
    """The files of one input. One thread at a time; of processes one."""

    def __init__(self, folder: Path) -> None:
        """Raises `OSError`."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._path = folder, folder / "counts.jsonl"
        self._file = -1
        self._places: Dict[Key, int] = {}
        self._lines = 0

    def open(self) -> Dict[Key, int]:
        """Return what was counted and is not sealed. Raises `OSError`."""
        numbers = _read(self._path)
        self._rewrite(numbers)
        return numbers

    def add(self, key: Key, numbers: Dict[Key, int]) -> None:
        """Note one more of a key; ``numbers`` are all, with it. Raises `OSError`."""
        if self._lines >= _MOST_LINES:
            self._rewrite(numbers)
            return
        place = self._places.get(key)
        if place is None:
            self._places[key] = len(self._places)
            self._append(json.dumps({"key": key, "number": 1}))
        else:
            self._append(str(place))

    def seal(self) -> None:
        """Close what was counted so far; `sealed` returns it. Raises `OSError`."""
        if self._lines:
            self._path.replace(self._folder / f"counts.{uuid.uuid4().hex[:16]}.jsonl")
        self._rewrite({})

    def sealed(self) -> Dict[str, Dict[Key, int]]:
        """Return batch -> what was counted, of those that are not removed. Raises `OSError`."""
        return {path.name.split(".")[1]: _read(path) for path in sorted(self._folder.glob("counts.*.jsonl"))}

    def remove(self, batch: str) -> None:
        """Remove a batch: it has arrived. Raises `OSError`."""
        (self._folder / f"counts.{batch}.jsonl").unlink(missing_ok=True)

    def _rewrite(self, numbers: Dict[Key, int]) -> None:
        new = self._path.with_name("counts.new")
        lines = [json.dumps({"key": key, "number": number}) + "\n" for key, number in numbers.items()]
        new.write_text("".join(lines), "utf-8")
        new.replace(self._path)
        if self._file >= 0:
            os.close(self._file)
        self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        self._places = {key: place for place, key in enumerate(numbers)}
        self._lines = len(lines)

    def _append(self, line: str) -> None:
        os.write(self._file, line.encode() + b"\n")
        self._lines += 1


def _read(path: Path) -> Dict[Key, int]:
    """Return the counts of a file; a line that was cut by the end of its process counts as not written."""
    numbers: Dict[Key, int] = {}
    keys: List[Key] = []
    try:
        lines: Sequence[str] = path.read_text("utf-8").split("\n")[:-1]
    except FileNotFoundError:
        return numbers
    for line in lines:
        try:
            found = json.loads(line)
            if isinstance(found, dict):
                keys.append(tuple(map(str, found["key"])))
                numbers[keys[-1]] = int(found["number"])
            else:
                numbers[keys[int(found)]] += 1
        except (ValueError, KeyError, TypeError, IndexError):
            continue  # of a damaged file what can be read
    return numbers
