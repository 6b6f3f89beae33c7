"""Each record of each object, looked for in the store: what is there, what is a dead letter, and what is nowhere.

The objects are read again from the beginning and their records made into documents, as the loader does; what is asked
is whether the ids of these documents are in the store. So nothing is believed that a loader said.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Iterator, List, NamedTuple, Optional, Set, Tuple

from aws_bridge.errors import ObjectProblem
from aws_bridge.object_ref import ObjectRef
from aws_bridge.objects import Objects
from collectors.delivery.dead_letters import UNKNOWN, DeadLetters
from collectors.delivery.text_record import text_record
from collectors.errors import CollectorError, DamagedFile, DeadLetterFile, DigestFile, NotThisLog, UnknownObject
from collectors.reading.reading import Reading
from collectors.reading.recognise import DEAD_LETTERS, UNKNOWN_KIND, kind_of
from collectors.records.json_codec import Codec, fastest
from collectors.records.object_time import written_ms
from collectors.records.record import BadRecord, Context, Made, Record
from collectors.sinks.opensearch.index_names import index_of
from collectors.sources.log import DIGEST
from collectors.verify.presence import BATCH, Found, Presence

#: Gaps and doubled records named for each object; the others are counted.
NAMED = 10


class Gap(NamedTuple):
    """A record that is neither in the store nor a dead letter."""

    number: int
    #: Of the document it makes; empty for a record that makes none.
    id: str
    reason: str


class Doubled(NamedTuple):
    """A record that is in more than one index."""

    number: int
    id: str
    indices: List[str]


@dataclass
class ObjectAudit:
    """One object: ``records`` = ``stored`` + ``dead`` + ``missing``."""

    uri: str
    dataset: str = ""
    records: int = 0
    #: In the store, also as text: what is no record, once its dead letter was replayed.
    stored: int = 0
    #: Records that are dead letters and not in the store.
    dead: int = 0
    missing: int = 0
    doubled: int = 0
    #: The first of them.
    gaps: List[Gap] = field(default_factory=list)
    doubles: List[Doubled] = field(default_factory=list)
    #: What it is called where it is none of the logs (see `collectors.reading.recognise`).
    passed_over: str = ""
    #: Why the object was not compared to its end.
    problem: str = ""
    #: The problem is in the dead-letter store.
    problem_is_known: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether every record is accounted for, and none twice."""
        return not (self.missing or self.doubled or (self.problem and not self.problem_is_known))

    @property
    def may_be_a_log(self) -> bool:
        """Whether it was passed over, nobody knows what it is, and no dead letter says so."""
        return self.passed_over == UNKNOWN_KIND and not self.problem_is_known


