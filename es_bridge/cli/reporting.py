"""How a command tells a person on the terminal what happened: one line a message, on standard error."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager
from typing import Callable, Iterator

from es_bridge.errors import BridgeError
from es_bridge.terminal import put_error

DONE, FAILED = 0, 1


def say(text: str) -> None:
    """Print one message on standard error."""
    put_error("aws-siem-bridge: " + " ".join(text.split()))


def run_reported(command: Callable[[], int]) -> int:
    """Return the exit status of ``command``; a failure it foresaw becomes one line and status 1.

    A reader that closes the pipe early (``| head``) ends the command quietly. SIGTERM ends it as Ctrl-C does, so that
    contexts on the cluster are closed.
    """
    try:
        with _orderly_sigterm():
            status = command()
            sys.stdout.flush()
            return status
    except BridgeError as exc:
        say(str(exc))
        return FAILED
    except BrokenPipeError:
        # The interpreter flushes standard output once more at its end: give it somewhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


@contextmanager
def _orderly_sigterm() -> Iterator[None]:
    def stop(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
