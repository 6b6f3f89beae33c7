"""The settings of the loader's functions: environment variables, read once at the first event.

==========================================  ==========================================================================
``AWS_SIEM_BRIDGE_URL``                     base URL of the cluster; several with commas in between
``AWS_SIEM_BRIDGE_SIGV4_REGION``            sign requests with the function's role, for this region
``AWS_SIEM_BRIDGE_SERVICE``                 with it: ``es`` for a domain (default), ``aoss`` for Serverless
``AWS_SIEM_BRIDGE_SECRET_ARN``              instead: secret ``{"username": ..., "password": ...}``
``AWS_SIEM_BRIDGE_CA_FILE``                 PEM file of the authority to trust
``AWS_SIEM_BRIDGE_QUEUE_URL``               the queue the function is fed from
``AWS_SIEM_BRIDGE_EXPECT_BUCKETS``          names or ARNs of the buckets whose objects are loaded; commas in between
``AWS_SIEM_BRIDGE_DEAD_LETTERS``            ``s3://bucket/prefix``
``AWS_SIEM_BRIDGE_DEAD_LETTERS_KMS_KEY``    key they are encrypted with; without one S3's own
``AWS_SIEM_BRIDGE_RETENTION_DAYS``          events older than this are dead letters; without it, what the lifecycle
                                            policies of this product would delete is
``AWS_SIEM_BRIDGE_MMDB``                    files, or ``s3://bucket/key``, with country and AS; commas in between
``AWS_SIEM_BRIDGE_DEADLINE_MARGIN_S``       what is left of the function's time when it passes the rest on
``AWS_SIEM_BRIDGE_EVENT_SOURCE_MAPPING``    UUID of the mapping, where the function has several of queues
``AWS_SIEM_BRIDGE_LOADER``                  for `resume`: name of the loader's function
==========================================  ==========================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import FrozenSet, Mapping, Optional, Tuple

from aws_bridge.functions.variables import PREFIX, SettingsProblem, Variables
from collectors.delivery.expected import expected_buckets
from collectors.errors import CollectorError

#: A request to the cluster that is under way when time runs short may take this long.
REQUEST_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Settings:
    """What the variables say."""

    urls: Tuple[str, ...]
    sigv4_region: str = ""
    service: str = "es"
    secret_arn: str = ""
    ca_file: str = ""
    queue_url: str = ""
    dead_letters: str = ""
    dead_letters_kms_key: str = ""
    retention_days: Optional[int] = None
    mmdb: Tuple[str, ...] = ()
    deadline_margin_s: float = REQUEST_TIMEOUT_S + 10
    event_source_mapping: str = ""
    loader: str = ""
    expected_buckets: FrozenSet[str] = frozenset()


def read_settings(environment: Mapping[str, str], required: Tuple[str, ...] = ("URL",)) -> Settings:
    """Return the settings. Raises `SettingsProblem` when one that is ``required`` is missing, or one is no number."""
    given = Variables(environment, required)
    if "SIGV4_REGION" in given and "SECRET_ARN" in given:
        raise SettingsProblem(f"{PREFIX}SIGV4_REGION and {PREFIX}SECRET_ARN exclude each other: give one of them")
    margin_s = given.number("DEADLINE_MARGIN_S")
    retention = given.number("RETENTION_DAYS")
    try:
        expected = expected_buckets(given.several("EXPECT_BUCKETS"))
    except CollectorError as exc:
        raise SettingsProblem(f"{PREFIX}EXPECT_BUCKETS: {exc}") from exc
    return Settings(
        urls=given.several("URL"),
        sigv4_region=given.text("SIGV4_REGION"),
        service=given.text("SERVICE", Settings.service),
        secret_arn=given.text("SECRET_ARN"),
        ca_file=given.text("CA_FILE"),
        queue_url=given.text("QUEUE_URL"),
        dead_letters=given.text("DEAD_LETTERS"),
        dead_letters_kms_key=given.text("DEAD_LETTERS_KMS_KEY"),
        retention_days=None if retention is None else int(retention),
        mmdb=given.several("MMDB"),
        deadline_margin_s=Settings.deadline_margin_s if margin_s is None else margin_s,
        event_source_mapping=given.text("EVENT_SOURCE_MAPPING"),
        loader=given.text("LOADER"),
        expected_buckets=expected,
    )
