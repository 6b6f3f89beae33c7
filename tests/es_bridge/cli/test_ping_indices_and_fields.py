"""``ping``, ``indices`` and ``fields`` on an open and on a secured engine."""

from __future__ import annotations

import base64
import csv
import json
import re
import ssl
import subprocess
import urllib.request

import pytest

from es_bridge.cli.indices import _duration

from .conftest import DOCUMENTS, command, environment, http


def test_ping_says_what_the_cluster_is_and_that_it_can_be_searched(run, corpus):
    done = run("ping", corpus.index)
    assert (done.returncode, done.stderr) == (0, "")
    said = dict(line.split("  ", 1) for line in done.stdout.splitlines())
    said = {name: value.strip() for name, value in said.items()}
    assert said["host"] == corpus.url
    assert said["engine"].startswith("opensearch 2.19")
    assert said["engine"].endswith("(supported)")
    assert said["field capabilities"] == "1 indices, @timestamp is date"
    assert said["point in time"] == said["scroll"] == "can be opened and closed"
    assert said["verdict"] == f"searching '{corpus.index}' is possible"
    # The engine runs on this machine, so both clocks are the same.
    assert abs(float(said["clock"].split()[0])) < 5
    assert json.loads(http(corpus.url, "GET", "/_search/point_in_time/_all"))["pits"] == []


def test_ping_of_an_index_that_is_not_there(run):
    done = run("ping", "cli-nothing-here")
    assert done.returncode == 1
    assert "no such index [cli-nothing-here]" in done.stdout
    assert "searching 'cli-nothing-here' is NOT POSSIBLE" in done.stdout


def test_ping_of_nothing(run):
    done = run("ping", "--url", "http://127.0.0.1:1")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("aws-siem-bridge: cluster 'default' at http://127.0.0.1:1 cannot be reached")
    assert done.stderr.count("\n") == 1


NO_LIFECYCLE = "note: lifecycle phases: not known, because the engine does not offer it\n"


def test_indices_as_a_table_and_as_json_lines(run, corpus):
    http(corpus.url, "PUT", "/cli-empty", b'{"mappings": {"properties": {"@timestamp": {"type": "date_nanos"}}}}')
    http(corpus.url, "PUT", "/cli-timeless/_doc/1?refresh=true", b'{"a": 1}')
    try:
        done = run("indices", "cli-*")
        assert (done.returncode, done.stderr) == (0, NO_LIFECYCLE)
        # Sizes and the time since then are never the same.
        title, *lines = [re.split("  +", line) for line in done.stdout.splitlines()]
        assert title == [
            "index", "documents", "size", "type of @timestamp", "earliest", "latest", "lag", "health", "phase",
        ]  # fmt: skip
        assert [[*line[:2], *line[3:6], *line[7:]] for line in lines] == [
            ["cli-cloudtrail-1", f"{DOCUMENTS + 1:,}", "date", "2026-11-20T00:00:00.000Z", "2026-11-20T16:40:00.000Z",
             "yellow", "unknown"],
            ["cli-empty", "0", "date_nanos", "-", "-", "yellow", "unknown"],
            ["cli-timeless", "1", "(not there)", "-", "-", "yellow", "unknown"],
        ]  # fmt: skip
        assert all(re.fullmatch(r"[0-9.]+ (B|KiB|MiB)", line[2]) for line in lines)
        assert re.fullmatch("[0-9]+d [0-9]+h", lines[0][6]) and lines[1][6] == "-"
        rows = [json.loads(line) for line in run("indices", "cli-e*,cli-t*", "--format", "jsonl").stdout.splitlines()]
        array = json.loads(run("indices", "cli-e*,cli-t*", "--format", "json").stdout)
        assert [row["name"] for row in array] == [row["name"] for row in rows] == ["cli-empty", "cli-timeless"]
        csv_lines = run("indices", "cli-e*,cli-t*", "--format", "csv").stdout.splitlines()
        assert set(csv_lines[0].split(",")) == set(rows[0])
        assert (rows[0]["documents"], rows[0]["time_type"], rows[0]["latest_ms"]) == (0, "date_nanos", None)
        assert (rows[1]["documents"], rows[1]["status"], rows[1]["lifecycle_has_failed"]) == (1, "open", False)
    finally:
        http(corpus.url, "DELETE", "/cli-empty,cli-timeless")


