"""``aws-siem-bridge lab dashboards``: the app's dashboards in a browser, without a Splunk."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

from es_bridge.cli.connection import add_connection_arguments, cluster_from
from es_bridge.cli.reporting import DONE, FAILED, run_reported, say
from es_bridge.config import ClusterConfig
from lab.demo.findings import Splunk
from lab.demo.place import Occupied, Place
from lab.splunkd.jobs import World

from .serving import agreed, serve

_EXAMPLES = """\
examples:
  script/demo --dashboards             the story, and dashboards over it
  aws-siem-bridge lab dashboards       over the engine that script/demo --keep left running
  aws-siem-bridge lab dashboards --url https://search.example:9200 --username me
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``lab dashboards``."""
    parser.epilog = _EXAMPLES
    parser.add_argument("--yes", action="store_true", help="fetch Splunk's packages without asking")
    parser.add_argument("--port", type=int, default=0, metavar="N", help="port on this machine; default: a free one")
    parser.add_argument("--python", default=sys.executable, help="interpreter that runs the search command")
    add_connection_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C; return 0, or 1 when it could not start."""
    return run_reported(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    if not agreed(arguments.yes):
        return DONE
    try:
        if arguments.url:
            cluster = replace(cluster_from(arguments), name="lab")
            return serve(cluster, World(), arguments.python, arguments.port)
        with Place() as place:
            kept = place.kept()
            if kept is None:
                say("no engine of the demo is running: use script/demo --dashboards, or name a cluster with --url")
                return FAILED
            splunk = Splunk.read(place.folder / "findings.json")
            cluster = ClusterConfig((kept.url,), name="lab")
            return serve(cluster, World(splunk.events, splunk.lookups), arguments.python, arguments.port)
    except (Occupied, OSError) as exc:
        say(str(exc))
        return FAILED
