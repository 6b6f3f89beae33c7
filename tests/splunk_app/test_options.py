"""Options as splunkd hands them over, with and without the user's quotes."""

from typing import List, Optional

import pytest
from search_command.elasticsearch.options import CommandOptions, parse_options
from search_command.options import Question

from es_bridge.errors import QueryError


def test_defaults() -> None:
    assert parse_options([]) == CommandOptions()
    assert CommandOptions().size == 10_000
    assert Question().partial == "fail"


def test_every_option_has_a_field() -> None:
    args = [
        "index=i", "query=q", "dsl={}", "size=5", "start_time=a", "end_time=b", "fields=x,y z", "output=raw",
        "time_field=t", "sourcetype=s", "partial=allow", "unknown_fields=fail", "cluster=c",
    ]  # fmt: skip
    assert parse_options(args) == CommandOptions(
        Question("i", "q", "{}", "a", "b", "t", "allow", "fail", "c"), 5, ("x", "y", "z"), "raw", "s", True
    )


def test_earliest_and_latest_are_aliases() -> None:
    question = parse_options(["earliest=-1d", "latest=now"]).question
    assert (question.start_time, question.end_time) == ("-1d", "now")


@pytest.mark.parametrize(
    ("arg", "raw_arg", "query"),
    [
        ("query=a b", 'query="a b"', "a b"),  # quotes taken off by splunkd
        ('query="a b"', 'query="a b"', "a b"),  # quotes left on in both lists
        ('query="a b"', None, "a b"),
        ('query="a b"', r'query="\"a b\""', '"a b"'),  # a phrase: the quotes are the value's
        (r'query="\"a b\""', r'query="\"a b\""', '"a b"'),
        ("query=a=b", "query=a=b", "a=b"),
        ('query="a" OR "b"', r'query="\"a\" OR \"b\""', '"a" OR "b"'),
        ('query="a" OR "b"', 'query="a" OR "b"', '"a" OR "b"'),  # not one quoted text
        (r"query=a\:b", r'query="a\:b"', r"a\:b"),
        ("query=", 'query=""', ""),
    ],
)
def test_quotes(arg: str, raw_arg: Optional[str], query: str) -> None:
    raw_args: Optional[List[str]] = None if raw_arg is None else [raw_arg]
    assert parse_options([arg], raw_args).question.query == query


@pytest.mark.parametrize("size", ["", "x", "-1", "+5", "1e3", "٣", "1" * 19])
def test_size_must_be_a_count(size: str) -> None:
    with pytest.raises(QueryError, match="size="):
        parse_options([f"size={size}"])
