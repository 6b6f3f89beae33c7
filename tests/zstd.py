"""Elasticsearch 9 compresses with a native zstd library, which only Elastic's own packages hold: the lab's has none.

An index with ``best_compression`` fails there as soon as it is flushed. So the tests give it another codec, as its
administrator would; the loader leaves a template alone that somebody has changed.
"""

from __future__ import annotations

from collectors.store.templates import INDEX, Piece

#: What an index has instead.
CODEC = "default"


def lacks_zstd(engine_id: str) -> bool:
    """Whether an engine of the lab cannot compress as the templates want."""
    return engine_id == "elasticsearch-9.0"


def without_zstd(piece: Piece) -> Piece:
    """Return one of the templates with a codec that needs no library."""
    if piece.kind == INDEX:
        piece.body["template"]["settings"]["index"]["codec"] = CODEC
    return piece
