"""The terminal: what is printed, and what is shown of work that takes its time. Every text goes through `shown`."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from typing import Iterator, Optional

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Column
from rich.text import Text

from es_bridge.cli.reporting import say
from es_bridge.terminal import put_error, shown
from lab.engine import progress

#: Of a pipe or a file, unless COLUMNS says otherwise.
_WIDTH_WITHOUT_TERMINAL = 120
_STYLES = {"ERROR": "bold red", "FATAL": "bold red", "WARN": "yellow", "INFO": "cyan"}


class Screen:
    """Standard output for what was found, standard error for what is going on."""

    def __init__(self) -> None:
        wide = None if sys.stdout.isatty() or os.environ.get("COLUMNS") else _WIDTH_WITHOUT_TERMINAL
        self._out = Console(width=wide, highlight=False, markup=False, emoji=False)
        self._err = Console(stderr=True, highlight=False, markup=False, emoji=False)

    @property
    def width(self) -> int:
        """How many cells a line has now."""
        return self._out.width

    @property
    def height(self) -> int:
        """How many lines the terminal has now."""
        return self._out.height

    def say(self, text: str = "", style: str = "") -> None:
        """Print a line; one that is too long is wrapped by the terminal, so that it can be copied whole."""
        self._out.print(Text(shown(text), style=style), soft_wrap=True)

    def message(self, level: str, text: str) -> None:
        """Print a message of a search."""
        self._out.print(Text.assemble((f"{level}: ", _STYLES.get(level, "")), shown(text)), soft_wrap=True)

    def show(self, what: RenderableType) -> None:
        """Print what is laid out already, of texts that went through `shown`."""
        self._out.print(what)

    @contextmanager
    def step(self, what: str) -> Iterator[progress.Progress]:
        """Show a clock, and how far it is, while something is done; say at the end how long it took."""
        started = time.monotonic()
        if self._err.is_terminal and not self._err.is_dumb_terminal:
            with _Live(self._err, what) as live:
                yield live
        else:
            put_error(f"{what} ...")
            yield _Log()
        say(f"{what}: {time.monotonic() - started:.1f} s")


class _Live:
    """One line that moves."""

    def __init__(self, console: Console, what: str) -> None:
        described = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, ratio=1))
        self._progress = Progress(
            SpinnerColumn("line"),
            described,
            BarColumn(10),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            expand=True,
        )
        self._task = self._progress.add_task(what, total=None)
        self._what = what

    def __enter__(self) -> _Live:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, what: str, done: int = 0, total: int = 0) -> None:
        self._progress.tasks[0].total = total or None  # `update` takes None for "as it was"
        self._progress.update(self._task, description=shown(what), completed=done)


class _Log:
    """A line for what begins, and one for each tenth of it."""

    def __init__(self) -> None:
        self._said: Optional[tuple[str, int]] = None

    def __call__(self, what: str, done: int = 0, total: int = 0) -> None:
        tenth = (what, done * 10 // total if total else 0)
        if tenth != self._said:
            put_error(f"{what}: {done} of {total}" if total else what)
            self._said = tenth
