"""The wheel as a user installs it, into an environment that has what it depends on and nothing else."""

import importlib.metadata
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path
from typing import Iterator, List

import pytest

pytestmark = pytest.mark.slow("the wheel, installed")

ROOT = Path(__file__).resolve().parents[1]
#: The product's packages, the templates they read, and the command line.
TOP_LEVEL = {
    *("aws_bridge", "collectors", "deploy", "es_bridge", "response", "savedsearches", "splunk_bridge"),
    "aws_siem_bridge.py",
}
DEPENDS_ON = ("urllib3", "tzdata")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy: setuptools leaves a folder `build` where it works."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    left_out = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "dist", "build", "node_modules")
    shutil.copytree(ROOT, source, ignore=left_out, dirs_exist_ok=True)
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", target, source)
    (found,) = target.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of scripts of an environment that has the wheel."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel)
    (packages,) = folder.glob("lib/python*/site-packages")
    for name in DEPENDS_ON:
        for file in importlib.metadata.files(name) or ():
            if file.suffix != ".pyc":
                (packages / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file.locate(), packages / file)
    yield folder / "bin"


def run(*command: object) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stderr
    return done.stdout


def names(wheel: Path) -> List[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_it_holds_the_product_and_nothing_else(wheel: Path) -> None:
    found = {name.partition("/")[0] for name in names(wheel)}
    assert {name for name in found if not name.endswith(".dist-info")} == TOP_LEVEL
    deploy = [name for name in names(wheel) if name.startswith("deploy/") and name.endswith(".py")]
    assert deploy == ["deploy/__init__.py"]  # data
    assert "aws_bridge/service_models/data/securityhub/2018-10-26/service-2.json.gz" in names(wheel)


def test_the_command_line_runs(installed: Path) -> None:
    assert run(installed / "aws-siem-bridge", "--help").startswith("usage: aws-siem-bridge")
    for command in ("search", "indices", "ping", "load", "audit", "dlq", "digest", "templates"):
        assert run(installed / "aws-siem-bridge", command, "--help").startswith(f"usage: aws-siem-bridge {command}")


def test_the_templates_are_there(installed: Path) -> None:
    said = run(installed / "aws-siem-bridge", "templates", "show", "--url", "http://127.0.0.1:1")
    assert '"aws-cloudtrail-*"' in said


@pytest.mark.parametrize("command", [["lab", "demo"], ["spl", "| makeresults"]])
def test_what_needs_a_clone_says_so(installed: Path, command: List[str]) -> None:
    done = subprocess.run([installed / "aws-siem-bridge", *command], capture_output=True, text=True, cwd="/")
    assert done.returncode == 2
    assert done.stderr.startswith(f"aws-siem-bridge: {command[0]} is not in the installed package")
    assert "Get a clone of the repository" in done.stderr
