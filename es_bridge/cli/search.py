"""``aws-siem-bridge search``: search an index pattern, newest first, as JSON, a table or CSV."""

from __future__ import annotations

import argparse
import contextlib
import re
import shutil
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO, Iterator, List, Optional, Set, Union

from es_bridge.cli.connection import add_connection_arguments, cluster_from, opaque_id
from es_bridge.cli.documents import Array, Columns, Lines, Table
from es_bridge.cli.option_names import as_options
from es_bridge.cli.question import search_request
from es_bridge.cli.reporting import DONE, UsageError, checking_options, run_reported, say, tell
from es_bridge.cli.rows import CSV, JSON, JSONL, TABLE, add_format_argument
from es_bridge.errors import BridgeError
from es_bridge.limits import Ceilings
from es_bridge.query import SearchRequest
from es_bridge.search import Search, open_search
from es_bridge.terminal import overwrite
from es_bridge.times import now_ms, rounded_in_utc, zone_named
from es_bridge.transport import Transport
from es_bridge.unmatched import UNKNOWN_FIELDS

EXAMPLES = """\
examples:
  aws-siem-bridge search 'aws-cloudtrail-*' --earliest now-30m
  aws-siem-bridge search '*cloudtrail*' --query 'errorCode:AccessDenied' --earliest -24h@h --size 0 > denied.jsonl
  aws-siem-bridge search 'aws-waf-*' --earliest -1h --format table
  aws-siem-bridge search 'aws-cloudtrail-*' --format table --fields eventName,userIdentity.arn,sourceIPAddress
  aws-siem-bridge search 'aws-cloudtrail-*' --dsl '{"term": {"eventName": "ConsoleLogin"}}' --size 100
  aws-siem-bridge search 'aws-*' --url https://search.example:9200 --ca-file ca.pem --username analyst

times: 0 (no bound), now, epoch seconds or milliseconds, ISO 8601 such as 2026-11-21T04:53:00Z, date math of the
engines such as now-1d/d (UTC), relative time of Splunk such as -24h@h (your time zone, or --time-zone). Where a minus
is followed by no number, write it with the equals sign: --earliest=-h@h.

A result that is cut at --size is a note on a terminal, and a warning in a job that nobody watches.
A JSON line is the document as it is stored. Exit status 0: complete, or the messages say what is missing. 1: failed.
"""
DEFAULT_SIZE = 10_000
#: Ceiling of a query -> what it counts.
CEILINGS = {
    "max_query_chars": "characters of --query and --dsl",
    "max_query_clauses": "words, values and conditions",
    "max_query_wildcards": "* ? ~ and what is special in regular expressions",
}
PROGRESS_EVERY_S = 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``search``; they are those of the Splunk command."""
    parser.epilog = EXAMPLES
    # argparse takes "-24h@h" for an option, but has a pattern for what begins with a minus and is a value all the same.
    parser._negative_number_matcher = re.compile(r"-\.?\d|-[a-z]+@")
    parser.add_argument("index", help="index pattern: names, wildcards, aliases, separated by commas")
    what = parser.add_argument_group("what")
    what.add_argument("--query", default="", metavar="TEXT", help="Lucene query string (default: everything)")
    what.add_argument("--dsl", default="", metavar="JSON", help="one query clause in the engines' query DSL")
    what.add_argument("--earliest", "--start-time", default="0", metavar="TIME", help="inclusive (default: no bound)")
    what.add_argument("--latest", "--end-time", default="0", metavar="TIME", help="exclusive (default: no bound)")
    what.add_argument("--time-field", default="@timestamp", metavar="NAME", help="default: @timestamp")
    what.add_argument("--time-zone", default="", metavar="NAME", help="such as Asia/Seoul (default: this machine's)")
    what.add_argument("--size", type=int, metavar="N", help=f"most documents; 0: all (default: {DEFAULT_SIZE})")
    what.add_argument(
        "--partial", choices=("fail", "allow"), default="fail", help="an incomplete answer fails (default) or warns"
    )
    what.add_argument(
        "--unknown-fields",
        choices=UNKNOWN_FIELDS,
        default="warn",
        help="what to do about a part of the query that can match nothing (default: warn)",
    )
    most = parser.add_argument_group(
        "ceilings: a query beyond them is not sent, because no engine can stop it once it has begun"
    )
    for name, what_of in CEILINGS.items():
        default = getattr(Ceilings(), name)
        option = "--" + name.replace("_", "-")
        most.add_argument(option, type=int, default=default, metavar="N", help=f"{what_of} (default: {default})")
    most.add_argument(
        "--leading-wildcards",
        type=int,
        choices=(0, 1),
        default=1,
        help="0: no word may begin with * or ? (default: 1)",
    )
    how = parser.add_argument_group("output")
    add_format_argument(how, JSONL, "jsonl and json have whole documents; ")
    how.add_argument(
        "--fields",
        default="",
        metavar="LIST",
        help="columns of table and csv: dotted names, separated by commas (default: what people look at first)",
    )
    how.add_argument(
        "--with-id", action="store_true", help='jsonl and json: {"_index": ..., "_id": ..., "_source": ...}'
    )
    how.add_argument("--output", type=Path, metavar="FILE", help="write there; FILE appears when it is complete")
    add_connection_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Search and print; return 0 when the answer is complete or its gaps are named, 1 on failure."""
    return run_reported(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    with checking_options():
        request = _request(arguments)
    fields = [name.strip() for name in arguments.fields.split(",") if name.strip()]
    if fields and arguments.format in (JSON, JSONL):
        raise UsageError(
            "--fields names the columns of a table or of CSV: add --format table or csv. JSON is the whole document"
        )
    if arguments.with_id and arguments.format in (TABLE, CSV):
        raise UsageError("--with-id is for --format jsonl and json: a table and CSV have the columns you name")
    writer = _writer(arguments, fields)
    transport, path = Transport(cluster_from(arguments), opaque_id("search")), arguments.output
    ceilings = Ceilings(
        **{name: getattr(arguments, name) for name in CEILINGS},
        leading_wildcards=bool(arguments.leading_wildcards),
        set_by="the option --{option} of this command",
    )
    with transport, open_search(transport, request, ceilings=ceilings) as search, _output(path) as out:
        zone = zone_named(arguments.time_zone)
        rounded = [rounded_in_utc(text, now_ms=now_ms(), zone=zone) for text in (arguments.earliest, arguments.latest)]
        search.notes += [note for note in dict.fromkeys(rounded) if note]
        _write(search, writer, out, _progress_is_wanted(path))
    if isinstance(writer, Columns) and writer.left_out:
        count = len(writer.left_out)
        tell(f"columns were chosen: {count:,} more fields have values. --fields names others; jsonl has all")
    return DONE


def _writer(arguments: argparse.Namespace, fields: List[str]) -> Union[Lines, Columns]:
    on_terminal = arguments.output is None and sys.stdout.isatty()
    if arguments.format in (JSON, JSONL):
        return (Array if arguments.format == JSON else Lines)(arguments.with_id, on_terminal)
    if arguments.format == CSV:
        return Columns(fields)
    return Table(fields, shutil.get_terminal_size().columns if on_terminal else 0)


def _request(arguments: argparse.Namespace) -> SearchRequest:
    size = DEFAULT_SIZE if arguments.size is None else arguments.size
    is_meant = arguments.size is not None and sys.stderr.isatty()  # a person, not a scheduled job
    return search_request(arguments, size, is_meant)


def _write(search: Search, writer: Any, out: BinaryIO, with_progress: bool) -> None:
    progress = _Progress(search) if with_progress else None
    said: Set[str] = set()
    try:
        for page in search:
            out.write(writer.page(page))
            if progress:
                progress.show()
            else:
                out.flush()
            _say_new(search, said, progress)
    finally:
        if progress:
            progress.clear()
    out.write(writer.end())
    out.flush()
    _say_new(search, said, progress)
    if progress:
        progress.summary()


def _say_new(search: Search, said: Set[str], progress: Optional[_Progress]) -> None:
    """Print what the search has to say since the last time, in place of the progress line."""
    messages = ["warning: " + text for text in search.warnings] + ["note: " + text for text in search.notes]
    for text in messages:
        if text not in said:
            if progress:
                progress.clear()
            say(as_options(text))
            said.add(text)


class _Progress:
    """How far the search is, on one line of the terminal."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self._started_s = time.monotonic()
        self._shown_s = 0.0

    def show(self) -> None:
        now_s = time.monotonic()
        if now_s - self._shown_s < PROGRESS_EVERY_S:
            return
        self._shown_s = now_s
        overwrite(self._text())

    def clear(self) -> None:
        overwrite("")

    def summary(self) -> None:
        say(f"{self._text()} in {time.monotonic() - self._started_s:.1f} s from {self._search.engine}")

    def _text(self) -> str:
        matched = self._search.matched
        of_all = "" if matched is None else f" of {matched:,} matching"
        return f"{self._search.emitted:,}{of_all} documents"


def _progress_is_wanted(output: Optional[Path]) -> bool:
    """Whether a person watches who does not see the documents themselves go by."""
    return sys.stderr.isatty() and (output is not None or not sys.stdout.isatty())


@contextlib.contextmanager
def _output(path: Optional[Path]) -> Iterator[BinaryIO]:
    """Yield where to write; a file gets its name only when it is complete."""
    if path is None:
        yield sys.stdout.buffer
        return
    unfinished = path.with_name(path.name + ".part")
    try:
        with unfinished.open("wb") as out:
            yield out
        unfinished.replace(path)
    except OSError as exc:
        raise BridgeError(f"{path} cannot be written: {exc.strerror}") from exc
    finally:
        unfinished.unlink(missing_ok=True)
