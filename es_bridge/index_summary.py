"""Every index of a pattern with all that an account may know of it: documents, times, size, health, lifecycle, lag.

In the order it is asked, one request each::

    who is the engine -> the concrete indices, may they be read -> documents and times
    closed indices and data streams, sizes, health, lifecycle    (each only where engine and account allow it)

Every answer is by name of index, and only what is said of an index that may be read is taken from it. Nothing of
lifecycles could be tried on a real plugin: see ``docs/verify_on_aws.md`` and ``docs/verify_on_splunk.md``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from es_bridge import times
from es_bridge.answers import COUNT, EACH, Maybe
from es_bridge.dialect import Dialect
from es_bridge.errors import (
    AuthenticationError,
    BridgeError,
    NotFound,
    NothingMatched,
    PermissionDenied,
    ReplyTooLarge,
    ResponseError,
)
from es_bridge.index_access import PERMISSION, allowed
from es_bridge.indices import IndexInfo, capabilities, counted
from es_bridge.limits import Ceilings
from es_bridge.query import SearchRequest
from es_bridge.summary import Summary
from es_bridge.transport import Transport

#: What is not known, for lack of a permission or of the interface.
UNKNOWN = "unknown"
#: An index that no lifecycle policy moves.
UNMANAGED = "unmanaged"
OPEN, CLOSED = "open", "closed"
#: Rows that are handed out together.
_TOGETHER = 1_000
#: ISM says some 700 bytes of an index.
_MOST_LIFECYCLE_BYTES = 64 << 20

_STATS = {
    "indices": Maybe(
        {
            EACH: {
                "primaries": Maybe({"store": Maybe({"size_in_bytes": COUNT})}),
                "total": Maybe({"store": Maybe({"size_in_bytes": COUNT})}),
            }
        }
    )
}
_HEALTH = {"indices": Maybe({EACH: {"status": str}})}
_RESOLVED = {
    "indices": Maybe([{"name": str, "attributes": Maybe([str]), "data_stream": Maybe(str)}]),
    "data_streams": Maybe([{"name": str, "backing_indices": Maybe([str])}]),
}
_ILM = {"indices": Maybe({EACH: {"phase": Maybe(str), "policy": Maybe(str), "step": Maybe(str)}})}


class Phase(NamedTuple):
    """Where a lifecycle has an index."""

    phase: str
    policy: str = ""
    #: Whether the policy's last step failed, so that the index stays where it is.
    has_failed: bool = False


@dataclass(frozen=True)
class IndexFacts:
    """One index. ``None`` and ``unknown``: this account, or engine, does not tell."""

    name: str
    #: The data stream it belongs to, ``""`` for none.
    data_stream: str
    #: ``open`` or ``closed``.
    status: str
    #: ``green``, ``yellow``, ``red`` or ``unknown``.
    health: str
    documents: Optional[int]
    #: Bytes of the primary shards, and of all.
    primary_bytes: Optional[int]
    total_bytes: Optional[int]
    #: Mapping type of the time field, ``""`` where the index does not have it.
    time_type: str
    earliest_ms: Optional[int]
    latest_ms: Optional[int]
    #: The newest ``event.ingested``, epoch milliseconds.
    ingested_ms: Optional[int]
    #: Seconds from the newest event, and from the newest writing, until now.
    lag_s: Optional[float]
    ingest_lag_s: Optional[float]
    #: Phase (ILM) or state (ISM) of its lifecycle, ``unmanaged`` or ``unknown``.
    phase: str
    policy: str
    lifecycle_has_failed: bool


class IndexSummary(Summary[IndexFacts]):
    """See `Summary`: lists of `IndexFacts`, by name. ``matched`` is the number of indices."""

    items = "indices"

    def __init__(self, transport: Transport, request: SearchRequest, ceilings: Optional[Ceilings] = None) -> None:
        super().__init__(transport, request, ceilings)
        self._unknown: Dict[str, List[str]] = {}

    def _found(self) -> Iterator[List[IndexFacts]]:
        dialect = self._begin_without_context()
        listed = {info.name: info for info in self._listed()}
        closed, streams = self._asked("closed indices and data streams", self._closed_and_streams, ({}, {}))
        names = sorted({*listed, *closed})
        if not names and not self.request.allow_partial:
            raise self._nothing_matched("no index")
        self.matched = len(names)
        sizes = self._asked("sizes", self._sizes, {})
        health = self._asked("health", self._health, {})
        phases: Optional[Mapping[str, Phase]] = self._asked("lifecycle phases", lambda: self._phases(dialect), None)
        self._say_what_is_unknown()
        now_ms = times.now_ms()
        for start in range(0, len(names), _TOGETHER):
            yield [
                _facts(name, listed.get(name), streams, sizes, health, phases, now_ms)
                for name in names[start : start + _TOGETHER]
            ]

    def _nothing_matched(self, reason: str) -> BridgeError:
        if not self._access.covers_request():
            return self._access.refusal()
        return NothingMatched(
            f"{self.request.index!r} names no index at cluster {self._transport.config.name!r} that this account may "
            f"read ({reason}). Check the spelling, and the account's role"
        )

    def _listed(self) -> List[IndexInfo]:
        """Return the open indices, all of which may be read."""
        request = self.request
        try:
            caps = capabilities(self._transport, request.index, request.time_field)
            self._access.check_indices(caps)
            if not caps["indices"]:
                return []
            query = {"query": {"bool": {"filter": self._access.clauses_if_few()}}}
            return counted(
                self._transport, request.index, request.time_field, caps, {**query, **self._time_limit().body}
            )
        except NotFound as exc:
            if exc.error_type == "index_not_found_exception":
                raise self._nothing_matched(exc.reason) from exc
            raise

    def _asked(self, what: str, ask: Callable[[], Any], otherwise: Any) -> Any:
        """Return what ``ask`` finds; ``otherwise``, and take note of it, where account or engine do not allow it."""
        try:
            return ask()
        except AuthenticationError:
            raise
        except PermissionDenied as exc:
            permission = re.search(PERMISSION, exc.reason)
            reason = f"the cluster's account lacks {permission[0] if permission else 'a permission'}"
        except ResponseError as exc:
            is_unknown_path = exc.status in (400, 404, 405, 410)
            reason = "the engine does not offer it" if is_unknown_path else f"the cluster answered {exc.status}"
            if not exc.status:
                reason = "the cluster's answer cannot be understood"
        except ReplyTooLarge:
            reason = "the answer is too large: name fewer indices"
        self._unknown.setdefault(reason, []).append(what)
        return otherwise

    def _say_what_is_unknown(self) -> None:
        for reason, what in self._unknown.items():
            self.notes.append(f"{', '.join(what)}: not known, because {reason}")

    def _closed_and_streams(self) -> Tuple[Dict[str, None], Dict[str, str]]:
        """Return the closed indices that may be read, and index -> data stream."""
        reply = self._transport.request(
            "GET", ("_resolve", "index", self.request.index), {"expand_wildcards": "open,closed"}
        ).json(_RESOLVED)
        streams = {
            index["name"]: index["data_stream"] for index in reply.get("indices") or () if index.get("data_stream")
        }
        for stream in reply.get("data_streams") or ():
            streams.update((backing, stream["name"]) for backing in stream.get("backing_indices") or ())
        closed = [index["name"] for index in reply.get("indices") or () if "closed" in (index.get("attributes") or ())]
        patterns = self.request.allowed_indices
        if patterns is not None:
            closed = [name for name in closed if allowed(name, patterns) or allowed(streams.get(name, ""), patterns)]
        return dict.fromkeys(closed), streams

    def _sizes(self) -> Dict[str, Dict[str, Any]]:
        reply = self._transport.request(
            "GET",
            (self.request.index, "_stats", "store"),
            {
                "level": "indices",
                "filter_path": "indices.*.primaries.store.size_in_bytes,indices.*.total.store.size_in_bytes",
            },
        ).json(_STATS)
        return reply.get("indices") or {}

    def _health(self) -> Dict[str, Dict[str, str]]:
        reply = self._transport.request(
            "GET",
            ("_cluster", "health", self.request.index),
            {"level": "indices", "filter_path": "indices.*.status", "timeout": "1s"},
            accept_status=(408,),  # not everything is answered yet, but what is says so
        ).json(_HEALTH)
        return reply.get("indices") or {}

    def _phases(self, dialect: Dialect) -> Dict[str, Phase]:
        if dialect.name == "elasticsearch":
            reply = self._transport.request(
                "GET",
                (self.request.index, "_ilm", "explain"),
                {"filter_path": ",".join(f"indices.*.{name}" for name in ("managed", "phase", "policy", "step"))},
                max_body_bytes=_MOST_LIFECYCLE_BYTES,
            ).json(_ILM)
            return {name: _ilm_phase(facts) for name, facts in (reply.get("indices") or {}).items()}
        # Since 1.0 by the first name; before, and in domains that were upgraded, by the second as well.
        for plugin in ("_plugins", "_opendistro"):
            try:
                reply = self._transport.request(
                    "GET", (plugin, "_ism", "explain", self.request.index), max_body_bytes=_MOST_LIFECYCLE_BYTES
                ).json(dict)
            except ResponseError as exc:
                if plugin == "_opendistro" or exc.status not in (400, 404, 405):
                    raise
                continue
            break
        return {name: _ism_phase(facts) for name, facts in reply.items() if isinstance(facts, dict)}


def _ilm_phase(facts: Mapping[str, Any]) -> Phase:
    """Return what ILM says of an index.

    https://www.elastic.co/guide/en/elasticsearch/reference/8.15/ilm-explain-lifecycle.html
    """
    if not facts.get("managed"):
        return Phase(UNMANAGED)
    return Phase(facts.get("phase") or UNKNOWN, facts.get("policy") or "", facts.get("step") == "ERROR")


def _ism_phase(facts: Mapping[str, Any]) -> Phase:
    """Return what ISM says of an index: also one without a policy is there, with null as its policy.

    https://docs.opensearch.org/latest/im-plugin/ism/api/#explain-index
    """
    policy = facts.get("policy_id") or facts.get("index.plugins.index_state_management.policy_id")
    if not isinstance(policy, str):
        return Phase(UNMANAGED)
    # An index that was taken over a moment ago has no state yet.
    state = facts.get("state")
    name = state.get("name") if isinstance(state, dict) else None
    failed = any(
        isinstance(part, dict) and part.get("failed") is True for part in (facts.get("action"), facts.get("retry_info"))
    )
    return Phase(str(name or UNKNOWN), policy, failed)


def _facts(
    name: str,
    info: Optional[IndexInfo],
    streams: Mapping[str, str],
    sizes: Mapping[str, Mapping[str, Any]],
    health: Mapping[str, Mapping[str, str]],
    phases: Optional[Mapping[str, Phase]],
    now_ms: int,
) -> IndexFacts:
    size = sizes.get(name) or {}
    phase = Phase(UNKNOWN) if phases is None else phases.get(name, Phase(UNKNOWN))
    latest_ms = info.latest_ms if info else None
    ingested_ms = info.ingested_ms if info else None
    return IndexFacts(
        name=name,
        data_stream=streams.get(name, ""),
        status=OPEN if info else CLOSED,
        health=(health.get(name) or {}).get("status", UNKNOWN),
        documents=info.documents if info else None,
        primary_bytes=_bytes(size, "primaries"),
        total_bytes=_bytes(size, "total"),
        time_type=info.time_type if info else "",
        earliest_ms=info.earliest_ms if info else None,
        latest_ms=latest_ms,
        ingested_ms=ingested_ms,
        lag_s=None if latest_ms is None else (now_ms - latest_ms) / 1000,
        ingest_lag_s=None if ingested_ms is None else (now_ms - ingested_ms) / 1000,
        phase=phase.phase,
        policy=phase.policy,
        lifecycle_has_failed=phase.has_failed,
    )


def _bytes(size: Mapping[str, Any], of: str) -> Optional[int]:
    found: Optional[int] = ((size.get(of) or {}).get("store") or {}).get("size_in_bytes")
    return found
