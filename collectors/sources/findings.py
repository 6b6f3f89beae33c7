"""What this product knows about a kind of findings without reading one: one row, in the folder of its source.

A new kind is a folder with a module ``findings`` that has a `Findings` called ``FINDINGS``, and a module ``source``
that offers ``finding(fields, origin)`` for what an API gave, ``of_event(event)`` for what EventBridge delivered, or
both; `collectors.sources.registry` finds the folders.

Either gives a `collectors.records.finding.Finding` for each, in AWS's own names in one casing: that of the wire, which
EventBridge has as well. Identity, time and severity are the only things that are taken for granted of a finding.
"""

from __future__ import annotations

from typing import NamedTuple, Tuple


class Findings(NamedTuple):
    """One kind of findings."""

    #: As settings and sourcetypes have it: the name of the source's folder.
    name: str
    #: The name AWS gives it.
    title: str
    #: That of the Splunk Add-on for AWS where our event has the shape of its events, else one of ours.
    sourcetype: str
    #: ``source`` and ``detail-type`` of its events on EventBridge.
    event_source: str
    detail_types: Tuple[str, ...]
    #: Whether EventBridge keeps an event until it is delivered. Where it does not, only a poll finds what is missing.
    #: https://docs.aws.amazon.com/eventbridge/latest/ref/event-delivery-level.html
    durable_events: bool = False
