"""Who may import whom, and that importing does nothing else. Each case is a clean interpreter.

The table is that of the project's architecture: `es_bridge`, `aws_bridge` and `collectors` load without Splunk's and
AWS's modules, nothing that ships loads the lab, and no import opens a socket, starts a process or reads a secret's
variable.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Dict, Iterator, List, Set, Tuple

import pytest

from splunk_app.builder.rooms import CARRIED, KEPT_FIT, Room

ROOT = Path(__file__).resolve().parent.parent
AWS = ("boto3", "botocore")
SPLUNK = ("splunklib", "solnlib")

OFFICIAL_CLIENTS = ("elasticsearch", "opensearchpy")
#: What no floor below the command line imports.
UPSTAIRS = ("lab", "aws_siem_bridge")

#: Package -> modules that must not be needed to import any part of it.
MAY_NOT_IMPORT: Dict[str, Tuple[str, ...]] = {
    "es_bridge": (*AWS, *SPLUNK, *UPSTAIRS, "aws_bridge", "splunk_bridge", "collectors", *OFFICIAL_CLIENTS),
    "aws_bridge": (*AWS, *SPLUNK, *UPSTAIRS, "es_bridge", "splunk_bridge", "collectors", "orjson"),
    "splunk_bridge": (*AWS, *SPLUNK, *UPSTAIRS, "es_bridge", "aws_bridge", "collectors"),
    "collectors": (*AWS, *SPLUNK, *UPSTAIRS),
    "response": (*AWS, *SPLUNK, *UPSTAIRS, "collectors", "savedsearches"),
    "savedsearches": (*AWS, *SPLUNK, "lab", "splunk_app", "aws_siem_bridge", "aws_bridge", "collectors"),
    "search_command": (*AWS, "solnlib", *UPSTAIRS, "aws_bridge", "collectors"),
    "splunk_host": (*AWS, *SPLUNK, *UPSTAIRS, "aws_bridge", "collectors", "cluster_settings", "search_command"),
    "cluster_settings": (*AWS, *SPLUNK, *UPSTAIRS, "aws_bridge", "collectors", "search_command"),
    "aws_account_settings": (*AWS, *SPLUNK, *UPSTAIRS, "collectors", "cluster_settings", "search_command"),
    "event_collector_settings": (*AWS, *SPLUNK, "aws_bridge", "collectors", "cluster_settings", "search_command"),
    "aws_inputs": (*AWS, "solnlib", *UPSTAIRS, "cluster_settings", "search_command"),
    "alert_actions": (*AWS, "solnlib", *UPSTAIRS, "collectors", "aws_inputs", "response"),
    "lab.front": (*AWS, *SPLUNK),
    "aws_siem_bridge": (*AWS, *SPLUNK, "es_bridge", "aws_bridge", "splunk_bridge", "collectors", "lab"),
}
#: Folder -> packages of ours that it may import, wherever in a file. The floors of docs/architecture.md.
MAY_IMPORT: Dict[str, Set[str]] = {
    "es_bridge": set(),
    "aws_bridge": set(),
    "splunk_bridge": set(),
    "deploy": set(),
    "collectors": {"es_bridge", "aws_bridge", "splunk_bridge", "deploy"},
    "response": {"es_bridge", "aws_bridge", "splunk_bridge"},
    "savedsearches": {"es_bridge", "splunk_bridge"},
    "splunk_app/package/bin/splunk_host": {"es_bridge"},
    "splunk_app/package/bin/cluster_settings": {"es_bridge", "splunk_host"},
    "splunk_app/package/bin/search_command": {"es_bridge", "splunk_host", "cluster_settings"},
    "splunk_app/package/bin/aws_account_settings": {"es_bridge", "aws_bridge", "splunk_host"},
    "splunk_app/package/bin/event_collector_settings": {"es_bridge", "splunk_bridge", "splunk_host"},
    "splunk_app/package/bin/aws_inputs": {
        *("es_bridge", "aws_bridge", "splunk_bridge", "collectors", "splunk_host", "aws_account_settings"),
        "event_collector_settings",
    },
    "splunk_app/package/bin/alert_actions": {
        *("es_bridge", "aws_bridge", "splunk_host", "aws_account_settings", "search_command"),
    },
    "splunk_app/builder": {"splunk_app", "aws_bridge", "aws_inputs", "alert_actions"},
    "splunk_app/knowledge": {"splunk_app"},
    "splunk_app/dashboards": {"splunk_app", "savedsearches", "splunk_bridge", "es_bridge"},
}
MAY_IMPORT_NAMES = {
    *(Path(folder).name for folder in MAY_IMPORT),
    *("splunk_app", "lab", "tests", "benchmarks", "aws_siem_bridge"),
}
#: What a Splunk's Python has not, or has in another version than a loader.
NOT_INSIDE_SPLUNK = (
    *AWS, *SPLUNK, *OFFICIAL_CLIENTS, "orjson", "zlib_ng", "maxminddb", "publicsuffixlist", "cryptography", "pyarrow",
    "tqdm", "prometheus_client", "lark", "pydantic", "yaml",
)  # fmt: skip
HEAVY = {
    *NOT_INSIDE_SPLUNK, "splunktaucclib", "requests", "asyncio", "multiprocessing", "unittest", "sqlite3", "difflib",
    "urllib.request",
} - {"splunklib"}  # fmt: skip
#: What is imported at a start -> (most modules of ours, most modules in all, what must not be among them).
BUDGETS: Dict[str, Tuple[int, int, Set[str]]] = {
    # Before splunkd is asked for the settings, and what is imported while it answers.
    "search_command.elasticsearch.command": (21, 145, HEAVY),
    "search_command.elasticsearch.command, search_command.elasticsearch.searching": (54, 225, HEAVY),
    "search_command.elasticstats.command": (22, 146, HEAVY),
    "search_command.elasticstats.command, search_command.elasticstats.preparing": (72, 250, HEAVY),
    "search_command.elasticfields.command": (22, 146, HEAVY),
    "search_command.elasticindices.command": (21, 145, HEAVY),
    "search_command.elasticlookup.command": (22, 146, HEAVY),
    "search_command.elasticmatch.command": (22, 146, HEAVY),
    "cluster_settings.handler": (15, 108, {*HEAVY, "urllib3", "splunklib"}),
    "search_command.elasticsearch.workers": (36, 173, {*HEAVY, "splunklib"}),
    "alert_actions.run": (40, 160, HEAVY),
    "aws_inputs.command": (92, 224, {*HEAVY} - {"urllib.request"}),
}
#: Where a package is, when that is not the project's root.
HOME = dict.fromkeys(
    (
        *("search_command", "cluster_settings", "splunk_host", "aws_account_settings", "event_collector_settings"),
        *("aws_inputs", "alert_actions"),
    ),
    ROOT / "splunk_app" / "package" / "bin",
)
#: Modules that load only inside Splunk, in the built app: UCC's library needs Splunk's own package `splunk`.
ONLY_IN_SPLUNK = {
    *("splunk_host.page_handler", "cluster_settings.page", "aws_account_settings.page", "aws_inputs.page"),
    "event_collector_settings.page",
}
#: Reads detections, with packages that Splunk's Pythons have not.
NOT_ON_SPLUNKS_PYTHONS = (
    ()
    if find_spec("pydantic")
    else ("savedsearches.content", "savedsearches.backtest", "savedsearches.cli.", "savedsearches.sigma.")
)
#: Variables that hold secrets or decide where one is sent. Reading one at import would make it global state.
WATCHED = ("AWS_SIEM_BRIDGE_", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")

PROGRAM = """
import os, socket, subprocess, sys
blocked, names, watched = {blocked!r}, {names!r}, {watched!r}

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name in blocked or name.partition(".")[0] in blocked:
            raise ImportError(name + " must not be imported here")

