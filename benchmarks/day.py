"""A day of raw events of all logs, in the store as they would have arrived: what searches over it are measured on."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path
from typing import Dict

from benchmarks.load import NO_ADDRESSES, documents
from collectors.loading.files import find_files
from collectors.records.enrichment import address_book
from collectors.sinks.opensearch.index_names import all_indices
from collectors.sinks.opensearch.sink import OpenSearchSink
from collectors.sources.registry import source_of
from collectors.store.templates import ensure_template
from es_bridge.config import ClusterConfig
from es_bridge.transport import Transport
from lab.story.addresses import MMDB_FILE, write_mmdb

DAY_S = 86_400
DELIVERY_S = 120
#: Shares of the logs: flows are most of it.
SHARES = {"cloudtrail": 0.1, "vpc_flow": 0.6, "route53_resolver": 0.2, "waf": 0.1}
OPTIONS = {"cloudtrail": "--events", "vpc_flow": "--flows", "route53_resolver": "--queries", "waf": "--requests"}
#: Records written with one time of arrival.
CHUNK = 2_000


def load_day(url: str, events: int, end_s: int, folder: Path, addresses: bool = False) -> Dict[str, int]:
    """Write the story's day, and store it as it would have arrived. Returns log -> records.

    ``addresses``: with the country and the AS of every public address.
    """
    book = NO_ADDRESSES
    if addresses:
        write_mmdb(folder / MMDB_FILE)
        book = address_book([folder / MMDB_FILE])
    stored: Counter[str] = Counter()
    now_s = [0.0]
    with Transport(ClusterConfig((url,))) as transport:
        sink = OpenSearchSink(transport, clock=lambda: now_s[0])
        for log, share in SHARES.items():
            command = [
                sys.executable,
                "-m",
                "aws_siem_bridge",
                "lab",
                "story",
                "write",
                str(folder / log),
                "--seed",
                "1",
            ]
            command += ["--plain", "--logs", log, OPTIONS[log], str(max(int(events * share), 1))]
            command += ["--start", _stamp(end_s - DAY_S), "--end", _stamp(end_s)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            ensure_template(transport, log)
            source_of(log)
            for file in find_files([folder / log]).logs:
                records = documents(file, log, book)
                while chunk := list(islice(records, CHUNK)):
                    now_s[0] = max(each.time_ms for each in chunk) / 1000 + DELIVERY_S
                    stored[log] += sum(1 for _ in sink.write(chunk))
            transport.request("POST", (all_indices(log), "_refresh"))
    return dict(stored)


def _stamp(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
