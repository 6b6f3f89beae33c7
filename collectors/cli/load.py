"""``aws-siem-bridge load``: AWS's logs into OpenSearch or Elasticsearch, from files, a bucket's past, or a queue."""

from __future__ import annotations

import argparse
import time
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
from typing import Callable, Iterable, List, Optional, Sequence

from aws_bridge.clients import client
from aws_bridge.errors import AwsError, NotAnAddress
from aws_bridge.object_ref import NO_BUCKET, ObjectRef, split_uri
from aws_bridge.objects import Objects, S3Objects
from collectors.cli.daemon import add_queue_arguments, run_queue
from collectors.cli.index_objects import add_choice
from collectors.cli.passed_over import NOT_A_LOG, UNKNOWN, examples, known
from collectors.cli.period import add_period_arguments, days, in_words, listing_of, period_from, period_is_given
from collectors.cli.progress import Waiting, bar, orderly_ctrl_c
from collectors.delivery.dead_letters import DeadLetters
from collectors.delivery.event_window import EventWindow
from collectors.delivery.intake import Intake
from collectors.delivery.letter_store import letter_store
from collectors.delivery.outcome import UNKNOWN_COLUMNS
from collectors.errors import CollectorError
from collectors.loading.backfill import Backfill, Survey, subject, what_to_know
from collectors.loading.files import FileObjects, find_files
from collectors.loading.finished import Finished, default_path
from collectors.loading.listing import Listing
from collectors.loading.load import Load, LoadReport, Rejections, make_visible
from collectors.reading.recognise import UNKNOWN_KIND, kind_of
from collectors.records.enrichment import address_book
from collectors.sinks.opensearch.sink import OpenSearchSink
from collectors.sources.registry import LOGS
from collectors.store.object_fields import parse_choice
from collectors.store.templates import ensure_template
from es_bridge.cli.connection import add_connection_arguments, cluster_from, opaque_id
from es_bridge.cli.reporting import DONE, FAILED, UsageError, run_reported, say, tell
from es_bridge.cli.table import aligned, cell
from es_bridge.terminal import put
from es_bridge.transport import Transport

