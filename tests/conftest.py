"""Fixtures for every test: real engines, started once per session and stopped at its end, or borrowed from a pool."""

from __future__ import annotations

import functools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Union

import pytest

from lab.engine import DEFAULT_ENGINE, Engine, EngineUnavailable, start_engine
from tests import engine_pool, examples, fast, once, sampling

if TYPE_CHECKING:
    from lab.aws import AwsAccount, AwsStandIn
    from lab.policies import PolicySimulator
    from tests.account import Account

# A job that a shell started in the background ignores Ctrl-C, and so would every child process of these tests.
signal.signal(signal.SIGINT, signal.default_int_handler)

engine_pool.compile_quickly()

GOLDEN = Path(__file__).resolve().parent / "golden"


@pytest.fixture(scope="session", autouse=True)
def compiled_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let what stand-ins for splunkd start find its modules compiled: that takes longer than what is tested."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_SIEM_BRIDGE_LAB_PYCACHE", str(tmp_path_factory.mktemp("pycache")))
        yield


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the expected files of tests/golden anew")
    parser.addoption("--fast", action="store_true", help="units, and searches on one engine: see tests/fast.py")
    parser.addoption("--once", action="store_true", help="programs inside Splunk with one question: see tests/once.py")


def pytest_configure(config: pytest.Config) -> None:
    """Settle what test modules ask for when they are read."""
    examples.choose_profile(config)


def pytest_collection_modifyitems(config: pytest.Config, items: List[pytest.Item]) -> None:
    """Leave out what this run does not ask for."""
    fast.leave_out_what_takes_long(config, items)
    once.leave_out_repeats(config, items)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was not run."""
    fast.say_what_was_left_out(terminalreporter, config)
    once.say_what_was_left_out(terminalreporter, config)
    if sampling.told:
        terminalreporter.section("samples")
    for line in sampling.told:
        terminalreporter.line(line)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, Any], None]:
    """Return a function that compares a JSON value with a file below ``tests/golden``: ``golden("waf/a.json", value)``.

    Keys stay in their order. With ``--update-golden`` the file is written instead: review it as a diff.
    """

    def compare(name: str, value: Any) -> None:
        path = GOLDEN / name
        text = json.dumps(value, indent=1, ensure_ascii=False) + "\n"
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode("utf-8", "surrogatepass"))
        assert path.is_file(), f"{path} is missing: run pytest with --update-golden, and review what it writes"
        assert text == path.read_bytes().decode("utf-8", "surrogatepass")

    return compare


@pytest.fixture(scope="session")
def engine_by_id() -> Iterator[Callable[[str], Engine]]:
    """Return a function that gives the running engine of a catalogue id, started or borrowed on first use.

    It is this session's alone, and empty at first: see `tests.engine_pool`. An engine that cannot start here skips the
    test with the reason; under CI it fails it.
    """
    started: Dict[str, Union[Engine, EngineUnavailable]] = {}
    pool = engine_pool.pool_folder()

    def get(engine_id: str) -> Engine:
        if engine_id not in started:
            try:
                started[engine_id] = engine_pool.borrow(pool, engine_id) if pool else start_engine(engine_id)
            except EngineUnavailable as error:
                started[engine_id] = error
        found = started[engine_id]
        if isinstance(found, Engine):
            return found
        reason = f"engine {engine_id} cannot start here: {found}"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(reason)
        pytest.skip(reason)

    yield get
    for found in started.values():
        if isinstance(found, Engine):
            found.stop()


@pytest.fixture(scope="session")
def engine(engine_by_id: Callable[[str], Engine]) -> Engine:
    """Return the default engine, shared by the whole session: use index names of your own."""
    return engine_by_id(DEFAULT_ENGINE)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    """Return an AWS account, with the environment leading to it; use queues and keys of your own."""
    pytest.importorskip("moto.server")  # which does not run on the older of Splunk's Pythons
    from tests.account import BUCKET, shared_account

    found = shared_account()
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)
    found.new_bucket(BUCKET)
    return found


@pytest.fixture(scope="session")
def aws() -> Iterator[AwsStandIn]:
    """Return a stand-in for AWS shared by the session: use names of your own, or an account of your own."""
    if sys.version_info < (3, 11):
        pytest.skip("the stand-in for AWS needs Python 3.11")
    from lab.aws import AwsStandIn, AwsUnavailable

    try:
        started = AwsStandIn()
    except AwsUnavailable as error:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))
    from botocore import useragent

    with started, pytest.MonkeyPatch.context() as patch:
        # A tenth of a call's time here: the same few texts, letter by letter.
        clean = functools.cache(useragent.sanitize_user_agent_string_component)
        patch.setattr(useragent, "sanitize_user_agent_string_component", clean)
        yield started


@pytest.fixture(scope="session")
def simulator() -> Iterator[PolicySimulator]:
    """Return the simulator of AWS's policies, which answers one question after the other."""
    from lab.node import NodeUnavailable
    from lab.policies import PolicySimulator

    try:
        with PolicySimulator() as found:
            yield found
    except NodeUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture
def aws_account(aws: AwsStandIn) -> AwsAccount:
    """Return an account of the stand-in that nobody had before."""
    return aws.account()


@pytest.fixture(scope="session")
def built_app() -> Path:
    """Return the unpacked app, as ``script/build-app`` leaves it: built now when it is outdated.

    Do not write into it: run what is in it with ``PYTHONDONTWRITEBYTECODE``.
    """
    root = Path(__file__).resolve().parents[1]
    built = subprocess.run([root / "script" / "build-app"], capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    return root / "dist" / "aws_siem_bridge"
