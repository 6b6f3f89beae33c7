"""The demo's data on the way a user's takes: a bucket, SNS, SQS and the loader that reads the queue for good."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Dict, Iterator, Mapping

from collectors.sources.registry import LOGS
from es_bridge.cli.reporting import say
from es_bridge.config import ClusterConfig
from es_bridge.errors import ResponseError
from es_bridge.transport import Transport
from lab.aws import AwsStandIn, Layout, Queues
from lab.aws.layout import SNS
from lab.demo.screen import Screen
from lab.engine.progress import Progress
from lab.story import cast
from lab.story.addresses import MMDB_FILE
from lab.story.files import write_story

BUCKET, QUEUE, DEAD_LETTERS = "log-archive", "log-objects", "log-dead-letters"
#: The story ends now. A day has four times as many files, of which one sees nothing in a tour.
STORY_MS = 6 * 3_600_000
SEED = 1
LOOK_EVERY_S = 0.25
#: A loader that does nothing for so long is stuck.
PATIENCE_S = 120
_LAST_HOURS = {"range": {"@timestamp": {"gte": "now-5h"}}}


def holds_story(url: str) -> bool:
    """Whether an engine that was kept still holds all logs of a story of the last hours."""
    thief = {"bool": {"filter": [{"term": {"sourceIPAddress": cast.ATTACKER_CLOUD_IP}}, _LAST_HOURS]}}
    with Transport(ClusterConfig((url,))) as transport:
        if not _count(transport, "aws-cloudtrail-", thief):
            return False
        return all(_count(transport, dataset.index_prefix, _LAST_HOURS) for dataset in LOGS.values())


def holds_some_log(transport: Transport) -> bool:
    """Whether a cluster has any of the logs, as far as this account may ask."""
    try:
        found = transport.request("POST", ("*cloudtrail*,*vpcflow*,*dns*,*waf*", "_count"), {"allow_no_indices": True})
    except ResponseError:
        return True
    return bool(found.json()["count"])


def load_story(aws: AwsStandIn, url: str, events: int, end_ms: int, screen: Screen) -> bool:
    """Put a story into the bucket, let the loader read the queue, say what is stored; return if it is all.

    ``end_ms``: when the story ends.
    """
    with tempfile.TemporaryDirectory(prefix="aws-siem-bridge-story-") as text:
        folder = Path(text)
        with screen.step("writing six hours of logs into a bucket"):
            written = write_story(folder, events, SEED, end_ms - STORY_MS, end_ms)
            layout = Layout(aws)
            queues = layout.queue(QUEUE)
            layout.bucket(DEAD_LETTERS, must_encrypt=True)
            layout.notify(layout.bucket(BUCKET, must_encrypt=True), queues, SNS)
            keys = layout.put_logs(folder, BUCKET)
        records = sum(log.records for log in written.values())
        say(
            f"{records:,} records of {len(written)} logs are in s3://{BUCKET} at {aws.url}, {len(keys):,} objects; "
            "SNS and SQS tell the loader"
        )
        started = time.monotonic()
        with screen.step("aws-siem-bridge load --queue") as progress:
            ended_well = _run_loader(aws, layout, queues, url, folder, progress)
    seconds = time.monotonic() - started
    stored = _stored(url)
    for name, log in written.items():
        say(f"  {LOGS[name].title}: {stored[name]:,} of {log.records:,} records in {LOGS[name].index_prefix}*")
    say(f"  {sum(stored.values()) / max(seconds, 0.001):,.0f} records/s, the start of the loader included")
    complete = all(stored[name] >= log.records for name, log in written.items())
    if not complete:
        say(f"records are missing; the queue's dead letters: {layout.waiting(queues.dlq_url)}")
    return ended_well and complete


def _run_loader(aws: AwsStandIn, layout: Layout, queues: Queues, url: str, folder: Path, progress: Progress) -> bool:
    """Run ``aws-siem-bridge load --queue`` until the queue is empty, then stop it as an operator does."""
    log = folder / "loader.log"
    with start_loader(aws, queues.url, url, folder, log) as loader:
        try:
            for done, total in _until_empty(loader, layout, queues):
                progress("aws-siem-bridge load --queue: messages", done, total)
        finally:
            if loader.poll() is None:
                loader.send_signal(signal.SIGTERM)
            status = loader.wait()
    if status or layout.waiting(queues.url):
        for line in log.read_text("utf-8", "replace").splitlines()[-5:]:
            say(f"loader: {line}")
        return False
    return True


def start_loader(aws: AwsStandIn, queue_url: str, url: str, folder: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start what reads the queue for good; it ends at SIGTERM, and with this process."""
    command = [sys.executable, "-m", "lab.demo.loader", "load", "--queue", queue_url, "--url", url]
    command += ["--dead-letters", f"s3://{DEAD_LETTERS}/loader"]
    if (folder / MMDB_FILE).is_file():
        command += ["--mmdb", str(folder / MMDB_FILE)]
    with log.open("wb") as out:
        return subprocess.Popen(
            command,
            env={**os.environ, **aws.environment("loader")},
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=out,
            start_new_session=True,  # Ctrl-C is for the demo, which then stops it
        )


def _until_empty(loader: subprocess.Popen[bytes], layout: Layout, queues: Queues) -> Iterator[tuple[int, int]]:
    """Yield (messages done, all) until there are none left, the loader ends or nothing moves any more."""
    total = left = layout.waiting(queues.url)
    moved = time.monotonic()
    while left and loader.poll() is None and time.monotonic() - moved < PATIENCE_S:
        time.sleep(LOOK_EVERY_S)
        before, left = left, layout.waiting(queues.url)
        if left != before:
            moved = time.monotonic()
            yield total - left, total


def _stored(url: str) -> Dict[str, int]:
    with Transport(ClusterConfig((url,))) as transport:
        transport.request("POST", ("aws-*", "_refresh"))
        return {name: _count(transport, dataset.index_prefix, {"match_all": {}}) for name, dataset in LOGS.items()}


def _count(transport: Transport, index_prefix: str, query: Mapping[str, object]) -> int:
    path = (f"{index_prefix}*", "_count")
    return int(transport.request("POST", path, {"allow_no_indices": True}, {"query": query}).json()["count"])
