"""Tries the ways to Splunk in turn, each a few times: HEC first, then objects of S3.

Settings: ``STATUS_HEC_URL`` and ``STATUS_HEC_SECRET`` (``STATUS_HEC_INDEX``, ``STATUS_HEC_CA_FILE``), ``STATUS_BUCKET``
(``STATUS_PREFIX``, ``STATUS_BUCKET_REGION``). Both may be set: then S3 takes what HEC does not. None: nobody is told.
"""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, List, Mapping, Protocol, Sequence

from aws_bridge.accounts.area import Area
from aws_bridge.errors import AwsError
from aws_bridge.functions.json_log import JsonLog
from aws_bridge.functions.variables import Variables
from es_bridge.backoff import Backoff
from response.errors import ResponseError, StatusNotPublished
from response.status.hec import HecStatus
from response.status.objects import PREFIX, StatusObjects
from splunk_bridge.hec import HecError

ATTEMPTS = 3
BACKOFF = Backoff(0.5, 4.0)


class Way(Protocol):
    """A way to Splunk."""

    def publish(self, statuses: Sequence[Mapping[str, Any]]) -> None:
        """Send events."""


class Publisher:
    """The ways that are set up."""

    def __init__(
        self, ways: Mapping[str, Way], *, attempts: int = ATTEMPTS, sleep: Callable[[float], Any] = time.sleep
    ) -> None:
        self._ways, self._attempts, self._sleep = ways, attempts, sleep

    def publish(self, statuses: Sequence[Mapping[str, Any]]) -> str:
        """Send events; return the way they went, empty where there is none. Raises `StatusNotPublished`."""
        problems: List[str] = []
        if not self._ways or not statuses:
            return ""
        for name, way in self._ways.items():
            for attempt in range(self._attempts):
                try:
                    way.publish(statuses)
                    return name
                except (HecError, AwsError, ResponseError) as exc:
                    passes = bool(getattr(exc, "passes", False))
                    problems.append(f"{name}: {exc}")
                if not passes or attempt + 1 == self._attempts:
                    break
                self._sleep(BACKOFF.wait_s(attempt))
        raise StatusNotPublished(f"Splunk is not told: {'; '.join(dict.fromkeys(problems))}")


def publisher_of(variables: Variables, here: Area, **more: Any) -> Publisher:
    """Return the publisher that the settings say. Raises `response.errors.BadSettings`."""
    ways: Dict[str, Way] = {}
    if variables.text("STATUS_HEC_URL"):
        ways["hec"] = HecStatus(
            here, variables.text("STATUS_HEC_URL"), variables.text("STATUS_HEC_SECRET"),
            variables.text("STATUS_HEC_INDEX"), variables.text("STATUS_HEC_CA_FILE"),
        )  # fmt: skip
    if variables.text("STATUS_BUCKET"):
        area = here._replace(region=variables.text("STATUS_BUCKET_REGION") or here.region)
        ways["s3"] = StatusObjects(area, variables.text("STATUS_BUCKET"), variables.text("STATUS_PREFIX", PREFIX))
    return Publisher(ways, **more)


def tell(variables: Variables, here: Area, statuses: Sequence[Mapping[str, Any]]) -> None:
    """Send events once by each way; what goes wrong is in the log, and stops nobody."""
    try:
        publisher_of(variables, here, attempts=1).publish(statuses)
    except (AwsError, ResponseError) as exc:
        JsonLog().error("status_not_published", error=str(exc), statuses=[dict(each) for each in statuses])
