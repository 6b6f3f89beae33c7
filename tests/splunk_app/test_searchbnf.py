"""The search assistant's help and the commands know the same options."""

from __future__ import annotations

import configparser
import re
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest

from savedsearches.runner import app_commands
from splunk_bridge.command_line import parse_command_line

from .conftest import BIN

from alert_actions import queue_options as of_queue  # isort: skip
from search_command.elasticfields import options as of_fields  # isort: skip
from search_command.elasticindices import options as of_indices  # isort: skip
from search_command.elasticlookup import options as of_lookup  # isort: skip
from search_command.elasticmatch import options as of_match  # isort: skip
from search_command.elasticsearch import options as of_search  # isort: skip
from search_command.elasticstats import options as of_stats  # isort: skip

SEARCHBNF = BIN.parent / "default" / "searchbnf.conf"
#: Command -> the module of its options: `NAMES`, and `parse_options`.
COMMANDS: Dict[str, Any] = {
    "elasticsearch": of_search,
    "elasticstats": of_stats,
    "elasticfields": of_fields,
    "elasticindices": of_indices,
    "elasticlookup": of_lookup,
    "elasticmatch": of_match,
    "awsresponsequeue": of_queue,
}


def stanzas(path: Path = SEARCHBNF) -> Dict[str, Dict[str, str]]:
    parser = configparser.RawConfigParser(delimiters=("=",))
    # A line that ends with a backslash goes on in the next.
    parser.read_string(re.sub(r"\\\n\s*", "", path.read_text("utf-8")))
    return {name: dict(parser[name]) for name in parser.sections()}


def examples() -> Iterator[Tuple[str, str, str]]:
    for name, stanza in stanzas().items():
        command, _, option = name.partition("-")
        for key, value in stanza.items():
            if key.startswith("example"):
                yield f"{name}:{key}", command, value if option == "command" else f"| {command} {value}"


def test_every_command_has_help_and_is_declared() -> None:
    assert {name.partition("-")[0] for name in stanzas()} == set(COMMANDS) == set(app_commands.COMMANDS)
    declared = stanzas(SEARCHBNF.with_name("commands.conf"))
    assert {name: stanza["filename"] for name, stanza in declared.items()} == app_commands.COMMANDS
    assert all((stanza["chunked"], stanza["python.required"]) == ("true", "3.9, 3.13") for stanza in declared.values())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_has_a_stanza_with_an_example_and_no_other_has(command: str) -> None:
    names = COMMANDS[command].NAMES
    parts = [name.partition("-") for name in stanzas()]
    assert {option for name, _, option in parts if name == command} - {"command", "options"} == set(names)
    for option in names:
        stanza = stanzas()[f"{command}-{option}"]
        assert stanza["syntax"].startswith(f"{option}=")
        assert stanza["description"]
        assert f"{option}=" in stanza["example1"]
        assert stanza["comment1"]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_leads_to_every_option(command: str) -> None:
    named: List[str] = re.findall(rf"<{command}-(\w+)>", stanzas()[f"{command}-options"]["syntax"])
    assert sorted(named) == sorted(COMMANDS[command].NAMES)
    assert f"<{command}-options>" in stanzas()[f"{command}-command"]["syntax"]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_assistant_shows_the_command(command: str) -> None:
    stanza = stanzas()[f"{command}-command"]
    assert stanza["usage"] == "public"
    assert stanza["shortdesc"]
    for number in (1, 2, 3):  # as many as the assistant has room for
        assert stanza[f"example{number}"] and stanza[f"comment{number}"]


@pytest.mark.parametrize(("where", "command", "line"), examples(), ids=lambda value: value if ":" in value[:40] else "")
def test_an_example_is_understood(where: str, command: str, line: str) -> None:
    parts = [part for part in line.split("| ") if part.startswith(f"{command} ")]
    parsed = parse_command_line(parts[0].rstrip())
    options = COMMANDS[command].parse_options(parsed.args, parsed.raw_args)
    assert options != COMMANDS[command].parse_options([]), f"{where} gives no option"
