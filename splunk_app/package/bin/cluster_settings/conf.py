"""What the stanzas of the app's conf files mean.

``aws_siem_bridge_cluster.conf`` has a stanza a cluster: where it is, how to sign in, and the ceilings of one search.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Tuple

from splunk_host.secrets import Stanzas

from es_bridge.config import Auth, ClusterConfig
from es_bridge.errors import ConfigError

CLUSTER_CONF = "aws_siem_bridge_cluster"
ACCESS_CONF = "aws_siem_bridge_access"
SETTINGS_CONF = "aws_siem_bridge_settings"

CLUSTERS = Stanzas(CLUSTER_CONF, called="cluster", entered="on the app's Clusters page")

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
    "aws_role_arn": "role_arn",
}
#: `Auth.kind` "none" as conf files call it: UCC's page takes a choice named none for no choice, and posts 0.
NO_SIGN_IN = "anonymous"
#: Conf keys that are fields of `ClusterConfig`, by how their text is read.
_TEXT_KEYS = (
    "engine", "ca_file", "client_cert_file", "client_key_file", "proxy", "proxy_username", "proxy_password",
    "time_field", "default_index",
)  # fmt: skip
_NUMBER_KEYS = {"connect_timeout_s": float, "request_timeout_s": float, "max_retries": int, "page_size_docs": int}
_SWITCH_KEYS = ("verify_tls", "compress")
#: The page stores credentials for plain HTTP only with it, and searches warn of them without it.
ALLOW_PLAIN_HTTP = "allow_plain_http"
#: Ceilings of one search, and how their text is read. All optional.
_CEILINGS = {"max_rows": int, "max_run_time_s": float, "max_concurrent_searches": int, "max_mib": float}
#: Encrypted fields: their value is in storage/passwords.
SECRET_KEYS = (
    "password", "api_key", "bearer_token", "aws_secret_access_key", "aws_session_token", "proxy_password",
)  # fmt: skip
#: Ceilings of a question, each with a default in `es_bridge.limits.Ceilings`: key -> (least, most).
_QUESTION_CEILINGS = {
    "max_query_chars": (1, 1_000_000),
    "max_query_clauses": (1, 100_000),
    "max_query_wildcards": (0, 10_000),
}
#: Every key that means something to a search.
CLUSTER_KEYS = frozenset(
    (
        "hosts",
        *_AUTH_KEYS,
        *_TEXT_KEYS,
        *_NUMBER_KEYS,
        *_SWITCH_KEYS,
        *_CEILINGS,
        *_QUESTION_CEILINGS,
        "leading_wildcards",
        ALLOW_PLAIN_HTTP,
    )
)


def cluster_config(name: str, stanza: Mapping[str, Any]) -> ClusterConfig:
    """Return what a conf stanza says. Raises `ConfigError`."""
    given = _given(stanza)
    auth = {field: given[key] for key, field in _AUTH_KEYS.items() if key in given}
    if auth.get("kind") == NO_SIGN_IN:
        auth["kind"] = "none"
    settings: Dict[str, Any] = {key: given[key] for key in _TEXT_KEYS if key in given}
    settings.update((key, _number(name, key, given[key], kind)) for key, kind in _NUMBER_KEYS.items() if key in given)
    settings.update((key, _switch(name, key, given[key])) for key in _SWITCH_KEYS if key in given)
    hosts = tuple(host.strip() for host in given.get("hosts", "").split(",") if host.strip())
    try:
        return ClusterConfig(hosts=hosts, name=name, auth=Auth(**auth), **settings)
    except ConfigError as exc:
        text = str(exc)
        raise ConfigError(text if repr(name) in text else f"cluster {name!r}: {text}") from None


def ceilings(name: str, stanza: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the ceilings a conf stanza sets, by key: rows, seconds, searches at a time, MiB. Raises `ConfigError`."""
    given = _given(stanza)
    found = {key: _number(name, key, given[key], kind) for key, kind in _CEILINGS.items() if key in given}
    for key, value in found.items():
        if not 0 < value < float("inf"):
            raise ConfigError(f"cluster {name!r}: {key} = {given[key]} must be more than 0; leave it empty for none")
    return found


def question_ceilings(name: str, stanza: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the ceilings of a question that a conf stanza sets, by key. Raises `ConfigError`."""
    given = _given(stanza)
    found = {key: _number(name, key, given[key], int) for key in _QUESTION_CEILINGS if key in given}
    for key, value in found.items():
        least, most = _QUESTION_CEILINGS[key]
        if not least <= value <= most:
            raise ConfigError(
                f"cluster {name!r}: {key} = {given[key]} must be {least} to {most}, or empty for the default"
            )
    if "leading_wildcards" in given:
        found["leading_wildcards"] = _switch(name, "leading_wildcards", given["leading_wildcards"])
    return found


def switch(value: Any) -> bool:
    """Return what Splunk takes a boolean's text for; anything unknown is false."""
    return str(value).strip().lower() in ("1", "true", "t", "yes", "y", "on")


def names(text: Any) -> Tuple[str, ...]:
    """Return the members of a comma list, in order."""
    return tuple(member.strip() for member in str(text or "").split(",") if member.strip())


def _given(stanza: Mapping[str, Any]) -> Dict[str, str]:
    return {key: str(value).strip() for key, value in stanza.items() if value is not None and str(value).strip()}


def _switch(cluster: str, key: str, text: str) -> bool:
    """Return what a boolean says. One that says neither is an error: a typing error must not switch TLS checks off."""
    if switch(text) or text.lower() in ("0", "false", "f", "no", "n", "off"):
        return switch(text)
    raise ConfigError(f"cluster {cluster!r}: {key} = {text} is neither 1 (yes) nor 0 (no)")


def _number(cluster: str, key: str, text: str, kind: Any) -> Any:
    try:
        return kind(text)
    except ValueError:
        whole = "a whole number" if kind is int else "a number"
        raise ConfigError(f"cluster {cluster!r}: {key} = {text} is not {whole}") from None
