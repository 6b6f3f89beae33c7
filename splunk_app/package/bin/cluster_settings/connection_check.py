"""One try to reach a cluster as its settings say: what a search would do first, host by host, with short timeouts.

The words of an error are those a search would show (`es_bridge.failures`): they name the setting to change as the
configuration page calls it.
"""

from __future__ import annotations

from dataclasses import replace

from es_bridge.config import ClusterConfig
from es_bridge.dialect import detect
from es_bridge.errors import (
    Aborted,
    BridgeError,
    NotFound,
    NothingMatched,
    PermissionDenied,
    ReplyTooLarge,
    RequestTimeout,
)
from es_bridge.limits import RunTime
from es_bridge.transport import Transport

#: Somebody waits before a page. A cluster that is fit to be searched answers such small requests at once.
CONNECT_TIMEOUT_S = 5.0
REQUEST_TIMEOUT_S = 10.0
#: A host that sends a byte now and then would never be silent for so long.
HOST_LIMIT_S = 25.0
#: The answers are small, unless somebody else answers.
MAX_REPLY_BYTES = 1 << 20


def try_cluster(config: ClusterConfig) -> None:
    """Return when every host of a cluster can be searched; raise the error of `es_bridge.errors` if one cannot.

    Nothing of a document is read. A default index that matches nothing is an error, too: its searches would be.
    """
    for host in config.hosts:
        _try_host(_one_host(config, host))


def _one_host(config: ClusterConfig, host: str) -> ClusterConfig:
    """Return the settings for one host alone: a search would go on to the next and hide what is wrong with it."""
    return replace(
        config,
        hosts=(host,),
        connect_timeout_s=min(config.connect_timeout_s, CONNECT_TIMEOUT_S),
        request_timeout_s=min(config.request_timeout_s, REQUEST_TIMEOUT_S),
        max_retries=0,
    )


def _try_host(config: ClusterConfig) -> None:
    with Transport(config, "aws_siem_bridge connection test") as transport:
        run_time = RunTime(HOST_LIMIT_S, transport.abort)
        run_time.start()
        try:
            dialect = detect(transport)
            if config.default_index:
                _try_index(transport, config.default_index)
            elif not dialect.number:
                _try_any_index(transport)
        except (Aborted, RequestTimeout) as exc:
            limit_s = HOST_LIMIT_S if isinstance(exc, Aborted) else config.request_timeout_s
            raise RequestTimeout(
                f"cluster {config.name!r} at {config.hosts[0]} accepts connections but did not answer within "
                f"{limit_s:g} s. Check under Hosts that the port is the cluster's, and that it is not overloaded"
            ) from exc
        except ReplyTooLarge as exc:
            raise BridgeError(
                f"cluster {config.name!r} at {config.hosts[0]} answers a search for nothing with megabytes, as no "
                "search engine does. Check host and port"
            ) from exc
        finally:
            run_time.stop()


def _try_index(transport: Transport, index: str) -> None:
    nothing = NothingMatched(
        f"the cluster can be reached, but Default index {index!r} matches no index that this account may read. "
        "Correct it, or leave it empty"
    )
    try:
        shards = _search_nothing(transport, index)
    except NotFound as exc:
        raise nothing from exc
    if not shards:
        raise nothing


def _try_any_index(transport: Transport) -> None:
    """Search everything where ``GET /`` told nothing: a cluster that refuses both may refuse this account as such."""
    try:
        _search_nothing(transport, "*")
    except PermissionDenied as exc:
        raise BridgeError(
            f"{exc}. It may be that the account may search only some indices: name them as Default index, so that "
            "the test can try those"
        ) from exc


def _search_nothing(transport: Transport, index: str) -> int:
    """Ask for no document of an index pattern; return how many shards there were to ask."""
    body = {"size": 0, "track_total_hits": False}
    reply = transport.request("POST", (index, "_search"), body=body, max_body_bytes=MAX_REPLY_BYTES).json()
    shards = reply.get("_shards") if isinstance(reply, dict) else None
    total = shards.get("total") if isinstance(shards, dict) else None
    return total if isinstance(total, int) else 0
