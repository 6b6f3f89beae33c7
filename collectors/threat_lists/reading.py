"""A list as it is published: one value a line, with comments, or a column of a CSV file; packed with gzip or not."""

from __future__ import annotations

import csv
import gzip
import io
import re
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Iterator, List, NamedTuple, Tuple, Union

from aws_bridge.clients import client
from aws_bridge.object_ref import ObjectRef, split_uri
from aws_bridge.objects import S3Objects
from collectors.errors import CollectorError, InvalidRecord
from collectors.threat_lists.entries import kind_and_value

#: A longer line is no value of a list; nobody holds it in memory.
LONGEST_LINE = 10_000
#: Characters of a bad line that are shown.
_SHOWN = 80
_COMMENT = re.compile(r"\s*(?:#|;|//).*|\s+(?:#|;|//).*")


class Good(NamedTuple):
    """A value of a list."""

    kind: str
    value: str


class Bad(NamedTuple):
    """A line that holds none, by its number from 1."""

    line: int
    text: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text!r}: {self.reason}"


@contextmanager
def opened(place: str) -> Iterator[BinaryIO]:
    """Give a file or an object of S3 (``s3://bucket/key``) as a stream of its unpacked bytes.

    Raises `CollectorError` for a file, and the errors of `aws_bridge.objects` for an object, that cannot be read.
    """
    if place.startswith("s3://"):
        bucket, key = split_uri(place)
        with S3Objects(client("s3")).open(ObjectRef(bucket, key)) as stream:
            yield _unpacked(stream)
        return
    try:
        with Path(place).open("rb") as file:
            yield _unpacked(file)
    except OSError as exc:
        raise CollectorError(f"{place} cannot be read: {exc.strerror or exc}") from exc


def values(stream: BinaryIO, kind: str = "", column: str = "") -> Iterator[Union[Good, Bad]]:
    """Yield what each line holds. ``column``: of a CSV file with a header. ``kind``: the only one that is good.

    Raises `CollectorError` for a CSV file without that column.
    """
    for number, text in _cells(stream, column) if column else _lines(stream):
        try:
            if len(text) > LONGEST_LINE:
                raise InvalidRecord("the line is too long for a value")
            yield Good(*kind_and_value(text, kind))
        except InvalidRecord as exc:
            yield Bad(number, text[:_SHOWN], str(exc))


def _unpacked(stream: BinaryIO) -> BinaryIO:
    buffered = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream)  # type: ignore[type-var]
    if buffered.peek(2)[:2] == b"\x1f\x8b":
        return gzip.GzipFile(fileobj=buffered)  # type: ignore[return-value]
    return buffered


def _lines(stream: BinaryIO) -> Iterator[Tuple[int, str]]:
    number = 0
    while line := stream.readline(LONGEST_LINE + 2):
        number += 1
        while len(line) > LONGEST_LINE + 1 and not line.endswith(b"\n"):
            rest = stream.readline(LONGEST_LINE)
            if not rest or rest.endswith(b"\n"):
                break
        text = line.decode("utf-8-sig" if number == 1 else "utf-8", "replace").rstrip("\r\n")
        text = _COMMENT.sub("", text, count=1).strip()
        if text:
            yield number, text


def _cells(stream: BinaryIO, column: str) -> Iterator[Tuple[int, str]]:
    reader = csv.reader(io.TextIOWrapper(stream, "utf-8-sig", "replace", newline=""))
    header: List[str] = []
    try:
        for cells in reader:
            if not cells or (cells[0].startswith("#") and column not in [cell.strip("# ") for cell in cells]):
                continue
            if not header:
                header = [cell.strip("# ") for cell in cells]
                if column not in header:
                    raise CollectorError(f"the file has no column {column!r}: {', '.join(header)[:200]}")
                continue
            place = header.index(column)
            text = cells[place].strip() if place < len(cells) else ""
            if text:
                yield reader.line_num, text
    except csv.Error as exc:
        raise CollectorError(f"line {reader.line_num} is no CSV: {exc}") from exc