class Audit:
    """Compares objects with one store; safe to use from several threads. ``named`` limits what is named an object."""

    def __init__(
        self,
        objects: Objects,
        presence: Presence,
        letters: Optional[DeadLetters] = None,
        *,
        dataset: str = "",
        named: int = NAMED,
        codec: Optional[Codec] = None,
    ) -> None:
        self.objects, self.presence, self.letters = objects, presence, letters
        self.dataset, self.named = dataset, named
        self.codec = codec or fastest()
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End what is being compared at its next batch, with a `CollectorError`."""
        self._stopped.set()

    def go_on(self) -> None:
        """Raise `CollectorError` once it was stopped."""
        if self._stopped.is_set():
            raise CollectorError("the audit was stopped")

    def compare(self, ref: ObjectRef) -> ObjectAudit:
        """Return what became of the records of one object. Raises the errors of `es_bridge` and `LetterStoreError`."""
        return _Comparing(self, ref).run()


class _Comparing:
    """The comparison of one object: its records in batches, and its dead letters once they are asked for."""

    def __init__(self, audit: Audit, ref: ObjectRef) -> None:
        self._audit, self._ref = audit, ref
        self._result = ObjectAudit(ref.uri)
        self._dead: Optional[Set[int]] = None
        #: Letters that stand for many records: first, last (0: the end) and how many.
        self._many: List[Tuple[int, int, int]] = []
        #: Records that one of them may stand for: how many have no document, and how many have one that is nowhere.
        self._bad_among_many = 0
        self._absent_among_many = 0
        self._first_absent: List[Gap] = []

    def run(self) -> ObjectAudit:
        result = self._result
        try:
            with self._audit.objects.open(self._ref) as stream:
                context = Context(self._ref, self._audit.codec, written_ms=written_ms(stream))
                reading = Reading(stream, context, self._audit.dataset)
                result.dataset = reading.dataset
                for batch in _batches(reading):
                    self._audit.go_on()
                    self._count(batch, context)
                result.dataset, result.passed_over = reading.dataset, reading.passed_over
        except DigestFile:
            result.passed_over = DIGEST
        except DeadLetterFile:
            result.passed_over = DEAD_LETTERS
        except UnknownObject as exc:
            result.dataset, result.passed_over, result.problem = "", UNKNOWN_KIND, str(exc)
            result.problem_is_known = 0 in self._dead_letters()
        except (DamagedFile, NotThisLog, ObjectProblem) as exc:
            result.problem = str(exc)
            result.problem_is_known = 0 in self._dead_letters()
        self._count_many()
        return result

    def _count(self, batch: List[Made], context: Context) -> None:
        result = self._result
        result.records += len(batch)
        made_of = [(made, self._record(made, context)) for made in batch]
        records = [record for _, record in made_of if record is not None]
        found = self._audit.presence.find(result.dataset, records) if records else Found({}, {})
        for made, record in made_of:
            indices = found.indices.get(record.identity, ()) if record else ()
            if record is None or (isinstance(made, BadRecord) and not indices):
                self._not_stored(_gap(made), is_bad=True)
                continue
            if not indices:
                index = index_of(record)
                self._not_stored(Gap(record.number, record.identity, found.unreadable.get(index, f"not in {index}")))
                continue
            result.stored += 1
            if len(indices) > 1:
                result.doubled += 1
                if len(result.doubles) < self._audit.named:
                    result.doubles.append(Doubled(record.number, record.identity, sorted(indices)))

    def _record(self, made: Made, context: Context) -> Optional[Record]:
        """Return what is to be looked for; of what is no record its text, unless a dead letter has it."""
        if isinstance(made, Record) or self._is_dead_letter(made.number):
            return made if isinstance(made, Record) else None
        text = text_record(made, self._result.dataset, context)
        return text and text._replace(text=b"")

    def _is_dead_letter(self, number: int) -> bool:
        in_one_of_its_own = number in self._dead_letters()
        return in_one_of_its_own or any(
            first <= number and (not last or number <= last) for first, last, _ in self._many
        )

    def _not_stored(self, gap: Gap, is_bad: bool = False) -> None:
        result = self._result
        if gap.number in self._dead_letters():
            result.dead += 1
        elif any(first <= gap.number and (not last or gap.number <= last) for first, last, _ in self._many):
            if is_bad:
                result.dead += 1
                self._bad_among_many += 1
            else:
                self._absent_among_many += 1
                if len(self._first_absent) < self._audit.named:
                    self._first_absent.append(gap)
        else:
            self._missing(gap)

    def _count_many(self) -> None:
        """Compare the letters that stand for many records with what they may stand for.

        Such a letter says how many it stands for, not which. Records without a document are among them for certain; of
        those whose document is nowhere only as many as are left then, the others are missing.
        """
        left = max(0, sum(count for _, _, count in self._many) - self._bad_among_many)
        self._result.dead += min(left, self._absent_among_many)
        missing = self._absent_among_many - left
        if missing > 0:
            for gap in self._first_absent[:missing]:
                about = f"{gap.reason} (or a later one: dead letters cover {left:,} of these records)" if left else ""
                self._missing(gap._replace(reason=about or gap.reason))
            self._result.missing += max(0, missing - len(self._first_absent))

    def _missing(self, gap: Gap) -> None:
        result = self._result
        result.missing += 1
        if len(result.gaps) < self._audit.named:
            result.gaps.append(gap)

    def _dead_letters(self) -> Set[int]:
        """Return the numbers of the object's records that are dead letters; 0 stands for the object as a whole."""
        if self._dead is None:
            letters = self._audit.letters
            # As the intake names it, also where the object could not be opened.
            by_key = "" if self._result.passed_over == UNKNOWN_KIND else kind_of(self._ref.key).dataset
            dataset = self._result.dataset or self._audit.dataset or by_key or UNKNOWN
            self._dead = set()
            for letter in letters.iterate(dataset=f"{dataset}/{self._ref.identity}") if letters else ():
                if letter.count:
                    self._many.append((letter.number, letter.last, letter.count))
                else:
                    self._dead.add(letter.number)
        return self._dead


def _gap(made: Made) -> Gap:
    return Gap(made.number, "", made.reason) if isinstance(made, BadRecord) else Gap(made.number, made.identity, "")


def _batches(reading: Reading) -> Iterator[List[Made]]:
    """Yield the records in lists of `BATCH`, without their text; what is before a damage comes first."""
    batch: List[Made] = []
    try:
        for made in reading:
            batch.append(made._replace(text=b"") if isinstance(made, Record) else made)
            if len(batch) == BATCH:
                yield batch
                batch = []
    except (DamagedFile, NotThisLog):
        yield batch
        raise
    yield batch
