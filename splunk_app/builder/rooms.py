"""Which folders of this repository run inside Splunk: the one list of them.

Each runs on Python 3.9 and 3.13 and needs nothing at import but the standard library, its own floor, and what lib.lock
names. ``tests/test_imports.py`` and ``tests/splunk_app/builder/test_rooms.py`` hold them to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Tuple

from splunk_app.builder.places import ROOT


@dataclass(frozen=True)
class Room:
    """A folder, the names below it that stay outside Splunk, and what it reads beside its modules."""

    folder: str
    without: Tuple[str, ...] = ()
    #: A folder of data, below ``folder``.
    data: str = ""

    def files(self, root: Path = ROOT) -> Iterator[Path]:
        """Yield its modules, sorted."""
        start = root / self.folder
        for path in sorted(start.rglob("*.py")):
            if not {*path.relative_to(start).parts} & {*self.without, "__pycache__"}:
                yield path

    def data_files(self, root: Path = ROOT) -> Iterator[Path]:
        """Yield its data, sorted."""
        if self.data:
            yield from sorted(path for path in (root / self.folder / self.data).rglob("*") if path.is_file())


#: What the app needs today, and so carries in its lib.
CARRIED = (
    Room("es_bridge", without=("cli", "__main__.py")),
    Room("aws_bridge", without=("functions", "renew.py", "trimming.py"), data="service_models/data"),
    Room("splunk_bridge", without=("chunked.py", "command_line.py", "rest.py")),
    Room(
        "collectors",
        without=(
            "cli",
            "delivery",
            "lambda_function",
            "loading",
            "reading.py",
            "recognise.py",
            "store",
            "threat_lists",
            "enrichment",
            "verify",
            "opensearch",
        ),
    ),
)
#: What will be needed there: kept fit for Splunk's Pythons, carried from the day it is used.
KEPT_FIT: Tuple[Room, ...] = ()
