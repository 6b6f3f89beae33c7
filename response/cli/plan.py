"""``respond plan``: say what isolate would change, and change nothing; and by the raw store whom a deny would stop."""

from __future__ import annotations

import argparse

from es_bridge.cli.connection import add_connection_arguments, cluster_from, opaque_id
from es_bridge.cli.reporting import DONE, UsageError, say
from es_bridge.cli.rows import as_json
from es_bridge.terminal import put
from es_bridge.times import now_ms
from response.actions.isolate import Isolation
from response.actions.lately import DAYS, INDEX, Lately, used_lately
from response.cli import isolate
from response.cli.outcome import run_response, show
from response.cli.place import place_of

#: Lines of the text form; JSON has all.
_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    isolate.add_arguments(parser)
    lately = parser.add_argument_group("what used its role lately (with --url)")
    lately.add_argument("--days", type=int, default=DAYS, metavar="N", help=f"how far back (default: {DAYS})")
    lately.add_argument("--index", default=INDEX, metavar="PATTERN", help=f"CloudTrail's (default: {INDEX})")
    add_connection_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Say what would change; return the exit status."""
    return run_response(lambda: _plan(arguments))


def _plan(arguments: argparse.Namespace) -> int:
    if arguments.days < 1:
        raise UsageError(f"--days {arguments.days}: 1 or more is needed")
    place = place_of(arguments)
    incident = arguments.incident or isolate.incident_of(place)
    found = Isolation(place.area, place.states).isolate(
        place.target, incident, mode=arguments.mode, dry_run=True, cut_flows=arguments.cut_flows
    )
    if not arguments.url:
        return show(found, arguments.result)
    if arguments.result == "json":
        put(as_json({**found.to_json(), "lately": _lately(arguments, place.target.instance).to_json()}))
        return DONE
    # First what would change: a store that does not answer must not hide it.
    status = show(found, arguments.result)
    _show(_lately(arguments, place.target.instance), arguments.days)
    return status


def _lately(arguments: argparse.Namespace, instance: str) -> Lately:
    return used_lately(
        cluster_from(arguments),
        instance,
        now_ms(),
        days=arguments.days,
        index=arguments.index,
        who=opaque_id("respond"),
    )


def _show(lately: Lately, days: int) -> None:
    for text in lately.warnings:
        say(f"warning: {text}")
    if not lately.roles:
        put(f"no call with credentials of this instance is in the raw store for the last {days} days")
        return
    put(f"a deny of {', '.join(lately.roles)} would stop, by the last {days} days:")
    put(f"  {len(lately.others)} other sessions: {', '.join(lately.others[:_SHOWN]) or 'none'}")
    for each in lately.used[:_SHOWN]:
        put(f"  {each.times:,} x {each.service} {each.call} by {'this instance' if each.own else each.session}")
    if len(lately.used) > _SHOWN:
        put(f"  and {len(lately.used) - _SHOWN:,} more: --result json has all")
