"""``aws-siem-bridge audit``: the records of S3 objects against the store, and the gaps."""

from __future__ import annotations

import argparse
from collections import Counter, deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any, Callable, Collection, Deque, Dict, Iterable, Iterator, List, NamedTuple, Tuple

from aws_bridge.clients import client
from aws_bridge.errors import AwsError, NotAnAddress
from aws_bridge.object_ref import ObjectRef, split_uri
from aws_bridge.objects import Objects, S3Objects
from collectors.cli.passed_over import UNKNOWN, examples, known
from collectors.cli.period import add_period_arguments, in_words, listing_of, period_from, period_is_given
from collectors.delivery.dead_letters import DeadLetters
from collectors.delivery.letter_store import letter_store
from collectors.errors import CollectorError
from collectors.loading.files import FileObjects, find_files
from collectors.sources.registry import LOGS
from collectors.verify.audit import NAMED, Audit, ObjectAudit
from collectors.verify.presence import Presence
from es_bridge.cli.connection import add_connection_arguments, cluster_from, opaque_id
from es_bridge.cli.reporting import DONE, FAILED, UsageError, run_reported, say, tell
from es_bridge.cli.rows import TABLE, Column, Rows, add_format_argument
from es_bridge.cli.table import cell
from es_bridge.terminal import put
from es_bridge.transport import Transport

EXAMPLES = """\
examples:
  aws-siem-bridge audit s3://log-archive/AWSLogs/111122223333/ --since 2026-11-01 --until 2026-11-02 \\
      --dead-letters s3://log-dead-letters/load --url https://search.example:9200 --username reader
  aws-siem-bridge audit copy-of-the-bucket/ --as s3://log-archive --format jsonl

Reads every object again and asks the cluster for each of its records, by id: a record is stored, a dead letter, or
missing. Named with each object: records that are missing, and records that are in more than one index. Exit status 0:
every record of every object is accounted for, once. 1: something is not. 4: all known logs are accounted for, but
objects were passed over that might be logs: neither key nor content shows what they are, and no dead letter names
them. What is known to be none of the logs (digests, other services' files) is counted and does not change the status.
"""
#: Exit status where all records are accounted for, and it cannot be said of all objects whether they are logs.
UNCERTAIN = 4
WORKERS = 4
_LINE = "{:>12} {:>12} {:>12} {:>12}  {}"
_NAMES = ("uri", "dataset", "records", "stored", "dead", "missing", "doubled", "passed_over", "problem", "complete")
_COLUMNS = [Column(name, name) for name in _NAMES]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``audit``."""
    parser.epilog = EXAMPLES
    parser.add_argument("path", metavar="s3://BUCKET/PREFIX or FOLDER")
    parser.add_argument(
        "--as", dest="stands_for", metavar="s3://BUCKET/PREFIX", default="", help="what the folder is a copy of"
    )
    add_period_arguments(parser.add_argument_group("bucket"))
    parser.add_argument(
        "--dead-letters", metavar="PLACE", help="where dead letters are: s3://bucket/prefix or a folder"
    )
    parser.add_argument(
        "--dataset", choices=sorted(LOGS), default="", help="which log it is (default: by key and content)"
    )
    add_format_argument(parser)
    parser.add_argument(
        "--named", type=int, metavar="N", default=NAMED, help=f"records named for each object (default: {NAMED})"
    )
    parser.add_argument("--workers", type=int, metavar="N", default=WORKERS, help=f"at once (default: {WORKERS})")
    add_connection_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Compare and print; return 0 if every record of every object is accounted for, once."""
    return run_reported(lambda: _run(arguments))


class _Source(NamedTuple):
    objects: Objects
    refs: Iterable[ObjectRef]
    #: Asked when all objects were compared: what was passed over by its key, and of what of it there is more.
    passed_over: Callable[[], Tuple[Counter[str], Collection[str]]]


def _run(arguments: argparse.Namespace) -> int:
    try:
        if arguments.workers < 1 or arguments.named < 0:
            raise UsageError("--workers takes 1 or more, --named 0 or more")
        source = _bucket(arguments) if arguments.path.startswith("s3://") else _files(arguments)
        letters = DeadLetters(letter_store(arguments.dead_letters)) if arguments.dead_letters else None
        with Transport(cluster_from(arguments), opaque_id=opaque_id("audit")) as transport:
            audit = Audit(
                source.objects, Presence(transport), letters, dataset=arguments.dataset, named=arguments.named
            )
            return _report(_side_by_side(audit, source.refs, arguments.workers), source, arguments)
    except NotAnAddress as exc:
        raise UsageError(str(exc)) from None
    except (AwsError, CollectorError) as exc:
        say(str(exc))
        return FAILED


