"""``aws-siem-bridge dlq``: what could not be stored: listed, explained, replayed from the original objects, settled."""

from __future__ import annotations

import argparse
import re
import sys
from itertools import groupby
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple, Union

from aws_bridge.clients import client
from aws_bridge.errors import AwsError, NotAnAddress, ObjectUnreadable
from aws_bridge.objects import LocalObjects, Objects, S3Objects
from collectors.cli.period import days
from collectors.cli.progress import Waiting
from collectors.delivery.dead_letters import UNKNOWN, DeadLetter, DeadLetters
from collectors.delivery.event_window import EventWindow
from collectors.delivery.intake import Intake
from collectors.delivery.letter_store import letter_store
from collectors.delivery.originals import Originals
from collectors.delivery.redrive import Redriven, redrive
from collectors.errors import CollectorError
from collectors.records.enrichment import address_book
from collectors.sinks.opensearch.sink import OpenSearchSink
from collectors.sources.registry import LOGS
from es_bridge.cli.connection import add_connection_arguments, cluster_from, opaque_id
from es_bridge.cli.reporting import DONE, FAILED, UsageError, run_reported, say, tell
from es_bridge.cli.rows import TABLE, Column, Rows, add_format_argument, as_json
from es_bridge.cli.table import cell
from es_bridge.terminal import put
from es_bridge.times import format_utc, now_ms, parse_time, zone_named
from es_bridge.transport import Transport

