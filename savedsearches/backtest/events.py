"""Events of Splunk from files: what a search exported, or what an input would have written."""

from __future__ import annotations

import csv
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, Dict, Iterator, List

from es_bridge.cli.reporting import UsageError
from savedsearches.runner.knowledge import Knowledge
from savedsearches.runner.values import Row

_NEEDED = ("_raw", "sourcetype", "source", "_time")
#: Where exported events were is of no account here: all are in the index that the macros name.
_INDEX = "aws_findings"


def read_events(paths: List[Path], knowledge: Knowledge) -> List[Row]:
    """Return the events of files with all their fields: JSON lines or CSV, as Splunk exports them.

    Without ``_indextime`` an event arrived at its own time. Raises `UsageError` with file and line.
    """
    events: List[Row] = []
    for path in paths:
        try:
            for number, found in enumerate(_lines(path), 1):
                events.append(knowledge.apply(_event(found, f"--events {path}, line {number}")))
        except OSError as exc:
            raise UsageError(f"--events {path} cannot be read: {exc.strerror or exc}") from None
        except (UnicodeError, csv.Error, ValueError) as exc:
            if isinstance(exc, UsageError):
                raise
            raise UsageError(f"--events {path} holds neither JSON lines nor CSV (.csv): {exc}") from None
    return events


def _lines(path: Path) -> Iterator[Dict[str, Any]]:
    with path.open(encoding="utf-8", newline="") as file:
        if path.suffix == ".csv":
            csv.field_size_limit(sys.maxsize)
            yield from csv.DictReader(file)
            return
        for line in file:
            if line.strip():
                found = json.loads(line)
                yield found.get("result", found) if isinstance(found, dict) else {}


def _event(found: Dict[str, Any], where: str) -> Row:
    missing = [name for name in _NEEDED if not found.get(name)]
    if missing:
        raise UsageError(
            f'{where}: no {", ".join(missing)}. Export with: `aws_findings_index` source="aws_siem_bridge:*" '
            "| table _time _indextime index source sourcetype host _raw"
        )
    event: Row = {name: str(found[name]) for name in ("_raw", "sourcetype", "source")}
    event.update({"host": str(found.get("host", "")), "index": str(found.get("index") or _INDEX)})
    event["_time"] = _epoch(found["_time"], where)
    event["_indextime"] = _epoch(found.get("_indextime") or found["_time"], where)
    return event


def _epoch(value: Any, where: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        pass
    try:
        return datetime.fromisoformat(str(value).replace("Z", "+00:00")).timestamp()
    except ValueError:
        raise UsageError(f"{where}: {value!r} is no time") from None
