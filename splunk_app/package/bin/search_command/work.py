"""What a command does at a cluster, as `command` sees it. `es_bridge.search.Search` is one such work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Optional, Protocol

if TYPE_CHECKING:
    from es_bridge.dialect import Dialect


class Work(Protocol):
    """Entering it asks nothing yet; leaving it closes it. `close` may come from any thread, and again."""

    #: Texts for the user; both grow while it goes on.
    warnings: List[str]
    notes: List[str]
    #: How many documents match; ``None``: not known.
    matched: Optional[int]

    @property
    def engine(self) -> str:
        """Engine and version; empty: not known."""

    @property
    def unmatched(self) -> Optional[str]:
        """How many parts of the query can match nothing, or ``unchecked``; ``None``: none."""

    @property
    def learnt(self) -> Optional[Dialect]:
        """The engine, if it had to be asked who it is and is worth remembering."""

    def close(self) -> None:
        """End the requests under way, and what is open in the cluster."""

    def __enter__(self) -> Any: ...

    def __exit__(self, *_: object) -> Any: ...
