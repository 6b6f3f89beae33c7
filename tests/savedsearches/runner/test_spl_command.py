"""``aws-siem-bridge spl``: pipelines whose first command is the app's own, on a real engine, as a user types them."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any, Iterator, List
from urllib.error import HTTPError

import pytest

from es_bridge.config import Auth, ClusterConfig
from savedsearches.runner.app_commands import SCRIPTS
from savedsearches.runner.local_settings import APP, ENDPOINT, LocalSettings
from tests.splunk_app.conftest import Store

#: 300 events of three users: ann 150, bob 100, eve 50; a second apart, newest first.
USERS = ["ann", "bob", "ann", "bob", "ann", "eve"] * 50


@pytest.fixture(scope="module")
def store(engine: Any) -> Store:
    return Store(engine)


@pytest.fixture(scope="module")
def index(store: Store) -> str:
    return store.fill({"user": {"name": user}, "n": n, "@timestamp": 1_795_236_780_000 - n * 1000}
                      for n, user in enumerate(USERS))  # fmt: skip


def spl(engine: Any, *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "AWS_SIEM_BRIDGE_URL": engine.url, **more}
    return subprocess.run(
        [sys.executable, "-m", "aws_siem_bridge", "spl", *arguments],
        capture_output=True, text=True, env=environment, timeout=120, check=False,
    )  # fmt: skip


def test_a_pipeline_counts_what_the_store_holds(engine: Any, index: str) -> None:
    ended = spl(
        engine, f"| elasticsearch index={index} size=0 | stats count by user.name | sort 0 -count", "--format", "csv"
    )
    assert ended.returncode == 0, ended.stderr
    assert list(csv.reader(io.StringIO(ended.stdout))) == [
        ["user.name", "count"],
        ["ann", "150"],
        ["bob", "100"],
        ["eve", "50"],
    ]
    assert ended.stderr.count("not Splunk") == 1


def test_the_picker_bounds_it_and_messages_are_told(engine: Any, index: str) -> None:
    ended = spl(
        engine, f"| elasticsearch index={index} size=2 nosuchfield=1", "--format", "jsonl",
    )  # fmt: skip
    assert ended.returncode == 1
    assert "nosuchfield" in ended.stderr
    assert "Traceback" not in ended.stderr
    ended = spl(
        engine, f"| elasticsearch index={index} query=\"usr.name:ann\"",
        "--earliest", "1795236700", "--latest", "1795236781", "--format", "jsonl",
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == ""
    assert "WARN" in ended.stderr
    assert "usr.name" in ended.stderr
    ended = spl(
        engine, f"| elasticsearch index={index} size=0 | fields _time n",
        "--earliest", "1795236770", "--format", "jsonl",
    )  # fmt: skip
    rows = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [row["n"] for row in rows] == [str(n) for n in range(11)]


def test_columns_stay_in_the_order_of_table(engine: Any) -> None:
    line = '| makeresults format=csv data="n,late,last\n1,,x\n2,y,z" | table n late last'
    assert spl(engine, line, "--format", "csv").stdout.split() == ["n,late,last", "1,,x", "2,y,z"]
    assert spl(engine, line).stdout.split() == ["n", "late", "last", "1", "-", "x", "2", "y", "z"]


def test_a_table_has_times_to_be_read(engine: Any) -> None:
    line = '| makeresults format=csv data="_time,n\n1795236780.5,1\n1795236780,2\nnoon,3"'
    told = spl(engine, line, "--format", "table", "--time-zone", "Asia/Seoul").stdout
    assert [row.rsplit(None, 1)[0] for row in told.splitlines()[1:]] == [
        "2026-11-21 13:53:00.500+09:00",
        "2026-11-21 13:53:00+09:00",
        "noon",
    ]
    assert "2026-11-21 04:53:00Z" in spl(engine, line, "--format", "table", "--time-zone", "UTC").stdout
    assert "1795236780.5,1" in spl(engine, line, "--format", "csv").stdout


def test_a_subsearch_and_a_lookup(engine: Any, index: str, tmp_path: Path) -> None:
    table = tmp_path / "teams.csv"
    table.write_text("name,team\nann,red\nbob,blue\n")
    ended = spl(
        engine,
        f"| elasticsearch index={index} size=0 | rename user.name AS name"
        f" | search [| elasticsearch index={index} size=1 | rename user.name AS name | fields name]"
        " | lookup teams name OUTPUT team | stats count by name team",
        "--lookup", f"teams={table}",
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == ["name", "team", "count", "ann", "red", "150"]


def test_macros_of_the_app_and_of_a_file(engine: Any, index: str, tmp_path: Path) -> None:
    app = tmp_path / "app"
    (app / "default").mkdir(parents=True)
    (app / "bin").symlink_to(SCRIPTS)
    (app / "default" / "macros.conf").write_text(f"[all]\ndefinition = elasticsearch index={index} size=0\n")
    mine = tmp_path / "macros.conf"
    mine.write_text("[by(1)]\nargs = field\ndefinition = stats count by $field$\n")
    line = ("| `all` | `by(user.name)` | sort 0 -count | head 1", "--format", "csv", "--app", str(app))
    ended = spl(engine, *line, "--macros", str(mine))
    assert ended.stdout.split() == ["user.name,count", "ann,150"], ended.stderr
    ended = spl(engine, *line)
    assert ended.returncode == 2
    assert "there is no macro by(1). Known: all" in ended.stderr


def test_what_is_not_in_the_subset_is_wrong_usage_before_anything_runs(engine: Any, index: str) -> None:
    ended = spl(engine, f"| elasticsearch index={index} | top user.name")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "'top' is not in the runner's subset" in ended.stderr


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        ('query="a:[" | stats count', "elasticsearch: query= cannot be read"),
        ('query="a:[" | sort 0 n', "elasticsearch: query= cannot be read"),  # which reads all rows before its first
        ('| eval a=n*"x" | sort 0 n', "that is no arithmetic"),
    ],
)
def test_a_failing_command_fails_the_pipeline(engine: Any, index: str, rest: str, said: str) -> None:
    ended = spl(engine, f"| elasticsearch index={index} {rest}")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_no_cluster_there_is_one_error(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "aws_siem_bridge", "spl", "| elasticsearch index=x", "--url", "http://127.0.0.1:9"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr


def test_head_ends_the_command_before_it_and_leaves_nothing_open(engine: Any, store: Store, index: str) -> None:
    ended = spl(engine, f"| elasticsearch index={index} size=0 | head 2 | table n", "--format", "csv")
    assert ended.stdout.split() == ["n", "0", "1"]
    assert ended.returncode == 0, ended.stderr
    assert store.contexts_left(index) == 0


def test_sigterm_ends_the_command_too(engine: Any, store: Store) -> None:
    index = store.fill(({"n": n, "text": "x" * 500} for n in range(20_000)), shards=1)
    environment = {**os.environ, "AWS_SIEM_BRIDGE_URL": engine.url}
    with subprocess.Popen(
        [sys.executable, "-m", "aws_siem_bridge", "spl", f"| elasticsearch index={index} size=0", "--format", "jsonl"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        process.stdout.read()
        assert process.wait(60) == 128 + signal.SIGTERM
    assert store.contexts_left(index) == 0


@pytest.fixture
def settings() -> Iterator[LocalSettings]:
    cluster = ClusterConfig(("http://127.0.0.1:9",), name="local", auth=Auth("basic", "me", "pass-word-1"))
    with LocalSettings(cluster) as server:
        yield server


def asked(settings: LocalSettings, key: str, form: str, path: str = ENDPOINT) -> tuple[int, bytes]:
    request = urllib.request.Request(settings.uri + path, form.encode(), {"Authorization": f"Splunk {key}"})
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, reply.read()
    except HTTPError as exc:
        return exc.code, exc.read()


def test_settings_are_told_to_who_has_key_and_token_only(settings: LocalSettings) -> None:
    folder = settings.home / "var" / "run" / "splunk" / APP
    folder.mkdir()
    (folder / "local_token-no-pid").write_text("t" * 64)
    right = f"cluster=&local_token={'t' * 64}"
    assert asked(settings, settings.session_key, right)[0] == 200
    refused: List[Any] = [
        (settings.session_key, "cluster=&local_token=" + "u" * 64, ENDPOINT, 403),
        (settings.session_key, "cluster=", ENDPOINT, 403),
        ("wrong", right, ENDPOINT, 403),
        (settings.session_key, right, "/services/other", 404),
        (settings.session_key, right.replace("cluster=", "cluster=prod"), ENDPOINT, 404),
    ]
    for key, form, path, status in refused:
        got, body = asked(settings, key, form, path)
        assert got == status
        assert b"pass-word-1" not in body


def test_nothing_in_the_app_reads_settings_from_elsewhere() -> None:
    """What makes the runner possible is the session's URI, which splunkd gives; no variable and no option names one."""
    read = set()
    for path in SCRIPTS.rglob("*.py"):
        if path.name == "checkpoint_tool.py":  # an administrator runs it by hand
            continue
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"^\s*(?:from|import) savedsearches\b", text, re.MULTILINE), path
        assert "runner" not in text.replace("runner's", ""), path
        read |= set(re.findall(r"""environ\b(?:\.get)?[\[(]\s*["'](\w+)""", text))
        assert text.count("environ") == len(re.findall(r"""os\.environ(?:\.get\(|\[)["']|environment""", text)), path
    assert read == {"SPLUNK_HOME"}
