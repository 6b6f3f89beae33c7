"""``block_ip`` and ``unblock_ip``: addresses of a step into the IP sets of AWS WAF, and out of them.

Settings: ``TABLE``; ``TRUSTED`` and ``OWN``, networks between commas; ``WIDEST_V4``, ``WIDEST_V6``; ``SET_V4``,
``SET_V6``, names of the sets. Options of the request: ``scope`` (REGIONAL, CLOUDFRONT), ``hours`` (0 is for ever),
``trusted``, networks between commas that are never blocked, besides those of the setting.
"""

from __future__ import annotations

import os
from typing import Any, Dict, Mapping

from aws_bridge.functions.variables import Variables
from response.actions.block import BLOCK, SET_NAMES, UNBLOCK, Blocking
from response.aws.blocks import Blocks
from response.aws.ip_sets import CLOUDFRONT, REGIONAL, IpSets
from response.core.addresses import WIDEST_V4, WIDEST_V6, Rules, network_of, networks_of
from response.errors import BadRequest
from response.handlers.options import answered, option, several, texts
from response.handlers.step import Step, step_of

REQUIRED = ("TABLE", "PARAMETER")
DEFAULT_HOURS = 24.0
#: Longer is a slip of the pen: 0 blocks for ever.
_MOST_HOURS = 10 * 366 * 24


def block_ip(event: Any, context: Any) -> Dict[str, Any]:
    """Block ``event["addresses"]``; return the result. Raises what `step_of` raises, and `CallProblem`."""
    return run(event, os.environ, BLOCK)


def unblock_ip(event: Any, context: Any) -> Dict[str, Any]:
    """Take ``event["addresses"]`` out; return the result. Raises as `block_ip`."""
    return run(event, os.environ, UNBLOCK)


def run(event: Any, environment: Mapping[str, str], action: str) -> Dict[str, Any]:
    """Do what `block_ip` or `unblock_ip` does, with these settings."""
    step = step_of(event, environment, REQUIRED)
    addresses = texts(step.event.get("addresses"), "addresses")
    blocking = _blocking(step)
    if action == UNBLOCK:
        return answered(blocking.unblock(addresses, step.incident, dry_run=step.is_dry_run()))
    return answered(blocking.block(addresses, step.incident, hours=_hours(step), dry_run=step.is_dry_run()))


def _blocking(step: Step) -> Blocking:
    scope = option(step, "scope", REGIONAL).upper()
    if scope not in (REGIONAL, CLOUDFRONT):
        raise BadRequest(f"the scope is {scope[:40]!r}: {REGIONAL} or {CLOUDFRONT} is needed")
    table = Blocks(step.areas.here, step.variables.text("TABLE"))
    own = tuple((network_of(each), "one of your own networks") for each in step.variables.several("OWN"))
    # What is trusted is a setting: whoever asks for a block may add to it, and take nothing away.
    trusted = (*step.variables.several("TRUSTED"), *several(step, "trusted"))
    rules = Rules(
        networks_of(trusted), own,
        int(step.variables.number("WIDEST_V4") or WIDEST_V4), int(step.variables.number("WIDEST_V6") or WIDEST_V6),
    )  # fmt: skip
    here = step.areas.here
    area = step.areas.of(str(step.event.get("account") or here.account), str(step.event.get("region") or here.region))
    return Blocking(area, IpSets(area, scope), table, rules, set_names(step.variables))


def set_names(variables: Variables) -> Dict[int, str]:
    """Return version of IP -> name of its set."""
    return {4: variables.text("SET_V4", SET_NAMES[4]), 6: variables.text("SET_V6", SET_NAMES[6])}


def _hours(step: Step) -> float:
    text = option(step, "hours")
    try:
        hours = float(text) if text else DEFAULT_HOURS
    except ValueError:
        hours = -1.0
    if not 0 <= hours <= _MOST_HOURS:
        raise BadRequest(f"hours is {text[:40]!r}: a number from 0 to {_MOST_HOURS:,} is needed, 0 for ever")
    return hours
