"""A Splunk for commands that change something in it: its management port, and who signs in."""

from __future__ import annotations

import argparse
import getpass
import os
from typing import List
from urllib.parse import quote

from es_bridge.cli.reporting import UsageError
from savedsearches.runner.local_settings import APP
from splunk_bridge.rest import Splunkd

PASSWORD_VARIABLE = "SPLUNK_PASSWORD"  # noqa: S105 - the name of a variable
TOKEN_VARIABLE = "SPLUNK_TOKEN"  # noqa: S105 - the name of a variable


def add_splunk_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that `splunkd_from` reads."""
    where = parser.add_argument_group("Splunk")
    where.add_argument("--splunk", required=True, metavar="URL", help="management port: https://splunk.example:8089")
    where.add_argument(
        "--username", metavar="NAME", help=f"the password comes from ${PASSWORD_VARIABLE} or a prompt; without a name "
        f"the token in ${TOKEN_VARIABLE} is used"
    )  # fmt: skip
    where.add_argument("--ca-file", metavar="FILE", help="PEM file of the authority of splunkd's certificate")
    where.add_argument("--insecure", action="store_true", help="do not verify splunkd's certificate")


def splunkd_from(arguments: argparse.Namespace) -> Splunkd:
    """Return the splunkd, signed in. Raises `RestError`, and `UsageError` without a name and a token."""
    token = "" if arguments.username else os.environ.get(TOKEN_VARIABLE, "")
    if not arguments.username and not token:
        raise UsageError(f"who signs in? Give --username, or a token in ${TOKEN_VARIABLE}")
    found = Splunkd(arguments.splunk, token=token, ca_file=arguments.ca_file, verify_tls=not arguments.insecure)
    if arguments.username:
        password = os.environ.get(PASSWORD_VARIABLE)
        found.sign_in(arguments.username, getpass.getpass() if password is None else password)
    return found


def of_app(*parts: str) -> str:
    """Return the path of something of the app that belongs to everybody."""
    encoded: List[str] = [quote(part, safe="") for part in parts]
    return "/".join(["", "servicesNS", "nobody", APP, *encoded])
