"""From the options that every question to a cluster has to its `SearchRequest`."""

from __future__ import annotations

import argparse

from es_bridge.query import SearchRequest, parse_dsl
from es_bridge.times import now_ms, parse_time, zone_named


def search_request(arguments: argparse.Namespace, size: int = 0, size_is_meant: bool = False) -> SearchRequest:
    """Return what is asked: index, query, range. Raises `QueryError` and `TimeError`."""
    now = now_ms()
    zone = zone_named(arguments.time_zone)
    return SearchRequest(
        index=arguments.index,
        query=arguments.query,
        dsl=parse_dsl(arguments.dsl) if arguments.dsl else None,
        earliest_ms=parse_time(arguments.earliest, now_ms=now, zone=zone),
        latest_ms=parse_time(arguments.latest, now_ms=now, zone=zone),
        time_field=arguments.time_field,
        size=size,
        size_is_meant=size_is_meant,
        partial=arguments.partial,
        unknown_fields=arguments.unknown_fields,
    )
