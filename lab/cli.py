"""``aws-siem-bridge lab``: what stands in for the systems a user owns."""

from __future__ import annotations

import argparse

from es_bridge.cli.sub_commands import add_sub_commands, run_sub_command

#: Sub-command -> (module, one line of help). The module offers ``add_arguments(parser)`` and ``run(arguments) -> int``.
COMMANDS = {
    "engine": ("lab.engine.cli", "start and stop a real OpenSearch or Elasticsearch on this machine"),
    "splunkd": ("lab.splunkd.cli", "open the app's pages and call splunkd's REST interface, without a Splunk"),
    "story": ("lab.story.cli", "write the logs of one attack in AWS's own file formats"),
    "aws": ("lab.aws.cli", "S3, SNS, SQS, EventBridge and Lambda's queue mappings on this machine, until Ctrl-C"),
    "demo": ("lab.demo.cli", "engine, story and a tour of searches, then a prompt of your own"),
    "dashboards": ("lab.dashboards.cli", "the app's dashboards, drawn by Splunk's own packages, in your browser"),
    "run": ("lab.run_cli", "run one '| elasticsearch ...' command line as Splunk would, and print its rows"),
}

_EXAMPLES = """\
examples:
  aws-siem-bridge lab engine start
  aws-siem-bridge lab engine status
  aws-siem-bridge lab engine stop

Every sub-command has its own --help with examples.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands."""
    parser.epilog = _EXAMPLES
    add_sub_commands(parser, COMMANDS, "lab_command")


def run(arguments: argparse.Namespace) -> int:
    """Run the chosen sub-command and return its exit status."""
    return run_sub_command(arguments, COMMANDS, "lab_command")
