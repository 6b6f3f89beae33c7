"""One environment after the other: what comes of an event, and when an environment ends."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Any, Callable

import pytest

from lab.lambda_runtime import Environments, Function
from lab.lambda_runtime.environment import EXITED, NO_HOME, PROGRAMS, TIMED_OUT, resident_mb

RunFunction = Callable[..., Environments]


def send(environments: Environments, event: Any) -> Any:
    return environments.invoke(json.dumps(event).encode())


def test_the_handler_gets_the_event_and_a_context(run_function: RunFunction) -> None:
    environments = run_function(
        "import os\n"
        "def handler(event, context):\n"
        "    left = context.get_remaining_time_in_millis()\n"
        "    return [event, context.function_name, context.memory_limit_in_mb, 0 < left <= 7000, os.environ['MINE']]\n",
        name="loader",
        timeout_s=7,
        memory_mb=256,
        environment={"MINE": "x"},
    )
    answer = send(environments, {"a": "é"})
    assert not answer.failed
    assert answer.payload == [{"a": "é"}, "loader", "256", True, "x"]


def test_an_environment_is_used_again_also_after_an_exception(run_function: RunFunction) -> None:
    environments = run_function(
        "import os\nseen = []\n"
        "def handler(event, context):\n"
        "    seen.append(event)\n"
        "    if event == 2: raise KeyError('two')\n"
        "    return [len(seen), os.getpid()]\n"
    )
    first, second, third = (send(environments, number) for number in (1, 2, 3))
    assert (second.error_type, second.error_message) == ("KeyError", "'two'")
    assert (first.payload[0], third.payload[0]) == (1, 3)
    assert first.payload[1] == third.payload[1]
    assert environments.started == 1


@pytest.mark.parametrize(
    ("source", "timeout_s", "error_type", "says"),
    [
        (
            "import time\ndef handler(event, context):\n    if event: time.sleep(60)\n",
            1,
            TIMED_OUT,
            "after 1.00 seconds",
        ),
        ("import os\ndef handler(event, context):\n    if event: os._exit(3)\n", 60, EXITED, "exit status 3"),
        (
            "import time\ndef handler(event, context):\n"
            "    if event:\n        held = bytearray(400_000_000)\n        time.sleep(60)\n",
            60,
            EXITED,
            "more than 200 MB",
        ),
    ],
    ids=["timeout", "crash", "memory"],
)
def test_what_ends_an_environment_leaves_a_new_one_to_the_next_event(
    run_function: RunFunction, source: str, timeout_s: int, error_type: str, says: str
) -> None:
    environments = run_function(source, timeout_s=timeout_s, memory_mb=200)
    answer = send(environments, True)
    assert answer.error_type == error_type
    assert says in answer.error_message
    assert not send(environments, False).failed
    assert environments.started == 2


def test_an_answer_that_is_no_json_is_an_error(run_function: RunFunction) -> None:
    answer = send(run_function("def handler(event, context):\n    return {'n': float('nan')}\n"), {})
    assert (answer.error_type, "NaN" in answer.error_message) == ("Runtime.MarshalError", True)


def test_nothing_of_whoever_runs_this_is_in_its_environment(
    run_function: RunFunction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    source = "import os, pathlib\ndef handler(event, context):\n    home = pathlib.Path.home()\n"
    answer = send(run_function(source + "    return [dict(os.environ), str(home), home.exists()]\n"), {})
    variables, home, there = answer.payload
    assert "AWS_PROFILE" not in variables and variables["PATH"] == PROGRAMS
    assert (home, there) == (NO_HOME, False)


def test_an_exception_is_a_line_of_the_log_in_its_format(run_function: RunFunction) -> None:
    environments = run_function("def handler(event, context):\n    raise KeyError('two')\n", log_format="JSON")
    answer = send(environments, {})
    lines = [line for line in environments.log().splitlines() if line.startswith("{")]
    (raised,) = [json.loads(line) for line in lines]
    assert (raised["errorType"], raised["level"]) == ("KeyError", "ERROR")
    assert answer.error["stackTrace"] == raised["stackTrace"] != []


def test_code_that_does_not_import_is_an_error_of_the_runtime(run_function: RunFunction) -> None:
    answer = send(run_function("import no_such_module\n"), {})
    assert answer.error_type == "Runtime.ImportModuleError"
    assert "no_such_module" in answer.error_message


def test_a_killed_environment_fails_its_event(run_function: RunFunction) -> None:
    environments = run_function(
        "import time\n"
        "def handler(event, context):\n"
        "    print('began', flush=True)\n"
        "    time.sleep(60 if event else 0)\n",
        timeout_s=30,
    )
    answers = []
    thread = threading.Thread(target=lambda: answers.append(send(environments, True)))
    thread.start()
    while "began" not in environments.log():
        time.sleep(0.01)
    (environment,) = environments.busy()
    assert resident_mb(environment.pid) > 5
    environment.kill()
    thread.join()
    assert answers[0].error_type == EXITED
    assert not send(environments, False).failed


def test_ten_work_at_the_same_time_each_in_a_process_of_its_own(run_function: RunFunction, tmp_path: Path) -> None:
    # Each waits until all ten are there: with fewer than ten at once this ends in timeouts.
    environments = run_function(
        "import os, pathlib, time\n"
        "def handler(event, context):\n"
        "    meeting = pathlib.Path(event)\n"
        "    (meeting / str(os.getpid())).touch()\n"
        "    while len(list(meeting.iterdir())) < 10: time.sleep(0.01)\n"
        "    return os.getpid()\n",
        most=10,
        timeout_s=60,
    )
    (tmp_path / "meeting").mkdir()
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(send(environments, str(tmp_path / "meeting"))))
        for _ in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.error_message for answer in answers if answer.failed] == []
    assert len({answer.payload for answer in answers}) == 10


def test_only_what_is_in_the_package_can_be_imported(run_function: RunFunction) -> None:
    answer = send(
        run_function(
            "import importlib.util, sys\n"
            "def handler(event, context):\n"
            "    return {name: bool(importlib.util.find_spec(name)) for name in event}\n"
        ),
        ["awslambdaric", "json", "pytest", "lab", "es_bridge", "boto3"],
    )
    assert answer.payload == {
        "awslambdaric": True,
        "json": True,
        "pytest": False,
        "lab": False,
        "es_bridge": False,
        "boto3": False,
    }


def test_its_log_is_kept_and_nothing_outlives_it(run_function: RunFunction) -> None:
    environments = run_function("import os\ndef handler(event, context):\n    print('hello')\n    return os.getpid()\n")
    pid = send(environments, {}).payload
    assert "hello" in environments.log()
    os.kill(pid, 0)
    environments.stop()
    while Path(f"/proc/{pid}/exe").exists():  # the kernel clears away after the kill
        time.sleep(0.01)


def test_no_more_than_a_small_machine_holds(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="1 to 10"):
        Environments(Function("f", "a.b", tmp_path), 11)
