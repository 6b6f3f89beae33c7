"""Many objects into a cluster, several at once, and a count of everything on the way.

What is loaded twice is stored once: the documents' ids come from the records. So a load that was interrupted, by
``kill -9`` as well, is simply run again.
"""

from __future__ import annotations

import math
import queue
import threading
from collections import Counter, defaultdict
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Callable, Collection, DefaultDict, Dict, Iterable, Iterator, List, Optional

from aws_bridge.errors import AwsError
from aws_bridge.object_ref import ObjectRef
from aws_bridge.objects import Objects
from collectors.delivery.dead_letters import DeadLetter
from collectors.delivery.intake import Intake, forever
from collectors.delivery.outcome import DONE, UNFINISHED, ObjectResult
from collectors.errors import CollectorError
from collectors.reading.recognise import EMPTY, UNKNOWN_KIND
from collectors.sinks.opensearch.index_names import all_indices
from collectors.sources.log import DIGEST
from es_bridge.errors import BridgeError, PermissionDenied
from es_bridge.transport import Transport

#: Reasons kept word by word; further ones are only counted.
MAX_REASONS = 10
MAX_COLUMNS = 100
#: As OpenSearch names it, for a role; on Elasticsearch the privilege ``maintenance`` has it.
REFRESH_PERMISSION = "indices:admin/refresh"
#: How often progress is shown while no object ends.
TICK_S = 0.5


@dataclass
class Counts:
    """What became of the records of one log: all are ``stored``, ``already_there`` or ``dead``, of finished objects."""

    objects: int = 0
    records: int = 0
    stored: int = 0
    already_there: int = 0
    dead: int = 0


@dataclass
class LoadReport:
    """What a load did, also while it runs."""

    objects_total: int
    bytes_total: int
    objects_done: int = 0
    #: Bytes as stored in the objects; of those under way what has been read.
    bytes_done: int = 0
    #: What is none of the logs, counted by what it is called; the first names of what is of unknown kind.
    passed_over: Counter[str] = field(default_factory=Counter)
    unknown: List[str] = field(default_factory=list)
    #: Objects the user named one by one: that one of them is no log is a problem.
    given: Collection[ObjectRef] = ()
    #: Name of the log -> counts; ``""`` for objects that are none.
    logs: DefaultDict[str, Counts] = field(default_factory=lambda: defaultdict(Counts))
    #: Objects that are gone, damaged, none of the logs, or could not be read, with the reason; only the first.
    problems: List[str] = field(default_factory=list)
    problems_count: int = 0
    #: Objects that another run may do better with: they could not be read now, or the load was stopped in them.
    unfinished: int = 0
    #: Columns of flow logs that are not known here -> in how many objects; the first `MAX_COLUMNS` names.
    unknown_columns: Dict[str, int] = field(default_factory=dict)

    @property
    def records(self) -> int:
        """Records of all objects that were read."""
        return sum(counts.records for counts in self.logs.values())

    def add(self, ref: ObjectRef, result: ObjectResult, name: str) -> None:
        """Count one object that was taken."""
        reason = result.reason
        if result.passed_over and result.outcome == DONE:
            if ref not in self.given or result.passed_over in (EMPTY, DIGEST):
                self.objects_done += 1
                self.passed_over[result.passed_over] += 1
                if result.passed_over == UNKNOWN_KIND and len(self.unknown) < MAX_REASONS:
                    self.unknown.append(name)
                return
            reason = reason or f"it is none of the logs ({result.passed_over})"
        counts = self.logs[result.dataset]
        counts.objects += 1
        counts.records += result.records
        counts.stored += result.stored
        counts.already_there += result.already_there
        counts.dead += result.dead
        for column in result.unknown_columns:
            if column in self.unknown_columns or len(self.unknown_columns) < MAX_COLUMNS:
                self.unknown_columns[column] = self.unknown_columns.get(column, 0) + 1
        if result.outcome == DONE:
            self.objects_done += 1
        else:
            self.unfinished += 1
        if reason and result.outcome != UNFINISHED:
            self.problems_count += 1
            if len(self.problems) < MAX_REASONS:
                # The reason may begin with the object's address, which for a file is nothing a person knows.
                self.problems.append(f"{name}: {reason.partition(ref.uri + ': ')[2] or reason}")


class Rejections:
    """Stands for the dead-letter store where there is none: what would be put into it is counted and named."""

    def __init__(self, name_of: Callable[[ObjectRef], str]) -> None:
        self.count = 0
        #: The first reasons, each with object and record number.
        self.reasons: List[str] = []
        self._name_of = name_of
        self._lock = threading.Lock()

    def add(self, letters: Iterable[DeadLetter]) -> None:
        """Count the records among ``letters``; what concerns an object as a whole is in the object's result."""
        for letter in letters:
            if not letter.number:
                continue
            with self._lock:
                self.count += letter.count or 1
                if len(self.reasons) < MAX_REASONS:
                    self.reasons.append(f"{self._name_of(letter.ref)}, record {letter.number:,}: {letter.reason}")


