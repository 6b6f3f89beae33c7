"""``aws-siem-bridge ping``: what a cluster is, what it supports and what is missing."""

from __future__ import annotations

import argparse
from typing import Tuple

from es_bridge.cli.connection import add_connection_arguments, cluster_from, opaque_id
from es_bridge.cli.reporting import DONE, FAILED, run_reported, tell
from es_bridge.ping import SKEW_WORTH_A_WARNING_MS, PingReport, ping
from es_bridge.terminal import put
from es_bridge.transport import Transport

EXAMPLES = """\
examples:
  aws-siem-bridge ping
  aws-siem-bridge ping 'aws-cloudtrail-*' --url https://search.example:9200 --ca-file ca.pem --username analyst
  aws-siem-bridge ping --url https://abc.aoss.us-east-1.amazonaws.com --sigv4 us-east-1 --service aoss

Exit status 0: this account can search there. 1: it cannot, or the cluster does not answer.
"""


#: Asked for in turn where no pattern was given and '*' is refused: those of this product's logs.
PATTERNS = ("aws-*", "aws-cloudtrail-*", "aws-vpcflow-*", "aws-dns-*", "aws-waf-*")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``ping``."""
    parser.epilog = EXAMPLES
    parser.add_argument(
        "index",
        nargs="?",
        default="",
        help="pattern whose permissions to probe (default: *; where that is refused, those of the AWS logs)",
    )
    add_connection_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print what was found; return 0 if this account can search."""
    return run_reported(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    with Transport(cluster_from(arguments), opaque_id("ping")) as transport:
        report = ping(transport, arguments.index)
        if not arguments.index and not report.can_search:
            report, narrower = _narrower(transport, report)
        else:
            narrower = ""
    put(*_lines(report))
    if narrower:
        tell(narrower)
    return DONE if report.can_search else FAILED


def _narrower(transport: Transport, report: PingReport) -> Tuple[PingReport, str]:
    """Look for a pattern that an account may search whose role has not every index, and say what was found."""
    for pattern in PATTERNS:
        found = ping(transport, pattern)
        if found.can_search:
            return found, f"this account may not search every index ('*'). It may search {pattern!r}: name that pattern"
    return report, (
        f"this account may search neither every index ('*') nor {', '.join(map(repr, PATTERNS))}. Give the pattern "
        "that its role names: aws-siem-bridge ping PATTERN"
    )


def _lines(report: PingReport) -> list[str]:
    supported = "supported" if report.supported else "NOT SUPPORTED: this version was never tried"
    if report.clock_skew_ms is None:
        skew = "unknown: the engine does not tell its time"
    else:
        skew = f"{report.clock_skew_ms / 1000:+.1f} s against this machine"
        if abs(report.clock_skew_ms) > SKEW_WORTH_A_WARNING_MS:
            skew += ". TOO MUCH: 'now' means different times here and there. Set both clocks by NTP"
    rows = [("host", report.host), ("engine", f"{report.engine} ({supported})")]
    rows += [("round trip", f"{report.round_trip_ms} ms"), ("clock", skew)]
    rows += [
        (check.name, check.detail if check.outcome == "ok" else f"{check.outcome.upper()}: {check.detail}")
        for check in report.checks
    ]
    possible = "possible" if report.can_search else "NOT POSSIBLE, see above"
    rows.append(("verdict", f"searching {report.index!r} is {possible}"))
    width = max(len(name) for name, _ in rows)
    return [f"{name:<{width}}  {value}" for name, value in rows]