EXAMPLES = """\
examples:
  aws-siem-bridge load AWSLogs/ --url https://search.example:9200 --ca-file ca.pem --username loader
  aws-siem-bridge load copy-of-the-bucket/ --as s3://log-archive
  aws-siem-bridge load s3://log-archive/AWSLogs/111122223333/ --since 2026-11-01 --until 2026-11-08 \\
      --dead-letters s3://log-dead-letters/load
  aws-siem-bridge load --queue https://sqs.eu-west-1.amazonaws.com/111122223333/logs --dead-letters s3://...

CloudTrail, VPC Flow Logs, Route 53 Resolver query logs and AWS WAF, as AWS writes them to S3, plain or gzip, flow logs
in Parquet too; the log is recognised by key and content. Events go to aws-<log>-YYYY.MM.DD by their own time,
and loading twice stores nothing twice. Exit status 0: every record is in the cluster or in the dead-letter store.
1: something is not, and is named; run the same command again.
"""
#: Objects at once. Each has up to two bulk requests under way: four keep an engine of a few nodes busy.
WORKERS = 4
NO_ADDRESS = (
    "note: if these files are copies of objects that are, or will be, loaded from their bucket too, stop and give --as "
    "s3://bucket/prefix, or events of other logs than CloudTrail are stored twice: ids are made of the files' paths"
)
#: Said when the indices could not be refreshed at the end.
LATER_SEARCHABLE = "searchable only after the refresh interval of its index (index.refresh_interval, mostly seconds)"
PATH = "FILE_OR_FOLDER or s3://BUCKET/PREFIX"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``load``."""
    parser.epilog = EXAMPLES
    parser.add_argument("paths", nargs="*", metavar=PATH, help="files and folders, or one prefix of a bucket")
    parser.add_argument(
        "--dataset", choices=sorted(LOGS), default="", help="which log it is (default: by key and content)"
    )
    parser.add_argument("--workers", type=int, metavar="N", help=f"objects taken at once (default: {WORKERS})")
    parser.add_argument(
        "--dead-letters",
        metavar="PLACE",
        help="s3://bucket/prefix or a folder, for what cannot be stored; without it that is named and counted",
    )
    parser.add_argument("--dead-letters-kms-key", metavar="ID", default="", help="KMS key of dead letters in S3")
    parser.add_argument(
        "--retention-days",
        type=days,
        metavar="DAYS",
        help="older events are dead letters (default: none is too old; with --queue: as the lifecycle policies delete)",
    )
    parser.add_argument(
        "--mmdb",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="database with country or AS of public addresses; repeat it for several",
    )
    parser.add_argument(
        "--no-template", action="store_true", help="leave index templates as they are: an administrator put them there"
    )
    add_choice(parser)
    files = parser.add_argument_group("files")
    files.add_argument(
        "--as",
        dest="stands_for",
        metavar="s3://BUCKET/PREFIX",
        default="",
        help="what the one folder or file given is a copy of, so that its events get the ids of the bucket's",
    )
    bucket = parser.add_argument_group("bucket (a backfill)")
    add_period_arguments(bucket)
    bucket.add_argument(
        "--state", type=Path, metavar="FILE", help="where finished objects are noted (default: in the user's cache)"
    )
    add_queue_arguments(parser)
    add_connection_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Load and print what happened; return 0 if every record is in the cluster or in the dead-letter store."""
    return run_reported(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    try:
        _refuse_contradictions(arguments)
        if arguments.queue:
            return run_queue(arguments)
        with Transport(cluster_from(arguments), opaque_id=opaque_id("load")) as transport:
            if _is_bucket(arguments.paths[0]):
                return _load_bucket(arguments, transport)
            return _load_files(arguments, transport)
    except NotAnAddress as exc:
        raise UsageError(str(exc)) from None
    except (AwsError, CollectorError) as exc:
        say(str(exc))
        return FAILED


def _refuse_contradictions(arguments: argparse.Namespace) -> None:
    paths, buckets = arguments.paths, [path for path in arguments.paths if _is_bucket(path)]
    if parse_choice(arguments.index_objects) is not None and arguments.no_template:
        raise UsageError("--index-objects is about the index templates, which --no-template leaves as they are")
    if bool(arguments.queue) == bool(paths):
        raise UsageError("give files and folders, or one s3://bucket/prefix, or --queue")
    if buckets and len(paths) > 1:
        raise UsageError(f"give one s3://bucket/prefix at a time, and files apart from it: {' '.join(paths)}")
    if arguments.stands_for and (buckets or arguments.queue):
        raise UsageError("--as is for files: what is read from a bucket has its own address")
    if not buckets and (period_is_given(arguments) or arguments.state):
        raise UsageError("--since, --until, --late and --state are for s3://bucket/prefix: files are read as given")
    if arguments.dead_letters_kms_key and not _is_bucket(arguments.dead_letters or ""):
        raise UsageError("--dead-letters-kms-key is for dead letters in S3: --dead-letters s3://bucket/prefix")
    if arguments.workers is not None and arguments.workers < 1:
        raise UsageError(f"--workers {arguments.workers}: at least one")


def _is_bucket(path: str) -> bool:
    return path.startswith("s3://")


# --- files -----------------------------------------------------------------------------------------------------------


def _has_own_identity(key: str) -> bool:
    log = LOGS.get(kind_of(key).dataset)
    return log is not None and log.has_own_identity


def _load_files(arguments: argparse.Namespace, transport: Transport) -> int:
    found = find_files([Path(path) for path in arguments.paths], arguments.stands_for, arguments.dataset)
    if not found.logs:
        say(f"no log file in {', '.join(arguments.paths)}: AWS's end in .json.gz, .log.gz or .parquet")
        if found.passed_over:
            tell(f"{NOT_A_LOG}: {known(found.passed_over)}")
        return FAILED
    if any(ref.bucket == NO_BUCKET and not _has_own_identity(ref.key) for ref, _ in found.logs):
        tell(NO_ADDRESS)
    paths = {(log.ref.bucket, log.ref.key): str(log.path) for log in found.logs}
    session = _Session(arguments, transport, "files", lambda ref: paths[ref.bucket, ref.key])
    session.write_templates()
    size_bytes = sum(log.ref.size_bytes for log in found.logs)
    report = LoadReport(len(found.logs), size_bytes, passed_over=found.passed_over, given=found.given)
    return session.load([log.ref for log in found.logs], FileObjects(found.logs), report)


# --- a bucket --------------------------------------------------------------------------------------------------------


def _load_bucket(arguments: argparse.Namespace, transport: Transport) -> int:
    bucket, prefix = split_uri(arguments.paths[0])
    period = period_from(arguments)
    s3 = client("s3", retry_mode="adaptive", connections=_workers(arguments) + 2)
    listing = listing_of(s3, bucket, prefix, period, arguments.late, arguments.dataset)
    session = _Session(arguments, transport, "objects", lambda ref: ref.uri)
    what = subject(listing, transport.config, arguments.dataset)
    finished = Finished(arguments.state or default_path(what), what)
    with closing(finished):
        backfill = Backfill(listing, finished)
        tell(in_words(period, arguments.late))
        survey = backfill.survey()
        _say_survey(survey, listing, finished)
        if not survey.objects:
            return FAILED
        today = datetime.now(timezone.utc).date()
        for line in what_to_know(transport, survey, period, arguments.retention_days, today):
            tell(line)
        session.write_templates()
        todo = LoadReport(survey.objects - survey.finished_objects, survey.size_bytes - survey.finished_bytes)
        status = session.load(backfill.remaining(), S3Objects(s3), todo, backfill.done)
        if not todo.unfinished:
            finished.remove()
        return status


def _say_survey(survey: Survey, listing: Listing, finished: Finished) -> None:
    tell(f"{survey.objects:,} objects, {survey.size_bytes / 2**20:,.1f} MiB as stored")
    if listing.passed_over:
        tell(f"{NOT_A_LOG}: {known(listing.passed_over, listing.and_more)}")
    if survey.finished_objects:
        tell(
            f"{survey.finished_objects:,} of them were finished by an earlier run that was interrupted. To read them "
            f"again all the same, delete {finished.path}"
        )


# --- what both have in common ----------------------------------------------------------------------------------------


def _workers(arguments: argparse.Namespace) -> int:
    return arguments.workers or WORKERS


class _Session:
    """Loads objects as the options say, and tells what happened."""

    def __init__(
        self, arguments: argparse.Namespace, transport: Transport, noun: str, name_of: Callable[[ObjectRef], str]
    ) -> None:
        self._arguments = arguments
        self._transport = transport
        self._noun = noun
        self._name_of = name_of
        self._rejections = Rejections(name_of)
        self._letters: Optional[DeadLetters] = None
        if arguments.dead_letters:
            self._letters = DeadLetters(letter_store(arguments.dead_letters, arguments.dead_letters_kms_key))
        self._addresses = address_book(arguments.mmdb)
        self._waiting = Waiting()

    def write_templates(self) -> None:
        """Write the index templates that are missing or older than ours."""
        if self._arguments.no_template:
            return
        for dataset in [self._arguments.dataset] if self._arguments.dataset else LOGS:
            if ensure_template(self._transport, dataset, parse_choice(self._arguments.index_objects)):
                tell(f"index template of {LOGS[dataset].title} written")

    def load(
        self,
        refs: Iterable[ObjectRef],
        objects: Objects,
        report: LoadReport,
        finished: Callable[[ObjectRef, bool], None] = lambda ref, is_complete: None,
    ) -> int:
        """Take the objects, print the summary, also when it ends early, and return the exit status."""
        load = Load(
            objects,
            self._intake,
            report,
            workers=_workers(self._arguments),
            dataset=self._arguments.dataset,
            name_of=self._name_of,
            # What is only named on the terminal is to be read, and named, again by the next run.
            finished=lambda ref, result: finished(ref, bool(self._letters) or not (result.dead or result.reason)),
        )
        started = time.monotonic()
        try:
            with orderly_ctrl_c(f"{self._noun} under way end where they are"), bar(report.bytes_total) as show:
                load.run(refs, lambda so_far: show(so_far.bytes_done, self._in_short(so_far, started)))
        except BaseException:
            self._end(report, started, is_finished=False)
            raise
        self._end(report, started, is_finished=not report.unfinished)
        return DONE if self._is_complete(report) else FAILED

    def _end(self, report: LoadReport, started: float, is_finished: bool) -> None:
        not_refreshed = make_visible(self._transport, report)
        self._summarise(report, time.monotonic() - started)
        if not_refreshed:
            put(f"  {LATER_SEARCHABLE}: {not_refreshed}")
            say(f"what was stored now is {LATER_SEARCHABLE}: {not_refreshed}")
        if not is_finished:
            say(
                f"not finished: {max(0, report.objects_total - report.objects_done):,} {self._noun} are left. Run the "
                "same command again: what is stored is not stored twice"
            )

    def _intake(self, objects: Objects) -> Intake:
        return Intake(
            OpenSearchSink(self._transport),
            objects,
            self._letters or self._rejections,
            window=EventWindow(self._arguments.retention_days),
            addresses=self._addresses,
            on_wait=self._waiting,
        )

    def _in_short(self, report: LoadReport, started: float) -> str:
        rate = report.records / max(0.001, time.monotonic() - started)
        done = f"{report.objects_done:,}/{report.objects_total:,} {self._noun}"
        return f"{done}, {report.records:,} events, {rate:,.0f} events/s"

    def _is_complete(self, report: LoadReport) -> bool:
        """Whether every record is in the cluster or in the dead-letter store."""
        named_only = 0 if self._letters else self._rejections.count + report.problems_count
        # Where nothing at all was a log, the address is mistyped, or a log has a form that nobody foresaw.
        only_unknown = report.passed_over[UNKNOWN_KIND] > 0 and not report.logs
        return not (named_only or report.unfinished or only_unknown)

    def _summarise(self, report: LoadReport, seconds: float) -> None:
        rate = report.records / seconds if seconds else 0
        put(
            f"{report.objects_done:,} of {report.objects_total:,} {self._noun}, {report.records:,} events in "
            f"{seconds:.1f} s ({rate:,.0f} events/s)"
        )
        dead = "dead letters" if self._letters else "rejected"
        rows: List[Sequence[str]] = [("log", self._noun, "events", "stored", "already there", dead)]
        for dataset, counts in sorted(report.logs.items()):
            numbers = (counts.objects, counts.records, counts.stored, counts.already_there, counts.dead)
            title = LOGS[dataset].title if dataset in LOGS else "none of the logs"
            rows.append((title, *(f"{number:,}" for number in numbers)))
        for line in aligned(rows, right=range(1, 6)) if report.logs else ():
            put(f"  {line}")
        _print_list("not stored", self._rejections.reasons, self._rejections.count)
        _print_list(f"{self._noun} with a problem", report.problems, report.problems_count)
        if report.unknown_columns:
            names = ", ".join(f"{name} ({count:,})" for name, count in sorted(report.unknown_columns.items()))
            put(f"  flow log columns that this version does not know, {UNKNOWN_COLUMNS}: {cell(names, '')}")
        if known(report.passed_over):
            put(f"  {NOT_A_LOG}: {known(report.passed_over)}")
        unknown = report.passed_over[UNKNOWN_KIND]
        if unknown:
            put(f"  {UNKNOWN.format(count=unknown)}")
            put(f"    {examples(report.unknown, unknown)}")
        if self._letters and any(counts.dead for counts in report.logs.values()):
            put(f"  why, and how to replay them: aws-siem-bridge dlq list {self._letters.uri}")


def _print_list(title: str, reasons: List[str], total: int) -> None:
    if not total:
        return
    put(f"  {title}: {total:,}")
    for reason in reasons:
        put(f"    {cell(reason, '')}")  # names and reasons hold what others chose: it must not move the cursor
    if total > len(reasons):
        put(f"    ... and {total - len(reasons):,} more")
