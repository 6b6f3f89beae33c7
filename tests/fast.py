"""What ``pytest --fast`` runs: units, and searches on one engine. At its end it lists what it left out.

It has to run at least half of all test functions; one counts once, however often it is parametrised. ``script/test``
asks for that.
"""

from __future__ import annotations

from collections import Counter
from types import CodeType
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

import pytest

from lab.engine import DEFAULT_ENGINE, ENGINES

#: A test with one of these fixtures starts something that takes seconds, or asks something that was started.
STARTED: Dict[str, str] = {
    "chromium": "the pages, in a browser",
    "browser": "the pages, in a browser",
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
#: A test that calls one of these, itself or by a fixture, starts an engine of its own.
STARTS = {"start_engine", "start_cluster", "start_node"}
_LEFT_OUT = pytest.StashKey["Counter[str]"]()
_SHARE = pytest.StashKey["Tuple[int, int]"]()


def leave_out_what_takes_long(config: pytest.Config, items: List[pytest.Item]) -> None:
    """Leave it out, when asked for."""
    if not config.getoption("--fast"):
        return
    reasons = [why_not(item) for item in items]
    config.stash[_LEFT_OUT] = Counter(reason for reason in reasons if reason)
    config.stash[_SHARE] = share(items, reasons)
    config.hook.pytest_deselected(items=[item for item, reason in zip(items, reasons) if reason])
    items[:] = [item for item, reason in zip(items, reasons) if not reason]


def say_what_was_left_out(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was left out."""
    left_out = config.stash.get(_LEFT_OUT, None)
    if left_out:
        terminalreporter.section("left out by --fast")
        for reason, tests in left_out.most_common():
            terminalreporter.line(f"{tests:6,} tests: {reason}")
        run, all_of_them = config.stash[_SHARE]
        terminalreporter.line(f"run: {run:,} of {all_of_them:,} test functions ({run / all_of_them:.0%})")


def share(items: Sequence[pytest.Item], reasons: Sequence[Optional[str]]) -> Tuple[int, int]:
    """Return how many test functions run, with at least one of their parameters, and how many there are."""
    names = [item.nodeid.partition("[")[0] for item in items]
    return len({name for name, reason in zip(names, reasons) if not reason}), len(set(names))


def why_not(item: pytest.Item) -> Optional[str]:
    """Return why an item is left out, None if it is not."""
    slow = item.get_closest_marker("slow")
    if slow:
        return str(slow.args[0])
    engines = [value for value in _parameters(item) if isinstance(value, str) and value in ENGINES]
    if any(engine != DEFAULT_ENGINE for engine in engines):
        return "other engines"
    if item.get_closest_marker("fast"):
        return None
    if any(STARTS & {*code.co_names} for code in _code(item)):
        return "an engine of its own"
    fixtures = getattr(item, "fixturenames", ())
    return next((told for name, told in STARTED.items() if name in fixtures), None)


def _parameters(item: pytest.Item) -> List[object]:
    call = getattr(item, "callspec", None)
    return list(call.params.values()) if call else []


def _code(item: pytest.Item) -> Iterator[CodeType]:
    """Yield the code of a test and of the fixtures it has, but for those of the whole session."""
    functions = [getattr(item, "function", None)]
    for found in getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {}).values():
        functions += [each.func for each in found if each.scope != "session"]
    for function in functions:
        code = getattr(function, "__code__", None)
        if code:
            yield code
