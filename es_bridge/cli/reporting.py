"""How a command tells a person on the terminal what happened: one line a message, on standard error."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager
from typing import Callable, Iterator

from es_bridge.cli.option_names import as_options
from es_bridge.errors import BridgeError, ConfigError, QueryError, TimeError, UnreachableError
from es_bridge.terminal import put_error

DONE, FAILED, WRONG_USAGE = 0, 1, 2


#: What to say where no cluster answers; the program that knows of one that runs elsewhere puts it here.
unreachable_hint: Callable[[], str] = str


@contextmanager
def checking_options() -> Iterator[None]:
    """Within this nothing is done yet: a question that cannot be asked is a mistake of the command line."""
    try:
        yield
    except QueryError as exc:
        raise UsageError(str(exc)) from exc


def say(text: str) -> None:
    """Print what went wrong, or is in danger to, on standard error."""
    put_error("aws-siem-bridge: " + " ".join(text.split()))


def tell(text: str) -> None:
    """Print what happens, as planned, on standard error: it must not read like an error."""
    put_error(" ".join(text.split()))


class UsageError(Exception):
    """The command line contradicts itself, or says what cannot be: nothing was done."""


def run_reported(command: Callable[[], int]) -> int:
    """Return the exit status of ``command``; a failure it foresaw becomes one line and status 1, wrong usage 2.

    A reader that closes the pipe early (``| head``) ends the command quietly. SIGTERM ends it as Ctrl-C does, so that
    contexts on the cluster are closed.
    """
    try:
        with _orderly_sigterm():
            status = command()
            sys.stdout.flush()
            return status
    except (UsageError, ConfigError, TimeError) as exc:
        say(as_options(str(exc)))
        return WRONG_USAGE
    except BridgeError as exc:
        say(as_options(str(exc)))
        hint = unreachable_hint() if isinstance(exc, UnreachableError) else ""
        if hint:
            tell(hint)
        return FAILED
    except BrokenPipeError:
        give_up_output()
        return DONE


def give_up_output() -> None:
    """Give standard output, whose reader is gone, somewhere to go: the interpreter flushes it once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _orderly_sigterm() -> Iterator[None]:
    def stop(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
