"""Shows the end of the story as a part of the demo: step by step, the timeline, and the page to click."""

from __future__ import annotations

from pathlib import Path

from aws_bridge.errors import AwsError
from es_bridge.errors import BridgeError
from lab.aws import AwsStandIn
from lab.demo.findings import Splunk
from lab.demo.prompt import Prompt
from lab.demo.response.incident import Incident, Interrupted
from lab.demo.screen import Screen
from lab.demo.search import Searches
from savedsearches.runner.errors import SplError

PAGE_FILE = "incident.html"
BEGINS = "The response: the detection is switched on, its alert action hands over to AWS, the workflow does the rest."
TIMELINE = "What became of it, by the status events that came back into Splunk:"


def show_incident(
    aws: AwsStandIn, url: str, splunk: Splunk, searches: Searches, prompt: Prompt, screen: Screen, page: Path,
    python: str,
) -> bool:  # fmt: skip
    """Run and show it; return whether it went well. Ctrl-C raises KeyboardInterrupt when what it started has ended."""
    screen.say()
    screen.say(BEGINS, "bold")
    try:
        with Incident(aws, url, splunk, screen, python) as incident:
            incident.play(searches, page)
    except (Interrupted, AwsError, BridgeError, SplError, OSError) as exc:
        screen.message("ERROR", f"the response is not shown to its end: {exc}")
        return False
    screen.say()
    went_well = prompt.show(TIMELINE, incident.timeline)
    screen.say(f"The incident on one page: {page.as_uri()}", "bold")
    return went_well
