"""``aws-siem-bridge enrichment``: AWS's published ranges, and build dates of address files, into Splunk's KV store."""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, BinaryIO, Dict, List, NamedTuple

from aws_bridge.errors import AwsError
from collectors.cli import lookup_file, search_head
from collectors.enrichment.aws_ranges import read_ranges
from collectors.enrichment.kv_store import Collection
from collectors.errors import CollectorError
from collectors.records.enrichment import describe
from collectors.threat_lists.reading import opened
from es_bridge.cli.reporting import DONE, FAILED, UsageError, run_reported, say, tell

EXAMPLES = f"""\
examples:
  aws-siem-bridge enrichment import ip-ranges.json --splunk-url https://search-head:8089
  aws-siem-bridge enrichment import s3://siem/ip-ranges.json country.mmdb --splunk-url https://search-head:8089
  aws-siem-bridge enrichment import ip-ranges.json --csv aws_ip_ranges.csv
  aws-siem-bridge enrichment import country.mmdb --dry-run

AWS's file ip-ranges.json goes into the lookup aws_ip_ranges and takes the place of the one before. Of an MMDB file only
the date on which it was built is noted, which the detection blind_enrichment_stale looks at: run this where the
loader's files are, whenever they are brought up to date.

The token of an account that may write the app's collections comes from ${search_head.TOKEN_VARIABLE} or --token-file.

Exit status: 0 everything is stored, 1 a file is not what it should be or was not stored, 2 wrong usage.
"""
RANGES, STATE = "aws_ip_ranges", "aws_enrichment"
#: What the row of `STATE` is called that an MMDB file is noted in.
COUNTRY, OWNERS = "country", "as_owner"
#: AWS's file has 2 MB.
_LARGEST_JSON = 50_000_000
_COLUMNS = ("cidr", "services", "customers", "region", "built")


class _Read(NamedTuple):
    """One file. ``rows``: of `RANGES`, none of an MMDB file."""

    name: str
    built_s: int
    rows: List[Dict[str, Any]]
    what: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``enrichment``."""
    parser.epilog = EXAMPLES
    parser.add_argument("action", choices=("import",))
    parser.add_argument("files", nargs="+", metavar="FILE", help="ip-ranges.json or an MMDB file, or s3://bucket/key")
    parser.add_argument("--dry-run", action="store_true", help="read and check only")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the ranges as a lookup file instead")
    search_head.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Import files; return the exit status that the help explains."""
    return run_reported(lambda: _reported(arguments))


def _reported(arguments: argparse.Namespace) -> int:
    if sum(map(bool, (arguments.dry_run, arguments.csv, arguments.splunk_url))) != 1:
        raise UsageError("say where it goes: one of --splunk-url, --csv and --dry-run")
    splunkd = search_head.splunkd(arguments) if arguments.splunk_url else None
    status = DONE
    for place in arguments.files:
        now_s = int(time.time())
        try:
            found = _read(place)
            if splunkd:
                if found.rows:
                    ranges = Collection(splunkd, RANGES)
                    ranges.save({"_key": row["cidr"].replace("/", "_"), **row, "imported": now_s} for row in found.rows)
                    ranges.remove({"imported": {"$lt": now_s}})
                Collection(splunkd, STATE).save([_state(found, place, now_s)])
            elif arguments.csv and found.rows:
                lookup_file.write(arguments.csv, _COLUMNS, ([row[name] for name in _COLUMNS] for row in found.rows))
        except (CollectorError, AwsError) as exc:
            say(f"{place}: {exc}")
            status = FAILED
            continue
        built = datetime.fromtimestamp(found.built_s, timezone.utc).strftime("%Y-%m-%d")
        days = (now_s - found.built_s) // 86_400
        tell(f"{place}: {found.what}, built {built}, {days} days ago")
    return status


def _read(place: str) -> _Read:
    """Return what a file holds, told by its first bytes. Raises `CollectorError` and what `opened` raises."""
    with opened(place) as stream:
        first = stream.read(1)
        if first in (b"{", b""):
            content = first + stream.read(_LARGEST_JSON)
            if len(content) > _LARGEST_JSON:
                raise CollectorError(f"it is larger than {_LARGEST_JSON:,} bytes, which AWS's ip-ranges.json is not")
            ranges = read_ranges(content)
            return _Read(RANGES, ranges.built_s, ranges.rows, f"{len(ranges.rows):,} ranges of AWS")
        return _described(first, stream)


def _described(first: bytes, stream: BinaryIO) -> _Read:
    with tempfile.NamedTemporaryFile(suffix=".mmdb") as copy:
        copy.write(first)
        shutil.copyfileobj(stream, copy)
        copy.flush()
        try:
            found = describe(copy.name)
        except CollectorError as exc:
            raise CollectorError(str(exc).replace(f" {copy.name}", "")) from exc
    return _Read(COUNTRY if found.has_countries else OWNERS, found.built_s, [], f"address file {found.kind}")


def _state(found: _Read, place: str, now_s: int) -> Dict[str, Any]:
    return {
        "_key": found.name,
        "name": found.name,
        "built": found.built_s,
        "imported": now_s,
        "entries": len(found.rows),
        "source": place.rpartition("/")[2],
    }
