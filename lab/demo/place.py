"""Where this checkout's demo lives: a folder in the cache and an engine of its own, which nobody else finds or stops.

The engine ends with the demo's process, however that ends, unless the demo lets it go at its end (``--keep``).
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import IO, Optional, Tuple

from lab.engine import DEFAULT_ENGINE, EngineUnavailable
from lab.engine.cache import cache_dir
from lab.engine.detached import Detached, detach, find_by, stop_detached
from lab.engine.node import Node
from lab.engine.process import end_process, start_node
from lab.engine.progress import Progress

CHECKOUT = Path(__file__).resolve().parents[2]
HEAP_MB = 512
#: It lives for minutes. Java's second compiler would take a core for half of them, and never earn it.
QUICK_COMPILER_ONLY = ("-XX:TieredStopAtLevel=1",)


class Occupied(Exception):
    """Another demo of this checkout is running. ``url``: where its engine is, if it has one already."""

    def __init__(self, url: str) -> None:
        super().__init__("another demo of this checkout is running")
        self.url = url


class Place:
    """The demo's folder; a context manager that one process of a checkout is inside of at a time.

    Entering raises `Occupied` while another one is.
    """

    def __init__(self) -> None:
        name = hashlib.sha256(str(CHECKOUT).encode("utf-8", "surrogateescape")).hexdigest()[:10]
        self.folder = cache_dir() / "demo" / name
        self._state_file = self.folder / "kept.json"
        self._lock: Optional[IO[str]] = None
        self._started: Optional[Tuple[Node, subprocess.Popen[bytes]]] = None

    def __enter__(self) -> Place:
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = (self.folder / "lock").open("a+", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the kernel frees it, whatever becomes of this process
        except OSError:
            lock.seek(0)
            url = lock.read()
            lock.close()
            raise Occupied(url) from None
        self._lock = lock
        self._write_url("")
        return self

    def __exit__(self, *_: object) -> None:
        if self._started:
            node, process = self._started
            end_process(process)
            shutil.rmtree(node.folder, ignore_errors=True)
        if self._lock:
            self._lock.close()

    def kept(self) -> Optional[Detached]:
        """Return the engine that an earlier demo of this checkout has left running."""
        kept = find_by(self._state_file)
        self._write_url(kept.url if kept else "")
        return kept

    def start(self, progress: Progress) -> str:
        """Start an engine in an empty folder and return its URL. Raises `EngineUnavailable`."""
        for left_behind in self.folder.glob("engine-*"):  # by a machine that went down
            shutil.rmtree(left_behind, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix="engine-", dir=self.folder))
        try:
            self._started = start_node(
                DEFAULT_ENGINE, folder, {}, HEAP_MB, progress, keep=False, java_options=QUICK_COMPILER_ONLY
            )
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        url = self._started[0].url
        self._write_url(url)
        return url

    def check_alive(self) -> None:
        """Raise `EngineUnavailable` when the engine that was started has ended."""
        if self._started and self._started[1].poll() is not None:
            node, process = self._started
            raise EngineUnavailable(f"the engine has ended with status {process.returncode}; its log: {node.log_file}")

    def keep(self) -> None:
        """Let the engine that was started outlive the demo."""
        if self._started and self._started[1].poll() is None:
            detach(*self._started, self._state_file)
            self._started = None

    def stop(self, kept: Detached) -> None:
        """Stop an engine that was kept, and remove its data."""
        stop_detached(kept, self._state_file)
        shutil.rmtree(kept.folder, ignore_errors=True)
        self._write_url("")

    def _write_url(self, url: str) -> None:
        assert self._lock
        self._lock.truncate(0)
        self._lock.write(url)  # at the end, which is the beginning: the file is open for appending
        self._lock.flush()
