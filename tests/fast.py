"""What ``pytest --fast`` runs: units, and searches on one engine. At its end it lists what it left out."""

from __future__ import annotations

from collections import Counter
from typing import Dict, List, Optional

import pytest

from lab.engine import DEFAULT_ENGINE, ENGINES

#: A test with one of these fixtures starts something that takes seconds, or asks something that was started.
STARTED: Dict[str, str] = {
    "chromium": "the pages, in a browser",
    "built_app": "the built app",
    "splunk": "the search command as a process, with the stand-in for splunkd",
    "splunkd": "the stand-in for splunkd",
    "app_dir": "the stand-in for splunkd",
    "splunk_python": "the stand-in for splunkd",
    "stack": "the stand-in for AWS",
    "account": "the stand-in for AWS",
    "aws": "the stand-in for AWS",
    "s3": "the stand-in for AWS",
    "s3_url": "the stand-in for AWS",
    "run_function": "Lambda's runtime",
    "simulator": "the simulator of AWS's policies",
    "engine_by_id": "an engine",
}
_LEFT_OUT = pytest.StashKey["Counter[str]"]()


def pytest_collection_modifyitems(config: pytest.Config, items: List[pytest.Item]) -> None:
    """Leave out what takes long."""
    if not config.getoption("--fast"):
        return
    reasons = [_why_not(item) for item in items]
    config.stash[_LEFT_OUT] = Counter(reason for reason in reasons if reason)
    config.hook.pytest_deselected(items=[item for item, reason in zip(items, reasons) if reason])
    items[:] = [item for item, reason in zip(items, reasons) if not reason]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was left out."""
    left_out = config.stash.get(_LEFT_OUT, None)
    if left_out:
        terminalreporter.section("left out by --fast")
        for reason, tests in left_out.most_common():
            terminalreporter.line(f"{tests:6,} tests: {reason}")


def _why_not(item: pytest.Item) -> Optional[str]:
    """Return why an item is left out, None if it is not."""
    slow = item.get_closest_marker("slow")
    if slow:
        return str(slow.args[0])
    engines = [value for value in _parameters(item) if isinstance(value, str) and value in ENGINES]
    if any(engine != DEFAULT_ENGINE for engine in engines):
        return "other engines"
    if item.get_closest_marker("fast"):
        return None
    fixtures = getattr(item, "fixturenames", ())
    return next((told for name, told in STARTED.items() if name in fixtures), None)


def _parameters(item: pytest.Item) -> List[object]:
    call = getattr(item, "callspec", None)
    return list(call.params.values()) if call else []
