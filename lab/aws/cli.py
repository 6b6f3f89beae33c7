"""``aws-siem-bridge lab aws``: a stand-in for AWS until Ctrl-C."""

from __future__ import annotations

import argparse
import shlex
import tempfile
import time
from pathlib import Path

import aws_siem_bridge
from es_bridge.cli.parser import Parser
from es_bridge.cli.reporting import DONE, FAILED, run_reported, say
from es_bridge.terminal import put
from es_bridge.times import format_utc, now_ms
from lab.aws.account import AwsAccount
from lab.aws.errors import AwsUnavailable
from lab.aws.layout import DIRECT, EVENTBRIDGE, SNS, Layout
from lab.aws.stand_in import AwsStandIn
from lab.aws.story import put_findings, send_events_to_a_queue, story_account
from lab.story import cast
from lab.story.cli import DAY_MS

BUCKET = "log-archive"
QUEUE = "log-objects"
EXAMPLES = """\
examples:
  aws-siem-bridge lab aws start
  aws-siem-bridge lab aws start --story 20000 --through sns
  then, in another terminal, after the printed exports:
  aws-siem-bridge load --queue "$QUEUE_URL" --url http://127.0.0.1:9200
  aws sqs receive-message --queue-url "$EVENTS_QUEUE_URL"
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``lab aws``."""
    parser.epilog = EXAMPLES
    actions = parser.add_subparsers(dest="aws_command", metavar="<command>", required=True, parser_class=Parser)
    start = actions.add_parser(
        "start", help="serve S3, SNS, SQS, EventBridge, Lambda's mappings and the security services until Ctrl-C"
    )
    start.add_argument("--port", type=int, default=0, metavar="N", help="default: a free one")
    start.add_argument("--through", choices=(DIRECT, SNS, EVENTBRIDGE), default=DIRECT, help="default: %(default)s")
    start.add_argument(
        "--story",
        type=int,
        default=0,
        metavar="N",
        help="put a story of N CloudTrail events into S3, and its findings into the security services",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run it; return the exit status."""
    return run_reported(lambda: _start(arguments))


def _start(arguments: argparse.Namespace) -> int:
    try:
        aws = AwsStandIn(arguments.port)
    except AwsUnavailable as error:
        say(str(error))
        return FAILED
    with aws:
        layout = Layout(aws)
        queues = layout.queue(QUEUE)
        layout.notify(layout.bucket(BUCKET), queues, arguments.through)
        exports = {**aws.environment(), "QUEUE_URL": queues.url, "BUCKET": BUCKET}
        if arguments.story:
            account = story_account(aws)
            exports["EVENTS_QUEUE_URL"] = send_events_to_a_queue(aws)
            exports.update(FINDINGS_ROLE_ARN=account.role(), FINDINGS_REGION=cast.REGION)
        for name, value in exports.items():
            put(f"export {name}={shlex.quote(value)}", flush=True)
        if arguments.story:
            _put_story(layout, account, arguments.story)
        say(f"AWS is at {aws.url}; Ctrl-C ends it, and everything in it")
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            say("ended")
    return DONE


def _put_story(layout: Layout, account: AwsAccount, events: int) -> None:
    end_ms = now_ms()
    with tempfile.TemporaryDirectory(prefix="aws-siem-bridge-story-") as folder:
        aws_siem_bridge.main(["lab", "story", "write", folder, "--events", str(events), "--end", format_utc(end_ms)])
        keys = layout.put_logs(Path(folder), BUCKET)
    say(f"{len(keys):,} log files are in s3://{BUCKET}, their messages in the queue")
    told = put_findings(account, end_ms - DAY_MS, end_ms)
    say(f"{len(told)} versions of findings are in account {account.id}, their events in the queue of events")
