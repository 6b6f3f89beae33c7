"""What is asked of AWS before an input is saved: whether it would get what it wants, and what to change if not.

Asked is little, and each call once, because splunkd ends a check after 30 seconds: who we are, a queue for a message or
a region for the first page of what the input reads. A service that is off, a region that is switched off beside others
and throttling are no reason to refuse: the input says so in its health events, and goes on when that has changed.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Callable, List, Sequence

from aws_account_settings import accounts
from aws_account_settings.connection_check import Callers, Entered, check_regions, enter
from splunk_host.splunkd import Splunkd

from aws_bridge.accounts.regions import enabled_regions
from aws_bridge.errors import CallProblem, RegionDisabled, ServiceOff, Throttled
from aws_bridge.queue import Queue
from aws_inputs import delivery
from aws_inputs.kinds import ASSETS, OF_A_QUEUE
from aws_inputs.process import now_ms, refuse_in_a_cluster
from aws_inputs.settings import InputSettings, datasets_of, names, queue_region
from collectors.records.page import Choice, Window
from es_bridge.errors import ConfigError

#: Regions that are tried until one answers.
MOST_REGIONS = 3
#: So much of the past is asked for.
_WINDOW_MS = 60_000


def check(settings: InputSettings, splunkd: Splunkd) -> None:
    """Return when the input can be saved. Raises `ConfigError`, `SplunkdError`, `AwsError`."""
    refuse_in_a_cluster(splunkd)
    if settings["delivery"] == "hec":
        delivery.check(splunkd, settings["hec"])
    account = accounts.read(splunkd, settings["account"])
    callers = Callers()
    if settings.kind in OF_A_QUEUE:
        # A queue is read with the account's own credentials, whatever organisation it stands for.
        entered = enter(accounts.AccountSettings(account.account), callers)
        check_regions(entered.caller, "region", [queue_region(settings)])
        _check_queue(settings, entered)
        return
    entered = enter(account, callers)
    check_regions(entered.caller, "regions", settings.regions or ())
    for dataset in datasets_of(settings):
        call = _first_call(settings, entered, dataset)
        if _try_regions(_first_regions(settings, entered, dataset), settings.regions is not None, call):
            return


def _check_queue(settings: InputSettings, entered: Entered) -> None:
    """Raise `QueueProblem` for a queue that cannot be read; a message that is there stays for the input."""
    client = entered.caller.session.client("sqs", queue_region(settings))
    Queue(client, settings["queue_url"]).receive(1, 0, 0)


def _first_regions(settings: InputSettings, entered: Entered, dataset: str) -> List[str]:
    """Return the regions to try: that of the account's STS before others."""
    home = entered.caller.session.account.home_region
    if settings.regions is not None:
        found: Sequence[str] = settings.regions
    elif settings.kind is ASSETS:
        found = [home]
    elif getattr(_api(dataset), "REGIONS", None):
        found = _api(dataset).REGIONS
    else:
        found = enabled_regions(entered.caller, _api(dataset).SERVICE).names
    return sorted(found, key=lambda name: name != home)[:MOST_REGIONS]


def _first_call(settings: InputSettings, entered: Entered, dataset: str) -> Callable[[str], object]:
    """Return what makes the first call of an input in a region."""
    caller = entered.caller
    if settings.kind is ASSETS:
        return lambda region: caller.call("ec2", region, "DescribeInstances", MaxResults=5)
    values = settings.values
    choice = Choice(
        float(values.get("least_severity") or 0),
        bool(values.get("archived", True)),
        names(values.get("products") or ""),
        names(values.get("products_left_out") or ""),
    )
    now = now_ms()
    window = Window(now - _WINDOW_MS, now)
    return lambda region: _api(dataset).lister(caller, region, entered.account_id, choice).page(window, "")


def _api(dataset: str) -> Any:
    return import_module(f"collectors.sources.{dataset}.api")


def _try_regions(regions: Sequence[str], are_chosen: bool, call: Callable[[str], object]) -> bool:
    """Return whether a region gave what was asked; raise for what somebody has to change."""
    switched_off: List[CallProblem] = []
    for region in regions:
        try:
            call(region)
            return True
        except RegionDisabled as exc:
            switched_off.append(exc)
        except (ServiceOff, Throttled):
            return False
    if are_chosen and switched_off:
        raise ConfigError(f"regions: none of those that were tried can be read. {switched_off[0]}")
    return False
