"""The command line as a whole: version, slips, exit status of wrong usage, completion, and one set of names."""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator, List

import pytest

import aws_siem_bridge
from es_bridge.cli.option_names import as_options
from es_bridge.cli.rows import FORMATS, Column, Rows
from tests.command_line import run

pytest.importorskip("boto3")  # where only the bridge is tested, the other commands cannot be loaded


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield a parser and all below it."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from parsers(inner)


def everything() -> List[argparse.ArgumentParser]:
    return list(parsers(aws_siem_bridge.build_parser([], everything=True)))


def test_the_version(capsys: Any) -> None:
    status, out, _ = run(capsys, "--version")
    assert (status, out.split()[0]) == (0, "aws-siem-bridge")
    assert out.split()[1][0].isdigit()


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ("serch x", "aws-siem-bridge: there is no command 'serch'. Did you mean search?"),
        ("xyzzy", "aws-siem-bridge: there is no command 'xyzzy'. There are search, stats, indices, "),
        ("--verson", "aws-siem-bridge: there is no option --verson. Did you mean --version?"),
        ("load x --datset waf", "aws-siem-bridge load: there is no option --datset. Did you mean --dataset?"),
        ("load x --dataset waff", "aws-siem-bridge load: argument --dataset: 'waff' is none of "),
        ("dlq lst x", "aws-siem-bridge dlq: there is no command 'lst'. Did you mean list?"),
        ("lab enginee", "aws-siem-bridge lab: there is no command 'enginee'. Did you mean engine?"),
        ("lab engine strt", "aws-siem-bridge lab engine: argument action: 'strt' is none of start, "),
        ("search", "aws-siem-bridge search: the following arguments are required: index"),
    ],
)
def test_a_slip_is_two_lines_and_says_what_was_meant(capsys: Any, argv: str, says: str) -> None:
    status, out, err = run(capsys, *argv.split())
    assert (status, out) == (2, "")
    first, second = err.splitlines()
    assert first.startswith(says)
    assert second.startswith("for help: aws-siem-bridge") and second.endswith(" --help")


