"""What a person gets wrong on the command line, and names that others chose: said in a line, never with a traceback."""

from __future__ import annotations

import os
import sys

import pytest

import aws_siem_bridge
from tests.collectors.conftest import table

DLQ_LIST = [sys.executable, "-m", "aws_siem_bridge", "dlq", "list"]


@pytest.fixture
def said(capsys, monkeypatch, tmp_path):
    """Return a function that runs a command line and gives its status and what it said on standard error."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def command(*argv):
        try:
            status = aws_siem_bridge.main([str(each) for each in argv])
        except SystemExit as exc:  # argparse
            status = exc.code
        return status, capsys.readouterr().err

    return command


@pytest.mark.parametrize("days", ["-1", "a week", "1.5"])
@pytest.mark.parametrize("command", [("load", "."), ("load", "--queue", "http://q"), ("dlq", "redrive", ".")])
def test_days_that_are_none(said, command, days):
    status, text = said(*command, f"--retention-days={days}")
    assert (status, f"{days!r} is no number of days: give 0 or more" in text) == (2, True)


@pytest.mark.parametrize("hours", ["-1", "nan", "inf", "1e300"])
@pytest.mark.parametrize("command", ["load", "audit"])
def test_hours_that_are_none(said, command, hours):
    status, text = said(command, "s3://b/x", "--since", "2026-11-21", "--until", "2026-11-22", "--late", hours)
    assert (status, "give 0 to 876000 hours" in text) == (2, True)


def test_a_place_without_dead_letters_and_one_that_is_not_there(said, tmp_path):
    assert said("dlq", "list", tmp_path)[1].endswith("that is asked for\n")
    assert "there is no such folder" in said("dlq", "list", tmp_path / "mistyped")[1]
    assert said("dlq", "list", tmp_path, "--after", "x")[0] == 1


def test_dead_letters_below_the_folder_that_is_loaded_stay_what_they_are(cluster, tmp_path):
    (tmp_path / "aws-waf-logs-shop-1-1999-12-31").write_bytes(b"{broken\n")
    places = ("--dead-letters", str(tmp_path / "letters"))
    for _ in range(3):
        done = cluster.load(tmp_path, options=places)
        assert done.returncode == 0, done.stderr
    assert table(done.stdout)["AWS WAF"][1:] == [1, 0, 0, 1]
    assert "none of the logs: dead letters (1)" in done.stdout
    assert "problem" not in done.stdout
    assert len([path for path in (tmp_path / "letters").rglob("*") if path.is_file()]) == 1


def test_names_that_are_no_text_or_move_the_cursor_are_shown_and_not_sent(cluster, tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    for name in (b"\xff_vpcdnsquerylogs_.log", b"\x1b[2J_vpcdnsquerylogs_.log"):
        with open(os.path.join(os.fsencode(folder), name), "wb") as file:
            file.write(b"{broken\n")
    # As in a terminal whose locale is en_US.UTF-8: pytest's own may be more lenient.
    strict = {"PYTHONIOENCODING": "utf-8:strict"}
    letters = ("--dead-letters", str(tmp_path / "letters"))
    runs = [
        cluster.run(cluster.command(folder), environment=strict),
        cluster.run(cluster.command(folder, name="audit"), environment=strict),
        cluster.run(cluster.command(folder, options=letters), environment=strict),
        cluster.run(
            [sys.executable, "-m", "aws_siem_bridge", "dlq", "list", letters[1], "--format", "jsonl"], "root", strict
        ),
    ]
    for ran in runs:
        assert "Traceback" not in ran.stderr
        assert "\x1b" not in ran.stdout + ran.stderr
    assert [ran.returncode for ran in runs] == [1, 1, 0, 0]
    assert all("udcff" in ran.stdout for ran in runs if ran is not runs[2])
    assert len(runs[3].stdout.splitlines()) == 2
