"""What a running search asks the app's REST handler: its cluster, and what its user may do there. One request.

The answer holds the cluster's secrets, so the handler gives it only to a caller that proves to be a local process of
the operating system's user that runs Splunk (see `splunk_host.local_token`).
"""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Dict, Mapping, NamedTuple, Optional, Tuple

from splunk_host import local_token
from splunk_host.splunkd import Splunkd, SplunkdError, reason

from es_bridge.errors import BridgeError, ConfigError

if TYPE_CHECKING:
    from es_bridge.config import ClusterConfig

#: The handler's endpoint below ``/services``.
ENDPOINT = ("services", "aws_siem_bridge", "search_settings")
#: A key of every answer of the handler: without it, splunkd itself has answered.
MARK = "answered_by"


class SearchSettings(NamedTuple):
    """Everything a search takes from the app's settings."""

    cluster: ClusterConfig
    #: Index patterns the user may read; ``None``: every index.
    indices: Optional[Tuple[str, ...]]
    user: str
    #: Time zone in the user's Splunk preferences; ``""`` when none is set.
    tz: str
    log_level: str = "INFO"
    #: Ceilings of one search on this cluster; ``None``: no ceiling.
    max_rows: Optional[int] = None
    max_run_time_s: Optional[float] = None
    max_concurrent_searches: Optional[int] = None
    #: MiB received from the cluster.
    max_mib: Optional[float] = None
    #: An administrator accepts that credentials go to the cluster unencrypted.
    allow_plain_http: bool = False
    #: What one question may be: those fields of `es_bridge.limits.Ceilings` that differ from their defaults.
    question: Mapping[str, Any] = MappingProxyType({})
    #: The engine that a search found there within the hour (`es_bridge.dialect.identity`).
    engine: Optional[Mapping[str, str]] = None
    #: Stands for these settings in a report of the engine.
    engine_key: str = ""


class NotPermitted(ConfigError):
    """The handler refuses: the user has no right to this cluster, or the caller did not prove where it runs."""

    refused = True


def read_settings(splunkd_uri: str, session_key: str, cluster: str) -> SearchSettings:
    """Return the settings of a search on ``cluster``; ``""`` means the default one.

    Raises `ConfigError` (unknown cluster, settings that contradict each other), `NotPermitted` and `SplunkdError`.
    """
    with Splunkd(splunkd_uri, session_key) as splunkd:
        token = local_token.current()
        status, body = splunkd.post(*ENDPOINT, form={"cluster": cluster, "local_token": token})
        if status == 403 and local_token.current() != token:  # splunkd was restarted in between
            token = local_token.current()
            status, body = splunkd.post(*ENDPOINT, form={"cluster": cluster, "local_token": token})
    if status != 200:
        raise _refused(status, body)
    try:
        return _settings(json.loads(body))
    except (ValueError, KeyError, TypeError):
        raise SplunkdError("the app's settings came back from splunkd as something that is not JSON") from None


def report_engine(splunkd_uri: str, session_key: str, settings: SearchSettings, engine: Mapping[str, str]) -> None:
    """Have the engine remembered that a search found with ``settings``. Nothing depends on whether that succeeds."""
    form = {
        "cluster": settings.cluster.name,
        "engine": json.dumps(engine),
        "engine_key": settings.engine_key,
    }
    try:
        with Splunkd(splunkd_uri, session_key) as splunkd:
            splunkd.post(*ENDPOINT, form={**form, "local_token": local_token.current()})
    except BridgeError:
        pass


def _settings(answer: Dict[str, Any]) -> SearchSettings:
    from cluster_settings import conf  # after the request went out

    stanza = dict(answer["cluster"])
    name = str(stanza.pop("name"))
    indices = answer["indices"]
    return SearchSettings(
        cluster=conf.cluster_config(name, stanza),
        indices=None if indices is None else tuple(str(pattern) for pattern in indices),
        user=str(answer["user"]["name"]),
        tz=str(answer["user"]["tz"]),
        log_level=str(answer["log_level"]),
        allow_plain_http=conf.switch(stanza.get(conf.ALLOW_PLAIN_HTTP)),
        **conf.ceilings(name, stanza),
        question=conf.question_ceilings(name, stanza),
        engine=answer.get("engine"),
        engine_key=str(answer.get("engine_key") or ""),
    )


def _refused(status: int, body: bytes) -> BridgeError:
    text = reason(body)
    try:
        ours = MARK in json.loads(body)
    except (ValueError, TypeError):
        ours = False
    if ours:
        if status == 403:
            return NotPermitted(text)
        return ConfigError(text) if status < 500 else SplunkdError(text, status)
    if status == 401:
        return SplunkdError("splunkd does not accept the session of this search any more (401): run it again", status)
    if status == 404:
        return SplunkdError(
            "splunkd does not know this app's REST endpoint /services/aws_siem_bridge/search_settings (404): the app "
            "was installed or updated without a restart. Restart Splunk on this search head",
            status,
        )
    return SplunkdError(
        f"splunkd answered {status} where the app's settings were asked for ({text}). Look for search_settings_handler "
        "in splunkd.log (index=_internal)",
        status,
    )
