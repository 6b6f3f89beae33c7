"""The engine's word for a part of a query that matches nothing, and how it is kept out of a user's values."""

from __future__ import annotations

import re

MARKER = "MatchNoDocsQuery"


def without_marker(text: str) -> str:
    """Return a value in which the engine's word for a part that matches nothing does not stand."""
    return text.replace(MARKER, "MatchN0DocsQuery")


def may_hide_marker(text: str) -> bool:
    """Whether a text would hold the engine's word once its escapes were resolved."""
    plain = re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text).replace("\\", "")
    return MARKER in plain
