"""The documentation inside the app: the pages of ``docs`` and the changelog, as they are for this version."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Iterator

from splunk_app.builder.places import ROOT

FOLDER = "docs"
_LINK = re.compile(r"\[([^\]]*)\]\(([^)#\s]+)(#[^)\s]*)?\)")


def pages() -> Iterator[Path]:
    """Yield the files that are carried along."""
    yield from sorted((ROOT / "docs").glob("*.md"))
    yield ROOT / "CHANGELOG.md"


def add(tree: Path) -> None:
    """Write the pages into ``tree``. Of a link to what the app does not have, such as a test, the text is left."""
    (tree / FOLDER).mkdir()
    carried = {page.resolve(): page.name for page in pages()}
    for page in pages():

        def kept(link: re.Match[str], folder: Path = page.parent) -> str:
            text, target, anchor = link.group(1), link.group(2), link.group(3) or ""
            if "://" in target:
                return link.group()
            name = carried.get(Path(os.path.normpath(folder / target)))
            return f"[{text}]({name}{anchor})" if name else text

        (tree / FOLDER / page.name).write_text(_LINK.sub(kept, page.read_text("utf-8")), "utf-8")
