"""A command line taken apart as SPL."""

import pytest

from splunk_bridge.command_line import CommandLineError, parse_command_line


@pytest.mark.parametrize(
    ("text", "args", "raw_args"),
    [
        ("| elasticsearch index=a", ["index=a"], ["index=a"]),
        ("elasticsearch", [], []),
        ('|elasticsearch index="*a*"  query="x y"', ["index=*a*", "query=x y"], ['index="*a*"', 'query="x y"']),
        (r'| elasticsearch query="\"a b\" \\ \d | c"', [r'query="a b" \ \d | c'], [r'query="\"a b\" \\ \d | c"']),
        ('| elasticsearch query=""', ["query="], ['query=""']),
        ("| elasticsearch a\nb", ["a", "b"], ["a", "b"]),
    ],
)
def test_arguments(text: str, args: list, raw_args: list) -> None:
    line = parse_command_line(text)
    assert (line.command, line.args, line.raw_args) == ("elasticsearch", args, raw_args)


@pytest.mark.parametrize("text", ["", "|", '| elasticsearch query="open', "| elasticsearch index=a | head 5"])
def test_what_is_not_one_command(text: str) -> None:
    with pytest.raises(CommandLineError):
        parse_command_line(text)