class Load:
    """One load of objects; ``report`` may be read at any time.

    ``make_intake`` is called once in each of ``workers`` threads, with the objects to read from. ``finished`` is
    called, in the thread of `run`, for each object that is done.
    """

    def __init__(
        self,
        objects: Objects,
        make_intake: Callable[[Objects], Intake],
        report: LoadReport,
        *,
        workers: int,
        dataset: str = "",
        name_of: Callable[[ObjectRef], str] = lambda ref: ref.uri,
        finished: Callable[[ObjectRef, ObjectResult], None] = lambda ref, result: None,
    ) -> None:
        self.report = report
        self._objects = _Counted(objects)
        self._make_intake = make_intake
        self._workers = workers
        self._dataset = dataset
        self._name_of = name_of
        self._finished = finished
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._threads: List[threading.Thread] = []
        self._answers: queue.Queue[Any] = queue.Queue()
        self._bytes_finished = 0

    def run(self, refs: Iterable[ObjectRef], progress: Callable[[LoadReport], None]) -> LoadReport:
        """Take every object and return the report; ``progress`` is called with it now and then.

        Raises the errors of `Intake.take` and of iterating over ``refs``; the report then says how far it came. Ctrl-C
        (KeyboardInterrupt, SystemExit) ends the objects under way where they are, without losing count of them.
        """
        waiting = iter(refs)
        self._threads = [
            threading.Thread(target=self._work, args=(waiting,), name=f"load-{number}", daemon=True)
            for number in range(self._workers)
        ]
        for thread in self._threads:
            thread.start()
        try:
            self._collect(progress)
        except BaseException:
            self._stopped.set()
            with suppress(AwsError, CollectorError):  # what they meet while they end changes nothing
                self._collect(progress)
            raise
        return self.report

    def _work(self, refs: Iterator[ObjectRef]) -> None:
        try:
            intake = self._make_intake(self._objects)
            while not self._stopped.is_set():
                with self._lock:  # a generator may run in one thread at a time
                    ref = next(refs, None)
                if ref is None:
                    break
                result = intake.take(ref, dataset=self._dataset, seconds_left=self._seconds_left)
                self._answers.put((ref, result))
        except BaseException as exc:
            self._answers.put(exc)
        finally:
            self._answers.put(threading.current_thread())

    def _collect(self, progress: Callable[[LoadReport], None]) -> None:
        """Count what the workers did until all have ended; raise the first of their errors then."""
        failure: Optional[BaseException] = None
        # Not a count of those that said they have ended: Ctrl-C may come between hearing one and counting it.
        while any(thread.is_alive() for thread in self._threads) or not self._answers.empty():
            try:
                answer = self._answers.get(timeout=TICK_S)
            except queue.Empty:
                pass
            else:
                if isinstance(answer, threading.Thread):
                    answer.join()
                elif isinstance(answer, BaseException):
                    failure = failure or answer
                    self._stopped.set()
                else:
                    self._count(*answer)
            self.report.bytes_done = self._bytes_finished + self._objects.bytes_under_way()
            progress(self.report)
        if failure is not None:
            raise failure

    def _count(self, ref: ObjectRef, result: ObjectResult) -> None:
        self._objects.forget(ref)
        self.report.add(ref, result, self._name_of(ref))
        if result.outcome == DONE:
            self._bytes_finished += max(0, ref.size_bytes)
            self._finished(ref, result)

    def _seconds_left(self) -> float:
        # Far over the deadline, so that an object that waits for a cluster without room is left at once.
        return -math.inf if self._stopped.is_set() else forever()


class _Counted:
    """Objects whose bytes are counted as they are read, for a bar that also moves within a large one."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._read: Dict[ObjectRef, int] = {}

    @contextmanager
    def open(self, ref: ObjectRef) -> Iterator[BinaryIO]:
        """See `Objects.open`."""
        with self._objects.open(ref) as stream:
            yield _CountedStream(stream, ref, self._read)  # type: ignore[misc]

    def bytes_under_way(self) -> int:
        """Return the bytes read of objects that are not finished; what is read twice counts once."""
        return sum(min(size, max(0, ref.size_bytes)) for ref, size in list(self._read.items()))

    def forget(self, ref: ObjectRef) -> None:
        """Leave out an object: it is done, or given up."""
        self._read.pop(ref, None)


class _CountedStream:
    def __init__(self, stream: BinaryIO, ref: ObjectRef, read: Dict[ObjectRef, int]) -> None:
        self._stream, self._ref, self._counts = stream, ref, read
        read[ref] = 0

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._counts[self._ref] += len(data)
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def make_visible(transport: Transport, report: LoadReport) -> str:
    """Refresh what was written, so that the next search finds it; return why that was not possible, or nothing.

    Every document is stored in any case: the engine makes it visible by itself, after the index's refresh interval.
    """
    reason = ""
    for dataset, counts in report.logs.items():
        if not counts.stored:
            continue
        try:
            transport.request("POST", [all_indices(dataset), "_refresh"])
        except PermissionDenied:
            reason = f"this account lacks the permission {REFRESH_PERMISSION} on {all_indices(dataset)}"
        except BridgeError as exc:
            reason = reason or str(exc)
    return reason
