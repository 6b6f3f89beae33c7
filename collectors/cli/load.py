"""``aws-siem-bridge load``: AWS log files into OpenSearch or Elasticsearch."""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Iterator, List, Optional

from collectors.errors import CollectorError
from collectors.files import FoundFiles, find_files
from collectors.load import MAX_REASONS, Load, LoadReport
from collectors.templates import TEMPLATES, ensure_template
from es_bridge.cli.connection import add_connection_arguments, cluster_from
from es_bridge.cli.reporting import DONE, FAILED, run_reported, say
from es_bridge.errors import BridgeError
from es_bridge.transport import Transport

EXAMPLES = """\
examples:
  aws-siem-bridge load AWSLogs/
  aws-siem-bridge load AWSLogs/111122223333/CloudTrail/ap-northeast-2/2026/11/21 --url https://search.example:9200 \\
      --ca-file ca.pem --username loader
  aws-siem-bridge load 111122223333_CloudTrail_us-east-1_20261121T0455Z_a1B2c3D4e5F6g7H8.json.gz

CloudTrail files, plain or gzip, as AWS writes them to S3. Events go to aws-cloudtrail-YYYY.MM.DD by their own time, and
loading twice stores nothing twice. Exit status 0: every event is in the cluster. 1: something is not, and is named.
"""
#: A cluster that is busy for a moment is nothing to talk about.
WAIT_BEFORE_SAYING_S = 5.0
SAY_AGAIN_S = 60.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``load``."""
    parser.epilog = EXAMPLES
    parser.add_argument("paths", nargs="+", type=Path, metavar="FILE_OR_FOLDER")
    parser.add_argument(
        "--as",
        dest="dataset",
        choices=sorted(TEMPLATES),
        default="cloudtrail",
        help="which log it is (default: recognised by key and content)",
    )
    parser.add_argument(
        "--no-template", action="store_true", help="leave the index template as it is: an administrator put it there"
    )
    add_connection_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Load and print what happened; return 0 if every event is in the cluster."""
    return run_reported(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    started = time.monotonic()
    try:
        found = find_files(arguments.paths)
        if not found.logs:
            say(f"no log file in {', '.join(map(str, arguments.paths))}: AWS's end in .json.gz")
            return FAILED
        with Transport(cluster_from(arguments), opaque_id="aws-siem-bridge load") as transport:
            if not arguments.no_template and ensure_template(transport, arguments.dataset):
                say(f"index template {TEMPLATES[arguments.dataset][0]} written")
            load = Load(found.logs, transport)
            load.report.digests += len(found.digests)
            try:
                with _progress(load.report) as progress:
                    load.run(progress, _Waiting())
            except BridgeError:
                _summarise(load.report, found, time.monotonic() - started)
                say("not finished. Run the same command again: what is in the cluster is recognised")
                raise
    except CollectorError as exc:
        say(str(exc))
        return FAILED
    _summarise(load.report, found, time.monotonic() - started)
    return DONE if load.report.complete else FAILED


class _Waiting:
    """Says that the cluster has no room, and why, now and then."""

    def __init__(self) -> None:
        self._next_s = 0.0

    def __call__(self, reason: str) -> None:
        now = time.monotonic()
        if not self._next_s:
            self._next_s = now + WAIT_BEFORE_SAYING_S
        elif now >= self._next_s:
            self._next_s = now + SAY_AGAIN_S
            say(f"waiting for the cluster: {reason}")


def _summarise(report: LoadReport, found: FoundFiles, seconds: float) -> None:
    rate = report.events / seconds if seconds else 0
    print(f"{report.files_done:,} of {report.files_total:,} files, {report.events:,} events in {seconds:.1f} s", end="")
    print(f" ({rate:,.0f} events/s)")
    print(f"  stored         {report.stored:>12,}")
    print(f"  already there  {report.already_there:>12,}")
    print(f"  rejected       {report.rejected:>12,}")
    _print_list(report.rejections, report.rejected)
    for name, count in sorted(report.indices.items()):
        print(f"  in {name}  {count:,}")
    if report.failed_files:
        print(f"  files not read to their end, or not CloudTrail: {len(report.failed_files):,}")
        _print_list(report.failed_files[:MAX_REASONS], len(report.failed_files))
    if report.digests:
        print(f"  digest files skipped: {report.digests:,} (signatures over log files, no events)")
    if found.others:
        print(f"  other files skipped: {len(found.others):,} (by their names no logs: {_some(found.others)})")


def _print_list(reasons: List[str], total: int) -> None:
    for reason in reasons:
        print(f"    {reason}")
    if total > len(reasons):
        print(f"    ... and {total - len(reasons):,} more")


def _some(paths: List[Path]) -> str:
    return ", ".join(path.name for path in paths[:3]) + (", ..." if len(paths) > 3 else "")


@contextmanager
def _progress(report: LoadReport) -> Iterator[Callable[[LoadReport], None]]:
    """Give a function that shows how far the load is, on a terminal; it does nothing elsewhere."""
    tqdm = _tqdm() if sys.stderr.isatty() else None
    if tqdm is None:
        yield lambda _: None
        return
    with tqdm(total=report.bytes_total, unit="B", unit_scale=True, leave=False) as bar:
        started = time.monotonic()

        def show(report: LoadReport) -> None:
            rate = report.events / max(0.001, time.monotonic() - started)
            bar.set_postfix_str(
                f"{report.files_done:,}/{report.files_total:,} files, {report.events:,} events, {rate:,.0f} events/s",
                refresh=False,
            )
            bar.update(report.bytes_done - bar.n)

        yield show


def _tqdm() -> Optional[Any]:
    try:
        from tqdm import tqdm
    except ImportError:
        say("for a progress bar: pip install 'aws-siem-bridge[loader]'")
        return None
    return tqdm
