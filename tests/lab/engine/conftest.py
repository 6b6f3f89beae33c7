"""How these tests talk to an engine, and a cache of their own that starts out filled or empty."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Callable, Optional, Tuple

import pytest

from lab.engine.cache import cache_dir

#: Nothing listens on the discard port: whoever tries the network through it fails at once.
DEAD_PROXY = "http://127.0.0.1:9"

Call = Callable[..., Tuple[int, Any]]


@pytest.fixture(scope="session")
def call() -> Call:
    """Return a function that sends one request and gives status and parsed body (text when it is no JSON)."""

    def send(
        engine: Any, method: str, path: str, body: Any = None, user: Optional[str] = None, password: str = ""
    ) -> Tuple[int, Any]:
        lines = body if isinstance(body, str) else json.dumps(body)
        request = urllib.request.Request(
            engine.url + path, method=method, data=None if body is None else lines.encode("utf-8")
        )
        request.add_header("Content-Type", "application/x-ndjson" if isinstance(body, str) else "application/json")
        if user:
            token = base64.b64encode(f"{user}:{password or engine.users[user]}".encode()).decode()
            request.add_header("Authorization", f"Basic {token}")
        handlers: list = [urllib.request.ProxyHandler({})]
        if engine.ca_file:
            handlers.append(urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=str(engine.ca_file))))
        try:
            with urllib.request.build_opener(*handlers).open(request, timeout=30) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            text = error.read().decode("utf-8")
            return error.code, json.loads(text) if text.startswith("{") else text

    return send


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lead every download of this process and its children into nothing."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, DEAD_PROXY)
    monkeypatch.setenv("AWS_SIEM_BRIDGE_MAVEN", DEAD_PROXY)
    monkeypatch.setenv("PIP_INDEX_URL", DEAD_PROXY)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Use an empty cache for this test."""
    monkeypatch.setenv("AWS_SIEM_BRIDGE_CACHE", str(tmp_path / "cache"))
    return cache_dir()