sys.meta_path.insert(0, Blocker())

def refuse(what):
    def hook(*_, **__):
        raise AssertionError(what + " while importing")
    return hook

def audit(event, arguments):
    if event in ("socket.connect", "socket.bind", "subprocess.Popen", "os.system", "os.posix_spawn", "os.fork"):
        raise AssertionError(event + " while importing")

class Environment(type(os.environ)):
    def __getitem__(self, key):
        if key.startswith(watched):
            raise AssertionError("variable " + key + " read while importing")
        return super().__getitem__(key)

sys.addaudithook(audit)
os.environ.__class__ = Environment
import importlib
for name in names:
    importlib.import_module(name)
"""


def modules_of(package: str) -> List[str]:
    """Return a package and everything in it; ``__main__`` runs when it is imported, so it is left out."""
    start = HOME.get(package, ROOT)
    folder = start / package.replace(".", "/")
    files = folder.rglob("*.py") if folder.is_dir() else [folder.with_suffix(".py")]
    parts = [file.relative_to(start).with_suffix("").parts for file in files if file.name != "__main__.py"]
    names = {".".join(part for part in each if part != "__init__") for each in parts} - ONLY_IN_SPLUNK
    return sorted(name for name in names if not name.startswith(NOT_ON_SPLUNKS_PYTHONS))


def import_cleanly(names: List[str], blocked: Tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    program = PROGRAM.format(blocked=blocked, names=names, watched=WATCHED)
    path = os.pathsep.join([str(ROOT), str(HOME["search_command"])])
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("package", MAY_NOT_IMPORT)
def test_a_package_imports_alone_and_quietly(package):
    done = import_cleanly(modules_of(package), MAY_NOT_IMPORT[package])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("statement", "blocked", "says"),
    [
        ("import json", ("json",), "must not be imported"),
        ("import socket; socket.create_connection(('127.0.0.1', 1))", (), "socket.connect while importing"),
        ("import subprocess; subprocess.run(['true'])", (), "subprocess.Popen while importing"),
        ("import os; os.environ.get('AWS_SIEM_BRIDGE_PASSWORD')", (), "AWS_SIEM_BRIDGE_PASSWORD read while importing"),
    ],
)
def test_the_guard_itself_notices(tmp_path, statement, blocked, says):
    (tmp_path / "guinea_pig.py").write_text(statement)
    program = PROGRAM.format(blocked=blocked, names=["guinea_pig"], watched=WATCHED)
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert says in done.stderr


@pytest.mark.parametrize("room", [*CARRIED, *KEPT_FIT], ids=lambda room: room.folder)
def test_what_runs_inside_splunk_needs_nothing_that_is_not_there(room: Room):
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in room.files()]
    names = [name[: -len(".__init__")] if name.endswith(".__init__") else name for name in names]
    done = import_cleanly(names, NOT_INSIDE_SPLUNK)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def imported_packages(path: Path) -> Iterator[str]:
    """Yield the first part of every module that a file names, also where it imports in a function."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def arrows(folder: str, allowed: Set[str]) -> List[str]:
    """Return what a folder imports of this repository beyond itself and ``allowed``."""
    files = [path for path in (ROOT / folder).rglob("*.py") if "node_modules" not in path.parts]
    assert files, folder
    ours = set(MAY_IMPORT_NAMES) - allowed - {Path(folder).name}
    return sorted(
        {f"{path.relative_to(ROOT)}: {name}" for path in files for name in imported_packages(path) if name in ours}
    )


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_no_arrow_goes_up_a_floor(folder):
    assert arrows(folder, MAY_IMPORT[folder]) == []


