"""``makeresults``."""

from __future__ import annotations

import csv
import io
import json
from typing import Iterator

from savedsearches.runner import values
from savedsearches.runner.errors import SplSyntaxError
from savedsearches.runner.paths import as_text
from savedsearches.runner.session import Session, Stage
from savedsearches.runner.values import Row
from savedsearches.runner.words import Arguments, chosen, whole


def makeresults(arguments: str, session: Session) -> Stage:
    """``makeresults [count=] [format=csv|json data=]``: rows with the time of the search, or the rows given."""
    read = Arguments("makeresults", arguments)
    options = read.options(("count", "format", "data"))
    read.end()
    now = int(session.moment.now_s)
    if "data" in options:
        form = chosen("makeresults", "format", options.get("format", ""), ("csv", "json"))
        made = list(_rows_of(form, options["data"]))
    else:
        made = [{} for _ in range(whole("makeresults", "count", options.get("count", "1")))]

    def run(rows: Iterator[Row]) -> Iterator[Row]:
        return ({"_time": now, **row} for row in made)

    return run


def _rows_of(form: str, data: str) -> Iterator[Row]:
    if form == "csv":
        for cells in csv.DictReader(io.StringIO(data.strip())):
            yield {name: cell for name, cell in cells.items() if cell}
        return
    try:
        objects = json.loads(data)
    except ValueError as exc:
        raise SplSyntaxError(f"makeresults: data= is not JSON: {exc}") from None
    if not isinstance(objects, list) or not all(isinstance(item, dict) for item in objects):
        raise SplSyntaxError("makeresults: data= has to be a list of JSON objects")
    for item in objects:
        row: Row = {}
        for name, value in item.items():
            several = [as_text(part) for part in value] if isinstance(value, list) else None
            values.put(row, name, several if several is not None else None if value is None else as_text(value))
        yield row
