"""The plan of what is collected on a host, and the document that is made of it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict

import pytest

from response.errors import BadSettings
from response.plans.document import COLLECT, LINUX, is_work_folder, rendered, script_of
from response.plans.plan import FOLDER, plan_of, read

#: What the issue names, and what later symbols need.
WANTED = {
    "memory", "network_connections", "sockets", "processes", "users_and_logins", "kernel_modules", "shell_histories",
    "deleted_open_files", "mounts", "cron", "os_release", "kernel", "clock", "symbols",
}  # fmt: skip
ITEM = {"name": "one", "description": "d", "output": "one.txt", "timeout_s": 5, "command": "true"}


def test_the_document_is_made_of_the_plan_as_it_is():
    plan = read(FOLDER / "linux.yaml")
    assert rendered(plan) == LINUX.read_text(), "run: .venv/bin/python -m response.plans.document"
    assert {each.name for each in plan.items} >= WANTED and plan.items[0].tool
    document = json.loads(LINUX.read_text())["document"]
    assert (document["schemaVersion"], len(json.dumps(document)) < 60_000) == ("2.2", True)
    assert document["mainSteps"][-1]["name"] == COLLECT
    # SSM fills in what is between two braces: nothing but its parameters may be.
    found = set(re.findall(r"\{\{ (\w+) \}\}", json.dumps(document)))
    assert found == set(document["parameters"])
    assert json.dumps(document).count("{{") == len(re.findall(r"\{\{ \w+ \}\}", json.dumps(document)))


def test_the_script_is_posix_sh(tmp_path: Path):
    """By ShellCheck, the engine whole and each command by itself."""
    plan = read(FOLDER / "linux.yaml")
    files = {"script": re.sub(r"\{\{ (\w+) \}\}", r"\1", script_of(plan))}
    for item in plan.items:
        for number, way in enumerate(item.ways):
            files[f"{item.name}-{number}"] = f"{way.command}\n"
            if way.condition:
                files[f"{item.name}-{number}-condition"] = f"{way.condition}\n"
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    # SC2016: commands are in single quotes on purpose. SC2154: ROOT, OUTPUT and TOOL are the engine's.
    checked = subprocess.run(
        [str(Path(sys.executable).parent / "shellcheck"), "-s", "sh", "-e", "SC2016,SC2154", *sorted(files)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (checked.returncode, checked.stdout) == (0, "")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"command": ""}, "a way has a command"),
        ({"command": "echo {{ jobUrl }}"}, "two braces"),
        ({"needs": ["ss; reboot"]}, "no name of a programme"),
        ({"timeout_s": 0}, "seconds are needed"),
        ({"timeout_s": True}, "seconds are needed"),
        ({"output": "../one.txt"}, "lower-case words"),
        ({"name": "One"}, "lower-case words"),
        ({"shell": "bash"}, "unknown member shell"),
        ({"tool": True, "timeout_s": 0}, "writes itself"),
        ({"otherwise": [{"needs": ["ss"]}]}, "a way has a command"),
    ],
)
def test_an_item_that_could_not_run_is_refused(change: Dict[str, Any], says: str):
    with pytest.raises(BadSettings, match=says):
        plan_of({"description": "d", "items": [{**ITEM, **change}]})


def test_a_plan_is_refused_for_names_twice_and_a_tool_that_is_not_first():
    tool = {**ITEM, "name": "memory", "output": "memory.lime", "tool": True, "writes": True, "timeout_s": 0}
    for items, says in (([ITEM, ITEM], "the name one"), ([ITEM, tool], "comes first"), ([], "comes first")):
        with pytest.raises(BadSettings, match=says):
            plan_of({"description": "d", "items": items})
    with pytest.raises(BadSettings, match="and nothing else"):
        plan_of({"items": [ITEM]})


@pytest.mark.parametrize("folder", ("/", "/..", "/var/../etc", "var/x", "/a b", "/$(reboot)", "", "/x" * 200))
def test_a_folder_that_must_not_be_named_to_a_host(folder):
    assert not is_work_folder(folder) and is_work_folder("/mnt/evidence")
