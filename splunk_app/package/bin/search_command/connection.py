"""From the app's settings to a connection and a request. Imported while splunkd is asked for the settings."""

from __future__ import annotations

import secrets
from typing import Any, List, Optional, Tuple

from cluster_settings.client import SearchSettings

from es_bridge.errors import QueryError
from es_bridge.limits import Ceilings
from es_bridge.query import Clause, SearchRequest, parse_dsl
from es_bridge.transport import Transport
from search_command.options import Question

#: Earliest and latest, epoch milliseconds.
Times = Tuple[Optional[int], Optional[int]]


def connect(settings: SearchSettings, info: Any) -> Transport:
    """Return a connection to the cluster; nothing is sent yet. ``info``: the getinfo request's."""
    # An id of its own, for what carries it is cancelled when this command is; a job may hold several.
    return Transport(settings.cluster, f"splunk {info.username} {info.sid} {secrets.token_hex(4)}")


def ceilings(settings: SearchSettings) -> Ceilings:
    """Return what one search may be on this cluster."""
    return Ceilings(settings.max_rows, settings.max_run_time_s, settings.max_mib, **settings.question)


def said_of_cluster(settings: SearchSettings) -> Tuple[List[str], List[str]]:
    """Return (warnings, notes) about the cluster's settings."""
    texts = [settings.cluster.warning] if settings.cluster.warning else []
    return ([], texts) if settings.allow_plain_http else (texts, [])


def _clause(question: Question) -> Optional[Clause]:
    """Return what ``dsl=`` and ``equals=`` ask for as one clause. Raises `QueryError`."""
    clauses = [parse_dsl(question.dsl)] if question.dsl else []
    if question.equals:
        from es_bridge.equals import equals_clauses  # here: most searches have none

        clauses += equals_clauses(question.equals)
    return {"bool": {"filter": clauses}} if len(clauses) > 1 else clauses[0] if clauses else None


def search_request(question: Question, settings: SearchSettings, times: Times, **more: Any) -> SearchRequest:
    """Return the request for the documents of a question. ``more``: further fields. Raises `QueryError`."""
    cluster = settings.cluster
    index = question.index or cluster.default_index
    if not index:
        raise QueryError(
            f"no index given, and cluster {cluster.name!r} has no default index: add index=<pattern>, such as "
            'index="aws-cloudtrail-*"'
        )
    return SearchRequest(
        index=index,
        query=question.query,
        dsl=_clause(question),
        earliest_ms=times[0],
        latest_ms=times[1],
        time_field=question.time_field or cluster.time_field,
        partial=question.partial,
        unknown_fields=question.unknown_fields,
        page_size_docs=cluster.page_size_docs,
        allowed_indices=settings.indices,
        **more,
    )