def test_an_arrow_that_goes_up_is_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    (tmp_path / "es_bridge").mkdir()
    (tmp_path / "es_bridge" / "search.py").write_text(
        "def f():\n    from collectors.records import x\n    import lab\n"
    )
    assert arrows("es_bridge", set()) == ["es_bridge/search.py: collectors", "es_bridge/search.py: lab"]


def own_imports(folder: Path) -> Dict[str, Set[str]]:
    """Return module -> modules of the same package that it imports, wherever in it."""
    files = {".".join(path.relative_to(folder.parent).with_suffix("").parts): path for path in folder.rglob("*.py")}
    files = {name[: -len(".__init__")] if name.endswith(".__init__") else name: path for name, path in files.items()}
    found: Dict[str, Set[str]] = {}
    for name, path in files.items():
        used: Set[str] = set()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                used.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                parts = [f"{node.module}.{alias.name}" for alias in node.names]
                used.update(part if part in files else node.module for part in parts)
        found[name] = used & set(files) - {name}
    return found


def in_a_circle(modules: Dict[str, Set[str]]) -> List[str]:
    """Return the modules that import themselves by way of others."""

    def reached(name: str) -> Set[str]:
        seen: Set[str] = set()
        left = list(modules[name])
        while left:
            other = left.pop()
            if other not in seen:
                seen.add(other)
                left += modules[other]
        return seen

    return sorted(name for name in modules if name in reached(name))


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_no_modules_import_each_other(folder):
    assert in_a_circle(own_imports(ROOT / folder)) == []


def test_a_circle_is_seen(tmp_path):
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "a.py").write_text("from room.b import x\n")
    (tmp_path / "room" / "b.py").write_text("def f():\n    from room import c\n")
    (tmp_path / "room" / "c.py").write_text("import room.a, room.d\n")
    (tmp_path / "room" / "d.py").write_text("")
    assert in_a_circle(own_imports(tmp_path / "room")) == ["room.a", "room.b", "room.c"]


@pytest.mark.parametrize("entry", BUDGETS)
def test_a_start_loads_no_more_than_it_needs(entry):
    """Every import is paid before the first row of every search. Modules are counted: seconds differ by machine."""
    most_own, most, heavy = BUDGETS[entry]
    program = f"""
import json, sys
there = set(sys.modules)
import {entry}
print(json.dumps(sorted(set(sys.modules) - there)))
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(HOME["search_command"])])}
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True)
    loaded = json.loads(done.stdout)
    tops = {name.partition(".")[0] for name in loaded}
    assert tops.isdisjoint(heavy) and set(loaded).isdisjoint(heavy), sorted({*tops, *loaded} & heavy)
    own = [name for name in loaded if name.partition(".")[0] in MAY_IMPORT_NAMES]
    assert len(own) <= most_own, own
    assert len(loaded) <= most, loaded


def test_every_package_of_the_product_is_in_the_table():
    not_imported_by_it = {"tests", "benchmarks", "lab", "splunk_app", "deploy"}
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - not_imported_by_it
    assert packages <= set(MAY_NOT_IMPORT)


def test_the_bridge_loads_botocore_only_for_sigv4():
    program = """
