"""What ``pytest --fast`` runs: units, and searches on one engine. At its end it lists what it left out.

It has to run at least half of all test functions; one counts once, however often it is parametrised. ``script/test``
asks for that. Of a function's parameters a few run, drawn by the commit, so that all of them have their turn.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from types import CodeType
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

import pytest

from lab.engine import DEFAULT_ENGINE, ENGINES
from tests.sampling import commit

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
    "deployed": "the stand-in for AWS",
    "least": "the stand-in for AWS",
    "run_function": "Lambda's runtime",
    "downloaded": "Lambda's runtime",
    "simulator": "the simulator of AWS's policies",
    "engine_by_id": "an engine",
}
#: A test that calls one of these, itself or by a fixture, starts an engine of its own.
STARTS = {"start_engine", "start_cluster", "start_node"}
#: What a test marked ``fast`` may ask for all the same: one engine, and the stand-in within this process.
FAST = {"engine_by_id", "splunkd", "app_dir", "splunk_python"}
#: Parameters of one function that run: all of them take as long again as these.
MOST_PARAMETERS = 2
_REPEATS = f"further parameters: a function runs with {MOST_PARAMETERS}"
_LEFT_OUT = pytest.StashKey["Counter[str]"]()
_SHARE = pytest.StashKey["Tuple[int, int]"]()


def leave_out_what_takes_long(config: pytest.Config, items: List[pytest.Item]) -> None:
    """Leave it out, when asked for."""
    if not config.getoption("--fast"):
        return
    reasons = without_repeats(items, [why_not(item) for item in items], commit())
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


def without_repeats(
    items: Sequence[pytest.Item], reasons: Sequence[Optional[str]], drawn_by: str
) -> List[Optional[str]]:
    """Return the reasons, with one for all parameters of a function but a few, the same for the same commit."""
    runs: Dict[str, List[int]] = defaultdict(list)
    for number, (item, reason) in enumerate(zip(items, reasons)):
        if not reason:
            runs[function_of(item)].append(number)
    found = list(reasons)
    for function, numbers in runs.items():
        drawn = random.Random(f"{drawn_by} {function}").sample(numbers, min(MOST_PARAMETERS, len(numbers)))
        for number in {*numbers} - {*drawn}:
            found[number] = _REPEATS
    return found


def function_of(item: pytest.Item) -> str:
    """Return the name of an item without its parameters."""
    return item.nodeid.partition("[")[0]


def share(items: Sequence[pytest.Item], reasons: Sequence[Optional[str]]) -> Tuple[int, int]:
    """Return how many test functions run, with at least one of their parameters, and how many there are."""
    names = [function_of(item) for item in items]
    return len({name for name, reason in zip(names, reasons) if not reason}), len(set(names))


def why_not(item: pytest.Item) -> Optional[str]:
    """Return why an item is left out, None if it is not."""
    slow = item.get_closest_marker("slow")
    if slow:
        return str(slow.args[0])
    engines = [value for value in _parameters(item) if isinstance(value, str) and value in ENGINES]
    if any(engine != DEFAULT_ENGINE for engine in engines):
        return "other engines"
    if any(STARTS & {*code.co_names} for code in _code(item)):
        return "an engine of its own"
    fixtures = {*getattr(item, "fixturenames", ())}
    if "request" in fixtures:  # whoever asks for a fixture by its name has it from a parameter
        fixtures |= {value for value in _parameters(item) if isinstance(value, str)}
    if item.get_closest_marker("fast"):
        fixtures -= FAST
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
