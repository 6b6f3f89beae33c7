"""``respond clock``: start and stop the clocks by which an incident has to be reported, and show them."""

from __future__ import annotations

import argparse

from es_bridge.cli.reporting import DONE, UsageError
from es_bridge.cli.rows import as_json
from es_bridge.terminal import put
from es_bridge.times import format_utc, now_ms
from response.cli.desk import add_desk_arguments, desk_of
from response.cli.outcome import add_result_argument, run_response
from response.core import clocks
from response.errors import BadRequest

START, STOP, SHOW = "start", "stop", "show"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_desk_arguments(parser)
    parser.add_argument("what", choices=(START, STOP, SHOW), help="start one, stop one, or show all")
    parser.add_argument(
        "--hours", type=float, default=0.0, metavar="N", help="start: in how many it is due: 24, 72 ..."
    )
    parser.add_argument("--name", default="", metavar="TEXT", help="its name (default: report-<hours>h)")
    add_result_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Start, stop or show; return the exit status."""
    return run_response(lambda: _clock(arguments))


def _clock(arguments: argparse.Namespace) -> int:
    name = arguments.name or f"report-{arguments.hours:g}h"
    if arguments.what == STOP and not arguments.name and not arguments.hours:
        raise UsageError("which clock? Give --name")
    desk = desk_of(arguments)
    found = desk.incident(arguments.incident)
    known, now = dict(found.clocks), now_ms()
    try:
        if arguments.what == START:
            known = clocks.started(known, name, arguments.hours, now)
        elif arguments.what == STOP:
            known = clocks.stopped(known, name)
    except BadRequest as exc:
        raise UsageError(str(exc)) from exc
    if arguments.what != SHOW:
        desk.incidents.set_clocks(found, known)
    dues = clocks.as_of(known, now)
    if arguments.result == "json":
        put(as_json({"incident": found.id, "clocks": [each._asdict() for each in dues]}))
        return DONE
    put(f"{found.id}: {len(dues) or 'no'} clock{'s'[: len(dues) != 1]}")
    for each in dues:
        put(f"  {each.says}, at {format_utc(each.due_ms)}")
    return DONE
