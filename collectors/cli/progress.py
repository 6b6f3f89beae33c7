"""How a long work tells a person on the terminal how far it is, and how Ctrl-C ends it."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import contextmanager
from typing import Any, Callable, Iterator, Optional

from es_bridge import terminal
from es_bridge.cli.reporting import say

#: A cluster that is busy for a moment is nothing to talk about.
WAIT_BEFORE_SAYING_S = 5.0
SAY_AGAIN_S = 60.0
STOPPED_BY_CTRL_C = 130


class Waiting:
    """Says that the cluster has no room, and why, now and then; called from any thread."""

    def __init__(self) -> None:
        self._next_s = 0.0
        self._lock = threading.Lock()

    def __call__(self, reason: str) -> None:
        """Note that something waits, for this reason."""
        now = time.monotonic()
        with self._lock:
            if not self._next_s:
                self._next_s = now + WAIT_BEFORE_SAYING_S
                return
            if now < self._next_s:
                return
            self._next_s = now + SAY_AGAIN_S
        say(f"waiting for the cluster: {reason}")


@contextmanager
def bar(total_bytes: int, initial_bytes: int = 0) -> Iterator[Callable[[int, str], None]]:
    """Give a function that shows bytes done, with rate and remaining time, and a text; it does nothing elsewhere."""
    tqdm = _tqdm() if sys.stderr.isatty() else None
    if tqdm is None:
        yield lambda done_bytes, text: None
        return
    with tqdm(total=total_bytes, initial=initial_bytes, unit="B", unit_scale=True, leave=False) as shown:

        def show(done_bytes: int, text: str) -> None:
            shown.set_postfix_str(terminal.shown(text), refresh=False)
            # Never negative: what is read again after a broken connection is not counted twice.
            shown.update(max(0, initial_bytes + done_bytes - shown.n))

        yield show
        shown.refresh()


@contextmanager
def orderly_ctrl_c(what_ends: str) -> Iterator[None]:
    """Let the first Ctrl-C end the work in order, and a second one at once: every moment is a good one to be killed."""
    pressed = False

    def stop(number: int, frame: object) -> None:
        nonlocal pressed
        if pressed:
            os._exit(STOPPED_BY_CTRL_C)
        pressed = True
        say(f"stopping: {what_ends}. Ctrl-C again ends at once")
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _tqdm() -> Optional[Any]:
    try:
        from tqdm import tqdm
    except ImportError:
        say("for a progress bar: pip install '.[loader]' in the clone")
        return None
    return tqdm
