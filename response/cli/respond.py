"""``aws-siem-bridge respond``: isolate an instance, release it, and look before either."""

from __future__ import annotations

import argparse

from es_bridge.cli.sub_commands import add_sub_commands, run_sub_command

#: Sub-command -> (module, one line of help). The module offers ``add_arguments(parser)`` and ``run(arguments) -> int``.
COMMANDS = {
    "plan": ("response.cli.plan", "say what isolate would change, and change nothing"),
    "isolate": ("response.cli.isolate", "cut an instance off, after its state was saved"),
    "release": ("response.cli.release", "put an isolated instance back to its saved state"),
    "revoke": ("response.cli.revoke", "revoke the credentials of an instance, a user or a role"),
    "contain": ("response.cli.contain", "take all rights from a user, a role or an Identity Center user"),
    "release-principal": ("response.cli.release_principal", "give a user or role back what was taken"),
    "contain-bucket": ("response.cli.contain_bucket", "close a bucket to all but the responder"),
    "release-bucket": ("response.cli.release_bucket", "open a bucket as it was"),
    "notify": ("response.cli.notify", "tell people of an incident, or try the channels"),
    "update-finding": ("response.cli.update_finding", "say where a finding came from that it is dealt with"),
    "close": ("response.cli.close", "write down how an incident ended, and update its finding"),
    "block-ip": ("response.cli.block_ip", "block addresses by AWS WAF, for a time"),
    "unblock-ip": ("response.cli.unblock_ip", "take out addresses that were blocked"),
    "status": ("response.cli.status", "say whether an instance is isolated, and which states of it are saved"),
    "collect": (
        "response.cli.collect",
        "keep context, memory, disks and logs of an instance, with a signed manifest",
    ),
    "readiness": ("response.cli.readiness", "ask whether a response would work, and change nothing"),
    "verify": ("response.cli.verify", "compare the evidence of an incident with its signed manifest, offline"),
    "approve": ("response.cli.approve", "agree to what an incident waits for"),
    "reject": ("response.cli.reject", "refuse what an incident waits for"),
    "resume": ("response.cli.resume", "start the workflow of an incident again, when it broke"),
    "clock": ("response.cli.clock", "start, stop and show the clocks by which an incident has to be reported"),
}

EXAMPLES = """\
examples:
  aws-siem-bridge respond plan i-0b5e0f1c2d3a4b5c6 --region eu-west-1 --bucket security-evidence
  aws-siem-bridge respond isolate i-0b5e0f1c2d3a4b5c6 --region eu-west-1 --bucket security-evidence
  aws-siem-bridge respond isolate i-0b5e0f1c2d3a4b5c6 --region eu-west-1 --bucket security-evidence --mode soft
  aws-siem-bridge respond status i-0b5e0f1c2d3a4b5c6 --region eu-west-1 --bucket security-evidence
  aws-siem-bridge respond release i-0b5e0f1c2d3a4b5c6 --region eu-west-1 --bucket security-evidence
  aws-siem-bridge respond collect i-0b5e0f1c2d3a4b5c6 --region eu-west-1 --bucket security-evidence --dry-run
  aws-siem-bridge respond verify ./evidence --public-key evidence-key.pem
  aws-siem-bridge respond approve i-0b5e0f1c2d3a4b5c6-1 --table incidents --region eu-west-1
  aws-siem-bridge respond clock i-0b5e0f1c2d3a4b5c6-1 start --hours 72 --table incidents --region eu-west-1

plan changes nothing and says what isolate would change. isolate first writes how everything is to the bucket, once, and
release puts exactly that back; it refuses when somebody changed anything since. Both can be repeated. Credentials come
from where the AWS SDK looks for them; --role-arn enters another account. docs/response.md has the permissions.
Exit status: 0 it is as asked, read back from AWS; 1 it is not, and what is not is named; 2 wrong usage.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands."""
    parser.epilog = EXAMPLES
    add_sub_commands(parser, COMMANDS, "respond_command")


def run(arguments: argparse.Namespace) -> int:
    """Run the chosen sub-command and return its exit status."""
    return run_sub_command(arguments, COMMANDS, "respond_command")
