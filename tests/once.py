"""What ``pytest --once`` leaves out: of a test that starts a program inside Splunk, all parameters but the first.

For the second of Splunk's two Pythons. That a program starts, reads and writes there is tried by every such test; what
its parameters vary is the question, which the first Python is asked in full. Tests that call nothing but functions cost
little, and run with all parameters on both; so do those with the stand-in for AWS, which the older Python cannot run.
"""

from __future__ import annotations

from typing import List, Sequence, Set, Tuple

import pytest

STARTS_A_PROGRAM = {"splunk", "splunkd", "splunk_python", "app_dir", "built_app"}
NOT_ON_BOTH = {"aws", "account"}
_LEFT_OUT = pytest.StashKey[int]()


def leave_out_repeats(config: pytest.Config, items: List[pytest.Item]) -> None:
    """Leave them out, when asked for."""
    if not config.getoption("--once"):
        return
    kept, repeats = divided(items)
    config.stash[_LEFT_OUT] = len(repeats)
    config.hook.pytest_deselected(items=repeats)
    items[:] = kept


def say_what_was_left_out(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how many were left out."""
    if config.stash.get(_LEFT_OUT, 0):
        terminalreporter.section("left out by --once")
        terminalreporter.line(f"{config.stash[_LEFT_OUT]:6,} tests: further parameters, which run on the other Python")


def divided(items: Sequence[pytest.Item]) -> Tuple[List[pytest.Item], List[pytest.Item]]:
    """Return the items that run, and those that repeat one of them with other parameters."""
    kept: List[pytest.Item] = []
    repeats: List[pytest.Item] = []
    seen: Set[str] = set()
    for item in items:
        name = item.nodeid.partition("[")[0]
        fixtures = {*getattr(item, "fixturenames", ())}
        is_repeat = name in seen and fixtures & STARTS_A_PROGRAM and not fixtures & NOT_ON_BOTH
        (repeats if is_repeat else kept).append(item)
        seen.add(name)
    return kept, repeats
