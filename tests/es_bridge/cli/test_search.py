"""``search``: what it prints, what it says, and how it ends."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import pty
import signal
import subprocess

import pytest

from lab.front.faults import FaultyServer, Hang
from lab.front.server import Reply

from .conftest import DOCUMENTS, command, environment, http


def one_line(source: bytes) -> str:
    return source.replace(b"\n", b" ").decode()


def open_pits(url: str) -> list:
    return json.loads(http(url, "GET", "/_search/point_in_time/_all"))["pits"]


def test_json_lines_are_the_documents_as_stored_newest_first(run, corpus):
    done = run("search", corpus.index, "--size", "0")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split("\n") == [*map(one_line, corpus.sources), ""]


def test_a_cut_result_says_how_many_there_are(run, corpus):
    done = run("search", corpus.index, "--size", "3")
    assert done.returncode == 0
    assert done.stdout.split("\n")[:-1] == [one_line(source) for source in corpus.sources[:3]]
    assert done.stderr.startswith("aws-siem-bridge: warning: ")
    assert "3001" in done.stderr.replace(",", "")
    assert done.stderr.count("\n") == 1


def test_what_the_search_did_differently_is_a_note(run, corpus):
    """An engine without points in time is searched by scroll, and the user is told."""
    with FaultyServer(upstream=corpus.url) as server:
        no_pit = b'{"error": "no handler found for uri [/x/_search/point_in_time] and method [POST]"}'
        pass_on = server.serve

        def serve(handler, received):
            server.faults.append(Reply(400, no_pit) if "point_in_time" in received.target else None)
            pass_on(handler, received)

        server.serve = serve
        done = run("search", corpus.index, "--size", "0", "--url", server.url)
        asked_by = {received.headers["x-opaque-id"] for received in server.received}
    assert done.returncode == 0
    assert done.stdout.split("\n") == [*map(one_line, corpus.sources), ""]
    assert done.stderr.startswith("aws-siem-bridge: note: ")
    assert "scroll" in done.stderr
    assert done.stderr.count("\n") == 1
    (asked_by,) = asked_by
    assert asked_by.startswith("aws-siem-bridge search/")


def test_index_and_id_on_request(run, corpus):
    done = run("search", corpus.index, "--size", "0", "--with-id")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert {row["_index"] for row in rows} == {corpus.index}
    assert [row["_id"] for row in rows] == ["pretty", *(f"d{n}" for n in reversed(range(DOCUMENTS)))]
    assert [row["_source"] for row in rows] == [json.loads(source) for source in corpus.sources]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--query", "eventName:AssumeRole AND n:[0 TO 8]"], [8, 5, 2]),
        (["--dsl", '{"terms": {"n": [7, 3]}}'], [7, 3]),
        (["--query", "n:[0 TO 8]", "--dsl", '{"term": {"eventName.keyword": "GetObject"}}'], [7, 4, 1]),
        (["--earliest", "2026-11-20T00:00:20Z", "--latest", "2026-11-20T00:01:00Z"], [2, 1]),
        (["--start-time", "2026-11-20T09:00:20", "--end-time", "2026-11-20 09:01"], [2, 1]),
        (
            ["--earliest", "2026-11-19T16:00:20", "--latest", "2026-11-19T16:01", "--time-zone", "US/Pacific"],
            [2, 1],
        ),
        (["--latest", "1795132800"], []),
        (["--latest", "1795132800001"], [0]),
        (["--earliest", "0", "--latest", "2026-11-20T00:00:21Z"], [1, 0]),
    ],
)
def test_what_is_asked(run, corpus, options, expected):
    done = run("search", corpus.index, "--size", "0", *options)
    assert (done.returncode, done.stderr) == (0, "")
    assert [json.loads(line)["n"] for line in done.stdout.splitlines()] == expected


@pytest.mark.parametrize("value", ["-99999d@d", "-50y", "-1d@d-50y"])
def test_a_time_that_begins_with_a_minus_is_a_value(run, corpus, value):
    done = run("search", corpus.index, "--earliest", value, f"--latest={value}", "--size", "1")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--earliest must be before --latest" in done.stderr


def test_a_table_has_the_columns_asked_for(run, corpus):
    fields = "eventName,userIdentity.arn,resources.ARN,nowhere"
    done = run("search", corpus.index, "--format", "table", "--fields", fields, "--query", "n:<2", "--size", "0")
    assert done.stdout.splitlines() == [
        "time (UTC)                index             eventName     userIdentity.arn"
        "                  resources.ARN     nowhere",
        "2026-11-20T00:00:20.000Z  cli-cloudtrail-1  GetObject     arn:aws:iam::111122223333:user/1"
        "  a1, b\\x1b[31m\\nc",
        "2026-11-20T00:00:00.000Z  cli-cloudtrail-1  ConsoleLogin  arn:aws:iam::111122223333:user/0"
        "  a0, b\\x1b[31m\\nc",
    ]


def test_a_table_without_columns_has_fields_of_the_documents_and_an_empty_one_says_so(run, corpus):
    done = run("search", corpus.index, "--format", "table", "--query", "n:<2", "--size", "0")
    header, first, _ = done.stdout.splitlines()
    assert header.split() == ["time", "(UTC)", "index", "eventName", "userIdentity.arn", "resources.ARN", "n"]
    assert first.split()[2:4] == ["GetObject", "arn:aws:iam::111122223333:user/1"]
    assert done.stderr == ""
    done = run("search", corpus.index, "--format", "table", "--query", "n:99999")
    assert done.stdout == "no documents\n"


def test_csv_and_a_json_array(run, corpus):
    asked = ["search", corpus.index, "--query", "n:<3", "--size", "0"]
    done = run(*asked, "--format", "csv", "--fields", "n,resources.ARN,nowhere")
    rows = list(csv.reader(io.StringIO(done.stdout)))
    assert rows[0] == ["time", "index", "n", "resources.ARN", "nowhere"]
    assert rows[1] == ["2026-11-20T00:00:40.000Z", corpus.index, "2", "a2, b\\x1b[31m\\nc", ""]
    assert len(rows) == 4
    array = json.loads(run(*asked, "--format", "json").stdout)
    assert [document["n"] for document in array] == [2, 1, 0]
    with_ids = json.loads(run(*asked, "--format", "json", "--with-id").stdout)
    assert [(hit["_id"], hit["_source"]["n"]) for hit in with_ids] == [("d2", 2), ("d1", 1), ("d0", 0)]
    assert run("search", corpus.index, "--query", "n:99999", "--format", "json").stdout == "[]\n"
    assert run("search", corpus.index, "--query", "n:99999", "--format", "csv").stdout == ""


@pytest.mark.parametrize("words", [["--format", "json", "--fields", "n"], ["--format", "csv", "--with-id"]])
def test_options_that_do_not_go_together(run, corpus, words):
    done = run("search", corpus.index, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert words[-1] in done.stderr or "--fields" in done.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--erliest", "now"], "there is no option --erliest. Did you mean --earliest?"),
        (["--form", "csv"], "there is no option --form. Did you mean --format?"),
        (["--xyzzy"], "there is no option --xyzzy"),
        (["two"], "'two' is one argument too many"),
        (["--partial", "alow"], "'alow' is none of fail, allow. Did you mean allow?"),
    ],
)
def test_a_slip_names_what_was_meant(run, words, says):
    done = run("search", "x", *words)
    assert done.returncode == 2
    assert done.stderr.splitlines()[0].endswith(says)


def test_a_file_appears_when_it_is_complete(run, corpus, tmp_path):
    target = tmp_path / "found.jsonl"
    done = run("search", corpus.index, "--size", "0", "--output", str(target))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert target.read_text().split("\n")[:-1] == [one_line(source) for source in corpus.sources]
    done = run("search", corpus.index, "--query", "n:[", "--output", str(tmp_path / "failed.jsonl"))
    assert done.returncode == 1
    assert [path.name for path in tmp_path.iterdir()] == ["found.jsonl"]


@pytest.mark.parametrize(
    ("words", "says", "status"),
    [
        (["cli-nothing-here"], "cli-nothing-here", 1),
        (["{index}", "--query", "n:["], "cannot be read at character 4", 1),
        (["{index}", "--query", "{ } {0} \n %s é"], "cannot be read at character", 1),
        (["{index}", "--earliest=-1M"], "two ways", 2),
        (["{index}", "--earliest", "rt"], "real-time", 2),
        (["{index}", "--time-zone", "Mars/Olympus"], "IANA", 2),
        (["{index}", "--dsl", "{"], "not JSON", 2),
        (["{index}", "--dsl", '{"script": {}}'], "scripts", 2),
        (["{index}", "--fields", "n"], "--format table", 2),
        (["{index}", "--size=-1"], "size", 2),
        (
            ["{index}", "--query", "n:*7", "--leading-wildcards=0"],
            "leading_wildcards = 0, the option --leading-wildcards",
            1,
        ),
        (
            ["{index}", "--query", "a b c", "--max-query-clauses=2"],
            "max_query_clauses = 2, the option --max-query-claus",
            1,
        ),
        (["{index}", "--output", "/nowhere/at/all"], "/nowhere/at/all cannot be written", 1),
        (["{index}", "--url", "http://127.0.0.1:1"], "cannot be reached", 1),
        (["{index}", "--url", "localhost:9200"], "not a URL", 2),
        (["{index}", "--engine", "elasticsearch"], "is opensearch", 2),
        (["{index}", "--username", "jo"], "AWS_SIEM_BRIDGE_PASSWORD", 2),
    ],
)
def test_a_failure_is_one_line_and_status_1_or_2_where_the_command_line_is_wrong(run, corpus, words, says, status):
    done = run("search", *(word.replace("{index}", corpus.index) for word in words))
    assert done.returncode == status
    assert done.stdout == ""
    assert says in done.stderr
    assert done.stderr.startswith("aws-siem-bridge: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [[], ["x", "--size", "many"], ["x", "--format", "xml"], ["x", "--engine", "solr"]])
def test_wrong_usage_is_status_2(run, words):
    done = run("search", *words)
    assert done.returncode == 2
    first, second = done.stderr.splitlines()
    assert first.startswith("python -m es_bridge search: ")
    assert second == "for help: python -m es_bridge search --help"


def test_a_closed_pipe_is_quiet_and_leaves_nothing_open(corpus):
    child = subprocess.Popen(
        command("search", corpus.index, "--size", "0"),
        env=environment(AWS_SIEM_BRIDGE_URL=corpus.url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdout.readline() == one_line(corpus.sources[0]).encode() + b"\n"
    child.stdout.close()
    assert child.stderr.read() == b""
    assert child.wait(60) == 0
    assert open_pits(corpus.url) == []


@pytest.mark.parametrize(
    ("number", "status", "says"),
    [(signal.SIGINT, 130, "aws-siem-bridge: stopped\n"), (signal.SIGTERM, 143, "")],
    ids=["Ctrl-C", "SIGTERM"],
)
def test_a_stopped_search_closes_its_context(corpus, tmp_path, number, status, says):
    """The engine hangs once the context is open; the signal must end the request and free the context."""
    with FaultyServer(upstream=corpus.url) as server:
        waits_after_opening(server)
        child = subprocess.Popen(
            command("search", corpus.index, "--size", "0", "--url", server.url, "--output", str(tmp_path / "x")),
            env=environment(),
            stderr=subprocess.PIPE,
            text=True,
        )
        assert server.hanging.wait(60)
        assert len(open_pits(corpus.url)) == 1
        child.send_signal(number)
        said = child.communicate(timeout=60)[1]
        assert (child.returncode, said) == (status, says)
        assert open_pits(corpus.url) == []
    assert list(tmp_path.iterdir()) == []


def waits_after_opening(server: FaultyServer) -> None:
    """Make the server hang on every search in a context, and pass all else on."""
    pass_on = server.serve

    def serve(handler, received):
        if received.target.startswith("/_search") and received.method == "POST":
            server.faults.append(Hang())
        pass_on(handler, received)

    server.serve = serve


def test_progress_is_for_a_terminal(corpus, tmp_path):
    terminal, childs_end = pty.openpty()
    child = subprocess.Popen(
        command("search", corpus.index, "--size", "10", "--output", str(tmp_path / "x")),
        env=environment(AWS_SIEM_BRIDGE_URL=corpus.url),
        stderr=childs_end,
    )
    os.close(childs_end)
    assert child.wait(60) == 0
    said = b""
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # Linux: the other end is closed
            break
        if not part:
            break
        said += part
    os.close(terminal)
    assert b"10 of 3,001 matching documents in " in said
    assert b"from opensearch 2.19" in said
    assert b"note: 3001 documents match" in said and b"warning: " not in said


def test_help_teaches_with_examples(run):
    done = run("search", "--help")
    assert done.returncode == 0
    assert "examples:\n  aws-siem-bridge search 'aws-cloudtrail-*' --earliest now-30m\n" in done.stdout
    assert "--password-file" in done.stdout


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["--query", "eventname:GetObject"], 0, "warning: no index with events of the range has a field 'eventname'"),
        (["--query", "eventName=Absent"], 0, "warning: 'eventName=Absent' in the query is looked for as one word"),
        (["--dsl", '{"term": {"eventname": "x"}}'], 0, "Write instead: eventName"),
        (["--query", "eventname:x", "--unknown-fields", "fail"], 1, "'eventname'"),
        (["--query", "n:abc"], 1, "'n' (long) cannot hold what the query asks for"),
    ],
)
def test_a_part_that_can_match_nothing_is_one_line(run, corpus, words, status, says):
    done = run("search", corpus.index, *words)
    assert (done.returncode, done.stdout) == (status, "")
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_it_can_be_ignored(run, corpus):
    done = run("search", corpus.index, "--query", "eventname:x OR n:abc", "--unknown-fields", "ignore")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_hostile_documents_are_shown_on_a_terminal_and_untouched_in_a_pipe(corpus, run):
    text = "\x1b[2J\x7f\x9b31m\u202eevil\ue000\U000e0041"
    source = json.dumps({"@timestamp": "2026-11-20T00:00:00Z", text: text}, ensure_ascii=False).replace(
        "\x1b", "\\u001b"
    )
    http(corpus.url, "PUT", "/cli-hostile/_doc/a?refresh=true", source.encode())
    piped = run("search", "cli-hostile")
    assert piped.stdout == source + "\n"
    terminal, childs_end = pty.openpty()
    child = subprocess.Popen(
        command("search", "cli-hostile"), env=environment(AWS_SIEM_BRIDGE_URL=corpus.url), stdout=childs_end
    )
    os.close(childs_end)
    shown = b""
    with contextlib.suppress(OSError):  # Linux: the other end is closed
        while part := os.read(terminal, 4096):
            shown += part
    os.close(terminal)
    assert child.wait(60) == 0
    assert b"\\u202eevil" in shown and all(32 <= byte < 127 for byte in shown.strip())
    assert json.loads(shown) == json.loads(source)
