"""Events by way of an HTTP Event Collector that acknowledges them. Imported where an input is set to it."""

from __future__ import annotations

from dataclasses import replace
from typing import Callable

from event_collector_settings import collectors as event_collectors
from splunk_host.splunkd import Splunkd

from aws_inputs.settings import InputSettings
from collectors.sinks.hec.sink import HecEvents
from es_bridge.backoff import Backoff
from splunk_bridge.hec import HecError
from splunk_bridge.hec_delivery import HecDelivery

BACKOFF = Backoff(first_s=0.5, longest_s=60.0)


def collector_sink(
    settings: InputSettings,
    splunkd: Splunkd,
    sleep: Callable[[float], None],
    clock_ms: Callable[[], int],
    on_wait: Callable[[HecError], None],
) -> HecEvents:
    """Return the sink of an input with ``delivery = hec``. Raises `ConfigError`, `SplunkdError`."""
    collector = event_collectors.read(splunkd, settings["hec"])
    event_collectors.token_of(splunkd, collector.name)
    delivery = HecDelivery(
        collector.hec(lambda: event_collectors.token_of(splunkd, collector.name)),
        wait_s=BACKOFF.wait_s,
        sleep=sleep,
        clock=clock_ms,
        resend_after_s=collector.resend_after_s,
        on_wait=on_wait,
    )
    delivery.begin()
    placing = settings.placing
    return HecEvents(delivery, replace(placing, index=placing.index or collector.index))


def check(splunkd: Splunkd, name: str) -> None:
    """Raise for a collector that takes no events with acknowledgement: `ConfigError`, `SplunkdError`."""
    event_collectors.read(splunkd, name).check(event_collectors.token_of(splunkd, name))
