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
from lab.aws.errors import AwsUnavailable
from lab.aws.layout import DIRECT, EVENTBRIDGE, SNS, Layout
from lab.aws.stand_in import AwsStandIn

BUCKET = "log-archive"
QUEUE = "log-objects"
EXAMPLES = """\
examples:
  aws-siem-bridge lab aws start
  aws-siem-bridge lab aws start --story 20000 --through sns
  then, in another terminal, after the printed exports:
  aws-siem-bridge load --queue "$QUEUE_URL" --url http://127.0.0.1:9200
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``lab aws``."""
    parser.epilog = EXAMPLES
    actions = parser.add_subparsers(dest="aws_command", metavar="<command>", required=True, parser_class=Parser)
    start = actions.add_parser("start", help="serve S3, SNS, SQS, EventBridge and Lambda's mappings until Ctrl-C")
    start.add_argument("--port", type=int, default=0, metavar="N", help="default: a free one")
    start.add_argument("--through", choices=(DIRECT, SNS, EVENTBRIDGE), default=DIRECT, help="default: %(default)s")
    start.add_argument("--story", type=int, default=0, metavar="N", help="put a story of N CloudTrail events into S3")


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
        for name, value in {**aws.environment(), "QUEUE_URL": queues.url, "BUCKET": BUCKET}.items():
            put(f"export {name}={shlex.quote(value)}", flush=True)
        if arguments.story:
            _put_story(layout, arguments.story)
        say(f"AWS is at {aws.url}; Ctrl-C ends it, and everything in it")
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            say("ended")
    return DONE


def _put_story(layout: Layout, events: int) -> None:
    with tempfile.TemporaryDirectory(prefix="aws-siem-bridge-story-") as folder:
        aws_siem_bridge.main(["lab", "story", "write", folder, "--events", str(events)])
        keys = layout.put_logs(Path(folder), BUCKET)
    say(f"{len(keys):,} log files are in s3://{BUCKET}, their messages in the queue")
