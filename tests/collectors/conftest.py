"""Clusters to load into, and the command in a child process. Every test has the indices of all logs for itself."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Optional

import pytest

from es_bridge.cli.connection import PASSWORD_VARIABLE
from lab.engine import Engine
from tests.collectors.four_logs import write_all
from tests.collectors.on_engine import transport_to
from tests.log_records import cloudtrail

if TYPE_CHECKING:
    from lab.splunkd import SplunkdStandIn
    from tests.account import Account

INDICES = "aws-cloudtrail-*"
ALL = "aws-*"
TEMPLATES = ("aws-cloudtrail", "aws-vpcflow", "aws-dns", "aws-waf")


class Cluster:
    """One engine, asked as its administrator, and loaded into by the command."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.ca_file = str(engine.ca_file) if engine.ca_file else None
        self.transport = transport_to(engine)

    def clear(self) -> None:
        """Delete the indices of all logs and their templates."""
        for index in self.indices():
            self.transport.request("DELETE", (index,))
        for name in TEMPLATES:
            self.transport.request("DELETE", ("_index_template", name), accept_status=(404,))

    def indices(self) -> List[str]:
        """Return the indices of all logs, closed ones too."""
        asked = {"format": "json", "h": "index", "expand_wildcards": "all"}
        found = self.transport.request("GET", ("_cat", "indices", ALL), asked).json()
        return sorted(entry["index"] for entry in found)

    def places(self) -> Dict[str, List[str]]:
        """Return every id of every log, and the indices it is in; more than 10,000 documents fail the test."""
        self.transport.request("POST", (ALL, "_refresh"))
        body = {"size": 10_000, "_source": False, "track_total_hits": True}
        found = self.transport.request("POST", (ALL, "_search"), body=body).json()
        hits = found["hits"]["hits"]
        assert found["hits"]["total"]["value"] == len(hits)
        places: Dict[str, List[str]] = {}
        for hit in hits:
            places.setdefault(hit["_id"], []).append(hit["_index"])
        return places

    def sources(self) -> Dict[str, Any]:
        """Return every CloudTrail document by its id."""
        return {hit["_id"]: hit["_source"] for hit in self.search({"query": {"match_all": {}}})}

    def search(self, body: Dict[str, Any]) -> List[Dict[str, Any]]:
        """Return the hits of a search over the CloudTrail indices, at most 10,000."""
        self.transport.request("POST", (INDICES, "_refresh"))
        found = self.transport.request("POST", (INDICES, "_search"), body={"size": 10_000, **body}).json()
        assert not found["timed_out"]
        assert not found["_shards"]["failed"]
        return found["hits"]["hits"]

    def find(self, query: str) -> List[str]:
        """Return the ids of what a text query finds."""
        return sorted(hit["_id"] for hit in self.search({"query": {"query_string": {"query": query}}}))

    def count(self) -> int:
        """Return the number of CloudTrail documents."""
        self.transport.request("POST", (INDICES, "_refresh"))
        return self.transport.request("GET", (INDICES, "_count")).json()["count"]

    def load(
        self, *paths: Path, user: str = "root", url: str = "", options: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run ``aws-siem-bridge load`` to its end and return what it said."""
        return self.run(self.command(*paths, user=user, url=url, options=options), user)

    def run(
        self, command: List[str], user: str = "root", environment: Optional[Dict[str, str]] = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command line of `command` to its end and return what it said."""
        variables = {**self.environment(user), **(environment or {})}
        return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=250)

    def command(
        self, *paths: object, user: str = "root", url: str = "", options: tuple[str, ...] = (), name: str = "load"
    ) -> List[str]:
        """Return the command line of a load, or of another command that talks to the cluster."""
        command = [sys.executable, "-m", "aws_siem_bridge", name, *map(str, paths), *options]
        command += ["--url", url or self.engine.url]
        if self.engine.users:
            command += ["--username", user]
        if self.ca_file:
            command += ["--ca-file", self.ca_file]
        return command

    def environment(self, user: str = "root") -> Dict[str, str]:
        """Return the environment of a load, with the password of ``user``."""
        password = self.engine.users.get(user, "") if self.engine.users else ""
        return {**os.environ, PASSWORD_VARIABLE: password}


def table(printed: str) -> Dict[str, List[int]]:
    """Return the table of a load's summary: log -> objects, events, stored, already there, dead or rejected."""
    found = {}
    for line in printed.splitlines():
        cells = re.split(r"  +", line.strip())
        if len(cells) == 6 and cells[1].replace(",", "").isdigit():
            found[cells[0]] = [int(cell.replace(",", "")) for cell in cells[1:]]
    return found


@pytest.fixture
def cluster_by_id(engine_by_id: Callable[[str], Engine]) -> Iterator[Callable[[str], Cluster]]:
    """Return a function that gives the cluster of a catalogue id, without indices and templates of the logs."""
    used: List[Cluster] = []

    def get(engine_id: str) -> Cluster:
        found = Cluster(engine_by_id(engine_id))
        found.clear()
        used.append(found)
        return found

    yield get
    for cluster in used:
        cluster.clear()
        cluster.transport.close()


@pytest.fixture
def cluster(cluster_by_id: Callable[[str], Cluster]) -> Cluster:
    """Return the default engine, without indices and templates of the logs."""
    return cluster_by_id("opensearch-2.19")


class Bucket:
    """A bucket of the account's; ``environment`` leads a child process there."""

    def __init__(self, account: Account, name: str) -> None:
        self.name, self.url, self.s3 = name, account.url, account.s3
        self.environment = account.environment
        account.new_bucket(name)

    def put(self, key: str, content: bytes) -> None:
        """Store an object."""
        self.s3.put_object(Bucket=self.name, Key=key, Body=content)

    def fill(self, folder: Path, **sizes: int) -> Dict[str, List[str]]:
        """Put files of all four logs there, and as a copy below ``folder``; return the records' ids by key."""
        expected = write_all(folder, bucket=self.name, **sizes)
        for key in expected:
            self.put(key, (folder / key).read_bytes())
        return expected


@pytest.fixture
def bucket() -> Bucket:
    """Return an empty bucket."""
    # What needs no bucket is tested on older Pythons, too, which moto does not run on.
    from tests.account import shared_account

    return Bucket(shared_account(), f"log-archive-{uuid.uuid4().hex[:12]}")


def write_log(path: Path, records: List[Any]) -> Path:
    """Write a CloudTrail file of records given as dictionaries or as JSON text."""
    texts = [record if isinstance(record, str) else json.dumps(record, ensure_ascii=False) for record in records]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(('{"Records":[' + ",".join(texts) + "]}").encode("utf-8", "surrogatepass"))
    return path


def event(number: int, time: Optional[str] = None, **values: Any) -> Dict[str, Any]:
    """Return a small record of its own."""
    own: Dict[str, Any] = {
        "userIdentity": {"type": "IAMUser", "userName": "tester", "accountId": "111122223333"},
        "awsRegion": "ap-northeast-2",
    }
    if time:
        own["eventTime"] = time
    return cloudtrail(number, "1999-12-31", **{**own, **values})


@pytest.fixture
def splunkd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SplunkdStandIn]:
    """Return a search head with the app, and an administrator's token where commands look for one."""
    from lab.splunkd import SplunkdStandIn, User

    app = Path(__file__).resolve().parents[2] / "splunk_app" / "package"
    with SplunkdStandIn(splunk_home=tmp_path / "splunk", app_dir=app) as running:
        key = running.state.users.session(User("admin", ("admin",)))
        monkeypatch.setenv("AWS_SIEM_BRIDGE_SPLUNK_TOKEN", key)
        yield running
