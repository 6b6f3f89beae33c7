"""What splunkd writes to an alert action's standard input, and the rows of the results file it names.

The text holds a session key, so nothing of it is ever shown: not in a message, not in a log.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
import sys
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Dict, Iterator, List, Mapping, Union

from es_bridge.errors import ConfigError

#: A row: column -> its value, or its values.
Row = Dict[str, Union[str, List[str]]]
#: Columns with the several values of another: ``$a$;$b$``, a dollar sign doubled.
_MULTIVALUE = "__mv_"
_VALUES = re.compile(r"\$((?:[^$]|\$\$)*)\$(?:;|$)")
#: Of an alert that runs once for each result.
_OF_ONE_RESULT = re.compile(r"tmp_\d+\.csv")


@dataclass(frozen=True)
class Payload:
    """One alert. ``session_key`` is in no representation."""

    sid: str
    #: Empty for ``| sendalert`` in a search that nobody saved.
    search: str
    app: str
    user: str
    server_uri: str
    session_key: str = field(repr=False)
    server_host: str = ""
    results_file: str = ""
    #: ``param.*`` of the stanza, of the saved search and of ``sendalert``, without ``param.``.
    params: Mapping[str, str] = field(default_factory=dict)
    #: The first row, where there is no file.
    result: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> bool:
        """Whether all rows are in one run."""
        return not _OF_ONE_RESULT.search(Path(self.results_file).name)

    def rows(self) -> Iterator[Row]:
        """Yield every row of the results. Raises `ConfigError`."""
        if not self.results_file:
            if self.result:
                yield {str(name): _as_value(value) for name, value in self.result.items()}
            return
        csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
        opener: Any = gzip.open if self.results_file.endswith(".gz") else open
        try:
            with opener(self.results_file, "rt", encoding="utf-8", errors="replace", newline="") as file:
                for row in csv.DictReader(file):
                    yield _with_values(row)
        except (OSError, EOFError, csv.Error, zlib.error) as exc:
            raise ConfigError(
                f"the results file of the search cannot be read ({type(exc).__name__}): was the job deleted, or is the "
                "disk full? Run the action again from the job's results"
            ) from None


def read(stream: BinaryIO) -> Payload:
    """Return what splunkd says. Raises `ConfigError`, whose text shows nothing of it."""
    try:
        found = json.loads(stream.read())
        params = found.get("configuration") or {}
        return Payload(
            sid=str(found["sid"]),
            search=str(found.get("search_name") or ""),
            app=str(found.get("app") or ""),
            user=str(found.get("user") or params.get("user") or found.get("owner") or ""),
            server_uri=str(found["server_uri"]),
            session_key=str(found["session_key"]),
            server_host=str(found.get("server_host") or ""),
            results_file=str(found.get("results_file") or ""),
            params={str(name): str(value or "").strip() for name, value in params.items()},
            result=found.get("result") or {},
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ConfigError(
            "splunkd gave no JSON with sid, server_uri and session_key: is payload_format = json in "
            "alert_actions.conf, and is this started by splunkd or | sendalert?"
        ) from None


def _with_values(row: Mapping[Any, Any]) -> Row:
    found: Row = {}
    for name, value in row.items():
        if not isinstance(name, str) or name.startswith(_MULTIVALUE) or value is None:
            continue
        several = row.get(_MULTIVALUE + name)
        values = [each.replace("$$", "$") for each in _VALUES.findall(several)] if isinstance(several, str) else []
        found[name] = values if len(values) > 1 else value
    return found


def _as_value(value: Any) -> Union[str, List[str]]:
    return [str(each) for each in value] if isinstance(value, list) else str(value if value is not None else "")
