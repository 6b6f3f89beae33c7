"""What splunkd has read of inputs, as a search sees it: by the app's macros, in the product's SPL runner."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Dict, Iterable, List

from savedsearches.runner.macros import read_macros
from savedsearches.runner.moment import Moment
from savedsearches.runner.run import run_to_list
from savedsearches.runner.session import Session

MACROS = Path(__file__).resolve().parents[3] / "splunk_app" / "package" / "default" / "macros.conf"


def rows_of(events: Iterable[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """Return events with the fields that Splunk extracts of the scalars of a JSON event (``KV_MODE = json``)."""
    rows = []
    for event in events:
        scalars = {
            name: json.dumps(value) if isinstance(value, (bool, int, float)) else value
            for name, value in json.loads(event["_raw"]).items()
            if isinstance(value, (str, bool, int, float))
        }
        rows.append({**scalars, **event})
    return rows


def search(spl: str, events: Iterable[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """Return the rows of a search over events."""
    moment = Moment(now_s=time.time(), earliest_s=0, latest_s=None)
    return run_to_list(spl, Session(moment, rows_of(events), macros=read_macros(MACROS)))
