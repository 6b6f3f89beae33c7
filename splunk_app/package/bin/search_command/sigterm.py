"""SIGTERM, with which splunkd cancels a search, ends the process from a thread of its own.

A handler in Python runs in the main thread, between two of its steps. An exception that it raises there comes up
anywhere: in a constructor, in a destructor (which drops it), or with a lock that then nobody releases. And a main
thread that was about to wait when the signal came runs the handler only when what it waits for is there: a cancelled
search stayed for as long as its cluster did not answer. The interpreter's own part of a signal does not wait: it writes
the signal's number into a pipe, which is read here.
"""

from __future__ import annotations

import os
import signal
import threading
from typing import Callable

EXIT_CANCELLED = 128 + signal.SIGTERM


def on_sigterm(close: Callable[[], object]) -> None:
    """From now on SIGTERM calls ``close`` in a thread of its own and ends the process. For the main thread to call."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    threading.Thread(target=_wait, args=(reading, close), daemon=True, name="sigterm").start()
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    # Without a handler of Python's there is no part of the interpreter's. This one has nothing to do.
    signal.signal(signal.SIGTERM, lambda *_: None)


def _wait(reading: int, close: Callable[[], object]) -> None:
    while os.read(reading, 1)[0] != signal.SIGTERM:
        pass  # another signal that has a handler
    try:
        close()
    finally:
        os._exit(EXIT_CANCELLED)
