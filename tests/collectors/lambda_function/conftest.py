"""The account and the clusters that deliveries are tested with."""

from __future__ import annotations

from typing import Iterator

import pytest

from tests.collectors.account import Account


@pytest.fixture(scope="session")
def _account() -> Iterator[Account]:
    found = Account()
    yield found
    found.close()


@pytest.fixture
def account(_account: Account, monkeypatch: pytest.MonkeyPatch) -> Account:
    """Return the account of the session, with the environment leading to it; use queues and keys of your own."""
    for name, value in _account.environment.items():
        monkeypatch.setenv(name, value)
    return _account
