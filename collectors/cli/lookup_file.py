"""Lookup files of Splunk."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, Iterable, Sequence

from es_bridge.cli.reporting import UsageError


def write(path: Path, columns: Sequence[str], rows: Iterable[Iterable[Any]]) -> None:
    """Write a lookup file; it takes the place of the one before when it is whole. Raises `UsageError`."""
    fresh = path.with_name(path.name + ".new")
    try:
        with fresh.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(rows)
        fresh.replace(path)
    except OSError as exc:
        raise UsageError(f"{path} cannot be written: {exc.strerror or exc}") from exc
