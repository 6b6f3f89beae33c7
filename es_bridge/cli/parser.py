"""The parser of every command line here: a mistake is one line that says what was meant, and where the help is."""

from __future__ import annotations

import argparse
import difflib
import sys
from typing import Any, Iterable, List, NoReturn, Optional

from es_bridge.cli.reporting import WRONG_USAGE, give_up_output
from es_bridge.terminal import put, put_error

#: How alike a word must be to one that exists to be suggested: "--datset" is, "--foo" is not.
_ALIKE = 0.6


#: So many options are named in the first line of a help.
_FEW_OPTIONS = 4


class _Help(argparse.RawDescriptionHelpFormatter):
    """Help whose examples stay as they are written, with room for names of options."""

    def __init__(self, prog: str, **options: Any) -> None:
        super().__init__(prog, **{"max_help_position": 32, **options})


class Parser(argparse.ArgumentParser):
    """A parser that says "did you mean", and whose messages quote arguments as they can be shown.

    Names of options are not cut short: what works today would mean something else once there is another option.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        options.setdefault("allow_abbrev", False)
        options["formatter_class"] = _Help
        super().__init__(*args, **options)

    def format_help(self) -> str:
        """Return the help; where there are many options its first line does not name each of them."""
        named = [action for action in self._actions if action.option_strings]
        if self.usage is not None or len(named) <= _FEW_OPTIONS:
            return super().format_help()
        formatter = self._get_formatter()
        formatter.add_usage(None, [action for action in self._actions if not action.option_strings], [], prefix="")
        self.usage = formatter.format_help().strip().replace("%", "%%").replace(self.prog, f"{self.prog} [options]", 1)
        try:
            return super().format_help()
        finally:
            self.usage = None

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse what is not known where it stands: only this parser knows what was meant."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(self._unknown(unknown))
        return found, unknown

    def error(self, message: str) -> NoReturn:
        """Print one line, and where the help is; end with the status of wrong usage."""
        put_error(f"{self.prog}: {message}")
        put_error(f"for help: {self.prog} --help")
        sys.exit(WRONG_USAGE)

    def _unknown(self, words: List[str]) -> str:
        word = next((word for word in words if word.startswith("-")), words[0])
        if not word.startswith("-"):
            return f"{word!r} is one argument too many"
        option = word.partition("=")[0]
        return f"there is no option {option}{did_you_mean(option, self._option_string_actions)}"

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Name what was probably meant, beside what there is."""
        if action.choices is not None and value not in action.choices:
            choices = [str(choice) for choice in action.choices]
            meant = did_you_mean(str(value), choices)
            if isinstance(action, argparse._SubParsersAction):
                self.error(f"there is no command {value!r}{meant or '. There are ' + ', '.join(choices)}")
            raise argparse.ArgumentError(action, f"{value!r} is none of {', '.join(choices)}{meant}")

    def _print_message(self, message: str, file: Any = None) -> None:
        """Print help, usage or an error; argparse's one way to write."""
        stream = file or sys.stderr
        if message:
            try:
                put(*message.rstrip("\n").split("\n"), to=stream, flush=True)
            except BrokenPipeError:  # "--help | head"
                give_up_output()


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """Return a question that names what is most like ``word``, or nothing."""
    found = _most_alike(word, list(names))
    return f". Did you mean {found}?" if found else ""


def _most_alike(word: str, names: List[str]) -> Optional[str]:
    begun = [name for name in names if len(word) > 3 and name.startswith(word)]
    return next(iter(begun or difflib.get_close_matches(word, names, 1, _ALIKE)), None)