def test_indices_with_a_time_field_that_is_no_date(run, corpus):
    done = run("indices", "cli-cloud*", "--time-field", "eventName")
    assert done.returncode == 0
    line = re.split("  +", done.stdout.splitlines()[1])
    assert [*line[:2], *line[3:7]] == ["cli-cloudtrail-1", f"{DOCUMENTS + 1:,}", "text", "-", "-", "-"]


def test_fields_as_a_table_and_as_json_lines(run, corpus):
    done = run("fields", "cli-cloud*", "--fields", "event*,res*,n", "--top", "2", "--query", "n:<1000")
    assert (done.returncode, done.stderr) == (0, "")
    title, *lines = [re.split("  +", line) for line in done.stdout.splitlines()]
    assert title == ["field", "type", "indexed", "% of documents", "values", "most frequent"]
    by_name = {line[0]: line[1:] for line in lines}
    assert by_name["eventName.keyword"] == [
        "keyword", "searchable, aggregatable", "100.0", "3~", "ConsoleLogin (334), AssumeRole (333)",
    ]  # fmt: skip
    assert by_name["n"][:3] == ["long", "searchable, aggregatable", "100.0"]
    assert "\x1b" not in done.stdout
    ended = run("fields", "cli-cloud*", "--fields", "resources.ARN", "--format", "jsonl", "--sample", "1000")
    (row,) = [json.loads(line) for line in ended.stdout.splitlines()]
    assert (row["types"], row["indexed"], row["names_in_rows"]) == (["text"], ["searchable"], ["resources{}.ARN"])
    assert row["is_sample"] and 800 < row["of_documents"] < 1200 and row["values_of_documents"] == 500
    assert row["values"][0] == {"value": "b\x1b[31m\nc", "documents": 500}
    assert "random sample of about 1000 (--sample 0 counts all)" in ended.stderr
    (line,) = csv.DictReader(run("fields", "cli-cloud*", "--fields", "n", "--format", "csv").stdout.splitlines())
    assert set(line) == set(row) and line["percent"] == "100.0"


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--top", "2000"], 2, "--top 2000 must be from 0 to 1,000"),
        (["--sample", "-1"], 2, "--sample -1 must be 0"),
        (["--query", "a:["], 1, "--query cannot be read"),
        (["--query", "evntName:x", "--unknown-fields", "fail"], 1, "evntName"),
    ],
)
def test_what_cannot_be_asked_of_fields(run, corpus, words, status, said):
    done = run("fields", "cli-cloud*", *words)
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr


def test_indices_of_a_pattern_that_names_nothing(run):
    done = run("indices", "cli-nothing-*")
    assert (done.returncode, done.stdout) == (1, "")
    assert "'cli-nothing-*' names no index" in done.stderr


# --- users and permissions -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def as_user(engine_by_id, tmp_path_factory):
    """Return a function that runs a command on the secured engine as one of its users."""
    secured = engine_by_id("opensearch-2.19-secured")
    folder = tmp_path_factory.mktemp("passwords")
    for name, password in {**secured.users, "nobody": "wrong"}.items():
        (folder / name).write_text(password + "\n")

    def go(user: str, *words: str) -> subprocess.CompletedProcess[str]:
        account = ["--username", user, "--password-file", str(folder / user)]
        cluster = ["--url", secured.url.replace("127.0.0.1", "localhost"), "--ca-file", str(secured.ca_file)]
        done = subprocess.run(
            command(*words, *cluster, *account), env=environment(), capture_output=True, text=True, timeout=120
        )
        assert not [secret for secret in secured.users.values() if secret in done.stdout + done.stderr]
        return done

    def put(index: str) -> None:
        token = base64.b64encode(f"root:{secured.users['root']}".encode()).decode()
        request = urllib.request.Request(
            f"{secured.url}/{index}/_doc/1?refresh=true",
            b'{"@timestamp": "2026-11-21T00:00:00Z"}',
            {"Content-Type": "application/json", "Authorization": f"Basic {token}"},
            method="PUT",
        )
        context = ssl.create_default_context(cafile=str(secured.ca_file))
        urllib.request.urlopen(request, context=context).close()

    put("aws-ping")
    put("other-ping")
    return go


