"""Log files into a cluster: files → records → documents → bulk requests, and a count of everything on the way.

What is loaded twice is stored once: the documents' ids come from the records. So a load that was interrupted, by
``kill -9`` as well, is simply run again.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import BinaryIO, Callable, Dict, Iterator, List, Sequence

from collectors.cloudtrail.normalise import document
from collectors.cloudtrail.source import DigestFile, records
from collectors.errors import DamagedFile, InvalidRecord, NotThisLog
from collectors.files import LogFile
from collectors.unpack import unpacked
from es_bridge.bulk import ALREADY_THERE, STORED, Document, bulk_create
from es_bridge.errors import BridgeError
from es_bridge.transport import Transport

#: Reasons kept word by word; further ones are only counted.
MAX_REASONS = 10
REPORT_EVERY_DOCS = 500
#: Index names in one request's path: some proxies refuse URLs over 4 KiB.
REFRESH_AT_ONCE = 50


@dataclass
class LoadReport:
    """What a load did, also while it runs. ``events`` = ``stored`` + ``already_there`` + ``rejected`` at its end."""

    files_total: int
    bytes_total: int
    files_done: int = 0
    bytes_done: int = 0
    events: int = 0
    stored: int = 0
    already_there: int = 0
    rejected: int = 0
    #: The first reasons for rejections, each with file and record number.
    rejections: List[str] = field(default_factory=list)
    #: Files that could not be read to their end, or are not what was expected, with the reason.
    failed_files: List[str] = field(default_factory=list)
    digests: int = 0
    #: Index -> events of this load that are in it.
    indices: Counter[str] = field(default_factory=Counter)

    @property
    def complete(self) -> bool:
        """Whether every record of every file is in the cluster."""
        return not self.rejected and not self.failed_files

    def reject(self, reason: str) -> None:
        """Count one record that is not in the cluster."""
        self.rejected += 1
        if len(self.rejections) < MAX_REASONS:
            self.rejections.append(reason)


class Load:
    """One load of CloudTrail files; ``report`` may be read at any time."""

    def __init__(self, files: Sequence[LogFile], transport: Transport) -> None:
        self.report = LoadReport(len(files), sum(log.size_bytes for log in files))
        self._files = files
        self._transport = transport
        #: Where a document on its way came from: its id -> file and record number. As small as what is on its way.
        self._origins: Dict[str, str] = {}

    def run(self, progress: Callable[[LoadReport], None], on_wait: Callable[[str], None]) -> LoadReport:
        """Load everything and return the report; ``progress`` is called with it now and then, ``on_wait`` as there.

        Raises the errors of `es_bridge.bulk.bulk_create`; the report then says how far it came.
        """
        report = self.report
        outcomes = bulk_create(self._transport, self._documents(), on_wait=on_wait)
        for number, (written, result, reason) in enumerate(outcomes):
            origin = self._origins.pop(written.id, "a repeated record")
            if result == STORED:
                report.stored += 1
                report.indices[written.index] += 1
            elif result == ALREADY_THERE:
                report.already_there += 1
                report.indices[written.index] += 1
            else:
                report.reject(f"{origin}: {reason}")
            if number % REPORT_EVERY_DOCS == 0:
                progress(report)
        self._make_visible()
        progress(report)
        return report

    def _documents(self) -> Iterator[Document]:
        for log in self._files:
            try:
                with log.path.open("rb") as stream:
                    yield from self._documents_of(log, stream)
            except DigestFile:
                self.report.digests += 1
            except (DamagedFile, NotThisLog) as exc:
                self.report.failed_files.append(f"{log.path}: {exc}")
            except OSError as exc:
                self.report.failed_files.append(f"{log.path}: cannot be read: {exc.strerror or exc}")
            self.report.files_done += 1

    def _documents_of(self, log: LogFile, stream: BinaryIO) -> Iterator[Document]:
        for record in records(self._counted(stream)):
            self.report.events += 1
            try:
                made = document(record)
            except InvalidRecord as exc:
                self.report.reject(f"{log.path}, record {record.number:,}: {exc}")
                continue
            self._origins[made.id] = f"{log.path}, record {record.number:,}"
            yield made

    def _counted(self, stream: BinaryIO) -> Iterator[bytes]:
        report, before = self.report, self.report.bytes_done
        for piece in unpacked(stream):
            report.bytes_done = before + stream.tell()
            yield piece

    def _make_visible(self) -> None:
        """Refresh what was written, so that the next search finds it; without that permission it takes a second."""
        names = sorted(self.report.indices)
        try:
            for start in range(0, len(names), REFRESH_AT_ONCE):
                self._transport.request("POST", [",".join(names[start : start + REFRESH_AT_ONCE]), "_refresh"])
        except BridgeError:
            pass  # every document is stored; the engine makes it visible by itself
