"""What is printed is text and nothing else, and there is one way to print."""

from __future__ import annotations

import ast
import io
import json
import os
import pty
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from es_bridge import terminal
from tests.es_bridge.cli.conftest import environment

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = "a\x1b[2J\x07b\x7f\x85\x9b31m\u202eevil\u200b\ufeff\ud800\ue000\U000e0041\U0010ffff\u0378\u2028\u2029\r\n\tz"
#: Files of the products and the lab. The stubs stand in for a module of Splunk's, in a process of the lab's.
SOURCES = [
    path
    for top in ("es_bridge", "collectors", "lab", "splunk_app/package/bin")
    for path in (ROOT / top).rglob("*.py")
    if "splunk_stubs" not in path.parts and path.name not in ("terminal.py", "package.py")
] + [ROOT / "aws_siem_bridge.py"]


def is_harmless(text: str) -> bool:
    return not [c for c in text if unicodedata.category(c)[0] == "C" or c in "\u2028\u2029"]


def prints(tree: ast.AST) -> List[int]:
    """Return the lines that write to a terminal in another way."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called in (
            "print",
            "pprint",
            "pprint.pprint",
            "traceback.print_exc",
            "warnings.warn",
            "argparse.ArgumentParser",
        ):
            found.append(node.lineno)
        if called.startswith(("sys.stdout.write", "sys.stderr.write", "sys.__std")) or called.endswith("print_exc"):
            found.append(node.lineno)
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_everything_is_printed_through_one_module(path: Path) -> None:
    assert prints(ast.parse(path.read_text(encoding="utf-8"))) == []


def test_the_walk_finds_what_it_looks_for() -> None:
    lines = ["print(1)", "sys.stderr.write('x')", "sys.stdout.write('x')", "traceback.print_exc()"]
    code = "\n".join([*lines, "argparse.ArgumentParser()", "put(1)"])
    assert prints(ast.parse(code)) == [1, 2, 3, 4, 4, 5]


@given(st.text(st.characters(codec=None)) | st.just(HOSTILE))
def test_no_text_reaches_a_terminal_as_a_command(text: str) -> None:
    assert is_harmless(terminal.shown(text))
    out = io.StringIO()
    terminal.put(text, "next", to=out)
    assert out.getvalue().count("\n") == 2 and is_harmless(out.getvalue().replace("\n", ""))


@given(st.text())
def test_a_json_line_is_the_same_value(text: str) -> None:
    for ascii_only in (True, False):
        line = json.dumps({"a": [text], text: 1}, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
        found = terminal.json_line(line + b"\n")
        assert json.loads(found) == json.loads(line)
        assert is_harmless(found.decode("utf-8")[:-1]) and found.endswith(b"\n")


def test_a_json_line_of_any_bytes() -> None:
    assert terminal.json_line(b'{\t"a":\t"\xff\x1b\xed\xa0\x80"}\n').startswith(b'{ "a": "\\udcff\\u001b')
    assert is_harmless(terminal.json_line(bytes(range(256)))[:-1].decode())


def test_what_is_plain_stays_as_it_is() -> None:
    for text in ("plain", "한국어 日本語\u3000nbsp\u00a0", "é 😀", "\\u001b"):
        assert terminal.shown(text) == text


def test_a_terminal_that_knows_no_unicode_gets_escapes() -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    terminal.put("한 ok", to=out)
    out.flush()
    assert out.buffer.getvalue() == b"\\ud55c ok\n"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "words",
    [
        ["-m", "es_bridge", "search", "x", "\x1b[2Junknown"],
        ["-m", "es_bridge", "\x1b[2Jcommand"],
        ["-m", "es_bridge", "search", "x", "--engine", "\x9b31m"],
        ["-m", "es_bridge", "search", "x", "--earliest", "\x1b]0;title\x07"],
        ["-m", "es_bridge", "ping", "--url", "http://\x1b[2J"],
        ["-m", "es_bridge", "search", "x", "--password-file", "/no/\x1b[2J\u202e", "--username", "jo"],
        ["-m", "aws_siem_bridge", "load", "/no/such/\x1b[2J\u202e.json.gz"],
        ["-m", "aws_siem_bridge", "dlq", "show", "/no/\x1b[2J", "waf/\x1b[2J/1"],
        ["-m", "aws_siem_bridge", "lab", "run", "| \x1b[2J"],
        ["-m", "aws_siem_bridge", "lab", "\x1b[2J"],
        ["-m", "aws_siem_bridge", "templates", "apply", "--dataset", "\x1b[2J"],
        ["-c", "from es_bridge.terminal import show_failures as s; s(); raise ValueError('\\x1b[2J' + chr(0x202e))"],
    ],
    ids=range(12),
)
def test_what_a_command_line_quotes_is_harmless(words: List[str]) -> None:
    """On a terminal, byte by byte."""
    ours, childs = pty.openpty()
    child = subprocess.Popen([sys.executable, *words], env=environment(), cwd=ROOT, stdout=childs, stderr=childs)
    os.close(childs)
    said = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # Linux: the other end is closed
            break
        if not part:
            break
        said += part
    os.close(ours)
    assert child.wait(60) != 0
    assert said
    assert is_harmless(said.decode("utf-8").replace("\r\n", "")), said
