"""The account that deliveries are tested with."""

from __future__ import annotations

import pytest

from tests.collectors.account import BUCKET, Account, shared_account


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    """Return the account, with the environment leading to it; use queues and keys of your own."""
    found = shared_account()
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)
    found.new_bucket(BUCKET)
    return found
