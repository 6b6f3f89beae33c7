"""What the time to the first row goes to: imports by whom they belong to, and each request by itself."""

from __future__ import annotations

import re
import subprocess
import time
from collections import defaultdict
from pathlib import Path
from typing import Callable, Dict, List

from benchmarks.process import median
from es_bridge.config import ClusterConfig
from es_bridge.dialect import detect
from es_bridge.index_access import IndexAccess
from es_bridge.pit import PitSearch
from es_bridge.query import SearchRequest
from es_bridge.time_field import resolve
from es_bridge.transport import Transport

#: Everything that is imported before the first row, whenever that is.
PROGRAM = """
import sys
sys.path.insert(0, {folder!r})
import import_paths, search_command.elasticsearch.command, search_command.elasticsearch.searching
"""
OURS = frozenset(("es_bridge", "search_command", "cluster_settings", "splunk_host", "import_paths"))
_LINE = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)")


def imports(python: str, folder: Path) -> Dict[str, float]:
    """Return seconds of importing by owner: ours, the SDK, urllib3, the standard library."""
    said = subprocess.run(
        [python, "-X", "importtime", "-c", PROGRAM.format(folder=str(folder))],
        check=True,
        capture_output=True,
        text=True,
        env={},
    )
    found: Dict[str, float] = defaultdict(float)
    for microseconds, module in _LINE.findall(said.stderr):
        package = module.partition(".")[0]
        owner = "our own modules" if package in OURS else package if package in ("splunklib", "urllib3") else "others"
        found[owner] += int(microseconds) / 1e6
    return found


def requests(url: str, index: str) -> Dict[str, float]:
    """Return seconds of each request of a search, one after the other on one connection."""
    took: Dict[str, float] = {}

    def timed(name: str, ask: Callable[[], object]) -> object:
        started = time.monotonic()
        answer = ask()
        took[name] = time.monotonic() - started
        return answer

    request = SearchRequest(index=index, size=1)
    with Transport(ClusterConfig((url,))) as transport:
        access = IndexAccess(transport, request)
        dialect = detect(transport)  # connects
        timed("GET /", lambda: detect(transport))
        field, _ = resolve(transport, request, access)
        timed("field capabilities", lambda: resolve(transport, request, access))
        pit = dialect.open_pit(transport, index, partial=False)
        dialect.close_pit(transport, pit.id, 10)

        def open_pit() -> None:
            nonlocal pit
            pit = dialect.open_pit(transport, index, partial=False)

        timed("opening the PIT", open_pit)
        search = PitSearch(transport, request, field, pit.id, access)
        timed("first page", lambda: search.page(1, []))
        timed("overview, beside it", search.overview)
        dialect.close_pit(transport, pit.id, 10)
    return took


def show(rounds: int, url: str, index: str, pythons: Dict[str, str], folder: Path) -> None:
    """Print the parts: medians of ``rounds``. ``pythons``: version -> interpreter; ``folder``: the app's ``bin``."""
    seconds: Dict[str, List[float]] = defaultdict(list)
    for _ in range(rounds):
        for version, python in pythons.items():
            for owner, took in imports(python, folder).items():
                seconds[f"importing, Python {version}: {owner}"].append(took)
        for name, took in requests(url, index).items():
            seconds[name].append(took)
    for name, taken in seconds.items():
        print(f"{name:45} {median(taken) * 1000:6.1f} ms")
