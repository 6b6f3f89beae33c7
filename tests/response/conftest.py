from __future__ import annotations

import sys

import pytest

from tests.response.server_room import ServerRoom

collect_ignore_glob = [] if sys.version_info >= (3, 11) else ["test_*.py"]


@pytest.fixture(scope="module")
def room(aws) -> ServerRoom:
    """A VPC in an account of its own, for the tests of one module: each starts its own instances in it."""
    with pytest.MonkeyPatch.context() as patched:
        account = aws.account()
        for name, value in account.environment("eu-west-1").items():
            patched.setenv(name, value)
        yield ServerRoom(account)
