"""Pages are read where they are worked on, with Python 3.11: Splunk's Pythons have no pydantic."""

from __future__ import annotations

from importlib.util import find_spec

if find_spec("pydantic"):
    from .drawn import browser, bundle, screenshots
    from .fixtures import inputs_events, knowledge, on_nothing, on_story, response_events, settings, tables

    __all__ = [
        "browser", "bundle", "inputs_events", "knowledge", "on_nothing", "on_story", "response_events", "screenshots",
        "settings", "tables",
    ]  # fmt: skip
else:
    collect_ignore_glob = ["test_*.py"]
