"""All logs and all kinds of findings, by name: the folders beside this module that have a row.

A folder with a module ``log`` is a log (`collectors.sources.log`): objects of S3 that go into the raw store. One with a
module ``findings`` is a detection of AWS's own (`collectors.sources.findings`): it is polled or comes as an event, and
nothing that recognises, loads, keeps or audits objects asks for it.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Dict, Tuple, Union

from collectors import sources
from collectors.sources.findings import Findings
from collectors.sources.log import Log


def _found() -> Tuple[Dict[str, Log], Dict[str, Findings]]:
    logs: Dict[str, Log] = {}
    findings: Dict[str, Findings] = {}
    for _, name, is_folder in pkgutil.iter_modules(sources.__path__):
        if not is_folder:
            continue
        row: Union[Log, Findings]
        if find_spec(f"{sources.__name__}.{name}.log"):
            row = logs[name] = import_module(f"{sources.__name__}.{name}.log").LOG
        else:
            row = findings[name] = import_module(f"{sources.__name__}.{name}.findings").FINDINGS
        if row.name != name:
            raise ImportError(f"the folder of the log {row.name!r} is called {name!r}: give both one name")
    return dict(sorted(logs.items())), dict(sorted(findings.items()))


LOGS, FINDINGS = _found()


def source_of(log: str) -> ModuleType:
    """Return the module that reads a log or findings; imported now, so that nobody pays for those that do not come."""
    return import_module(f"{sources.__name__}.{log}.source")


def parquet_source_of(log: str) -> ModuleType:
    """Return the module that reads a log's Parquet files."""
    return import_module(f"{sources.__name__}.{log}.parquet")