EXAMPLES = """\
examples:
  aws-siem-bridge dlq list s3://log-dead-letters/load --dataset waf --since -1d
  aws-siem-bridge dlq show s3://log-dead-letters/load waf/3q2-7wAAAAAAAAAA/17
  aws-siem-bridge dlq redrive s3://log-dead-letters/load --url https://search.example:9200 --username loader
  aws-siem-bridge dlq redrive s3://log-dead-letters/load waf/3q2-7wAAAAAAAAAA --url https://search.example:9200
  aws-siem-bridge dlq redrive dead-letters/ --objects copy-of-the-bucket/ --as s3://log-archive
  aws-siem-bridge dlq dismiss s3://log-dead-letters/load --error-type object_gone

A letter's id is <log>/<object>/<number of the record>, 0 for the object as a whole, and <number>+ for all others from
that record on, of an object with very many; without a number it means all letters of the object. redrive reads the
original objects again and replays only the records concerned. A letter goes when its record has an answer (stored,
there already, or refused anew, which is a new letter), and stays when there is none. What is no record (broken JSON, a
line that was cut) is stored as text: event.kind:pipeline_error. Exit status of redrive 0: every letter asked for is
gone and its record stored. 1: something is left, and is named. dismiss removes letters that nothing more will come of,
such as those about an object that is gone for good, and prints each of them as a line of JSON.
"""
#: What is known about a letter, in order.
_FACTS: Tuple[str, ...] = ("id", "object", "machine", "file", "version", "record")
_FACTS += ("offset", "recorded", "error_type", "reason", "index", "excerpt")
#: Letters shown at once.
LIMIT = 100
#: What a list shows of a reason.
REASON_CHARS = 120


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands and their options."""
    parser.epilog = EXAMPLES
    commands = parser.add_subparsers(dest="dlq_command", metavar="list|show|redrive|dismiss", required=True)
    listing = _command(commands, "list", "list dead letters")
    _add_filters(listing)
    listing.add_argument("--limit", type=int, default=LIMIT, metavar="N", help=f"at most so many (default: {LIMIT})")
    listing.add_argument("--after", default="", metavar="ID", help="the next page: letters after this one")
    add_format_argument(listing, more="table is in short, the others have all that is known; ")
    show = _command(commands, "show", "say all that is known about a letter, or the letters of an object")
    show.add_argument("id", metavar="ID", help="as listed")
    add_format_argument(show)
    again = _command(commands, "redrive", "take the records again from the original objects")
    again.add_argument("ids", nargs="*", metavar="ID", help="letters or objects, as listed (default: all that are met)")
    _add_filters(again)
    again.add_argument(
        "--objects",
        type=Path,
        metavar="FOLDER",
        help="read the objects from this copy of the bucket, not from S3; without --as: the files that letters about "
        "files are about (default: where they were)",
    )
    again.add_argument("--as", dest="stands_for", metavar="s3://BUCKET/PREFIX", help="what that folder is a copy of")
    again.add_argument(
        "--retention-days", type=days, metavar="DAYS", help="older events stay dead letters (default: none is too old)"
    )
    again.add_argument(
        "--mmdb", type=Path, action="append", default=[], metavar="FILE", help="as for load: country, AS of addresses"
    )
    again.add_argument("--kms-key", metavar="ID", default="", help="KMS key of new dead letters in S3")
    add_connection_arguments(again)
    dismiss = _command(commands, "dismiss", "remove letters for good; the objects themselves are not touched")
    dismiss.add_argument("ids", nargs="*", metavar="ID", help="letters or objects, as listed; or give --error-type")
    _add_filters(dismiss)


def _command(commands: Any, name: str, line: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name, help=line, description=line, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("place", metavar="PLACE", help="the dead-letter store: s3://bucket/prefix, or a folder")
    return parser


def _add_filters(parser: argparse.ArgumentParser) -> None:
    # argparse takes "-1d" for an option, but has a pattern for what begins with a minus and is a value all the same.
    parser._negative_number_matcher = re.compile(r"-\.?\d|-[a-z]+@")
    which = parser.add_argument_group("which")
    which.add_argument("--dataset", choices=[*sorted(LOGS), UNKNOWN], default="", help="of this log")
    which.add_argument(
        "--source", default="", metavar="s3://BUCKET/PREFIX", help="about objects whose address begins so"
    )
    which.add_argument("--error-type", default="", metavar="TYPE", help="of this kind, as listed, such as object_gone")
    which.add_argument("--since", default="0", metavar="TIME", help="recorded since, such as -1d or 2026-11-21 (UTC)")


def run(arguments: argparse.Namespace) -> int:
    """Run one of the sub-commands; return the exit status."""
    return run_reported(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    try:
        if arguments.dlq_command == "redrive":
            return _redrive(arguments)
        letters = DeadLetters(letter_store(arguments.place))
        if arguments.dlq_command == "show":
            return _show(letters, arguments.id, arguments.format)
        return _list(letters, arguments) if arguments.dlq_command == "list" else _dismiss(letters, arguments)
    except NotAnAddress as exc:
        raise UsageError(str(exc)) from None
    except (AwsError, CollectorError) as exc:
        say(str(exc))
        return FAILED


def _filters(arguments: argparse.Namespace) -> Dict[str, Any]:
    since_ms = parse_time(arguments.since, now_ms=now_ms(), zone=zone_named("UTC"))
    return {
        "dataset": arguments.dataset,
        "source": arguments.source,
        "error_type": arguments.error_type,
        "since_ms": since_ms or 0,
    }


def _list(letters: DeadLetters, arguments: argparse.Namespace) -> int:
    if arguments.limit < 1:
        raise UsageError(f"--limit {arguments.limit} shows nothing: give 1 or more")
    page = letters.page(arguments.limit, after=arguments.after, **_filters(arguments))
    if page.letters or arguments.format != TABLE:
        _print(page.letters, arguments.format)
    if page.after:
        tell(f"there are more: --after {page.after}")
    elif not page.letters:
        is_there = "://" in letters.uri or Path(letters.uri).exists()
        tell(f"no dead letter in {letters.uri} that is asked for" + ("" if is_there else ": there is no such folder"))
    return DONE


def _print(letters: List[DeadLetter], format: str) -> None:
    names = ("id", "recorded", "error_type", "reason") if format == TABLE else _FACTS
    rows = Rows(format, [Column(name, name, _short) for name in names])
    for letter in letters:
        rows.add(_facts(letter))
    rows.end()


def _short(text: str) -> str:
    """Return a cell of the list. A record's author must not move the reader's cursor: `cell` shows such characters."""
    text = cell(text, "")
    return text if len(text) <= REASON_CHARS else text[: REASON_CHARS - 3] + "..."


def _dismiss(letters: DeadLetters, arguments: argparse.Namespace) -> int:
    """Remove letters; each is printed before it goes, with all that is known, for whoever wants to keep it."""
    if not arguments.ids and not arguments.error_type:
        raise UsageError("dismiss removes letters for good: name them by ID, or a kind of them by --error-type")
    _check_ids(letters, arguments.ids)
    count = 0
    for place, same in groupby(_chosen(letters, arguments), key=lambda letter: letter.place):
        single: Dict[int, int] = {}
        many: Dict[int, int] = {}
        for letter in same:
            (many if letter.count else single)[letter.number] = letter.time_ms
            put(as_json(_facts(letter)), flush=True)
            count += 1
        letters.remove(place, single, many)
    tell(f"letters removed: {count:,}. The objects are as they were: loading one again writes its letters again")
    return DONE


def _show(letters: DeadLetters, letter_id: str, format: str) -> int:
    found = letters.show(letter_id)
    if not found:
        say(f"no dead letter {letter_id} in {letters.uri}")
        return FAILED
    if format != TABLE:
        _print(found, format)
        return DONE
    for letter in found:
        for name, value in _facts(letter).items():
            put(f"{name:<11} {cell(value, '')}")
        put("")
    return DONE


def _record(letter: DeadLetter) -> Union[int, str]:
    """Return which record a letter is about: its number, or words."""
    if letter.count:
        return f"{letter.count:,} of those from {letter.number:,} to {f'{letter.last:,}' if letter.last else 'the end'}"
    return letter.number or "the object as a whole"


def _facts(letter: DeadLetter) -> Dict[str, Any]:
    """Return what is known about a letter, as a person reads it."""
    facts = {
        "id": letter.id,
        "object": letter.ref.uri,
        "machine": letter.host,
        "file": letter.path,
        "version": letter.version_id,
        "record": _record(letter),
        "offset": letter.offset if letter.offset >= 0 else "",
        "recorded": format_utc(letter.time_ms),
        "error_type": letter.error_type,
        "reason": letter.reason,
        "index": letter.index,
        "excerpt": letter.excerpt.decode("utf-8", "backslashreplace"),
    }
    return {name: value for name, value in facts.items() if value != ""}


def _redrive(arguments: argparse.Namespace) -> int:
    letters = DeadLetters(letter_store(arguments.place, arguments.kms_key))
    objects = _objects(arguments)
    _check_ids(letters, arguments.ids)
    done: List[Redriven] = []
    try:
        with Transport(cluster_from(arguments), opaque_id=opaque_id("dlq")) as transport:
            intake = Intake(
                OpenSearchSink(transport),
                objects,
                letters,
                window=EventWindow(arguments.retention_days),
                addresses=address_book(arguments.mmdb),
                on_wait=Waiting(),
            )
            for answer in redrive(_chosen(letters, arguments), letters, intake):
                done.append(answer)
                _progress(answer, len(done))
    except CollectorError:
        _summarise(done)
        say("not finished. Run the same command again: what was answered is done")
        raise
    _summarise(done)
    if not any(answer.kept or answer.refused for answer in done):
        return DONE
    tell("mend what the reasons name and redrive again; 'dlq dismiss' removes letters that nothing more will come of")
    return FAILED


def _check_ids(letters: DeadLetters, ids: List[str]) -> None:
    unknown = [letter_id for letter_id in sorted(set(ids)) if not letters.show(letter_id)]
    if unknown:
        raise CollectorError(f"no dead letter {', '.join(unknown)} in {letters.uri}: nothing was done")


def _chosen(letters: DeadLetters, arguments: argparse.Namespace) -> Iterator[DeadLetter]:
    if not arguments.ids:
        yield from letters.iterate(**_filters(arguments))
        return
    for letter_id in sorted(set(arguments.ids)):
        for letter in letters.show(letter_id):
            if arguments.error_type in ("", letter.error_type):
                yield letter


def _objects(arguments: argparse.Namespace) -> Objects:
    if arguments.stands_for and not arguments.objects:
        raise UsageError(f"--as {arguments.stands_for} without --objects: give the folder that is a copy of it, too")
    if arguments.stands_for:
        copy = LocalObjects.standing_for(arguments.objects, arguments.stands_for)
        return Originals(lambda: copy, prefer_files=False)

    def bucket() -> Objects:
        if arguments.objects:
            raise ObjectUnreadable(
                "--objects and --as belong together where objects of a bucket are meant: a folder, and the address it "
                "is a copy of"
            )
        return S3Objects(client("s3"))

    return Originals(bucket, arguments.objects)


def _progress(answer: Redriven, number: int) -> None:
    if answer.kept or answer.refused:
        say(f"{answer.ref.uri}: {answer.stored:,} of {answer.letters:,} stored. {answer.reason}")
    elif sys.stderr.isatty():
        say(f"{number:,} objects: {answer.ref.uri}: {answer.stored:,} stored")


def _summarise(done: List[Redriven]) -> None:
    put(f"{sum(each.letters for each in done):,} letters of {len(done):,} objects")
    put(f"  stored         {sum(each.stored for each in done):>12,}")
    put(f"  refused again  {sum(each.refused for each in done):>12,}")
    put(f"  kept           {sum(each.kept for each in done):>12,}")
    texts = sum(each.texts for each in done)
    if texts:
        tell(f"{texts:,} of what is stored are no records. Their text is found with event.kind:pipeline_error")
