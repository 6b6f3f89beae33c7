"""What an administrator allows one search on a cluster, so that none uses up search head, network or cluster."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Callable, Optional

from es_bridge.errors import CeilingReached, ConfigError

MIB = 1 << 20
#: Requests that begin after the end of the run time are ended this soon.
_AGAIN_AFTER_S = 0.2


@dataclass(frozen=True)
class Ceilings:
    """Ceilings of one search; ``None``: no ceiling. Raises `ConfigError` for one that would let nothing through."""

    #: What goes beyond is cut, with a warning.
    max_rows: Optional[int] = None
    #: Wall-clock time from the first request on, pauses of the reader included.
    max_run_time_s: Optional[float] = None
    #: Received from the cluster, counted after decompression, looked at before each further page.
    max_mib: Optional[float] = None
    #: Of query= and dsl= together; as many as newer engines read of one text by themselves.
    max_query_chars: int = 32_000
    #: Words, values and conditions; the engines' own limit is 1,024 a bool.
    max_query_clauses: int = 1_000
    #: ``* ? ~`` and what is special in regular expressions; 0: none may be used. 25 words such as ``*x*`` without a
    #: field keep a core of a node busy for 4 s in an index of 180 fields, and nothing ends that (measured).
    max_query_wildcards: int = 50
    #: Whether a word may begin with a wildcard: such a one is compared with every term of a field.
    leading_wildcards: bool = True
    #: Who can change a ceiling, for messages; ``{option}`` is its name with hyphens.
    set_by: str = "set by an administrator on the app's configuration page, tab Clusters"

    def __post_init__(self) -> None:
        for name in ("max_rows", "max_run_time_s", "max_mib", "max_query_chars", "max_query_clauses"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ConfigError(f"{name} = {value} must be more than 0, or empty for no ceiling")
        if self.max_query_wildcards < 0:
            raise ConfigError(f"max_query_wildcards = {self.max_query_wildcards} must be 0 or more")

    def rows(self, size: int) -> int:
        """Return how many rows a request for ``size`` gets at most; 0 means all, in both."""
        if self.max_rows is None:
            return size
        return min(size, self.max_rows) if size else self.max_rows

    def exceeded(self, received_bytes: int, cluster: str) -> Optional[CeilingReached]:
        """Return the error for a search that received so much, if that is too much."""
        if self.max_mib is None or received_bytes <= self.max_mib * MIB:
            return None
        return CeilingReached(
            f"the search received {received_bytes / MIB:.3g} MiB, more than "
            + self.told("max_mib", cluster)
            + ". Narrow the time range or the query"
        )

    def took_too_long(self, cluster: str) -> CeilingReached:
        """Return the error for a search whose run time is over."""
        return CeilingReached(
            "the search runs for longer than "
            + self.told("max_run_time_s", cluster)
            + ". Narrow the time range or the query"
        )

    def told(self, name: str, cluster: str) -> str:
        """Return a ceiling in words: its name, its value, and who can change it."""
        set_by = self.set_by.format(option=name.replace("_", "-"))
        return f"cluster {cluster!r} allows one search ({name} = {getattr(self, name):.10g}, {set_by})"


class RunTime:
    """Calls ``end`` when the run time is over, and again and again until `stop`.

    Again, because a request may begin in another thread just after those under way were ended.
    """

    def __init__(self, limit_s: Optional[float], end: Callable[[], object]) -> None:
        self.is_over = False
        self._limit_s = limit_s
        self._end = end
        self._stopped = threading.Event()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Begin to count; does nothing without a limit."""
        if self._limit_s is not None:
            threading.Thread(target=self._watch, daemon=True).start()

    def stop(self) -> None:
        """Return when ``end`` is not running and will not be called any more."""
        with self._lock:
            self._stopped.set()

    def _watch(self) -> None:
        wait_s = self._limit_s
        while not self._stopped.wait(wait_s):
            with self._lock:
                if self._stopped.is_set():
                    return
                self.is_over = True
                self._end()
            wait_s = _AGAIN_AFTER_S