import sys
from es_bridge.config import Auth, ClusterConfig
from es_bridge.transport import Transport
Transport(ClusterConfig(("http://localhost:1",), auth=Auth("basic", username="a", password="b")))
assert "botocore" not in sys.modules
Transport(ClusterConfig(("http://localhost:1",), auth=Auth(
    "sigv4", region="us-east-1", access_key_id="AKIDEXAMPLE", secret_access_key="secret")))
assert "botocore" in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_search_begins_without_what_only_some_searches_need():
    program = """
import sys
import es_bridge.search
print([name for name in ("es_bridge.malformed", "es_bridge.unmatched.look", "difflib") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_sigv4_without_botocore_says_what_to_install():
    program = """
import sys
sys.modules["botocore"] = None
from es_bridge.config import Auth, ClusterConfig
from es_bridge.errors import ConfigError
from es_bridge.transport import Transport
try:
    Transport(ClusterConfig(("http://localhost:1",), auth=Auth("sigv4", region="us-east-1")))
except ConfigError as exc:
    print(exc)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert "pip install '.[sigv4]' in the clone" in done.stdout


#: Room of `collectors` -> the rooms it may import. What is not named, the way in, may import all of them.
ROOMS: Dict[str, Tuple[str, ...]] = {
    "errors": (),
    "records": ("errors",),
    "sources": ("errors", "records"),
    "reading": ("errors", "records", "sources"),
    "sinks": ("errors", "records", "sources"),
    "polling": ("errors", "records", "sources", "reading", "sinks"),
    "assets": (),
    "enrichment": ("errors",),
    "threat_lists": ("errors", "records", "enrichment"),
    "store": ("errors", "records", "sources", "sinks"),
    "delivery": ("errors", "records", "sources", "sinks", "reading"),
    "loading": ("errors", "records", "sources", "sinks", "reading", "store", "delivery"),
    "verify": ("errors", "records", "sources", "sinks", "reading", "store", "delivery"),
}
WAYS_IN = ("__init__", "cli", "lambda_function")


def imports_of(path: Path) -> List[str]:
    """Return the modules that a file imports, wherever in it."""
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found += [f"{node.module}.{name.name}" for name in node.names]
        elif isinstance(node, ast.Import):
            found += [name.name for name in node.names]
    return found


def test_the_rooms_of_the_collectors_import_in_one_direction():
    home = ROOT / "collectors"
    rooms = {path.relative_to(home).parts[0].replace(".py", "") for path in home.rglob("*.py")}
    assert rooms == {*ROOMS, *WAYS_IN}
    for room, allowed in ROOMS.items():
        for path in [home / f"{room}.py"] if room == "errors" else (home / room).rglob("*.py"):
            for name in imports_of(path):
                other = name.split(".")[1] if name.startswith("collectors.") else room
                assert other in (room, *allowed), f"{path.relative_to(ROOT)} imports {name}"


def test_only_its_own_folder_names_a_log():
    """What is particular to a log is asked of its row. Of CloudTrail there is more than its events."""
    home = ROOT / "collectors"
    logs = sorted(path.parent.name for path in home.glob("sources/*/log.py"))
    assert len(logs) == 4
    may = {home / "store" / "object_fields.py": "cloudtrail", home / "verify" / "digest_keys.py": "cloudtrail"}
    for path in home.rglob("*.py"):
        own = path.relative_to(home / "sources").parts[0] if home / "sources" in path.parents else ""
        constants = {
            node.value for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Constant)
        }
        for log in logs:
            if log in (own, may.get(path)):
                continue
            assert log not in constants, f"{path.relative_to(ROOT)} names {log}"
            imported = [name for name in imports_of(path) if f"sources.{log}" in name]
            assert not imported, f"{path.relative_to(ROOT)} imports {imported}"


def test_a_normaliser_loads_no_client_and_no_sink():
    """Sources run inside Splunk as well, where a search waits for every import."""
    logs = sorted(path.parent.name for path in ROOT.glob("collectors/sources/*/log.py"))
    names = [f"collectors.sources.{log}.{module}" for log in logs for module in ("normalise", "source")]
    findings = sorted(path.parent.name for path in ROOT.glob("collectors/sources/*/findings.py"))
    assert len(findings) == 10
    names += [f"collectors.sources.{each}.source" for each in findings]
    blocked = (*AWS, *SPLUNK, "urllib3", "orjson", "pyarrow", "es_bridge", "splunk_bridge", "collectors.sinks")
    done = import_cleanly(names, blocked)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
