"""The functions' settings: environment variables, read once at the first event.

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

An empty variable is one that is not there: a template can set nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import FrozenSet, Mapping, Optional, Tuple

from collectors.delivery.expected import expected_buckets
from collectors.errors import CollectorError

PREFIX = "AWS_SIEM_BRIDGE_"
#: A request to the cluster that is under way when time runs short may take this long.
REQUEST_TIMEOUT_S = 30.0


class SettingsProblem(CollectorError):
    """A variable is missing or makes no sense; names it."""


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
    given = {name[len(PREFIX) :]: value for name, value in environment.items() if name.startswith(PREFIX) and value}
    missing = [PREFIX + name for name in required if name not in given]
    if missing:
        raise SettingsProblem(f"the function's environment lacks {', '.join(missing)}")
    if "SIGV4_REGION" in given and "SECRET_ARN" in given:
        raise SettingsProblem(f"{PREFIX}SIGV4_REGION and {PREFIX}SECRET_ARN exclude each other: give one of them")
    margin_s = _number(given, "DEADLINE_MARGIN_S")
    retention = _number(given, "RETENTION_DAYS")
    try:
        expected = expected_buckets(_list(given.get("EXPECT_BUCKETS", "")))
    except CollectorError as exc:
        raise SettingsProblem(f"{PREFIX}EXPECT_BUCKETS: {exc}") from exc
    return Settings(
        urls=_list(given["URL"]),
        sigv4_region=given.get("SIGV4_REGION", ""),
        service=given.get("SERVICE", Settings.service),
        secret_arn=given.get("SECRET_ARN", ""),
        ca_file=given.get("CA_FILE", ""),
        queue_url=given.get("QUEUE_URL", ""),
        dead_letters=given.get("DEAD_LETTERS", ""),
        dead_letters_kms_key=given.get("DEAD_LETTERS_KMS_KEY", ""),
        retention_days=None if retention is None else int(retention),
        mmdb=_list(given.get("MMDB", "")),
        deadline_margin_s=Settings.deadline_margin_s if margin_s is None else margin_s,
        event_source_mapping=given.get("EVENT_SOURCE_MAPPING", ""),
        loader=given.get("LOADER", ""),
        expected_buckets=expected,
    )


def _list(text: str) -> Tuple[str, ...]:
    return tuple(each.strip() for each in text.split(",") if each.strip())


def _number(given: Mapping[str, str], name: str) -> Optional[float]:
    if name not in given:
        return None
    try:
        number = float(given[name])
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise SettingsProblem(f"{PREFIX}{name} is {given[name]!r}: give a number, 0 or more")
    return number
