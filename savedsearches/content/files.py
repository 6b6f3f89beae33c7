"""Files that are rendered and kept in the repository."""

from __future__ import annotations

from pathlib import Path
from typing import List, Mapping


def write_changed(root: Path, wanted: Mapping[Path, str]) -> List[Path]:
    """Write files below a folder; return those that were missing or other than ``wanted``."""
    changed = []
    for path, text in wanted.items():
        file = root / path
        if not file.exists() or file.read_text("utf-8") != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
            changed.append(path)
    return changed
