"""Dead letters replayed: the records concerned, and only these, are taken again from the original object.

A letter goes when its record has an answer: stored, there already, or refused anew, which is a letter of its own.
What is no record is stored as a document that holds its text: `collectors.delivery.text_record`. A letter stays when
there is no answer: the object is gone, cannot be read now, or no longer holds that record. The excerpt in it may then
be all that is left. A letter that stands for many records has all records of its range taken again: those that are
stored are found there, and what is still refused is one letter again.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import groupby
from typing import DefaultDict, Dict, Iterable, Iterator, List, NamedTuple

from aws_bridge.object_ref import ObjectRef
from collectors.delivery.dead_letters import NOT_THIS_LOG, UNKNOWN, DeadLetter, DeadLetters
from collectors.delivery.intake import Intake
from collectors.delivery.outcome import DONE, ObjectResult
from collectors.sources.registry import LOGS

REFUSED_ANEW = "what is left was refused anew: the letters say why"


class Redriven(NamedTuple):
    """What became of the letters of one object: ``letters`` = ``stored`` + ``refused`` + ``kept``.

    A letter that stands for many records counts as one, and is refused when one of them is.
    """

    ref: ObjectRef
    letters: int
    #: In the store now, or found there. An object as a whole counts as one.
    stored: int
    #: Refused once more: a new letter says why. An object of which a record is refused counts as one.
    refused: int
    #: Without an answer: the letters stay as they are.
    kept: int
    reason: str
    #: How many are no records: they are in the store as text.
    texts: int = 0


def redrive(letters: Iterable[DeadLetter], dead_letters: DeadLetters, intake: Intake) -> Iterator[Redriven]:
    """Replay ``letters``, those of one object one after the other, as `DeadLetters.iterate` yields them.

    Raises what `Intake.take` raises; letters that were not reached stay.
    """
    for place, same in groupby(letters, key=lambda letter: letter.place):
        versions: DefaultDict[ObjectRef, _Letters] = defaultdict(_Letters)
        for letter in same:  # an excerpt is 4 kB: only numbers and times are kept
            about = versions[letter.ref]
            if letter.count:
                about.ranges.append(_Range(letter.number, letter.last, letter.time_ms))
            else:
                about.times[letter.number] = letter.time_ms
            about.recognise = about.recognise or letter.error_type == NOT_THIS_LOG
        for ref, about in versions.items():
            yield _redriven(ref, place, about, dead_letters, intake)


class _Range(NamedTuple):
    """A letter that stands for many records."""

    number: int
    last: int
    time_ms: int


class _Letters:
    """The letters of one object."""

    def __init__(self) -> None:
        #: Of single records, and with number 0 of the object: number -> when it was written.
        self.times: Dict[int, int] = {}
        self.ranges: List[_Range] = []
        #: The object was taken for another log than it is.
        self.recognise = False


def _redriven(ref: ObjectRef, place: str, about: _Letters, dead_letters: DeadLetters, intake: Intake) -> Redriven:
    dataset = place.partition("/")[0]
    forced = dataset if dataset in LOGS else ""
    stored = refused = kept = texts = 0
    reason = ""
    times = about.times
    records = {number: time_ms for number, time_ms in times.items() if number}
    if records:
        result = intake.take(ref, only=records.keys(), dataset=forced, as_text=True)
        texts = result.texts
        if result.outcome == DONE and result.records == len(records):
            dead_letters.remove(place, records)
            stored, refused = result.stored + result.already_there, result.dead
            reason = REFUSED_ANEW if refused else ""
        else:
            kept, reason = len(records), _why(result, len(records))
    for letter in about.ranges:
        result = intake.take(
            ref, first_number=letter.number, last_number=letter.last, most_letters=0, dataset=forced, as_text=True
        )
        texts += result.texts
        if result.outcome != DONE or not result.records:
            kept, reason = kept + 1, result.reason or f"the object holds no record from {letter.number:,} on"
            continue
        dead_letters.remove(place, {}, {letter.number: letter.time_ms})
        if result.dead:
            refused, reason = (
                refused + 1,
                f"{result.dead:,} records are refused again; one new letter covers them and says why",
            )
        else:
            stored += 1
    if 0 in times:
        # As the log it was taken for, unless that was the trouble: a later version may know better what it is.
        result = intake.take(ref, dataset="" if about.recognise else forced, as_text=True)
        texts += result.texts
        if result.outcome != DONE:
            kept, reason = kept + 1, result.reason
        elif result.reason:
            refused, reason = refused + 1, result.reason
            if (result.dataset or UNKNOWN) != dataset:  # else the new letter is in place of this one
                dead_letters.remove(place, {0: times[0]})
        else:
            dead_letters.remove(place, {0: times[0]})
            if result.dead:
                refused, reason = (
                    refused + 1,
                    f"{result.dead:,} of its records are refused, each in a letter of its own",
                )
            else:
                stored += 1
    return Redriven(ref, len(times) + len(about.ranges), stored, refused, kept, reason, texts)


def _why(result: ObjectResult, wanted: int) -> str:
    return result.reason or f"the object holds only {result.records:,} of these {wanted:,} records"
