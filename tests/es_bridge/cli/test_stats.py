"""``stats``: groups on a command line, in each format."""

from __future__ import annotations

import csv
import json
import re

import pytest

THIRD = 1000


def test_groups_as_a_table_and_in_the_other_formats(run, corpus):
    words = ["stats", "cli-cloud*", "--stats", "count, dc(n) as numbers, values(n), max(n)", "--by", "eventName"]
    done = run(*words, "--query", "n:<9", "--sort=-max(n)", "--limit", "2")
    assert done.returncode == 0
    title, *lines = [re.split("  +", line.strip()) for line in done.stdout.splitlines()]
    assert title == ["eventName", "count", "numbers", "values(n)", "max(n)"]
    assert lines == [["AssumeRole", "3", "3", "2, 5, 8", "8"], ["GetObject", "3", "3", "1, 4, 7", "7"]]
    assert (
        done.stderr == "aws-siem-bridge: warning: 3 rows, the first 2 are returned (--limit 2). Use --limit 0 for all\n"
    )
    rows = [json.loads(line) for line in run(*words, "--format", "jsonl").stdout.splitlines()]
    assert [row["eventName"] for row in rows] == ["AssumeRole", "ConsoleLogin", "GetObject"]
    assert [(row["count"], row["numbers"]) for row in rows] == [(THIRD, THIRD), (THIRD + 1, THIRD + 1), (THIRD, THIRD)]
    assert rows[0]["values(n)"] == sorted(str(n) for n in range(2, 3000, 3))
    assert json.loads(run(*words, "--format", "json").stdout) == rows
    (line, *_) = csv.DictReader(run(*words, "--where", "count>1000", "--format", "csv").stdout.splitlines())
    assert (line["eventName"], line["count"], line["max(n)"]) == ("ConsoleLogin", "1001", "3000")


def test_days_are_those_of_the_zone(run, corpus):
    done = run("stats", "cli-cloud*", "--span", "1d", "--time-zone", "Asia/Seoul", "--format", "jsonl")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    # 2026-11-20T00:00:00Z is nine in the morning there.
    assert rows == [{"_time": 1795100400, "count": 2700}, {"_time": 1795186800, "count": 301}]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--stats", "median(n)"], 2, "Functions: count, dc"),
        (["--by", "n*"], 2, "wildcards are not possible"),
        (["--where", "cuont>1"], 2, "no column. Columns: count"),
        (["--span", "2d"], 2, "Use 1d"),
        (["--by", "nosuch", "--unknown-fields", "fail"], 1, "indexed field 'nosuch'"),
        (["--limit", "-1"], 2, "--limit"),
    ],
)
def test_what_is_wrong_is_one_line(run, corpus, words, status, said):
    done = run("stats", "cli-cloud*", *words)
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr
