"""``respond status``: say whether an instance is isolated, and which states of it are saved."""

from __future__ import annotations

import argparse

from es_bridge.cli.reporting import DONE
from es_bridge.cli.rows import as_json
from es_bridge.terminal import put
from response.aws.instances import Instances
from response.aws.quarantine import QuarantineGroups
from response.cli.outcome import add_result_argument, run_response
from response.cli.place import add_place_arguments, place_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_place_arguments(parser)
    add_result_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Look; return the exit status."""
    return run_response(lambda: _status(arguments))


def _status(arguments: argparse.Namespace) -> int:
    target, area, states = place_of(arguments)
    instance = Instances(area).read(target)
    ours = QuarantineGroups(area).ids(instance.vpcs) if instance.interfaces else frozenset()
    interfaces = [
        {"interface": each.id, "groups": list(each.groups), "isolated": set(each.groups) <= ours}
        for each in instance.interfaces
    ]
    isolated = bool(interfaces) and all(each["isolated"] for each in interfaces)
    incidents = states.incidents(target)
    saved = [{"incident": each.id, "released": each.released} for each in incidents]
    known = {"instance": target.instance, "account": target.account, "region": target.region, "state": instance.state,
             "isolated": isolated, "interfaces": interfaces, "saved_states": saved}  # fmt: skip
    if arguments.result == "json":
        put(as_json(known))
        return DONE
    put(f"{target} is {instance.state} and {'isolated' if isolated else 'NOT isolated'}")
    for each in instance.interfaces:
        put(f"  {each.id}: {', '.join(each.groups)}")
    named = [f"{each.id}{' (released)' if each.released else ''}" for each in incidents]
    put(f"  saved states: {', '.join(named) or 'none'}")
    return DONE
