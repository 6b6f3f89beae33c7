from __future__ import annotations

from typing import Callable, Iterator, List

import pytest

from aws_bridge.accounts.account import Account
from aws_bridge.accounts.caller import Caller
from aws_bridge.accounts.session import AwsSession
from tests.aws_bridge.accounts.cloud import KEYS, Cloud


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    with Cloud() as running:
        for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_ENDPOINT_URL", running.url)
        yield running


@pytest.fixture
def waits() -> List[float]:
    """How long was waited, in seconds."""
    return []


@pytest.fixture
def caller(cloud: Cloud, waits: List[float]) -> Callable[..., Caller]:
    def make(**known: object) -> Caller:
        keys = {"access_key_id": KEYS.access_key_id, "secret_access_key": KEYS.secret_access_key}
        return Caller(AwsSession(Account("security", **{**keys, **known})), wait_s=lambda n: 2.0**n, sleep=waits.append)  # type: ignore[arg-type]

    return make
