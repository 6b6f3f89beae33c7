"""``rex``, ``spath`` and ``mvexpand``."""

from __future__ import annotations

from typing import Iterator, List

from savedsearches.runner import values
from savedsearches.runner.errors import SplRunError, SplSyntaxError, Unverified
from savedsearches.runner.functions import pattern
from savedsearches.runner.paths import all_members, value_at
from savedsearches.runner.session import Session, Stage
from savedsearches.runner.values import Row
from savedsearches.runner.words import Arguments, whole

#: Characters of an event that `spath` reads where no path is given (limits.conf, ``[spath] extraction_cutoff``).
SPATH_READS = 5_000


def rex(arguments: str, session: Session) -> Stage:
    """``rex [field=_raw] [max_match=1] "<regular expression>"``: named groups become fields."""
    read = Arguments("rex", arguments)
    options = read.options(("field", "max_match"))
    word = read.take()
    if word is None or word.kind != "quoted":
        raise SplSyntaxError('rex: put the regular expression into double quotes, such as rex "user=(?<user>\\w+)"')
    read.end()
    expression = pattern(word.value)
    if not expression.groupindex:
        raise SplSyntaxError("rex: the regular expression has no named group such as (?<user>...)")
    field = options.get("field", "_raw")
    most = whole("rex", "max_match", options.get("max_match", "1"))

    def run(rows: Iterator[Row]) -> Iterator[Row]:
        for row in rows:
            found = row.get(field)
            if isinstance(found, list):
                raise Unverified(f"rex: {field} has several values, which is not in Splunk's manual. Use mvexpand")
            if found is None:
                yield row
                continue
            changed = dict(row)
            matches = []
            for match in expression.finditer(values.text(found)):
                matches.append(match)
                if most and len(matches) == most:
                    break
            for name in expression.groupindex:
                texts = [match.group(name) for match in matches if match.group(name) is not None]
                if texts:
                    values.put(changed, name, values.single(texts))
            yield changed

    return run


def spath(arguments: str, session: Session) -> Stage:
    """``spath [input=_raw] [output=] [path=]<path>``; without a path every member of the first 5,000 characters."""
    read = Arguments("spath", arguments)
    options = read.options(("input", "output", "path"))
    word = read.take()
    read.end()
    if word is not None and "path" in options:
        raise SplSyntaxError("spath: one path")
    path = word.value if word is not None else options.get("path")
    source = options.get("input", "_raw")
    output = options.get("output", path)
    if path is None and "output" in options:
        raise SplSyntaxError("spath: output= needs path=")

    def run(rows: Iterator[Row]) -> Iterator[Row]:
        for row in rows:
            changed = dict(row)
            for text in values.texts(row.get(source))[:1]:
                if path is not None and output is not None:
                    found = value_at(text, path)
                    if found is not None:
                        values.put(changed, output, found)
                elif len(text) > SPATH_READS:
                    raise SplRunError(
                        f"spath without a path reads the first {SPATH_READS:,} characters in Splunk, and {source} has "
                        f"{len(text):,}: give path="
                    )
                else:
                    changed.update(_members(text))
            yield changed

    return run


def _members(text: str) -> Row:
    try:
        return dict(all_members(text))
    except ValueError:
        return {}


def mvexpand(arguments: str, session: Session) -> Stage:
    """``mvexpand <field> [limit=]``: one row for each value of the field."""
    read = Arguments("mvexpand", arguments)
    options = read.options(("limit",))
    name = read.name()
    read.end()
    most = whole("mvexpand", "limit", options.get("limit", "0"))

    def run(rows: Iterator[Row]) -> Iterator[Row]:
        for row in rows:
            found: List[str] = values.texts(row.get(name))
            if not found:
                raise Unverified(
                    f"mvexpand: a row has no value in {name}, which is not in Splunk's manual: filter first"
                )
            for text in found[:most] if most else found:
                yield {**row, name: text}

    return run
