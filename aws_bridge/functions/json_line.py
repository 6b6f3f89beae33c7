"""One JSON object on a line of its own: what CloudWatch, journald and jq read."""

from __future__ import annotations

import json
from typing import Any, Mapping, TextIO


def write_line(facts: Mapping[str, Any], stream: TextIO) -> None:
    """Write ``facts`` to ``stream`` in ASCII, with every control character as an escape."""
    text = json.dumps(facts, separators=(",", ":"), default=str)
    stream.write(text.replace("\x7f", "\\u007f") + "\n")  # the one control character that json leaves as it is
