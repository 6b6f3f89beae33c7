"""The command in a child process, a splunkd for it, and an engine with documents.

``AWS_SIEM_BRIDGE_SPLUNK_PYTHON`` chooses the interpreter under test: it must have what
``splunk_app/package/lib/requirements.txt`` names.
"""

import json
import os
import sys
import time
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple

import pytest

from es_bridge.config import Auth, ClusterConfig
from es_bridge.transport import Transport
from lab.app_command import AppCommand
from lab.engine import Engine
from lab.splunkd import SplunkdStandIn, User, add_cluster
from splunk_bridge.chunked import Job, Reply
from splunk_bridge.command_line import parse_command_line

# The app's bin folder is on the path of its scripts inside Splunk, so it is here too.
BIN = Path(__file__).resolve().parents[2] / "splunk_app" / "package" / "bin"
sys.path.insert(0, str(BIN))

START_MS = 1_700_000_000_000


@dataclass
class Ended:
    """A command that has ended, and everything it said."""

    replies: List[Reply]
    status: int
    stderr: str
    audit: str

    @property
    def rows(self) -> List[Dict[str, Any]]:
        return [row for reply in self.replies for row in reply.rows()]

    @property
    def messages(self) -> List[Tuple[str, str]]:
        return [message for reply in self.replies for message in reply.messages]

    def texts(self, level: str) -> List[str]:
        return [text for said, text in self.messages if said == level]

    @property
    def error(self) -> str:
        """The one error of a search that failed in the way that makes a job FAILED."""
        assert self.status == 1, (self.status, self.messages)
        assert not any(reply.finished for reply in self.replies)
        (error,) = self.texts("ERROR")
        assert ("ERROR", error) in self.replies[-1].messages
        return error

    @property
    def done(self) -> "Ended":
        """Itself, if it ended well."""
        assert self.status == 0, (self.status, self.messages, self.stderr)
        assert self.replies[-1].finished
        assert not self.texts("ERROR")
        return self


class Splunk:
    """A Splunk without Splunk: starts the command as its search head does."""

    def __init__(self, splunkd: SplunkdStandIn, python: str) -> None:
        self.splunkd = splunkd
        self.python = python
        self.home = splunkd.splunk_home

    def add_cluster(self, name: str, *hosts: str, **settings: Any) -> None:
        add_cluster(self.splunkd.state, ClusterConfig(hosts, name=name, **settings), default=name == "prod")

    def start(self, line: str, user: Optional[User] = None, **job: Any) -> AppCommand:
        user = user or User("analyst")
        parsed = parse_command_line(line)
        key = self.splunkd.state.session(user)
        return AppCommand(
            Job(parsed.args, parsed.raw_args, self.splunkd.uri, key, user=user.name, command=parsed.command, **job),
            python=self.python,
            home=self.home,
        )

    def run(self, line: str, user: Optional[User] = None, **job: Any) -> Ended:
        with self.start(line, user, **job) as command:
            replies = list(command.run())
            return Ended(replies, command.wait(), command.stderr(), command.audit_log())

    def run_on(
        self,
        rows: Iterable[Dict[str, Any]],
        line: str,
        user: Optional[User] = None,
        most_rows: int = 50_000,
        **job: Any,
    ) -> Ended:
        """Run a streaming command on rows, so many at once."""
        with self.start(line, user, **job) as command:
            replies = list(command.run_on(rows, most_rows))
            return Ended(replies, command.wait(), command.stderr(), command.audit_log())


class Store:
    """An engine's indices, filled and asked directly."""

    def __init__(self, engine: Engine, user: str = "root") -> None:
        auth = Auth("basic", user, engine.users[user]) if engine.users else Auth()
        ca_file = str(engine.ca_file) if engine.ca_file else None
        self.config = ClusterConfig((engine.url,), name="prod", auth=auth, ca_file=ca_file)
        self.transport = Transport(self.config, "tests")

    def fill(self, documents: Iterable[Any], shards: int = 2, name: str = "") -> str:
        """Write documents, newest first unless they say their time, into a new index; return its name."""
        name = name or f"aws-cloudtrail-{uuid.uuid4().hex[:12]}"
        settings = {"number_of_shards": shards, "number_of_replicas": 0, "mapping.total_fields.limit": 5000}
        mappings = {"properties": {"@timestamp": {"type": "date"}}}
        self.transport.request("PUT", (name,), body={"settings": settings, "mappings": mappings})
        lines: List[str] = []
        for number, document in enumerate(documents):
            document = {"@timestamp": START_MS - number, **document}
            lines += (json.dumps({"create": {"_id": f"d{number}"}}), json.dumps(document))
        if not lines:
            return name
        body = ("\n".join(lines) + "\n").encode()
        reply = self.transport.request("POST", (name, "_bulk"), {"refresh": True}, body).json()
        assert not reply["errors"], [item for item in reply["items"] if "error" in item["create"]][:1]
        return name

    def open_contexts(self, index: str) -> int:
        """Return how many scrolls and PITs are open on an index.

        Not on the whole engine, which all tests share: a search that a test before had killed ends its own later.
        """
        search = self.transport.request("GET", (index, "_stats", "search")).json()["_all"]["total"]["search"]
        return int(search["open_contexts"])

    def contexts_left(self, index: str) -> int:
        """Return how many contexts are open on an index once requests that were cut off have ended."""
        for _ in range(200):
            if not self.open_contexts(index):
                return 0
            time.sleep(0.1)
        return self.open_contexts(index)


@pytest.fixture(scope="session")
def splunk_python() -> str:
    return os.environ.get("AWS_SIEM_BRIDGE_SPLUNK_PYTHON") or sys.executable


@pytest.fixture
def splunk(splunk_python: str, tmp_path: Path) -> Iterator[Splunk]:
    """A Splunk with no cluster configured."""
    with SplunkdStandIn(splunk_home=tmp_path / "splunk", python=splunk_python) as splunkd:
        yield Splunk(splunkd, splunk_python)


@pytest.fixture
def store(engine: Engine) -> Store:
    return Store(engine)


@pytest.fixture
def prod(splunk: Splunk, store: Store) -> Iterator[Splunk]:
    """A Splunk whose default cluster is the engine."""
    add_cluster(splunk.splunkd.state, store.config)
    yield splunk
    # A command that a test killed could not close its own; other tests count what is open.
    store.transport.request("DELETE", ("_search", "point_in_time", "_all"), accept_status=(404,))


@pytest.fixture(scope="session")
def secured(engine_by_id: Callable[[str], Engine]) -> Engine:
    return engine_by_id("opensearch-2.19-secured")


@pytest.fixture
def as_user(splunk: Splunk, secured: Engine) -> Callable[..., Splunk]:
    """Return a function that makes the secured engine the default cluster, for one of its users."""

    def use(user: str, **auth: Any) -> Splunk:
        config = Store(secured, user).config
        add_cluster(splunk.splunkd.state, replace(config, auth=replace(config.auth, **auth)))
        return splunk

    return use
