"""The app carries every module of ours that it imports, and no other."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Set

import pytest

from aws_bridge.service_models import SERVICES
from splunk_app.builder import lib
from splunk_app.builder.rooms import CARRIED, KEPT_FIT, Room

from .conftest import ROOT

BIN = ROOT / "splunk_app" / "package" / "bin"
#: Folders at the repository's root that hold Python.
OURS = {path.name for path in ROOT.iterdir() if path.is_dir() and any(path.glob("*.py"))}


def imports(path: Path) -> Set[str]:
    """Return the modules a file imports, wherever in it, also those that are a name in ``from package import``."""
    found: Set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def module_file(name: str) -> Path:
    """Return the file of a module of ours; one that does not exist where ``name`` is not a module."""
    path = ROOT / name.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def carried() -> Set[Path]:
    return {path for room in CARRIED for path in room.files()}


@pytest.mark.slow("all that the app imports")
def test_what_the_app_imports_of_ours_is_carried() -> None:
    missing = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in [*BIN.rglob("*.py"), *carried()]
        for name in imports(path)
        if name.partition(".")[0] in OURS and module_file(name).is_file() and module_file(name) not in carried()
    }
    assert missing == set()


def test_no_room_is_carried_that_nothing_in_the_app_imports() -> None:
    used = {name.partition(".")[0] for path in BIN.rglob("*.py") for name in imports(path)}
    used |= {
        name.partition(".")[0]
        for room in CARRIED
        for path in room.files()
        for name in imports(path)
        if name.partition(".")[0] != room.folder.partition("/")[0]
    }
    assert [room.folder for room in CARRIED if room.folder.partition("/")[0] not in used] == []


@pytest.mark.parametrize("room", [*CARRIED, *KEPT_FIT], ids=lambda room: room.folder)
def test_every_name_of_the_list_is_there(room: Room) -> None:
    assert list(room.files())
    assert [name for name in room.without if not list((ROOT / room.folder).rglob(name))] == []


def test_a_room_brings_what_it_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The descriptions of AWS's services, without which botocore makes no client of them."""
    (room,) = (room for room in (*CARRIED, *KEPT_FIT) if room.folder == "aws_bridge")
    monkeypatch.setattr(lib, "CARRIED", (room,))
    lib.add_rooms(tmp_path)
    data = tmp_path / "aws_bridge" / "service_models" / "data"
    assert {path.name for path in data.iterdir()} == {*SERVICES, "NOTICE"}
    assert sum(path.stat().st_size for path in data.rglob("*") if path.is_file()) < 2**20
    assert not list(tmp_path.rglob("renew.py"))
