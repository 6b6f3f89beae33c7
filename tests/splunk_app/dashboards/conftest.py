"""Pages are read where they are worked on, with Python 3.11: Splunk's Pythons have no pydantic."""

from __future__ import annotations

from importlib.util import find_spec

if find_spec("pydantic"):
    from .fixtures import inputs_events, knowledge, on_nothing, on_story, response_events, settings, tables

    __all__ = ["inputs_events", "knowledge", "on_nothing", "on_story", "response_events", "settings", "tables"]
else:
    collect_ignore_glob = ["test_*.py"]
