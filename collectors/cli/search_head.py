"""Options that say which search head a command writes to, and with whose token."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from es_bridge.cli.reporting import UsageError
from splunk_bridge.rest import Splunkd

TOKEN_VARIABLE = "AWS_SIEM_BRIDGE_SPLUNK_TOKEN"  # noqa: S105 - the name of a variable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of a search head."""
    where = parser.add_argument_group("Splunk")
    where.add_argument("--splunk-url", metavar="URL", help="a search head's management port, https://...:8089")
    where.add_argument("--token-file", type=Path, metavar="FILE")
    where.add_argument("--ca-file", metavar="FILE", help="PEM file of the authority to trust instead of the system's")
    where.add_argument("--insecure", action="store_true", help="do not verify splunkd's certificate")


def splunkd(arguments: argparse.Namespace) -> Splunkd:
    """Return the search head that the options name. Raises `UsageError`."""
    if not arguments.splunk_url.startswith(("https://", "http://")):
        raise UsageError(f"--splunk-url {arguments.splunk_url} is no URL: https://search-head:8089")
    token = os.environ.get(TOKEN_VARIABLE, "")
    if arguments.token_file:
        try:
            token = arguments.token_file.read_text("utf-8").strip()
        except (OSError, UnicodeError) as exc:
            raise UsageError(f"--token-file {arguments.token_file}: {exc}") from exc
    if not token:
        raise UsageError(f"a token is needed: ${TOKEN_VARIABLE} or --token-file")
    return Splunkd(arguments.splunk_url, token=token, ca_file=arguments.ca_file, verify_tls=not arguments.insecure)
