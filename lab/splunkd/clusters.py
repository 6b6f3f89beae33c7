"""A cluster's settings as the app's configuration holds them: a stanza, its stored secrets and its access rules."""

from __future__ import annotations

from types import MappingProxyType
from typing import Mapping, Sequence

from es_bridge.config import ClusterConfig
from savedsearches.runner.local_settings import cluster_stanza

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
    settings, secrets = cluster_stanza(config)
    stanza = {**settings, "is_default": "1" if default else "0"}
    stanza.update(dict.fromkeys(secrets, STORED_ELSEWHERE))
    stanza.update(ceilings)
    state.set_stanza(CONF, config.name, stanza)
    if secrets:
        state.set_secrets(CONF, config.name, secrets)
    for role, patterns in access.items():
        rule = {"cluster": config.name, "roles": role, "indices": ", ".join(patterns)}
        state.set_stanza(ACCESS_CONF, f"{config.name}_{role}", rule)
