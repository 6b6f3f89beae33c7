"""The command line as its user meets it: a child process, a real engine, a pipe or a terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from datetime import datetime, timedelta, timezone
from typing import Callable, Dict, List, NamedTuple

import pytest

from lab.engine import Engine

INDEX = "cli-cloudtrail-1"
DOCUMENTS = 3000
FIRST = datetime(2026, 11, 20, tzinfo=timezone.utc)


class Corpus(NamedTuple):
    """An index of 3,000 documents, one every 20 seconds from 2026-11-20T00:00:00Z on, newest first in ``sources``."""

    url: str
    index: str
    sources: List[bytes]


@pytest.fixture(scope="session")
def corpus(engine: Engine) -> Corpus:
    """Return the corpus on the default engine; one of its documents is stored with line ends in it."""
    sources = [json.dumps(_document(n)).encode() for n in range(DOCUMENTS)]
    lines = [part for n, source in enumerate(sources) for part in (b'{"create":{"_id":"d%d"}}' % n, source)]
    http(engine.url, "POST", f"/{INDEX}/_bulk", b"\n".join([*lines, b""]))
    sources.append(json.dumps(_document(DOCUMENTS), indent=2).encode())
    http(engine.url, "PUT", f"/{INDEX}/_doc/pretty?refresh=true", sources[-1])
    return Corpus(engine.url, INDEX, sources[::-1])


def _document(n: int) -> Dict[str, object]:
    return {
        "@timestamp": (FIRST + timedelta(seconds=20 * n)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventName": ["ConsoleLogin", "GetObject", "AssumeRole"][n % 3],
        "userIdentity": {"arn": f"arn:aws:iam::111122223333:user/{n}"},
        "resources": [{"ARN": f"a{n}"}, {"ARN": "b\x1b[31m\nc"}],
        "n": n,
    }


def http(url: str, method: str, path: str, body: bytes = b"") -> bytes:
    """Return the engine's answer to one request."""
    request = urllib.request.Request(url + path, body or None, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request) as response:
        return response.read()


def command(*words: str) -> List[str]:
    """Return the command line of the bridge's commands in this Python."""
    return [sys.executable, "-m", "es_bridge", *words]


def environment(**variables: str) -> Dict[str, str]:
    """Return the environment without what another session may have set for these commands."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {**kept, "TZ": "Asia/Seoul", "COLUMNS": "120", **variables}


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(corpus: Corpus) -> Run:
    """Return a function that runs a command to its end, with the corpus's cluster as default."""

    def go(*words: str, stdin: int = subprocess.DEVNULL, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*words),
            env=environment(AWS_SIEM_BRIDGE_URL=corpus.url, **variables),
            stdin=stdin,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return go
