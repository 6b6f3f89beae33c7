"""What differs between the engines: how they say who they are, and how a point in time is opened and closed.

A point in time (PIT) is a snapshot: pages taken from it neither miss nor repeat what is written meanwhile.

======================  =====================================  ==========================================
engine                  opening a PIT                          without one
======================  =====================================  ==========================================
Elasticsearch           ``POST /<index>/_pit``, from 7.10      7.10-oss and before: scroll
OpenSearch              ``POST /<index>/_search/               1.x to 2.3: scroll
                        point_in_time``, from 2.4
Serverless (AOSS)       as OpenSearch                          no scroll either
======================  =====================================  ==========================================

https://www.elastic.co/guide/en/elasticsearch/reference/current/point-in-time-api.html,
https://opensearch.org/docs/latest/search-plugins/searching-data/point-in-time-api/
"""

from __future__ import annotations

import re
from typing import Any, Dict, NamedTuple, Optional, Tuple

from es_bridge.answers import SHARDS, Maybe
from es_bridge.errors import ConfigError, NotFound, PermissionDenied, RejectedQuery, ReplyTooLarge, ResponseError
from es_bridge.transport import Transport

#: What a version looks like. It is shown and logged, so it must not be whatever somebody answers.
_VERSION = r"[0-9][0-9A-Za-z.+-]{0,30}"
_MAX_KEEP_ALIVE = r"must be less than \(([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h|d)\)"
_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
#: Engines answer ``GET /`` with less than 1 kB.
MAX_ROOT_BYTES = 1 << 20
#: A context lives this long after its last use. Short, because a killed process cannot close it.
KEEP_ALIVE = "2m"
KEEP_ALIVE_S = 120.0


class Pit(NamedTuple):
    """An open point in time, and over how many shards it goes."""

    id: str
    shards: int
    #: As the engines write it, and in seconds.
    keep_alive: str = KEEP_ALIVE
    keep_alive_s: float = KEEP_ALIVE_S


class Dialect:
    """An engine whose answers are those of OpenSearch; the others say what differs."""

    name = "opensearch"
    has_scroll = True

    def __init__(self, version: Tuple[int, ...] = (), number: str = "") -> None:
        #: Empty when the account may not ask for it.
        self.version = version
        self.number = number

    def __str__(self) -> str:
        return f"{self.name} {self.number or '(version unknown)'}"

    @property
    def may_have_pit(self) -> bool:
        """Whether trying to open a PIT makes sense."""
        return not self.version or self.version >= (2, 4)

    @property
    def is_supported(self) -> bool:
        """Whether this project is built for the version."""
        return not self.version or (1,) <= self.version < (4,)

    def open_pit(self, transport: Transport, index: str, *, partial: bool) -> Pit:
        """Open a PIT over ``index``. Raises `ResponseError` (`PermissionDenied`, `NotFound`, ...)."""
        try:
            return self._open_pit(transport, index, partial, KEEP_ALIVE, KEEP_ALIVE_S)
        except RejectedQuery as exc:
            allowed_ms = allowed_keep_alive_ms(exc)
            if allowed_ms is None:
                raise
            return self._open_pit(transport, index, partial, f"{allowed_ms}ms", allowed_ms / 1000)

    def _open_pit(self, transport: Transport, index: str, partial: bool, keep_alive: str, keep_alive_s: float) -> Pit:
        params = {"keep_alive": keep_alive, "allow_partial_pit_creation": partial}
        reply = transport.request("POST", (index, "_search", "point_in_time"), params).json(
            {"pit_id": str, "_shards": Maybe(SHARDS)}
        )
        return Pit(reply["pit_id"], _shards(reply), keep_alive, keep_alive_s)

    def close_pit(self, transport: Transport, pit_id: str, timeout_s: float) -> None:
        """Close a PIT; one that is gone already is closed."""
        transport.request(
            "DELETE",
            ("_search", "point_in_time"),
            body={"pit_id": [pit_id]},
            accept_status=(404,),
            timeout_s=timeout_s,
        )


class Elasticsearch(Dialect):
    """Elasticsearch 7.10 to 9."""

    name = "elasticsearch"

    def __init__(self, version: Tuple[int, ...] = (), number: str = "", flavor: str = "") -> None:
        super().__init__(version, number)
        self.flavor = flavor

    @property
    def may_have_pit(self) -> bool:
        return self.flavor != "oss" and (not self.version or self.version >= (7, 10))

    @property
    def is_supported(self) -> bool:
        return not self.version or (7, 10) <= self.version < (10,)

    def _open_pit(self, transport: Transport, index: str, partial: bool, keep_alive: str, keep_alive_s: float) -> Pit:
        params = {"keep_alive": keep_alive}
        if partial and self.version >= (8, 16):
            params["allow_partial_search_results"] = "true"
        reply = transport.request("POST", (index, "_pit"), params).json({"id": str, "_shards": Maybe(SHARDS)})
        return Pit(reply["id"], _shards(reply), keep_alive, keep_alive_s)

    def close_pit(self, transport: Transport, pit_id: str, timeout_s: float) -> None:
        transport.request("DELETE", ("_pit",), body={"id": pit_id}, accept_status=(404,), timeout_s=timeout_s)


