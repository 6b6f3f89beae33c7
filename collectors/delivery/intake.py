"""One object into the store: opened, recognised, read, written; every record ends in one answer.

=====================================================  ===============  ==================================
what happens                                           outcome          dead letter
=====================================================  ===============  ==================================
every record stored, or there already                  DONE
a record is none, or its day is outside the window     DONE             of the record; from `MOST_LETTERS` on one
                                                                        letter of all the others together. With
                                                                        ``as_text`` what is no record is stored
the engine refuses a document, or its index            DONE             of the record, the engine's reason
nothing is in it: no byte, gzip of nothing             DONE, 0 records
it is known to be none of the logs: a digest, another  DONE, 0 records
service's file, a folder's placeholder, a dead letter
the object is gone                                     DONE             of the object
neither key nor content are a log's: it may be one     DONE             of the object
it is another log than its key says, or none           DONE             of the object
it is cut short: what is complete is stored            DONE             of the object, with the offset
its checksum differs; access or KMS denied; S3 unwell  RETRY
dead letters cannot be written                         RETRY
the deadline comes                                     UNFINISHED
the cluster is down, full or overloaded                `StoreUnavailable` is raised
the cluster refuses the account                        `IntakeStopped` is raised
=====================================================  ===============  ==================================
"""

from __future__ import annotations

import logging
import math
import time
from contextlib import closing
from dataclasses import replace
from typing import Callable, Collection, Iterable, Iterator, Optional, Protocol, Set, Union

from aws_bridge.errors import AwsError, ObjectGone
from aws_bridge.object_ref import ObjectRef
from aws_bridge.objects import Objects
from collectors.delivery.dead_letters import (
    BAD_RECORD,
    DAMAGED_FILE,
    NOT_THIS_LOG,
    OBJECT_GONE,
    OUTSIDE_WINDOW,
    UNKNOWN,
    DeadLetter,
    this_host,
)
from collectors.delivery.event_window import DAY_MS, EventWindow, LogDays
from collectors.delivery.letter_buffer import LetterBuffer
from collectors.delivery.outcome import RETRY, UNFINISHED, ObjectResult
from collectors.delivery.text_record import is_text, text_record
from collectors.errors import (
    CollectorError,
    DamagedFile,
    DeadLetterFile,
    DigestFile,
    IntakeStopped,
    NotThisLog,
    StoreUnavailable,
    UnknownObject,
)
from collectors.reading.reading import Reading
from collectors.reading.recognise import PLACEHOLDER, UNKNOWN_KIND, is_placeholder, kind_of
from collectors.reading.unpack import BrokenData
from collectors.records.addresses import AddressBook
from collectors.records.json_codec import Codec, fastest
from collectors.records.object_time import written_ms
from collectors.records.record import EXCERPT_BYTES, BadRecord, Context, Record
from collectors.sinks.contract import ALREADY_THERE, STORED, Sink, ignore
from collectors.sources.log import DIGEST

#: So many letters about single records of one object; the others have one letter together. A file of 6 kB can hold
#: three million bad records, and 4 kB of each would be kept.
MOST_LETTERS = 10_000
#: How often the clock is asked, in records.
LOOK_EVERY = 64
#: After the deadline, what is under way and finds no room is given up so soon.
FINISH_WITHIN_S = 10.0

_log = logging.getLogger(__name__)


class Letters(Protocol):
    """Where dead letters go, such as `DeadLetters`."""

    def add(self, letters: Iterable[DeadLetter]) -> None:
        """Write letters, in place of those about the same records. Raises `LetterStoreError`."""


def forever() -> float:
    """Return the time left of what has no deadline."""
    return math.inf