def _bucket(arguments: argparse.Namespace) -> _Source:
    if arguments.stands_for:
        raise UsageError("--as is for a folder: what is read from a bucket has its own address")
    bucket, prefix = split_uri(arguments.path)
    period = period_from(arguments)
    s3 = client("s3", retry_mode="adaptive", connections=arguments.workers + 2)
    tell(in_words(period, arguments.late))
    listing = listing_of(s3, bucket, prefix, period, arguments.late, arguments.dataset)
    refs = (each.ref for each in listing)
    return _Source(S3Objects(s3), refs, lambda: (listing.passed_over, listing.and_more))


def _files(arguments: argparse.Namespace) -> _Source:
    if period_is_given(arguments):
        raise UsageError("--since, --until and --late are for s3://bucket/prefix: a folder is read as a whole")
    found = find_files([Path(arguments.path)], arguments.stands_for, arguments.dataset)
    return _Source(FileObjects(found.logs), (log.ref for log in found.logs), lambda: (found.passed_over, ()))


def _side_by_side(audit: Audit, refs: Iterable[ObjectRef], workers: int) -> Iterator[ObjectAudit]:
    """Yield what became of the objects, in their order, several compared at once."""
    under_way: Deque[Future[ObjectAudit]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="audit") as pool:
        try:
            for ref in refs:
                under_way.append(pool.submit(audit.compare, ref))
                if len(under_way) > 2 * workers:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            audit.stop()  # nothing is written here: Ctrl-C need not wait for the end of an object
            for future in under_way:
                future.cancel()


def _report(results: Iterator[ObjectAudit], source: _Source, arguments: argparse.Namespace) -> int:
    objects = incomplete = 0
    passed_over: Counter[str] = Counter()
    unknown = 0
    names: List[str] = []
    total = ObjectAudit("all")
    rows = None if arguments.format == TABLE else Rows(arguments.format, _COLUMNS)
    if rows is None:
        put(_LINE.format("records", "stored", "dead letters", "missing", "object"))
    for result in results:
        objects += 1
        if result.may_be_a_log:
            unknown += 1
            names += [_name(result)] * (len(names) < NAMED)
        else:
            incomplete += not result.is_complete
        if result.passed_over:
            passed_over[result.passed_over] += 1
        for name in ("records", "stored", "dead", "missing", "doubled"):
            setattr(total, name, getattr(total, name) + getattr(result, name))
        if rows is not None:
            rows.add({**_as_json(result), "complete": result.is_complete})
        else:
            _print(result)
    if rows is not None:
        rows.end()
    else:
        put(_LINE.format(*(f"{n:,}" for n in (total.records, total.stored, total.dead, total.missing)), "all"))
    by_key, and_more = source.passed_over()
    passed_over.update(by_key)
    if known(passed_over):
        tell(f"not compared, because it is none of the logs: {known(passed_over, and_more)}")
    if not objects:
        say(f"no object is there to compare: {arguments.path}")
        return FAILED
    if unknown:
        say(f"{UNKNOWN.format(count=unknown)}: {examples(names, unknown)}")
    counted = f"{objects:,} objects, {total.records:,} records: "
    if incomplete:
        say(counted + f"{incomplete:,} objects are not accounted for")
        return FAILED
    if unknown:
        say(counted + f"accounted for, once, but {unknown:,} objects that might be logs were passed over")
        return UNCERTAIN
    tell(counted + "all accounted for, once")
    return DONE


def _name(result: ObjectAudit) -> str:
    """Return the object's address; for a file that stands for none, its path."""
    # Whoever may write an object chose its key: it must not move the reader's cursor.
    return cell(result.uri, "")


def _as_json(result: ObjectAudit) -> Dict[str, Any]:
    facts = asdict(result)
    facts["uri"] = _name(result)
    facts["gaps"] = [gap._asdict() for gap in result.gaps]
    facts["doubles"] = [double._asdict() for double in result.doubles]
    return facts


def _print(result: ObjectAudit) -> None:
    numbers = (result.records, result.stored, result.dead, result.missing)
    put(_LINE.format(*(f"{number:,}" for number in numbers), _name(result)))
    if result.problem:
        known = " (in the dead-letter store)" if result.problem_is_known else ""
        put(f"    not compared to its end: {cell(result.problem, '')}{known}")
    for gap in result.gaps:
        put(f"    missing: record {gap.number:,} {cell(gap.id, '')}: {cell(gap.reason, '')}")
    if result.missing > len(result.gaps):
        put(f"    ... and {result.missing - len(result.gaps):,} more")
    for double in result.doubles:
        put(f"    twice: record {double.number:,} {cell(double.id, '')}: in {' and '.join(double.indices)}")
    if result.doubled > len(result.doubles):
        put(f"    ... and {result.doubled - len(result.doubles):,} more that are there twice")
