"""Clusters to load into, and the command in a child process. Every test has the CloudTrail indices for itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

import pytest

from es_bridge.cli.connection import PASSWORD_VARIABLE
from es_bridge.config import Auth, ClusterConfig
from es_bridge.transport import Transport
from lab.engine import Engine

INDICES = "aws-cloudtrail-*"
TEMPLATE = ["_index_template", "aws-cloudtrail"]


class Cluster:
    """One engine, asked as its administrator, and loaded into by the command."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        auth = Auth("basic", "root", engine.users["root"]) if engine.users else Auth()
        self.ca_file = str(engine.ca_file) if engine.ca_file else None
        self.transport = Transport(ClusterConfig((engine.url,), auth=auth, ca_file=self.ca_file))

    def clear(self) -> None:
        """Delete the CloudTrail indices and their template."""
        found = self.transport.request("GET", ("_cat", "indices", INDICES), {"format": "json", "h": "index"}).json()
        for entry in found:
            self.transport.request("DELETE", (entry["index"],))
        self.transport.request("DELETE", TEMPLATE, accept_status=(404,))

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
        return subprocess.run(
            self.command(*paths, user=user, url=url, options=options),
            env=self.environment(user),
            capture_output=True,
            text=True,
            timeout=250,
        )

    def command(self, *paths: Path, user: str = "root", url: str = "", options: tuple[str, ...] = ()) -> List[str]:
        """Return the command line of a load."""
        command = [sys.executable, "-m", "aws_siem_bridge", "load", *map(str, paths), *options]
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


@pytest.fixture
def cluster_by_id(engine_by_id: Callable[[str], Engine]) -> Iterator[Callable[[str], Cluster]]:
    """Return a function that gives the cluster of a catalogue id, without CloudTrail indices and template."""
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
    """Return the default engine, without CloudTrail indices and template."""
    return cluster_by_id("opensearch-2.19")


def write_log(path: Path, records: List[Any]) -> Path:
    """Write a CloudTrail file of records given as dictionaries or as JSON text."""
    texts = [record if isinstance(record, str) else json.dumps(record, ensure_ascii=False) for record in records]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(('{"Records":[' + ",".join(texts) + "]}").encode("utf-8", "surrogatepass"))
    return path


def event(number: int, time: Optional[str] = None, **values: Any) -> Dict[str, Any]:
    """Return a small record of its own."""
    return {
        "eventVersion": "1.11",
        "userIdentity": {"type": "IAMUser", "userName": "tester", "accountId": "111122223333"},
        "eventTime": time or f"1999-12-31T{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}Z",
        "eventSource": "ec2.amazonaws.com",
        "eventName": "DescribeInstances",
        "awsRegion": "ap-northeast-2",
        "sourceIPAddress": "192.0.2.1",
        "eventID": f"00000000-0000-4000-a000-{number:012d}",
        "recipientAccountId": "111122223333",
        **values,
    }