class Intake:
    """Takes objects one at a time; each worker has an intake of its own, and they may share all it is made of."""

    def __init__(
        self,
        sink: Sink,
        objects: Objects,
        dead_letters: Optional[Letters],
        *,
        window: Optional[EventWindow] = None,
        addresses: Optional[AddressBook] = None,
        codec: Optional[Codec] = None,
        on_wait: Callable[[str], None] = ignore,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Without ``dead_letters`` an object with a record that cannot be stored ends as RETRY, never as DONE.

        ``window`` is no limit when left out; ``addresses`` may be shared by intakes, which saves memory; ``on_wait`` is
        that of `Sink.write`; ``clock`` stamps dead letters.
        """
        self.sink, self.objects, self.dead_letters = sink, objects, dead_letters
        self.window, self.on_wait, self.clock = window, on_wait, clock
        self.codec = codec or fastest()
        self.addresses = AddressBook() if addresses is None else addresses

    def take(
        self,
        ref: ObjectRef,
        *,
        first_number: int = 1,
        last_number: int = 0,
        only: Optional[Collection[int]] = None,
        most_letters: int = MOST_LETTERS,
        dataset: str = "",
        as_text: bool = False,
        seconds_left: Callable[[], float] = forever,
    ) -> ObjectResult:
        """Take one object, from record ``first_number`` to ``last_number``, or ``only`` the records of these numbers.

        ``last_number`` 0 is the end of the object. After ``most_letters`` records that cannot be stored all others
        have one letter together; records of ``only`` always have one each.

        ``dataset`` forces the log; with ``as_text`` what is no record is stored as a document that holds its text
        (`collectors.delivery.text_record`).

        When ``seconds_left()`` is 0 no further document is begun; what is under way is finished (or given up when it
        finds no room for `FINISH_WITHIN_S` more seconds: keep that in reserve), and the result is UNFINISHED: every
        record before its ``next_number`` has its final answer. A call that begins in time gets at least one batch of
        documents further.

        Raises `StoreUnavailable` or `IntakeStopped`; never for the object's own faults.
        """
        if seconds_left() <= 0:
            return ObjectResult(dataset, UNFINISHED, "no time was left to begin", next_number=first_number)
        return _Taking(self, ref, first_number, last_number, only, most_letters, dataset, as_text, seconds_left).run()


class _OutOfTime(Exception):
    """The deadline is over and what is under way still finds no room."""


class _Unanswered(Exception):
    """An answer that cannot be given now: the reason, for RETRY."""


class _Taking:
    """The taking of one object: what is fed and not answered yet, and the counts."""

    def __init__(
        self,
        intake: Intake,
        ref: ObjectRef,
        first_number: int,
        last_number: int,
        only: Optional[Collection[int]],
        most_letters: int,
        dataset: str,
        as_text: bool,
        seconds_left: Callable[[], float],
    ) -> None:
        self._intake, self._ref, self._seconds_left = intake, ref, seconds_left
        self._dataset, self._as_text = dataset, as_text
        self._first_number, self._last_number, self._only = first_number, last_number, only
        if only:
            self._first_number, self._last_number = max(first_number, min(only)), max(only)
        #: Letters about single records that may still be written, and what all others have together.
        self._letters_left: float = math.inf if only else most_letters
        self._rest: Optional[DeadLetter] = None
        self._rest_count = 0
        self._kind = kind_of(ref.key)
        self._result = ObjectResult(dataset or self._kind.dataset)
        self._letters = LetterBuffer(self._add, self._answered_before)
        #: Numbers of the documents that were fed and have no answer yet, and the first number not fed.
        self._under_way: Set[int] = set()
        self._next_number = self._first_number
        self._out_of_time = False
        #: What is wrong with the object, found while it was read: said when all before it has its answer.
        self._fault: Union[None, DamagedFile, NotThisLog] = None
        self._newest_ms: Optional[int] = None

    def run(self) -> ObjectResult:
        result = self._result
        try:
            self._take()
            self._flush()
        except (IntakeStopped, StoreUnavailable):
            raise
        except (AwsError, CollectorError, OSError, _Unanswered) as exc:
            result.outcome, result.reason = RETRY, f"{self._ref.uri}: {exc}"
        except Exception as exc:
            # A fault of ours that this object brought out: the queue's redrive policy puts it aside, the rest goes on.
            _log.exception("%s: unexpected", self._ref.uri)
            result.outcome, result.reason = RETRY, f"{self._ref.uri}: unexpected {type(exc).__name__}: {exc}"
        result.records = result.stored + result.already_there + result.dead
        result.newest_ms = self._newest_ms or 0
        return result

    def _take(self) -> None:
        result = self._result
        if is_placeholder(self._ref.key, self._ref.size_bytes):
            result.passed_over = PLACEHOLDER
            return
        if self._kind.passed_over and not self._kind.may_be_a_log and not self._dataset:
            result.passed_over = self._kind.passed_over  # so that nothing is read of what is known
            return
        try:
            with self._intake.objects.open(self._ref) as stream:
                context = Context(
                    self._ref,
                    self._intake.codec,
                    self._intake.addresses,
                    self._first_number,
                    written_ms=written_ms(stream),
                )
                reading = Reading(stream, context, self._dataset)
                result.dataset = reading.dataset
                try:
                    self._write(reading, context)
                finally:
                    result.bytes_read = reading.bytes_read
                    result.unknown_columns = tuple(context.unknown_columns)
                    result.dataset, result.passed_over = reading.dataset, reading.passed_over
        except ObjectGone as exc:
            self._about_the_object(OBJECT_GONE, str(exc))
        fault = self._fault
        if self._out_of_time:
            result.outcome, result.reason = UNFINISHED, "the time was over"
            result.next_number = self._answered_before()
        elif isinstance(fault, BrokenData):
            raise fault
        elif isinstance(fault, DamagedFile):
            self._about_the_object(DAMAGED_FILE, str(fault), fault.offset)
        elif isinstance(fault, DigestFile):
            result.dataset, result.passed_over = "digest", DIGEST
        elif isinstance(fault, DeadLetterFile):
            pass  # a letter about a letter would, where the store is below what is loaded, be followed by one about it
        elif fault is not None:
            if isinstance(fault, UnknownObject):
                result.passed_over = UNKNOWN_KIND
            self._about_the_object(NOT_THIS_LOG, str(fault))

    def _write(self, reading: Reading, context: Context) -> None:
        intake, result, under_way = self._intake, self._result, self._under_way
        answers = intake.sink.write(
            self._records(reading, context), give_up_after_s=max(1.0, self._seconds_left()), on_wait=self._waiting
        )
        try:
            # Closed here and not whenever the exception that ended it is forgotten: then nothing is under way any more.
            with closing(answers):
                for record, answer, reason, error_type in answers:
                    under_way.discard(record.number)
                    if answer == STORED:
                        result.stored += 1
                        result.texts += is_text(record)
                    elif answer == ALREADY_THERE:
                        result.already_there += 1
                        result.texts += is_text(record)
                    else:
                        result.dead += 1
                        about = (record.number, reason, error_type, record.text, -1, intake.sink.place_of(record))
                        if self._letters_left > 0:
                            self._letters_left -= 1
                            self._letters.refused(self._letter(*about))
                        else:
                            self._to_the_rest(*about)
        except _OutOfTime as exc:
            if self._answered_before() <= self._first_number:
                raise StoreUnavailable(f"nothing was stored in time: {exc}") from exc
            self._out_of_time = True

    def _records(self, reading: Reading, context: Context) -> Iterator[Record]:
        """Yield what is to be written; put aside what cannot be; end at the deadline."""
        only, last = self._only, self._last_number or math.inf
        window = self._intake.window
        days: Optional[LogDays] = None
        feed = self._under_way.add
        newest_ms: Optional[int] = None
        fed = 0
        look_at = self._intake.sink.batch_records
        try:
            for made in reading:
                number = made.number
                if number > last:
                    break
                if only is not None and number not in only:
                    continue
                if isinstance(made, BadRecord) and self._as_text:
                    made = text_record(made, reading.dataset, context) or made
                if isinstance(made, BadRecord):
                    self._pass_over(number, made.reason, BAD_RECORD, made.excerpt, made.offset)
                else:
                    if window is not None and days is None:
                        days = window.now(made.dataset)
                    outside = days[made.time_ms // DAY_MS] if days is not None else ""
                    if outside:
                        place = self._intake.sink.place_of(made)
                        self._pass_over(number, outside, OUTSIDE_WINDOW, made.text, index=place)
                    else:
                        if newest_ms is None or made.time_ms > newest_ms:
                            newest_ms = made.time_ms
                        feed(number)
                        yield made
                self._next_number = number + 1
                fed += 1
                if fed == look_at:
                    if self._seconds_left() <= 0:
                        self._out_of_time = True
                        break
                    look_at += LOOK_EVERY
        except (DamagedFile, NotThisLog) as exc:
            self._fault = reading.damage or exc
        finally:
            self._newest_ms = newest_ms

    def _pass_over(
        self, number: int, reason: str, error_type: str, excerpt: bytes, offset: int = -1, index: str = ""
    ) -> None:
        self._result.dead += 1
        if self._letters_left > 0:
            self._letters_left -= 1
            self._letters.passed_over(self._letter(number, reason, error_type, excerpt, offset, index))
        else:
            self._to_the_rest(number, reason, error_type, excerpt, offset, index)

    def _to_the_rest(self, number: int, reason: str, error_type: str, excerpt: bytes, offset: int, index: str) -> None:
        """Count a record among those that have one letter together, which quotes the first of them."""
        self._rest_count += 1
        if self._rest is None or number < self._rest.number:
            self._rest = self._letter(number, reason, error_type, excerpt, offset, index)

    def _flush(self) -> None:
        """Write all letters that are not written yet."""
        self._letters.flush()
        rest, self._rest = self._rest, None
        if rest is None:
            return
        # Behind the place where an unfinished object goes on, the next run has letters of its own.
        last = self._answered_before() - 1 if self._out_of_time else self._last_number
        if self._out_of_time and last < rest.number:
            return
        where = f"{rest.number:,} to {last:,}" if last else f"{rest.number:,} to the end"
        reason = f"{self._rest_count:,} of the records from {where}, here as one letter; the first: {rest.reason}"
        self._add([replace(rest, reason=reason, count=self._rest_count, last=last)])

    def _about_the_object(self, error_type: str, reason: str, offset: int = -1) -> None:
        self._result.reason = reason
        self._flush()
        self._add([self._letter(0, reason, error_type, b"", offset)])

    def _letter(
        self, number: int, reason: str, error_type: str, excerpt: bytes, offset: int = -1, index: str = ""
    ) -> DeadLetter:
        bucket, key, version_id, _, path = self._ref
        return DeadLetter(
            self._result.dataset or UNKNOWN,
            bucket,
            key,
            version_id,
            number,
            offset,
            reason,
            error_type,
            excerpt[:EXCERPT_BYTES],
            int(self._intake.clock() * 1000),
            index,
            host=this_host() if path else "",
            path=path,
        )

    def _add(self, letters: Iterable[DeadLetter]) -> None:
        if self._intake.dead_letters is None:
            first = next(iter(letters))
            where = f"record {first.number:,}: " if first.number else ""
            raise _Unanswered(f"{where}{first.reason}; and there is no dead-letter store to put it into")
        self._intake.dead_letters.add(letters)

    def _answered_before(self) -> int:
        """Return the first number that has no final answer yet."""
        return min(self._under_way, default=self._next_number)

    def _waiting(self, reason: str) -> None:
        self._intake.on_wait(reason)
        if self._seconds_left() <= -FINISH_WITHIN_S:
            raise _OutOfTime(reason)
