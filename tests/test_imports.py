"""Who may import whom, and that importing does nothing else. Each case is a clean interpreter.

The table is that of the project's architecture: `es_bridge`, `aws_bridge` and `collectors` load without Splunk's and
AWS's modules, nothing that ships loads the lab, and no import opens a socket, starts a process or reads a secret's
variable.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, Tuple

import pytest

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
    "savedsearches": (*AWS, *SPLUNK, "lab", "splunk_app", "aws_siem_bridge", "aws_bridge", "collectors"),
    "search_command": (*AWS, "solnlib", *UPSTAIRS, "aws_bridge", "collectors"),
    "splunk_host": (*AWS, *SPLUNK, *UPSTAIRS, "aws_bridge", "collectors", "cluster_settings", "search_command"),
    "cluster_settings": (*AWS, *SPLUNK, *UPSTAIRS, "aws_bridge", "collectors", "search_command"),
    "lab.front": (*AWS, *SPLUNK),
    "aws_siem_bridge": (*AWS, *SPLUNK, "es_bridge", "aws_bridge", "splunk_bridge", "collectors", "lab"),
}
#: Where a package is, when that is not the project's root.
HOME = dict.fromkeys(("search_command", "cluster_settings", "splunk_host"), ROOT / "splunk_app" / "package" / "bin")
#: Modules that load only inside Splunk, in the built app: UCC's library needs Splunk's own package `splunk`.
ONLY_IN_SPLUNK = {"cluster_settings.page"}
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
    return sorted({".".join(part for part in each if part != "__init__") for each in parts} - ONLY_IN_SPLUNK)


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
