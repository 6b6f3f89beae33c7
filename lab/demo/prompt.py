"""The prompt after the tour: reads lines, keeps them for the next time, and does what they say.

``parse`` knows what a line may be and nothing of terminals; `Prompt` reads and shows.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, List, Union

from prompt_toolkit import PromptSession
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.output import create_output

from lab.demo.screen import Screen
from lab.demo.search import Found, Row, Searches, Tell
from lab.demo.tables import Asked, are_events, as_results, as_table, as_whole, raw
from lab.demo.tour import EVENTS, FAILURE, NEXT, RESULTS, TOUR, WARNING, Step
from lab.run_cli import check_beginning, own_command_line
from savedsearches.runner.commands import GENERATING
from savedsearches.runner.errors import SplSyntaxError
from savedsearches.runner.pipeline import split_pipeline
from splunk_bridge.command_line import CommandLine, CommandLineError

HELP = """\
| elasticsearch index=<pattern> ...   searches, as Splunk would start it. The most used options:
      query="errorCode:AccessDenied"    which events: field:value, AND, OR, NOT, wildcards
      dsl="{\\"term\\": {...}}"             the same as one JSON clause
      start_time=-24h end_time=now      when; also now-30m, 2026-11-30T08:00:00Z
      size=100                          how many at most; 0: all; default: 10000
      fields=eventName,userIdentity.*   which columns; fields=*: all
      output=raw                        the documents as they are stored, no fields
      unknown_fields=fail               a field that no index has is an error, not a warning
  docs/search_command.md has every option.
| elasticstats index=<pattern> stats="count, sum(bytes)" by=srcaddr   counts in the engine: docs/elasticstats.md
| elasticindices, | elasticfields index=<pattern>   which indices and fields there are: docs/fields_and_indices.md
`aws_findings_latest` | stats count by signature   what AWS detected, as the inputs wrote it: docs/findings.md
| elasticsearch ... | stats count by eventName | sort 0 -count   whole pipelines, by a strict subset of SPL of our own,
      which is not Splunk: docs/spl_runner.md
event [n]   shows the n-th event of the last search whole
tour        shows the tour again
help        shows this
exit        leaves, as Ctrl-D does
Ctrl-C cancels the line, or the search under way. Arrow up and Ctrl-R find earlier lines."""
#: How many events of a search are shown, and how many rows that a command has made.
SHOWN_EVENTS, SHOWN_RESULTS = 8, 20
SUBSET = "run by a strict subset of SPL of our own, which is not Splunk: docs/spl_runner.md has what is in it"
STATE_VARIABLE = "XDG_STATE_HOME"


@dataclass(frozen=True)
class ShowEvent:
    """Show one event of the last search whole."""

    number: int


@dataclass(frozen=True)
class Pipeline:
    """Run several commands, the first of which is the app's, or begins with rows of its own."""

    search: str


#: What a line can be: nothing, a word of the demo's own, an event to show, one command of the app, a pipeline.
Turn = Union[str, ShowEvent, CommandLine, Pipeline]
NOTHING, LEAVE, HELP_ME, TOUR_AGAIN = "", "exit", "help", "tour"
_WORDS = {
    "": NOTHING, "exit": LEAVE, "quit": LEAVE, "help": HELP_ME, "?": HELP_ME, "tour": TOUR_AGAIN,
}  # fmt: skip


def parse(text: str) -> Turn:
    """Return what a line asks for. Raises `CommandLineError` where it is nothing that can be done here."""
    words = text.split()
    word = " ".join(words).lower()
    if word in _WORDS:
        return _WORDS[word]
    if words[0].lower() == "event":
        if len(words) > 2 or not words[-1].isdecimal() and len(words) == 2:
            raise CommandLineError("write event and a number, such as event 1")
        return ShowEvent(int(words[1]) if len(words) == 2 else 1)
    try:
        return _search(text.strip())
    except (CommandLineError, SplSyntaxError) as exc:
        raise CommandLineError(f"{exc}; help shows what can be typed") from None


def _search(text: str) -> Union[CommandLine, Pipeline]:
    if "`" in text:  # what a macro stands for is found out when it is run
        return Pipeline(text)
    if not text.startswith("|"):
        return own_command_line(text)
    first, *others = split_pipeline(text)
    check_beginning(first.name, *GENERATING)
    return Pipeline(text) if others or first.name in GENERATING else own_command_line(text)


