"""The search assistant's help and the command know the same options."""

from __future__ import annotations

import configparser
import re
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

import pytest

from splunk_bridge.command_line import parse_command_line

from .conftest import BIN

from search_command.elasticsearch.options import NAMES, CommandOptions, parse_options  # isort: skip

SEARCHBNF = BIN.parent / "default" / "searchbnf.conf"
COMMAND = "elasticsearch"


def stanzas(path: Path = SEARCHBNF) -> Dict[str, Dict[str, str]]:
    parser = configparser.RawConfigParser(delimiters=("=",))
    # A line that ends with a backslash goes on in the next.
    parser.read_string(re.sub(r"\\\n\s*", "", path.read_text("utf-8")))
    return {name: dict(parser[name]) for name in parser.sections()}


def examples() -> Iterator[Tuple[str, str]]:
    for name, stanza in stanzas().items():
        for key, value in stanza.items():
            if key.startswith("example"):
                yield f"{name}:{key}", value if name == f"{COMMAND}-command" else f"| {COMMAND} {value}"


def test_every_option_has_a_stanza_with_an_example_and_no_other_has() -> None:
    documented = {name[len(COMMAND) + 1 :] for name in stanzas()} - {"command", "options"}
    assert documented == set(NAMES)
    for option in NAMES:
        stanza = stanzas()[f"{COMMAND}-{option}"]
        assert stanza["syntax"].startswith(f"{option}=")
        assert stanza["description"]
        assert f"{option}=" in stanza["example1"]
        assert stanza["comment1"]


def test_the_command_leads_to_every_option() -> None:
    named: List[str] = re.findall(rf"<{COMMAND}-(\w+)>", stanzas()[f"{COMMAND}-options"]["syntax"])
    assert sorted(named) == sorted(NAMES)
    assert f"<{COMMAND}-options>" in stanzas()[f"{COMMAND}-command"]["syntax"]


def test_the_assistant_shows_the_command() -> None:
    command = stanzas()[f"{COMMAND}-command"]
    assert command["usage"] == "public"
    assert command["shortdesc"]
    for number in (1, 2, 3):  # as many as the assistant has room for
        assert command[f"example{number}"] and command[f"comment{number}"]


@pytest.mark.parametrize(("where", "line"), examples(), ids=lambda value: value if ":" in value[:40] else "")
def test_an_example_is_understood(where: str, line: str) -> None:
    first = line.split(" | ", 1)[0]
    parsed = parse_command_line(first)
    assert parsed.command == COMMAND
    options = parse_options(parsed.args, parsed.raw_args)
    assert options != CommandOptions(), f"{where} gives no option"
