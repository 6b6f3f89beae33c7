"""``aws-siem-bridge lab run``: rows on stdout, messages on stderr, the job's end as exit status."""

import json
import os
import subprocess
import sys
from typing import Any, List

import pytest

from lab.engine import Engine
from tests.splunk_app.conftest import START_MS, Store


def lab_run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "aws_siem_bridge", "lab", "run", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
    )


def rows(done: "subprocess.CompletedProcess[str]") -> List[Any]:
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def index(engine: Engine) -> str:
    return Store(engine).fill({"n": n, "tags": ["a", "b"]} for n in range(5))


def test_rows_messages_and_status(engine: Engine, index: str) -> None:
    done = lab_run(f"| elasticsearch index={index} size=2", "--url", engine.url)
    assert done.returncode == 0, done.stderr
    assert [row["doc_id"] for row in rows(done)] == ["d0", "d1"]
    assert rows(done)[0]["tags{}"] == ["a", "b"]
    assert done.stderr.startswith("INFO 5 documents match")


def test_picker(engine: Engine, index: str) -> None:
    done = lab_run(
        f"| elasticsearch index={index}",
        "--url",
        engine.url,
        "--earliest",
        str(START_MS - 3),
        "--latest",
        str(START_MS - 1),
    )
    assert [row["doc_id"] for row in rows(done)] == ["d2", "d3"]


def test_failed_search(engine: Engine) -> None:
    done = lab_run("| elasticsearch index=no-such-index", "--url", engine.url)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("ERROR ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["| stats count"],
        ["| elasticsearch index=a | head 5"],
        ["| elasticsearch index=a", "--earliest", "soon"],
        ["| elasticsearch index=a", "--url", "not-a-url"],
    ],
)
def test_wrong_usage_is_one_sentence(arguments: List[str]) -> None:
    done = lab_run(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("aws-siem-bridge: ")
    assert len(done.stderr.splitlines()) == 1


def test_an_interpreter_that_is_not_there_is_one_sentence() -> None:
    done = lab_run("| elasticsearch index=a", "--python", "/no/such/python")
    assert done.returncode == 1
    assert done.stderr.startswith("aws-siem-bridge: ")
    assert len(done.stderr.splitlines()) == 1


def test_password_reaches_the_cluster_and_nobody_else(engine_by_id: Any) -> None:
    secured = engine_by_id("opensearch-2.19-secured")
    index = Store(secured).fill([{"n": 1}])
    done = lab_run(
        f"| elasticsearch index={index}",
        "--url",
        secured.url,
        "--ca-file",
        str(secured.ca_file),
        "--username",
        "reader",
        AWS_SIEM_BRIDGE_PASSWORD=secured.users["reader"],
    )
    assert done.returncode == 0, done.stderr
    assert len(rows(done)) == 1
    assert secured.users["reader"] not in done.stdout + done.stderr
