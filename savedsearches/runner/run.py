"""Leads a search through its commands, from the first row to the last."""

from __future__ import annotations

from typing import Iterator, List

from savedsearches.runner.commands import COMMANDS, GENERATING
from savedsearches.runner.commands.filtering import first_search
from savedsearches.runner.errors import SplSyntaxError
from savedsearches.runner.macros import expand_macros
from savedsearches.runner.pipeline import CommandText, split_pipeline
from savedsearches.runner.session import Session, Stage
from savedsearches.runner.values import Row


def run_search(search: str, session: Session) -> Iterator[Row]:
    """Yield the rows of a search. The whole text is read before its first command starts.

    Raises `SplSyntaxError` for what is not in the subset, `SplRunError` for what goes wrong later.
    """
    session.run_search = run_search
    session.build = build_stages
    commands = split_pipeline(expand_macros(search, session.macros))
    first, stages = commands[0], []
    for position, command in enumerate(commands):
        stages.append(_stage(command, session, is_first=position == 0))
    rows: Iterator[Row] = iter(())
    if first.name == "search":
        rows, stages = first_search(first.arguments, session), stages[1:]
    for stage in stages:
        rows = stage(rows)
    return rows


def build_stages(pipeline: str, session: Session) -> Stage:
    """Return the commands of a subpipeline, whose macros are put in already, as one stage."""
    text = pipeline.strip()
    commands = split_pipeline(text if text.startswith("|") else f"| {text}")
    stages = [_stage(command, session, is_first=False) for command in commands]

    def run(rows: Iterator[Row]) -> Iterator[Row]:
        for stage in stages:
            rows = stage(rows)
        return rows

    return run


def run_to_list(search: str, session: Session) -> List[Row]:
    """Return the rows of a search as a list."""
    return list(run_search(search, session))


def _stage(command: CommandText, session: Session, is_first: bool) -> Stage:
    own = session.own
    if own is not None and command.name in own.names:
        return lambda rows: own.run(command.name, command.arguments, None if is_first else rows, session)
    build = COMMANDS.get(command.name)
    if build is None:
        raise SplSyntaxError(
            f"the command {command.name!r} is not in the runner's subset of SPL: "
            f"{', '.join(sorted({*COMMANDS, *(own.names if own else ())}))}"
        )
    if is_first and command.name not in GENERATING:
        raise SplSyntaxError(f"a search cannot begin with {command.name}: it has no rows to work on")
    if not is_first and command.name == "makeresults":
        raise SplSyntaxError("makeresults begins a search")
    return build(command.arguments, session)