class Serverless(Dialect):
    """Amazon OpenSearch Serverless: no ``GET /``, no scroll."""

    name = "opensearch serverless"
    has_scroll = False

    def __str__(self) -> str:
        return self.name


def detect(transport: Transport) -> Dialect:
    """Return the dialect of a cluster: as configured, and as its ``GET /`` says.

    Raises `ConfigError` when the cluster is another engine than the settings say. An account without
    ``cluster:monitor/main`` gets 403 there; the engine then is the configured one, or OpenSearch, version unknown.
    """
    config = transport.config
    if config.engine == "serverless" or (config.engine == "auto" and config.auth.service == "aoss"):
        return Serverless()
    root: Any = None
    try:
        root = transport.request("GET", ("",), max_body_bytes=MAX_ROOT_BYTES).json()
    except PermissionDenied:
        return Elasticsearch() if config.engine == "elasticsearch" else Dialect()
    except ReplyTooLarge:
        pass  # whoever says so much is no search engine
    except NotFound as exc:
        raise ConfigError(
            f"cluster {config.name!r} at {config.hosts[0]} answers 404 on GET /. Check the URL; if it is an OpenSearch "
            "Serverless collection, set engine=serverless"
        ) from exc
    found = identify(root)
    if found is None:
        raise ConfigError(
            f"cluster {config.name!r} at {config.hosts[0]} answers, but not as Elasticsearch or OpenSearch. Check host "
            "and port: a dashboard (5601) or a proxy may be listening there"
        )
    if config.engine not in ("auto", found.name):
        raise ConfigError(
            f"cluster {config.name!r} at {config.hosts[0]} is {found}, but its settings say {config.engine}. Set the "
            f"engine to {found.name} or auto"
        )
    return found


def identity(dialect: Dialect) -> Dict[str, str]:
    """Return what there is to remember of an engine, for `remembered`."""
    return {"name": dialect.name, "number": dialect.number, "flavor": getattr(dialect, "flavor", "")}


def remembered(said: Any, engine: str) -> Optional[Dialect]:
    """Return the dialect that an `identity` stands for; ``None`` if it is none, or not the ``engine`` of the settings.

    It may have become wrong: the engine was upgraded, or another one answers there now.
    """
    if not isinstance(said, dict) or not all(isinstance(said.get(key), str) for key in ("name", "number", "flavor")):
        return None
    name, number = said["name"], said["number"]
    if engine not in ("auto", name) or (number and not re.fullmatch(_VERSION, number)):
        return None
    parts = _parts(number)
    if name == Elasticsearch.name:
        return Elasticsearch(parts, number, said["flavor"])
    return Dialect(parts, number) if name == Dialect.name else None


def identify(root: Any) -> Optional[Dialect]:
    """Return the dialect that the body of ``GET /`` stands for, ``None`` if it is no search engine's."""
    version = root.get("version") if isinstance(root, dict) else None
    if not isinstance(version, dict) or "number" not in version:
        return None
    number = str(version["number"])
    if not re.fullmatch(_VERSION, number):
        return None
    parts = _parts(number)
    if version.get("distribution") == "opensearch":
        # In compatibility mode an AWS domain says 7.10.2 here; what it can do then shows when it is tried.
        return Dialect((), "") if parts[:1] == (7,) else Dialect(parts, number)
    if "lucene_version" in version or "build_flavor" in version:
        return Elasticsearch(parts, number, str(version.get("build_flavor", "")))
    return None


def _parts(number: str) -> Tuple[int, ...]:
    return tuple(int(digits) for digits in re.findall(r"\d+", number)[:3])


def allowed_keep_alive_ms(error: RejectedQuery) -> Optional[int]:
    """Return how long a context may live at most, when an error says that we asked for longer.

    ``search.max_keep_alive`` or ``point_in_time.max_keep_alive``: "Keep alive for request (2m) is too large. It must be
    less than (1.5m)", and equal does. Fractions are written, but not read.
    """
    found = re.search(_MAX_KEEP_ALIVE, error.reason)
    return int(float(found[1]) * _UNITS_MS[found[2]]) or None if found else None


def is_no_pit(error: ResponseError) -> bool:
    """Whether an error on opening a PIT means that this engine or account has none, so that a scroll may do."""
    if error.error_type == "index_not_found_exception":
        return False
    if error.status == 429:
        # OpenSearch allows 300 a node by default, counted a shard: a wide pattern or many searches use them up.
        return "point in time contexts" in error.reason.lower()
    if error.status == 403:
        return "point_in_time" in error.reason or "open_point_in_time" in error.reason
    # An engine that does not know the path reads it as an index operation: 400, 404 or 405, as versions differ.
    return error.status == 405 or (error.status in (400, 404) and _is_unknown_path(error))


def _is_unknown_path(error: ResponseError) -> bool:
    # 7.10-oss takes the path for the creation of a document, "request body is required".
    signs = ("no handler found", "unrecognized parameter", "incorrect http method", "request body is required")
    return any(sign in error.reason.lower() for sign in signs)


def _shards(reply: Dict[str, Any]) -> int:
    shards = reply.get("_shards")
    # Elasticsearch says nothing about shards before 8.16: then the first page tells.
    return int(shards["total"]) if shards is not None else -1
