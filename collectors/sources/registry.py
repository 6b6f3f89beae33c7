"""All logs, by name: the folders beside this module that have a row (`collectors.sources.log`)."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from types import ModuleType
from typing import Dict

from collectors import sources
from collectors.sources.log import Log


def _found() -> Dict[str, Log]:
    found: Dict[str, Log] = {}
    for _, name, is_folder in pkgutil.iter_modules(sources.__path__):
        if is_folder:
            log: Log = import_module(f"{sources.__name__}.{name}.log").LOG
            if log.name != name:
                raise ImportError(f"the folder of the log {log.name!r} is called {name!r}: give both one name")
            found[name] = log
    return dict(sorted(found.items()))


LOGS = _found()


def source_of(log: str) -> ModuleType:
    """Return the module that reads a log; imported now, so that nobody pays for the logs that do not come."""
    return import_module(f"{sources.__name__}.{log}.source")


def parquet_source_of(log: str) -> ModuleType:
    """Return the module that reads a log's Parquet files."""
    return import_module(f"{sources.__name__}.{log}.parquet")
