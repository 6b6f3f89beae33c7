"""The headers that prove who sends a request. SigV4 has a file of its own, `test_sigv4_front.py`."""

from __future__ import annotations

import base64

import pytest

from es_bridge.auth import authenticator
from es_bridge.config import Auth

pytestmark = pytest.mark.splunk_python


@pytest.mark.parametrize(
    ("auth", "expected"),
    [
        (Auth(), {}),
        (
            Auth("basic", username="é", password="p:w"),
            {"Authorization": "Basic " + base64.b64encode("é:p:w".encode()).decode()},
        ),
        (Auth("api_key", api_key="id:key"), {"Authorization": "ApiKey " + base64.b64encode(b"id:key").decode()}),
        (Auth("api_key", api_key="aWQ6a2V5"), {"Authorization": "ApiKey aWQ6a2V5"}),
        (Auth("bearer", bearer_token="tok"), {"Authorization": "Bearer tok"}),
    ],
    ids=lambda value: value.kind if isinstance(value, Auth) else "",
)
def test_authorization_header(auth, expected):
    assert authenticator(auth).headers("GET", "http://localhost:9200/x", {}, None) == expected


def test_fixed_credentials_are_not_fetched_again_after_a_refusal():
    assert not authenticator(Auth("basic", username="a", password="b")).refreshable
