"""``aws-siem-bridge digest``: was a CloudTrail log file changed or removed since AWS wrote it?"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Optional, Tuple

from aws_bridge.clients import client
from aws_bridge.errors import AwsError, NotAnAddress
from aws_bridge.object_ref import split_uri
from collectors.cli.period import instant_ms
from collectors.errors import CollectorError
from collectors.verify.digest import DIGEST, LOG, READERS, VALID, Checked, DigestStore, verify
from collectors.verify.digest_keys import PublicKeys, keys_of_aws, keys_of_file
from collectors.verify.digest_store import LocalDigests, S3Digests
from es_bridge.cli.reporting import DONE, FAILED, UsageError, run_reported, say, tell
from es_bridge.cli.rows import TABLE, Column, Rows, add_format_argument
from es_bridge.terminal import put
from es_bridge.times import now_ms

EXAMPLES = """\
examples:
  aws-siem-bridge digest verify s3://org-trail-logs --since -1d@d --until @d
  aws-siem-bridge digest verify s3://org-trail-logs/AWSLogs/o-a1b2c3d4e5/111122223333 --since 2026-11-01
  aws-siem-bridge digest verify ./copied-bucket --public-keys keys.json

Follows the chain of digests back from the newest: the signature of each, its hash in the next one, and the hash of
every log file it names; and apart from it the chain of backfill digests, which name what AWS delivered late. What is
wrong is printed, one line each: changed, missing or unverified, which file, and why. A folder is a copy of the bucket
(aws s3 sync); keys.json is what 'aws cloudtrail list-public-keys' prints. Exit status 0: all digests and log files of
the period are as AWS wrote them. 1: something is not, or could not be checked, or there is no digest.
"""
SAY_EVERY_S = 10.0
_WRONG = ("result", "kind", "uri", "reason")
_COLUMNS = [Column(name, name) for name in _WRONG]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``digest``."""
    parser.epilog = EXAMPLES
    parser.add_argument("action", choices=("verify",), help="what to do")
    parser.add_argument("where", metavar="S3_URI_OR_FOLDER", help="s3://bucket/prefix that holds AWSLogs/, or a copy")
    parser.add_argument("--since", metavar="TIME", default="0", help="from here on (default: the oldest digest)")
    parser.add_argument(
        "--until", metavar="TIME", default="0", help="up to here (default: now; in a folder: the newest)"
    )
    parser.add_argument("--time-zone", metavar="NAME", default="UTC", help="of times without an offset (default: UTC)")
    parser.add_argument(
        "--public-keys", type=Path, metavar="FILE", help="do not ask CloudTrail in the digests' regions for them"
    )
    add_format_argument(parser, more="of what is wrong; ")


def run(arguments: argparse.Namespace) -> int:
    """Verify and print; return 0 if everything is as AWS wrote it."""
    return run_reported(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    try:
        now = now_ms()
        since_ms = instant_ms(arguments.since, arguments.time_zone, now)
        until_ms = instant_ms(arguments.until, arguments.time_zone, now)
        if since_ms is not None and until_ms is not None and since_ms >= until_ms:
            raise UsageError(f"--since {arguments.since} is not before --until {arguments.until}")
        store, end_ms = _store(arguments.where, since_ms, until_ms, now)
        keys = _keys(arguments, since_ms, until_ms)
        counts, backfill = _verify(store, keys, since_ms, end_ms, arguments.format)
    except NotAnAddress as exc:
        raise UsageError(str(exc)) from None
    except (AwsError, CollectorError) as exc:
        say(str(exc))
        return FAILED
    digests = sum(count for (kind, _), count in counts.items() if kind == DIGEST)
    logs = sum(count for (kind, _), count in counts.items() if kind == LOG)
    if not digests:
        say(f"no digest of this time in {arguments.where}: is log file validation of the trail enabled?")
        return FAILED
    of_these = f" ({backfill:,} of them backfill digests)" if backfill else ""
    (put if arguments.format == TABLE else tell)(
        f"{counts[DIGEST, VALID]:,} of {digests:,} digests valid{of_these}, "
        f"{counts[LOG, VALID]:,} of {logs:,} log files valid"
    )
    return DONE if sum(counts.values()) == counts[DIGEST, VALID] + counts[LOG, VALID] else FAILED


def _store(where: str, since_ms: Optional[int], until_ms: Optional[int], now: int) -> Tuple[DigestStore, Optional[int]]:
    """Return where the digests are, and up to when they must reach."""
    if where.startswith("s3://"):
        bucket, prefix = split_uri(where)
        return S3Digests(client("s3", connections=READERS), bucket, prefix, since_ms, until_ms), until_ms or now
    folder = Path(where)
    if not folder.is_dir():
        raise CollectorError(f"{where} is no folder. Give one, or s3://bucket/prefix")
    return LocalDigests(folder, since_ms, until_ms), until_ms


def _keys(arguments: argparse.Namespace, since_ms: Optional[int], until_ms: Optional[int]) -> PublicKeys:
    return keys_of_file(arguments.public_keys) if arguments.public_keys else keys_of_aws(since_ms, until_ms)


def _verify(
    store: DigestStore, keys: PublicKeys, since_ms: Optional[int], until_ms: Optional[int], format: str
) -> Tuple[Counter[Tuple[str, str]], int]:
    """Verify, print what is wrong, and return the counts by kind and result, and how many were backfill digests."""
    counts: Counter[Tuple[str, str]] = Counter()
    backfill = 0
    # A table's lines come as they are found: the chain of a year takes hours.
    rows = None if format == TABLE else Rows(format, _COLUMNS)
    say_at = time.monotonic() + SAY_EVERY_S
    for checked in verify(store, keys.verify, since_ms, until_ms):
        counts[checked.kind, checked.result] += 1
        backfill += checked.kind == DIGEST and "_backfill.json" in checked.uri
        if checked.result != VALID and rows is not None:
            rows.add({name: getattr(checked, name) for name in _WRONG})
        elif checked.result != VALID:
            _print(checked)
        if time.monotonic() >= say_at and sys.stderr.isatty():
            say_at = time.monotonic() + SAY_EVERY_S
            tell(
                f"{counts[DIGEST, VALID]:,} digests and {counts[LOG, VALID]:,} log files valid so far, at {checked.uri}"
            )
    if rows is not None:
        rows.end()
    return counts, backfill


def _print(checked: Checked) -> None:
    put(f"{checked.result} {checked.kind} {checked.uri}: {checked.reason}")
