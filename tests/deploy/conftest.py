"""An engine with the templates for itself, and the command that applies them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any, Callable, Dict, Iterator, List, Mapping

import pytest

from collectors.store.templates import TEMPLATES, pieces, pieces_for, write
from es_bridge.cli.connection import PASSWORD_VARIABLE
from es_bridge.config import Auth, ClusterConfig
from es_bridge.dialect import detect
from es_bridge.transport import Transport
from lab.engine import ENGINES, Engine
from tests.zstd import lacks_zstd, without_zstd

#: A day that no other test writes: ``aws-waf-1998.04.05``.
DAY = "1998.04.05"


class Store:
    """One engine, asked as its administrator."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.ca_file = str(engine.ca_file) if engine.ca_file else None
        self.transport = self.transport_as("root")

    def transport_as(self, user: str) -> Transport:
        """Return a transport of one of the lab's users (of anybody, where the engine has none)."""
        auth = Auth("basic", user, self.engine.users[user]) if self.engine.users else Auth()
        return Transport(ClusterConfig((self.engine.url,), auth=auth, ca_file=self.ca_file))

    def clear(self) -> None:
        """Delete our templates, and the indices of `DAY`'s year."""
        for name, _ in TEMPLATES.values():
            found = self.transport.request("GET", (f"{name}-1998*", "_settings", "index.uuid")).json()
            for index in found:
                self.transport.request("DELETE", (index,))
        everything = {piece.path for dataset in TEMPLATES for piece in pieces(dataset)}
        # An index template keeps its components from being deleted.
        for path in sorted(everything, reverse=True):
            self.transport.request("DELETE", path, accept_status=(404,))

    def apply_templates(self, dataset: str) -> None:
        """Write the templates of a log as a test of other things needs them."""
        for piece in pieces_for(self.transport, detect(self.transport), dataset):
            write(self.transport, without_zstd(piece) if lacks_zstd(self.engine.id) else piece)

    def bulk(self, index: str, documents: List[Mapping[str, Any]], user: str = "root") -> List[Dict[str, Any]]:
        """Create documents and return what the engine says of each."""
        lines = "".join(f'{{"create":{{"_index":"{index}"}}}}\n{json.dumps(each)}\n' for each in documents)
        with self.transport_as(user) as transport:
            reply = transport.request(
                "POST", ("_bulk",), body=lines.encode(), content_type="application/x-ndjson"
            ).json()
        if user == "root":
            self.transport.request("POST", (index, "_refresh"))
        return [item["create"] for item in reply["items"]]

    def count(self, pattern: str, query: str = "*") -> int:
        """Return how many documents a text query finds."""
        body = {"query": {"query_string": {"query": query}}}
        return self.transport.request("POST", (pattern, "_count"), body=body).json()["count"]

    def template(self, kind: str, name: str) -> Dict[str, Any]:
        """Return a template as it is in the cluster."""
        return self.transport.request("GET", (f"_{kind}", name)).json()[f"{kind}s"][0][kind]

    def run(self, *options: str, user: str = "root", url: str = "") -> subprocess.CompletedProcess[str]:
        """Run ``aws-siem-bridge templates`` and return what it said."""
        command = [sys.executable, "-m", "aws_siem_bridge", "templates", *options, "--url", url or self.engine.url]
        environment = dict(os.environ)
        if self.engine.users:
            command += ["--username", user, "--ca-file", str(self.ca_file)]
            environment[PASSWORD_VARIABLE] = self.engine.users[user]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


@pytest.fixture
def store_by_id(engine_by_id: Callable[[str], Engine]) -> Iterator[Callable[[str], Store]]:
    """Return a function that gives the engine of a catalogue id, without our templates before and after."""
    used: List[Store] = []

    def get(engine_id: str) -> Store:
        found = Store(engine_by_id(engine_id))
        found.clear()
        used.append(found)
        return found

    yield get
    for store in used:
        store.clear()
        store.transport.close()


@pytest.fixture
def store(store_by_id: Callable[[str], Store]) -> Store:
    """Return the default engine, without our templates."""
    return store_by_id("opensearch-2.19")


@pytest.fixture(params=list(ENGINES))
def any_store(request: pytest.FixtureRequest, store_by_id: Callable[[str], Store]) -> Store:
    """Every engine of the catalogue in turn, without our templates."""
    return store_by_id(request.param)
