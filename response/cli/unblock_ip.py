"""``respond unblock-ip``: addresses that were blocked by us out of the IP sets of AWS WAF."""

from __future__ import annotations

import argparse

from response.cli.block_ip import add_block_arguments, blocking_of
from response.cli.outcome import run_response, show
from response.core.addresses import networks_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_block_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Unblock; return the exit status."""
    return run_response(lambda: _unblock(arguments))


def _unblock(arguments: argparse.Namespace) -> int:
    networks_of(arguments.addresses)
    found = blocking_of(arguments).unblock(arguments.addresses, arguments.incident, dry_run=arguments.dry_run)
    return show(found, arguments.result)
