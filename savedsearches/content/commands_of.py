"""The commands of a search, those of its subsearches included, without running it."""

from __future__ import annotations

from typing import Dict, Iterator

from savedsearches.runner.errors import SplSyntaxError
from savedsearches.runner.pipeline import CommandText, end_of_bracket, end_of_quote, split_pipeline
from splunk_bridge.command_line import CommandLineError, parse_command_line


def commands_of(search: str) -> Iterator[CommandText]:
    """Yield every command of a search whose macros are put in, a subsearch's after the command it belongs to.

    Raises `SplSyntaxError`.
    """
    for command in split_pipeline(search):
        yield command
        for text in _subsearches(command.arguments):
            yield from commands_of(text)


def options_of(command: CommandText) -> Dict[str, str]:
    """Return the options of a command of ours, without the quotes around them. Raises `SplSyntaxError`."""
    try:
        line = parse_command_line(f"| {command.name} {command.arguments}")
    except CommandLineError as exc:
        raise SplSyntaxError(f"{command.name}: {exc}") from None
    pairs = (argument.partition("=") for argument in line.args)
    return {name.strip(): value.replace('\\"', '"') for name, _, value in pairs}


def _subsearches(arguments: str) -> Iterator[str]:
    position = 0
    while position < len(arguments):
        if arguments[position] == '"':
            position = end_of_quote(arguments, position)
        elif arguments[position] == "[":
            end = end_of_bracket(arguments, position)
            text = arguments[position + 1 : end - 1].strip()
            yield text if text.startswith("|") or text.startswith("search") else f"| {text}"
            position = end
        else:
            position += 1