def test_a_reader_may_search_what_its_role_covers(as_user):
    done = as_user("reader", "ping", "aws-ping")
    assert done.returncode == 0
    assert "MISSING" not in done.stdout
    done = as_user("reader", "ping", "other-ping")
    assert done.returncode == 1
    assert "MISSING: no permissions for [indices:data/read/search]" in done.stdout
    assert "User [name=reader" in done.stdout


def test_a_reader_who_may_only_scroll_can_search(as_user):
    done = as_user("reader_nopit", "ping", "aws-ping")
    rows = {line.split("  ")[0]: line for line in done.stdout.splitlines()}
    assert "Scroll is used instead" in rows["point in time"]
    assert "can be opened and closed" in rows["scroll"]
    assert done.returncode == 0


def test_a_reader_of_one_page_is_told_which_rights_are_missing(as_user):
    done = as_user("reader_1page", "ping", "aws-ping")
    rows = {line.split("  ")[0]: line for line in done.stdout.splitlines()}
    assert "indices:data/read/point_in_time/create" in rows["point in time"]
    assert "Scroll is used instead" in rows["point in time"]
    assert "the version is not told" in rows["identify"]
    assert "MISSING: no permissions for [indices:data/read/field_caps]" in rows["field capabilities"]
    assert "MISSING: no permissions for [indices:admin/validate/query]" in rows["query check"]
    assert "MISSING: only a first page can be read: no permissions for [indices:data/read/scroll]" in rows["scroll"]
    assert done.returncode == 1


def test_an_account_of_few_indices_is_told_which_pattern_to_name(as_user):
    done = as_user("reader", "ping")
    assert done.returncode == 0
    assert "searching 'aws-*' is possible" in done.stdout
    assert done.stderr == "this account may not search every index ('*'). It may search 'aws-*': name that pattern\n"
    refused = as_user("loader", "ping")
    assert refused.returncode == 1
    assert "searching '*' is NOT POSSIBLE" in refused.stdout
    assert "nor 'aws-*'" in refused.stderr and refused.stderr.endswith("aws-siem-bridge ping PATTERN\n")


def test_a_loader_may_not_search(as_user):
    done = as_user("loader", "ping", "aws-ping")
    assert done.returncode == 1
    assert "MISSING: no permissions for [indices:data/read/search]" in done.stdout


@pytest.mark.parametrize("words", [["ping"], ["indices"], ["search", "aws-ping"]])
def test_a_wrong_password(as_user, words):
    done = as_user("nobody", *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert "does not accept the credentials (basic)" in done.stderr
    assert done.stderr.count("\n") == 1


def test_indices_need_no_more_than_reading(as_user):
    done = as_user("reader", "indices", "aws-ping")
    assert done.returncode == 0
    assert done.stdout.splitlines()[1].split()[:4] == ["aws-ping", "1", "-", "date"]
    # Beside the reading, each part for itself, with the permission that it takes.
    assert "note: sizes: not known, because the cluster's account lacks indices:monitor/stats\n" in done.stderr
    assert "note: health: not known, because the cluster's account lacks cluster:monitor/health\n" in done.stderr


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59.9, "59s"), (60, "1m 0s"), (3_661, "1h 1m"), (864_360, "10d 0h"), (-0.4, "0s"), (-90, "-1m 30s")],
)
def test_a_lag_in_two_units(seconds, text):
    assert _duration(seconds) == text
