"""``aws-siem-bridge load --queue URL``: the loader as a process that never ends, for systemd or a container.

Exit status 0: told to stop. 1: it could not start, or the queue refuses the account. 3: the cluster refuses the account
(with ``--exit-when-refused``); a restart would only receive the same messages again, so a systemd unit sets
``RestartPreventExitStatus=2 3``.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from typing import Any, List, Optional

from aws_bridge.clients import client
from aws_bridge.objects import S3Objects
from aws_bridge.queue import Queue
from collectors.delivery.daemon import Daemon, DaemonSettings
from collectors.delivery.dead_letters import DeadLetters
from collectors.delivery.event_window import AS_THE_POLICIES, EventWindow
from collectors.delivery.expected import expected_buckets
from collectors.delivery.health import HealthServer
from collectors.delivery.intake import Intake
from collectors.delivery.letter_store import letter_store
from collectors.delivery.object_log import ObjectLog
from collectors.delivery.prometheus import DaemonMetrics
from collectors.records.enrichment import address_book
from collectors.sinks.opensearch.sink import OpenSearchSink
from collectors.sources.registry import LOGS
from collectors.store.object_fields import parse_choice
from collectors.store.templates import ensure_template
from es_bridge.cli.connection import cluster_from, opaque_id
from es_bridge.cli.reporting import UsageError
from es_bridge.transport import Transport

#: Without any progress for this long the cluster is taken for unable: nothing more is received.
GIVE_UP_AFTER_S = 60.0


def add_queue_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``load --queue`` that no other load has."""
    queue = parser.add_argument_group("queue (a daemon: runs until SIGTERM or Ctrl-C)")
    queue.add_argument("--queue", metavar="URL", help="SQS queue with notifications of S3, SNS or EventBridge")
    queue.add_argument(
        "--expect-bucket",
        action="append",
        default=[],
        metavar="BUCKET",
        help="load objects of this bucket only, and refuse messages about others; repeat it for more (default: every "
        "bucket that a message names and this account may read)",
    )
    queue.add_argument(
        "--visibility",
        type=int,
        default=DaemonSettings.visibility_s,
        metavar="SECONDS",
        help="messages are hidden for so long at a time, and kept hidden while they are worked on "
        f"(default: {DaemonSettings.visibility_s})",
    )
    queue.add_argument(
        "--long-poll",
        type=int,
        default=DaemonSettings.long_poll_s,
        metavar="SECONDS",
        help="how long an empty queue is listened to at a time; an idle daemon that is told to stop waits for it "
        f"(default: {DaemonSettings.long_poll_s}, SQS's longest)",
    )
    queue.add_argument(
        "--grace",
        type=float,
        default=DaemonSettings.grace_s,
        metavar="SECONDS",
        help=f"what objects under way get to finish when it is told to stop (default: {DaemonSettings.grace_s:g})",
    )
    queue.add_argument(
        "--exit-when-refused",
        action="store_true",
        help="end with status 3 when the cluster refuses the account (default: wait, and say so in log and health)",
    )
    queue.add_argument(
        "--metrics-port", type=int, metavar="PORT", help="serve /metrics, /healthz and /readyz there (default: not)"
    )
    queue.add_argument("--metrics-address", default="127.0.0.1", metavar="ADDRESS", help="default: 127.0.0.1")


def run_queue(arguments: argparse.Namespace) -> int:
    """Load what the queue names until told to stop; return the exit status.

    ``arguments`` are those of ``load``. Raises `AwsError`, `CollectorError` and `BridgeError` when it cannot start.
    """
    if not arguments.dead_letters:
        raise UsageError("--queue needs --dead-letters: a record that cannot be stored has to be somewhere")
    if arguments.dataset:
        raise UsageError("--dataset is for files and buckets: which log a queue's object is, is told for each")
    settings = _settings(arguments)
    log = ObjectLog()
    log.take_over_logging()
    metrics = DaemonMetrics()
    addresses = address_book(arguments.mmdb)
    s3 = client("s3", connections=settings.workers + 2)
    letters = DeadLetters(letter_store(arguments.dead_letters, arguments.dead_letters_kms_key))
    cluster = cluster_from(arguments, warn=lambda text: log.warning("insecure", reason=text))
    with Transport(cluster, opaque_id=opaque_id("load --queue")) as transport:
        if not arguments.no_template:
            for dataset in LOGS:
                if ensure_template(transport, dataset, parse_choice(arguments.index_objects)):
                    log.info("template_written", dataset=dataset)

        def waiting(reason: str) -> None:
            metrics.bulk_waits.inc()

        intakes = [
            Intake(
                OpenSearchSink(transport, give_up_after_s=GIVE_UP_AFTER_S),
                S3Objects(s3),
                letters,
                window=EventWindow(AS_THE_POLICIES if arguments.retention_days is None else arguments.retention_days),
                addresses=addresses,
                on_wait=waiting,
            )
            for _ in range(settings.workers)
        ]
        queue = Queue(client("sqs", connections=settings.workers + 4), arguments.queue)
        daemon = Daemon(queue, intakes, settings, metrics, log)
        page: Optional[HealthServer] = None
        if arguments.metrics_port is not None:
            page = HealthServer(
                arguments.metrics_address, arguments.metrics_port, metrics, daemon.dead, daemon.not_ready
            )
            log.info("serving", address=arguments.metrics_address, port=page.port)
        try:
            status = _run_until_signal(daemon)
        finally:
            if page:
                page.close()
    if not daemon.idle:
        # An object that neither ends nor hears that it should, such as a read that hangs: its message is given back.
        sys.stderr.flush()
        os._exit(status)
    return status


def _settings(arguments: argparse.Namespace) -> DaemonSettings:
    try:
        return DaemonSettings(
            workers=arguments.workers or DaemonSettings.workers,
            visibility_s=arguments.visibility,
            grace_s=arguments.grace,
            long_poll_s=arguments.long_poll,
            exit_when_refused=arguments.exit_when_refused,
            expected_buckets=expected_buckets(arguments.expect_bucket),
        )
    except ValueError as exc:
        raise UsageError(f"the queue's options: {exc}") from exc


def _run_until_signal(daemon: Daemon) -> int:
    """Run until SIGTERM or SIGINT, which end it in an orderly way; a second one ends it at once."""
    received: List[int] = []

    def stop(number: int, frame: Any) -> None:
        if received:
            os._exit(128 + number)
        received.append(number)
        daemon.ask_to_stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        return daemon.run()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
