"""``aws-siem-bridge detections enable`` and ``disable``: the saved searches of a Splunk."""

from __future__ import annotations

import argparse

from es_bridge.cli.reporting import DONE, FAILED, UsageError, run_reported, say
from savedsearches.cli.choice import add_choice, chosen
from savedsearches.cli.splunk import add_splunk_arguments, of_app, splunkd_from
from savedsearches.content.render import stanza_of
from splunk_bridge.rest import RestError

_EXAMPLES = """\
examples:
  aws-siem-bridge detections enable --pack cloudtrail --owner siem --splunk https://splunk.example:8089 --username me
  aws-siem-bridge detections enable cloudtrail_root_use --enterprise-security --splunk https://splunk.example:8089
  aws-siem-bridge detections disable --pack linux --splunk https://splunk.example:8089 --username admin

It is what Settings > Searches, reports and alerts does, for a whole pack. On a search head cluster any member will do.
--owner gives the searches to a user: they then run under his roles, which need an access rule for the raw indices. As
shipped they belong to nobody, and Splunk runs them as splunk-system-user. Try them first: detections backtest.
Exit status: 0 done; 1 some could not be changed; 2 wrong usage.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``enable`` and ``disable``."""
    parser.epilog = _EXAMPLES
    add_choice(parser)
    parser.add_argument("--all", action="store_true", help="all detections; without a name or a pack it has to be said")
    if parser.prog.endswith("enable"):
        parser.add_argument("--owner", metavar="NAME", help="the user whom the searches belong to from now on")
        parser.add_argument(
            "--enterprise-security", action="store_true",
            help="make findings and risk of alerts (action.notable, action.risk); needs the app Enterprise Security",
        )  # fmt: skip
    add_splunk_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Switch searches on or off; return the exit status."""
    return run_reported(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    if not (arguments.name or arguments.pack or arguments.all):
        raise UsageError("which? Name detections, or give --pack or --all")
    on = arguments.detections_command == "enable"
    wanted = chosen(arguments)
    try:
        splunkd = splunkd_from(arguments)
    except RestError as exc:
        say(str(exc))
        return FAILED
    failed = 0
    for each in wanted:
        path = of_app("saved", "searches", stanza_of(each))
        form = [("disabled", "0" if on else "1")]
        if on and arguments.enterprise_security:
            form += [("action.notable", "1"), ("action.risk", "1")]
        try:
            if on and arguments.owner:
                splunkd.request("POST", f"{path}/acl", [("owner", arguments.owner), ("sharing", "global")])
            splunkd.request("POST", path, form)
            say(f"{each.name}: {'on' if on else 'off'}")
        except RestError as exc:
            failed += 1
            say(f"{each.name}: {exc}")
    if on and not arguments.owner:
        say("the owner is as it was: as shipped nobody, so that they run as splunk-system-user (docs/detections.md)")
    return FAILED if failed else DONE
