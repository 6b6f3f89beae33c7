"""``aws-siem-bridge lab demo``: the way of AWS's logs into an engine, and a tour of searches through the app's command.

The story's files are put into a bucket of AWS's stand-in, as AWS would; SNS and SQS tell the loader, which runs as it
would for good; what it has stored is searched. What AWS detects of it arrives meanwhile by the app's inputs.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from dataclasses import replace
from typing import NamedTuple, Optional

from es_bridge.cli.connection import add_connection_arguments, cluster_from
from es_bridge.cli.reporting import DONE, FAILED, run_reported, say
from es_bridge.config import ClusterConfig
from es_bridge.dialect import detect
from es_bridge.times import now_ms
from es_bridge.transport import Transport
from lab.aws import AwsStandIn, AwsUnavailable
from lab.dashboards.serving import agreed
from lab.dashboards.serving import serve as serve_dashboards
from lab.demo.findings import Inputs, Splunk
from lab.demo.load import STORY_MS, holds_some_log, holds_story, load_story
from lab.demo.place import Occupied, Place
from lab.demo.prompt import Prompt, can_ask
from lab.demo.response.show import PAGE_FILE, show_incident
from lab.demo.screen import Screen
from lab.demo.search import Searches
from lab.engine import DEFAULT_ENGINE, EngineUnavailable
from lab.splunkd.inputs import InputFailed
from lab.splunkd.jobs import World

#: In the demo's folder: what Splunk has of the story in an engine that was kept.
FINDINGS_FILE = "findings.json"
EXAMPLES = """\
examples:
  script/demo                    AWS's logs into an engine, tour, then a prompt; the engine stops at the end
  script/demo --keep             the engine stays: the next start takes seconds
  script/demo --dashboards       instead of the tour: the app's dashboards, drawn by Splunk's own packages
  script/demo --stop             stop an engine that was kept
  script/demo --url https://search.example:9200 --username me    the tour on a cluster you have; writes nothing
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``lab demo``."""
    parser.epilog = EXAMPLES
    parser.add_argument(
        "--events",
        type=int,
        default=20_000,
        metavar="N",
        help="CloudTrail events of the story; the other logs go with them (default: 20,000)",
    )
    parser.add_argument("--non-interactive", action="store_true", help="no prompt after the tour")
    parser.add_argument("--keep", action="store_true", help="leave the engine running at the end")
    parser.add_argument("--stop", action="store_true", help="stop an engine that was left running, and nothing else")
    parser.add_argument(
        "--dashboards",
        action="store_true",
        help="serve the app's dashboards instead of the tour; fetches Splunk's packages",
    )
    parser.add_argument("--yes", action="store_true", help="fetch Splunk's packages without asking")
    parser.add_argument("--python", default=sys.executable, help="interpreter that runs the search command")
    add_connection_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the demo; return 0 unless something that should work did not."""
    return run_reported(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    screen = Screen()
    if arguments.dashboards and not agreed(arguments.yes):
        return DONE
    if arguments.url:
        cluster = cluster_from(arguments)
        with Transport(cluster) as transport:
            detect(transport)  # one error, instead of one at each step of the tour
            with_tour = not arguments.dashboards and holds_some_log(transport)
        if not with_tour and not arguments.dashboards:
            say("this cluster holds none of the logs the tour is about, so there is no tour")
        return _show(cluster, arguments, screen, Splunk([]), with_tour)
    try:
        with Place() as place:
            return _stop(place) if arguments.stop else _with_own_engine(place, arguments, screen)
    except Occupied as exc:
        beside = f". Search its engine from here: script/demo --url {exc.url}" if exc.url else ""
        say(f"{exc}{beside}")
    except (AwsUnavailable, EngineUnavailable, InputFailed) as exc:
        say(str(exc))
    return FAILED


def _stop(place: Place) -> int:
    kept = place.kept()
    if kept:
        place.stop(kept)
    say("the demo's engine is stopped" if kept else "no engine of the demo is running")
    return DONE


def _with_own_engine(place: Place, arguments: argparse.Namespace, screen: Screen) -> int:
    kept = place.kept()
    if kept and not holds_story(kept.url):
        say("the engine that was kept holds a story that is hours old: starting anew")
        place.stop(kept)
        kept = None
    aws: Optional[AwsStandIn] = None
    with ExitStack() as stack:
        if kept:
            url, splunk = kept.url, Splunk.read(place.folder / FINDINGS_FILE)
            say(f"the engine that was kept is at {url}")
        else:
            aws = stack.enter_context(AwsStandIn())  # first: it says at once when this Python is too old
            with screen.step(f"starting {DEFAULT_ENGINE}") as progress:
                url = place.start(progress)
            end_ms = now_ms()
            with Inputs(aws, end_ms - STORY_MS, end_ms, arguments.python) as inputs:
                if not load_story(aws, url, arguments.events, end_ms, screen):
                    return FAILED
                splunk = inputs.collect(screen)
            splunk.write(place.folder / FINDINGS_FILE)
            place.check_alive()
        cluster = ClusterConfig((url,))
        try:
            return _show(cluster, arguments, screen, splunk, then=_Response(place, aws, url, splunk, arguments.python))
        finally:
            if arguments.keep:
                place.keep()
            if kept or arguments.keep:
                say(f"the engine stays at {url}; stop it with script/demo --stop")


class _Response(NamedTuple):
    """The end of the story, which needs the AWS that the story was put into."""

    place: Place
    aws: Optional[AwsStandIn]
    url: str
    splunk: Splunk
    python: str

    def show(self, searches: Searches, prompt: Prompt, screen: Screen) -> bool:
        """Show it; return whether it went well."""
        if self.aws is None:
            say("the alert and the response to it belong to a fresh start: script/demo --stop, then script/demo")
            return True
        page = self.place.folder / PAGE_FILE
        went_well = show_incident(self.aws, self.url, self.splunk, searches, prompt, screen, page, self.python)
        self.splunk.write(self.place.folder / FINDINGS_FILE)
        return went_well


def _show(
    cluster: ClusterConfig,
    arguments: argparse.Namespace,
    screen: Screen,
    splunk: Splunk,
    with_tour: bool = True,
    then: Optional[_Response] = None,
) -> int:
    if arguments.dashboards:
        world = World(splunk.events, splunk.lookups)
        return serve_dashboards(replace(cluster, name="lab"), world, arguments.python)
    with Searches(replace(cluster, name="lab"), arguments.python, splunk) as searches:
        prompt = Prompt(searches, screen)
        ask = can_ask() and not arguments.non_interactive
        went_well = True
        try:
            went_well = not with_tour or prompt.tour() or bool(arguments.url)
            if then:
                went_well &= then.show(searches, prompt, screen)
        except KeyboardInterrupt:
            if not ask:
                raise
            screen.say("the tour ends here; tour shows it again")
        if ask:
            prompt.suggest()
            prompt.read_and_do()
    return DONE if went_well else FAILED
