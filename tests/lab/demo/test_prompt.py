"""The demo's prompt, typed into in a real terminal, on the engine of a demo."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path
from typing import Callable, Iterator

import pytest

from lab.demo.prompt import Pipeline, ShowEvent, parse
from splunk_bridge.command_line import CommandLineError
from tests.lab.demo.conftest import LONGEST_S, Kept, Terminal, prompts

pytestmark = pytest.mark.timeout(LONGEST_S)

CTRL_C, CTRL_D, ARROW_UP = "\x03", "\x04", "\x1b[A"
Start = Callable[..., Terminal]


def test_lines_that_do_nothing_do_not_end_it(at_prompt: Start) -> None:
    terminal = at_prompt()
    assert "the tour ends here" in terminal.text()
    assert "Your turn. For example:" in terminal.text()
    terminal.type("\r")
    terminal.wait_for("splunk>", 2)
    terminal.type("| elasticsearch index=half a li")
    terminal.wait_for("half a li")
    terminal.type(CTRL_C)
    terminal.wait_for("splunk>", 3)
    assert "FAILED" not in terminal.text(), "a line that was cancelled was run"
    assert "3 events in " in terminal.do("| elasticsearch index=aws-waf-* size=3")
    terminal.type(CTRL_D)
    assert terminal.end() == 0


def test_ctrl_c_cancels_the_search_and_nothing_else(at_prompt: Start, tmp_path: Path) -> None:
    slow, began, python = tmp_path / "slow", tmp_path / "began", tmp_path / "python"
    script = f'if [ -e {slow} ]; then touch {began}; exec sleep 600; fi\nexec {sys.executable} "$@"\n'
    python.write_text(f"#!/bin/sh\n{script}")
    python.chmod(0o755)
    terminal = at_prompt("--python", str(python))  # on the engine that was kept
    assert "1 event in " in terminal.do("| elasticsearch index=aws-waf-* size=1")
    for line in ("| elasticsearch index=aws-dns-*", "| elasticsearch index=aws-dns-* | stats count"):
        slow.touch()
        terminal.type(f"{line}\r")
        while not began.exists():
            time.sleep(0.05)
        cancelled = terminal.text().count("job CANCELLED")  # one in the tour
        terminal.type(CTRL_C)
        terminal.wait_for("job CANCELLED", cancelled + 1)
        slow.unlink()
        began.unlink()
    assert "2 events in " in terminal.do("| elasticsearch index=aws-vpcflow-* size=2")
    terminal.do("exit", "the engine stays at ")
    assert terminal.end() == 0


def test_lines_are_kept_for_the_next_time(at_prompt: Start, tmp_path: Path) -> None:
    first = at_prompt()
    first.do("| elasticsearch index=aws-waf-* size=2")
    first.child.kill(9)
    history = tmp_path / "state" / "aws-siem-bridge" / "demo_history"
    assert history.stat().st_mode & 0o777 == 0o600
    second = at_prompt()
    assert "size=2" not in second.text()
    second.type(ARROW_UP)
    second.wait_for("splunk> | elasticsearch index=aws-waf-* size=2")


def test_state_folder_that_cannot_be_written(at_prompt: Start, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    terminal = at_prompt(state=tmp_path / "file")
    terminal.do("| elasticsearch index=aws-waf-* size=2")
    terminal.type(ARROW_UP)
    terminal.wait_for("index=aws-waf-* size=2", 2)


@pytest.fixture(scope="module")
def one_prompt(kept: Kept, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """Return a prompt that several tests type into."""
    for start in prompts(kept, tmp_path_factory.mktemp("state")):
        yield start()


@pytest.mark.parametrize(
    ("line", "columns"),
    [
        ("index=aws-cloudtrail-* size=3", ["eventName", "eventSource", "sourceIPAddress"]),
        ("index=aws-vpcflow-* size=3", ["srcaddr", "dstaddr", "dstport", "bytes", "log_status"]),
        ("index=aws-dns-* size=3", ["query_name", "rcode"]),
        ("index=aws-waf-* size=3", ["action", "source.ip", ".uri"]),
        ("index=aws-waf-* size=3 fields=*", ["action", "source.ip", ".uri"]),
        ("index=aws-* size=6", ["event.dataset", "event.action"]),
        ("index=aws-waf-* size=3 fields=source.ip,httpRequest.http*", ["source.ip", "httpMethod", "Version"]),
        ("index=aws-waf-* size=3 output=raw", ["_raw"]),
    ],
)
def test_columns_fit_what_was_found(line: str, columns: list[str], one_prompt: Terminal) -> None:
    answer = one_prompt.do(f"| elasticsearch {line}").splitlines()
    head = next(i for i, text in enumerate(answer) if text.startswith("_time"))
    names = re.split(r"  +", answer[head])
    assert names[1:], answer
    for column in columns:
        assert any(name.endswith(column) for name in names), names
    for row in answer[head + 2 : head + 5]:
        assert len(re.split(r"  +", row)) > 1, f"a row without values: {row}"
        assert len(row) <= 100


def test_whole_event(one_prompt: Terminal) -> None:
    whole = one_prompt.do("| elasticsearch index=aws-dns-* size=1")
    assert re.search(r"^query_name +\S", whole, re.MULTILINE)
    assert re.search(r"^_raw\n\{\"@timestamp\"", whole, re.MULTILINE)
    one_prompt.do("| elasticsearch index=aws-dns-* size=3")
    second = one_prompt.do("event 2", "_raw")
    assert re.search(r"^query_name +\S", second, re.MULTILINE)
    assert "there is no event 9: the last search shows 3" in one_prompt.do("event 9", "no event 9")


def test_help_and_what_cannot_be_done(one_prompt: Terminal) -> None:
    assert "Ctrl-C cancels the line" in one_prompt.do("help", "Ctrl-R")
    assert "is not in the runner's subset of SPL" in one_prompt.do("| elasticsearch index=a | top b", "ERROR:")
    assert "help shows what can be typed" in one_prompt.do("show me", "can be typed")


def test_a_pipeline(one_prompt: Terminal) -> None:
    answer = one_prompt.do("| elasticsearch index=aws-waf-* size=0 | stats count by action | sort 0 -count")
    lines = [re.split(r"  +", line) for line in answer.splitlines()]
    head = lines.index(["action", "count"])
    counts = [int(line[1]) for line in lines[head + 2 :] if line[1:] and line[1].isdecimal()]
    assert counts == sorted(counts, reverse=True) and sum(counts) == 375
    assert re.search(rf"^{len(counts)} rows in [0-9.]+ s .*; job DONE$", answer, re.MULTILINE)
    one_prompt.do("| makeresults count=30 | streamstats count AS n | table n")
    text = one_prompt.text()
    assert "... 10 more" in text
    assert text.count("which is not Splunk: docs/spl_runner.md has what is in it") == 1, "said once"
    assert re.search(r"^n +3$", one_prompt.do("event 3", "n  3"), re.MULTILINE)
    # Events stay events behind a command that leaves them whole.
    events = one_prompt.do("| elasticsearch index=aws-dns-* | head 2").splitlines()
    assert any(line.startswith("_time") and "query_name" in line for line in events), events
    failed = one_prompt.do('| elasticsearch index=aws-waf-* query="a:[" | stats count')
    assert "query= cannot be read" in failed and "job FAILED" in failed


def test_other_commands_of_the_app(one_prompt: Terminal) -> None:
    answer = one_prompt.do("| elasticfields index=aws-waf-* fields=action top=2")
    assert re.search(r"^values +(ALLOW|BLOCK), (ALLOW|BLOCK)$", answer, re.MULTILINE)
    assert "1 row in " in answer


@pytest.mark.parametrize("size", [(24, 10), (9, 4)])
def test_small_terminals(at_prompt: Start, size: tuple[int, int]) -> None:
    terminal = at_prompt(columns=size[0], lines=size[1])
    terminal.type("| elasticsearch index=aws-waf-* size=2\r")
    # Where a line has 9 columns nothing stands there as it was written.
    terminal.wait_for("2eventsin", squeezed=True)
    terminal.type(CTRL_D)
    assert terminal.end() == 0


def test_no_colours_where_none_are_wanted(at_prompt: Start) -> None:
    colour = re.compile(rb"\x1b\[(?:[0-9;]*;)?3[0-7]m")
    assert colour.search(at_prompt().written), "there are none anyway"
    terminal = at_prompt(NO_COLOR="1")
    terminal.do("| elasticsearch index=aws-waf-* size=2")
    assert not colour.search(terminal.written)
    dumb = at_prompt(TERM="dumb")
    assert "2 events in " in dumb.do("| elasticsearch index=aws-waf-* size=2")
    assert not colour.search(dumb.written)


@pytest.mark.parametrize(
    ("text", "turn"),
    [("", ""), ("  ", ""), ("EXIT", "exit"), ("quit", "exit"), ("?", "help"), ("tour ", "tour")]
    + [("event", ShowEvent(1)), (" event  12", ShowEvent(12))],
)
def test_words(text: str, turn: object) -> None:
    assert parse(text) == turn


@pytest.mark.parametrize(
    "text",
    ["| elasticsearch index=a | head 5", "| makeresults", "| elasticindices | join index [| elasticfields]", "| `m`"],
)
def test_pipelines(text: str) -> None:
    assert parse(f"  {text} ") == Pipeline(text)


@pytest.mark.parametrize(
    "text",
    ["event x", "event 1 2", "event -1", "show", "| stats count", '| elasticsearch query="', "| elasticsearch |", "|"],
)
def test_what_is_nothing(text: str) -> None:
    with pytest.raises(CommandLineError, match="event 1$|help shows what can be typed"):
        parse(text)