@pytest.mark.parametrize(
    "argv",
    [
        "load",
        "load a --queue http://q",
        "load a --since 2026-11-21",
        "load s3://a s3://b",
        "load a --workers 0",
        "load a --dead-letters b --dead-letters-kms-key c",
        "load a --index-objects nonsense",
        "load --queue http://q",
        "load s3://a/b --since 2026-11-21 --until 2026-11-20",
        "load s3://a/b --since yesterdayish",
        "load s3://a/b --time-zone Mars/Olympus --since 2026-11-21",
        "load a --url localhost:9200",
        "load a --username jo --sigv4 eu-west-1",
        "audit a --since 2026-11-21",
        "audit s3://a/b --as s3://c",
        "audit a --workers 0",
        "dlq list a --limit 0",
        "dlq list a --since nonsense",
        "dlq dismiss a",
        "dlq redrive a --as s3://b",
        "digest verify a --since 2026-11-21 --until 2026-11-20",
        "templates apply --delete-after many",
        "search a --earliest nonsense",
        "search a --size -1",
        "search a --dsl {",
        "search a --format json --fields b",
        "indices a --url localhost",
        "ping --api-key-file a --bearer-token-file b",
        "lab story write a --start 0",
        "lab run nonsense",
        "spl nonsense --lookup a",
    ],
)
def test_wrong_usage_is_status_2_before_anything_is_done(
    capsys: Any, argv: str, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AWS_SIEM_BRIDGE_PASSWORD", raising=False)
    status, out, err = run(capsys, *argv.split())
    assert (status, out) == (2, ""), err
    assert err.startswith("aws-siem-bridge")
    assert "Traceback" not in err and len(err.splitlines()) <= 2
    assert list(tmp_path.iterdir()) == []


def test_options_have_one_set_of_names() -> None:
    names = {option for parser in everything() for action in parser._actions for option in action.option_strings}
    assert "--time-zone" in names
    assert not names & {"--timezone", "--tz", "--json"}
    for parser in everything():
        for action in parser._actions:
            if "--format" in action.option_strings:
                assert tuple(action.choices or ()) == FORMATS, parser.prog


def test_help_is_short_about_usage_and_a_closed_pipe_is_quiet() -> None:
    for parser in everything():
        usage = parser.format_help().split("\n\n")[0]
        assert len(usage.splitlines()) <= 4, usage
    words = f"{sys.executable} -m aws_siem_bridge load --help | head -1"
    shown = subprocess.run(["bash", "-c", words], capture_output=True, text=True, cwd=Path(__file__).parents[1])
    assert shown.stdout.startswith("usage: aws-siem-bridge load [options] ")
    assert shown.stderr == ""


def test_bash_completes_commands_and_options(capsys: Any, tmp_path: Path) -> None:
    status, script, _ = run(capsys, "completion", "bash")
    assert status == 0
    path = tmp_path / "completion"
    path.write_text(script)
    ask = """source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _shtab_aws_siem_bridge; echo "${COMPREPLY[@]}" """

    def completed(*words: str) -> List[str]:
        done = subprocess.run(["bash", "-c", ask, str(path), *words], capture_output=True, text=True, check=True)
        return done.stdout.split()

    assert "search" in completed("aws-siem-bridge", "se")
    assert completed("aws-siem-bridge", "load", "--dat") == ["--dataset"]
    assert completed("aws-siem-bridge", "dlq", "redrive", "--error") == ["--error-type"]
    assert completed("aws-siem-bridge", "lab", "engine", "--heap") == ["--heap-mb"]


@pytest.mark.parametrize(
    ("message", "here"),
    [
        (
            "dsl= holds 'size=3', which is refused: use the option size=.",
            "--dsl holds 'size=3', which is refused: use the option --size.",
        ),
        ("start_time=1970-01-01 end_time=2262-01-01", "--earliest 1970-01-01 --latest 2262-01-01"),
        (
            "set partial=allow to accept it (unknown_fields=fail)",
            "set --partial allow to accept it (--unknown-fields fail)",
        ),
        ("size=-1 must be 0 (all) or more", "--size -1 must be 0 (all) or more"),
        ("client_key_file needs client_cert_file", "--client-key needs --client-cert"),
        ("index='a b' is not an index pattern", "'a b' is not an index pattern"),
        ("the shard's size and fields of the query", "the shard's size and fields of the query"),
    ],
)
def test_messages_name_options_as_they_are_called_here(message: str, here: str) -> None:
    assert as_options(message) == here


def test_rows_in_four_formats(capsys: Any) -> None:
    rows = [{"a": "x,y", "b": 1234, "c": None}, {"a": 'say "hi"', "b": 0, "c": ["z"]}]
    columns = [Column("a", "first"), Column("b", "second", "{:,}".format, right=True), Column("c", "third")]

    def printed(form: str, shown: List[Any]) -> str:
        out = Rows(form, columns)
        for row in shown:
            out.add(row)
        out.end()
        return capsys.readouterr().out

    assert json.loads(printed("json", rows)) == rows
    assert [json.loads(line) for line in printed("jsonl", rows).splitlines()] == rows
    assert list(csv.reader(io.StringIO(printed("csv", rows)))) == [
        ["a", "b", "c"],
        ["x,y", "1234", ""],
        ['say "hi"', "0", '["z"]'],
    ]
    assert printed("table", rows).splitlines() == [
        "first     second  third",
        "x,y        1,234  -",
        """say "hi"       0  ['z']""",
    ]
    assert [printed(form, []) for form in FORMATS] == ["first  second  third\n", "[]\n", "", "a,b,c\n"]


def test_a_cluster_that_nobody_named_is_asked_for(capsys: Any, monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setattr("es_bridge.cli.connection.DEFAULT_URL", "http://127.0.0.1:1")
    monkeypatch.delenv("AWS_SIEM_BRIDGE_URL", raising=False)
    monkeypatch.setenv("AWS_SIEM_BRIDGE_CACHE", str(tmp_path))
    status, _, err = run(capsys, "ping")
    assert status == 1
    assert err.splitlines()[1].startswith("no cluster was named: give --url, or set AWS_SIEM_BRIDGE_URL.")
    monkeypatch.setenv("AWS_SIEM_BRIDGE_URL", "http://127.0.0.1:1")
    assert len(run(capsys, "ping")[2].splitlines()) == 1
    assert os.environ["AWS_SIEM_BRIDGE_URL"]