class Prompt:
    """What a person does with the searches: the tour, and then lines of his own."""

    def __init__(self, searches: Searches, screen: Screen) -> None:
        self._searches = searches
        self._screen = screen
        self._last: List[Row] = []
        self._said_subset = False

    def tour(self) -> bool:
        """Run every search of the tour; return whether each ended as it should. Ctrl-C raises KeyboardInterrupt."""
        went_well = True
        steps = [step for step in TOUR if self._searches.has_events or not step.of_splunk]
        for number, step in enumerate(steps, 1):
            self._screen.say()
            self._screen.say(f"[{number}/{len(steps)}] {step.why}", "bold")
            self._screen.say(step.line, "cyan")
            self._screen.say()
            warned: List[str] = []
            found = self._search(_search(step.line), warned)
            if found.ended == "CANCELLED":
                raise KeyboardInterrupt
            if not _ended_as_it_should(step, found, warned):
                self._screen.message("ERROR", f"step {number} of the tour should end with {step.ends_with}")
                went_well = False
        return went_well

    def show(self, why: str, line: str) -> bool:
        """Run one more search and show what it finds; return whether it found anything."""
        self._screen.say(why, "bold")
        self._screen.say(line, "cyan")
        self._screen.say()
        found = self._search(_search(line), [])
        return found.is_done and found.count > 0

    def suggest(self) -> None:
        """Say what to try next."""
        self._screen.say()
        self._screen.say("Your turn. For example:", "bold")
        for why, line in NEXT:
            if "`" in line and not self._searches.has_events:
                continue
            self._screen.say(f"  {why}:")
            self._screen.say(f"    {line}", "cyan")
        self._screen.say("Ctrl-C cancels a line or a search; Ctrl-D or exit leaves.")

    def read_and_do(self) -> None:
        """Do line after line until the user leaves."""
        for text in _lines(self._screen):
            try:
                turn = parse(text)
                if turn == LEAVE:
                    return
                self._do(turn)
            except CommandLineError as exc:
                self._screen.message("ERROR", str(exc))
            except KeyboardInterrupt:
                self._screen.say("cancelled")

    def _do(self, turn: Turn) -> None:
        if isinstance(turn, (CommandLine, Pipeline)):
            self._search(turn, [])
        elif isinstance(turn, ShowEvent):
            if not 1 <= turn.number <= len(self._last):
                raise CommandLineError(f"there is no event {turn.number}: the last search shows {len(self._last)}")
            self._show_whole(self._last[turn.number - 1])
        elif turn == HELP_ME:
            for line in HELP.splitlines():
                self._screen.say(line)
        elif turn == TOUR_AGAIN:
            self.tour()

    def _show_whole(self, row: Row) -> None:
        self._screen.show(as_whole(row))
        if "_raw" in row:
            self._screen.say("_raw", "bold")
            self._screen.say(raw(row))
            self._screen.say()

    def _search(self, search: Union[CommandLine, Pipeline], warned: List[str]) -> Found:
        """Run a search and show what it finds; the levels of its messages go into ``warned``."""

        def tell(level: str, text: str) -> None:
            warned.append(level)
            self._screen.message(level, text)

        if isinstance(search, Pipeline):
            found = self._run_pipeline(search, tell)
            asked = Asked()
        else:
            found = self._searches.run(search, SHOWN_RESULTS, tell)
            asked = Asked.by(search.args)
        if found.ended == "CANCELLED":
            self._screen.say()  # the terminal has written ^C
        is_of_events = are_events(found.rows)
        rows = self._last = found.rows[:SHOWN_EVENTS] if is_of_events else found.rows
        if not is_of_events and rows:
            self._screen.show(as_results(rows, self._screen.width))
        elif len(rows) == 1 and not asked.fields:
            self._show_whole(rows[0])
        elif rows:
            self._screen.show(as_table(rows, asked, self._screen.width))
        if found.is_done and found.count > len(rows):
            self._screen.say(f"... {found.count - len(rows):,} more", "dim")
        first = f", the first after {found.first_s:.2f} s" if found.first_s is not None else ""
        # What came before a failure is a part of what there is: to count it would say less than nothing.
        what = "event" if is_of_events or not rows else "row"
        count = f"{found.count:,} {what}{'s' * (found.count != 1)} in" if found.is_done else "ended after"
        self._screen.say(
            f"{count} {found.seconds:.2f} s from the start of the process{first}; job {found.ended}",
            "" if found.is_done else "red",
        )
        return found

    def _run_pipeline(self, pipeline: Pipeline, tell: Tell) -> Found:
        if not self._said_subset:
            self._screen.say(SUBSET, "dim")
            self._said_subset = True
        return self._searches.run_pipeline(pipeline.search, SHOWN_RESULTS, tell)


def _ended_as_it_should(step: Step, found: Found, warned: List[str]) -> bool:
    return {
        EVENTS: found.is_done and found.count > 0 and are_events(found.rows),
        RESULTS: found.is_done and found.count > 0 and not are_events(found.rows),
        FAILURE: not found.is_done,
        WARNING: found.is_done and not found.count and "WARN" in warned,
    }[step.ends_with]


def can_ask() -> bool:
    """Whether somebody is at a terminal to type."""
    return sys.stdin.isatty() and (sys.stdout.isatty() or sys.stderr.isatty())


def _lines(screen: Screen) -> Iterator[str]:
    # Standard error when standard output goes elsewhere (| tee).
    session: PromptSession[str] = PromptSession(history=_history(), output=create_output(always_prefer_tty=True))
    while True:
        try:
            screen.say()
            yield session.prompt("splunk> ")
        except KeyboardInterrupt:
            continue
        except EOFError:
            return


def _history() -> History:
    """Return the lines of earlier demos, kept in the user's state folder where that can be written."""
    state = os.environ.get(STATE_VARIABLE)
    try:
        folder = (Path(state) if state else Path.home() / ".local" / "state") / "aws-siem-bridge"
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "demo_history"
        file.touch(mode=0o600)
        file.open("ab").close()
        return FileHistory(str(file))
    except (OSError, RuntimeError):  # read-only, or no home at all
        return InMemoryHistory()
