"""``script/verify-splunk``: the checklist against a real Splunk, before and after an upgrade."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import List, Optional

from es_bridge.cli.parser import Parser
from es_bridge.terminal import overwrite, put, put_error
from splunk_app.verify.checks import CHECKS, Failed, Skipped, Target
from splunk_app.verify.fixture import Fixture
from splunk_app.verify.report import Outcome, Report, outcomes_of
from splunk_bridge.rest import RestError, Splunkd

PASSWORD_VARIABLE = "SPLUNK_PASSWORD"  # noqa: S105 - the name of a variable
EXAMPLES = """\
examples:
  script/verify-splunk --url https://splunk.example:8089 --username admin --ca-file splunk-ca.pem
  script/verify-splunk --url https://localhost:8089 --username admin --insecure --report before.json
  script/verify-splunk --url https://localhost:8089 --username admin --insecure --compare before.json

Needs the app with a cluster and documents in it, and an administrator: it makes two roles, a user without rights and an
access rule, all called bridge_verify..., and removes them at the end. It changes nothing else, and asks the cluster for
everything in --index a few times. About two minutes. On a search head cluster run it against each member.
Exit status: 0 every check passed or was skipped, 1 a check failed, 2 it could not be run.
"""


def main(argv: Optional[List[str]] = None) -> int:
    """Run the checks; return the exit status."""
    parser = Parser(
        prog="script/verify-splunk",
        description="Check on a real Splunk what the app relies on (docs/verify_on_splunk.md).",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--url", required=True, help="splunkd's management port, such as https://splunk.example:8089")
    parser.add_argument("--username", default="admin", help="default: admin")
    parser.add_argument("--ca-file", metavar="FILE", help="PEM file of the authority that signed splunkd's certificate")
    parser.add_argument("--insecure", action="store_true", help="do not verify splunkd's certificate")
    parser.add_argument("--cluster", default="prod", help="the cluster as the app calls it; default: prod")
    parser.add_argument("--index", default="aws-cloudtrail-*", help="indices of it; default: aws-cloudtrail-*")
    parser.add_argument("--only", metavar="NUMBERS", help="such as A1,B2")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the outcome as JSON")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="say what is different from a report before")
    arguments = parser.parse_args(argv)
    try:
        return _run(arguments)
    except RestError as exc:
        put_error(f"verify-splunk: {exc}")
        return 2
    except KeyboardInterrupt:
        put_error("verify-splunk: stopped")
        return 130


def _run(arguments: argparse.Namespace) -> int:
    numbers = _numbers(arguments.only)
    before = outcomes_of(arguments.compare) if arguments.compare else {}
    if before is None:
        put_error(f"verify-splunk: {arguments.compare} is no report of this command")
        return 2
    admin = Splunkd(arguments.url, ca_file=arguments.ca_file, verify_tls=not arguments.insecure)
    password = os.environ.get(PASSWORD_VARIABLE)
    if password is None:
        password = getpass.getpass(f"password of {arguments.username}: ")
    admin.sign_in(arguments.username, password)
    (context,) = admin.entries("/services/authentication/current-context")
    if not {"admin", "sc_admin"} & set(context["content"].get("roles") or ()):
        raise RestError(f"{arguments.username} is no administrator: the checks make a user, two roles and a rule")
    report = _described(admin, arguments.url)
    with Fixture(admin, arguments.cluster, arguments.index) as user:
        target = Target(admin, user, arguments.cluster, arguments.index)
        for number in numbers:
            report.outcomes.append(_made(number, target))
    put("", *report.summary())
    if arguments.report:
        report.write(arguments.report)
    changes = report.changes(before)
    if arguments.compare:
        put("", "Different from the report before:", *(changes or ["nothing"]))
    return 1 if report.failed else 0


def _numbers(only: Optional[str]) -> List[str]:
    if not only:
        return list(CHECKS)
    numbers = [number.strip().upper() for number in only.split(",")]
    unknown = [number for number in numbers if number not in CHECKS]
    if unknown:
        raise RestError(f"--only: {', '.join(unknown)} cannot be checked here. Known: {', '.join(CHECKS)}")
    return numbers


def _described(admin: Splunkd, url: str) -> Report:
    (server,) = admin.entries("/services/server/info")
    apps = {entry["name"]: entry["content"] for entry in admin.entries("/services/apps/local")}
    if "aws_siem_bridge" not in apps:
        raise RestError(f"the app aws_siem_bridge is not installed at {url} (docs/install.md)")
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return Report(url, str(server["content"]["version"]), str(apps["aws_siem_bridge"].get("version", "?")), now)


def _made(number: str, target: Target) -> Outcome:
    what, function = CHECKS[number]
    if sys.stderr.isatty():
        overwrite(f"{number}  {what} ...")
    started = time.monotonic()
    try:
        outcome, saw = "passed", function(target)
    except Failed as exc:
        outcome, saw = "failed", str(exc)
    except Skipped as exc:
        outcome, saw = "skipped", str(exc)
    except RestError as exc:
        outcome, saw = "failed", str(exc)
    except (KeyError, ValueError, TypeError) as exc:
        outcome, saw = "failed", f"splunkd answered in a form this check does not know ({type(exc).__name__}: {exc})"
    if sys.stderr.isatty():
        overwrite("")
    put(f"{number:<4} {outcome:<8} {what}: {saw}", flush=True)
    return Outcome(number, what, outcome, saw, round(time.monotonic() - started, 2))


if __name__ == "__main__":
    sys.exit(main())
