"""A cluster's settings as the app's configuration holds them: a stanza, its stored secrets and its access rules."""

from __future__ import annotations

from types import MappingProxyType
from typing import Dict, Mapping, Sequence

from es_bridge.config import ClusterConfig

from .state import State

CONF = "aws_siem_bridge_cluster"
ACCESS_CONF = "aws_siem_bridge_access"
STORED_ELSEWHERE = "*" * 6
EVERYBODY: Mapping[str, Sequence[str]] = MappingProxyType({"user": ("*",)})


def add_cluster(
    state: State,
    config: ClusterConfig,
    *,
    default: bool = True,
    ceilings: Mapping[str, str] = MappingProxyType({}),
    access: Mapping[str, Sequence[str]] = EVERYBODY,
) -> None:
    """Configure a cluster as its configuration pages would.

    ``ceilings``: keys of the stanza such as ``max_rows``. ``access``: role -> index patterns it may read; every role
    has a rule of its own, called ``<cluster>_<role>``.
    """
    auth = config.auth
    values = {
        "hosts": ", ".join(config.hosts),
        "engine": config.engine,
        "is_default": "1" if default else "0",
        "auth": "anonymous" if auth.kind == "none" else auth.kind,
        "username": auth.username,
        "aws_region": auth.region,
        "aws_service": auth.service,
        "aws_profile": auth.profile,
        "aws_access_key_id": auth.access_key_id,
        "verify_tls": "1" if config.verify_tls else "0",
        "ca_file": config.ca_file,
        "client_cert_file": config.client_cert_file,
        "client_key_file": config.client_key_file,
        "proxy": config.proxy,
        "proxy_username": config.proxy_username,
        "connect_timeout_s": f"{config.connect_timeout_s:g}",
        "request_timeout_s": f"{config.request_timeout_s:g}",
        "max_retries": str(config.max_retries),
        "compress": None if config.compress is None else "1" if config.compress else "0",
        "time_field": config.time_field,
        "default_index": config.default_index,
        "page_size_docs": str(config.page_size_docs),
    }
    secrets: Dict[str, str] = {
        "password": auth.password,
        "api_key": auth.api_key,
        "bearer_token": auth.bearer_token,
        "aws_secret_access_key": auth.secret_access_key,
        "aws_session_token": auth.session_token,
        "proxy_password": config.proxy_password,
    }
    secrets = {name: secret for name, secret in secrets.items() if secret}
    stanza = {name: value for name, value in values.items() if value}
    stanza.update(dict.fromkeys(secrets, STORED_ELSEWHERE))
    stanza.update(ceilings)
    state.set_stanza(CONF, config.name, stanza)
    if secrets:
        state.set_secrets(CONF, config.name, secrets)
    for role, patterns in access.items():
        rule = {"cluster": config.name, "roles": role, "indices": ", ".join(patterns)}
        state.set_stanza(ACCESS_CONF, f"{config.name}_{role}", rule)
