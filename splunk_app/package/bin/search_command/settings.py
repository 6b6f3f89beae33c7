"""Clusters and their credentials, as the app's configuration holds them, read through splunkd.

``aws_siem_bridge_cluster.conf`` has a stanza a cluster; secrets are in storage/passwords, in the format of Splunk's UCC
framework, so that its configuration pages write what this module reads: a conf value of six asterisks stands for a
secret, and the secrets of a stanza are one JSON text, cut into pieces of at most 255 characters.

One request for a cluster without secrets, two for one with.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping, Optional

from es_bridge.config import Auth, ClusterConfig
from es_bridge.errors import ConfigError
from search_command.splunkd import Splunkd, SplunkdError

APP = "aws_siem_bridge"
CLUSTER_CONF = "aws_siem_bridge_cluster"
REALM = f"__REST_CREDENTIAL__#{APP}#configs/conf-{CLUSTER_CONF}"
SECRET_IS_ELSEWHERE = "*" * 6
_PIECE_SEPARATOR = "``splunk_cred_sep``"
_END_MARK = _PIECE_SEPARATOR + _PIECE_SEPARATOR.join("SPLUNK") + _PIECE_SEPARATOR

#: Conf key -> field of `Auth`.
_AUTH_KEYS = {
    "auth": "kind",
    "username": "username",
    "password": "password",
    "api_key": "api_key",
    "bearer_token": "bearer_token",
    "aws_region": "region",
    "aws_service": "service",
    "aws_profile": "profile",
    "aws_access_key_id": "access_key_id",
    "aws_secret_access_key": "secret_access_key",
    "aws_session_token": "session_token",
}
#: Conf keys that are fields of `ClusterConfig`, by how their text is read.
_TEXT_KEYS = (
    "engine", "ca_file", "client_cert_file", "client_key_file", "proxy", "proxy_username", "proxy_password",
    "time_field", "default_index",
)  # fmt: skip
_NUMBER_KEYS = {"connect_timeout_s": float, "request_timeout_s": float, "max_retries": int, "page_size_docs": int}
_SWITCH_KEYS = ("verify_tls", "compress")


def read_cluster(splunkd: Splunkd, name: str) -> ClusterConfig:
    """Return the cluster called ``name``; ``""`` means the default one.

    Raises `ConfigError` (unknown cluster, with the names there are; settings that contradict each other) and
    `SplunkdError`.
    """
    entries = splunkd.entries("servicesNS", "nobody", APP, "configs", f"conf-{CLUSTER_CONF}")
    clusters = {entry["name"]: entry["content"] for entry in entries if not _switch(entry["content"].get("disabled"))}
    name = name or _default(clusters)
    if name not in clusters:
        raise ConfigError(f"cluster {name!r} is not configured. {_names(clusters)}")
    stanza = dict(clusters[name])
    if SECRET_IS_ELSEWHERE in stanza.values():
        stanza.update(_secrets(splunkd, name, [key for key, v in stanza.items() if v == SECRET_IS_ELSEWHERE]))
    return cluster_config(name, stanza)


def cluster_config(name: str, stanza: Mapping[str, Any]) -> ClusterConfig:
    """Return what a conf stanza says. Raises `ConfigError`."""
    given = {key: str(value).strip() for key, value in stanza.items() if value is not None and str(value).strip()}
    auth = {field: given[key] for key, field in _AUTH_KEYS.items() if key in given}
    settings: Dict[str, Any] = {key: given[key] for key in _TEXT_KEYS if key in given}
    for key, number in _NUMBER_KEYS.items():
        if key in given:
            try:
                settings[key] = number(given[key])
            except ValueError:
                raise ConfigError(f"cluster {name!r}: {key} = {given[key]} is not a number") from None
    for key in _SWITCH_KEYS:
        if key in given:
            settings[key] = _switch(given[key])
    hosts = tuple(host.strip() for host in given.get("hosts", "").split(",") if host.strip())
    try:
        return ClusterConfig(hosts=hosts, name=name, auth=Auth(**auth), **settings)
    except ConfigError as exc:
        text = str(exc)
        raise ConfigError(text if repr(name) in text else f"cluster {name!r}: {text}") from None


def user_time_zone(splunkd: Splunkd) -> str:
    """Return the time zone in the user's Splunk preferences; ``""`` when none is set."""
    entries = splunkd.entries("services", "authentication", "current-context")
    return str(entries[0]["content"].get("tz") or "") if entries else ""


def _default(clusters: Mapping[str, Mapping[str, Any]]) -> str:
    marked = [name for name, stanza in clusters.items() if _switch(stanza.get("is_default"))]
    if len(marked) == 1:
        return marked[0]
    if len(marked) > 1:
        raise ConfigError(f"clusters {', '.join(sorted(marked))} are all marked as default: mark one, or give cluster=")
    if len(clusters) == 1:
        return next(iter(clusters))
    if not clusters:
        raise ConfigError(_names(clusters))
    raise ConfigError(f"no cluster is marked as default: give cluster=. {_names(clusters)}")


def _names(clusters: Mapping[str, Any]) -> str:
    if not clusters:
        return f"No cluster is configured: add one in the app's configuration ({CLUSTER_CONF}.conf)"
    return f"Configured clusters: {', '.join(sorted(clusters))}"


def _secrets(splunkd: Splunkd, name: str, keys: List[str]) -> Dict[str, str]:
    try:
        entries = splunkd.entries("servicesNS", "nobody", APP, "storage", "passwords", search=f"realm={REALM}")
    except SplunkdError as exc:
        if exc.status == 403:
            raise ConfigError(
                f"cluster {name!r} has stored credentials ({', '.join(keys)}) and your Splunk role may not read them: "
                "it needs the capability list_storage_passwords"
            ) from exc
        raise
    secrets = unpack_secrets([entry["content"] for entry in entries], name)
    if secrets is None:
        raise ConfigError(
            f"cluster {name!r}: no credentials are stored for {', '.join(keys)}. Enter them again in the app's "
            "configuration"
        )
    return {key: secrets.get(key, "") for key in keys}


def unpack_secrets(entries: List[Mapping[str, Any]], stanza: str) -> Optional[Dict[str, str]]:
    """Return the secrets stored for a stanza of `CLUSTER_CONF`, or None.

    The user name of a piece is the stanza, a separator and the number of the piece; the last piece is an end mark.
    """
    pieces: Dict[int, str] = {}
    for entry in entries:
        owner, _, number = str(entry.get("username", "")).rpartition(_PIECE_SEPARATOR)
        if entry.get("realm") == REALM and owner == stanza and number.isdigit():
            pieces[int(number)] = str(entry.get("clear_password", ""))
    text = "".join(pieces[number] for number in sorted(pieces) if pieces[number] != _END_MARK)
    try:
        secrets = json.loads(text)
    except ValueError:
        return None
    return {str(key): str(value) for key, value in secrets.items()} if isinstance(secrets, dict) else None


def _switch(value: Any) -> bool:
    return str(value).strip().lower() in ("1", "true", "t", "yes", "y", "on")
