"""What a function's folder holds, with pip left out: its download is that of `script/build-lambda` itself."""

from __future__ import annotations

from pathlib import Path
from typing import List

import pytest

from aws_bridge.functions import packing
from aws_bridge.functions.packing import Package, build


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> List[Path]:
    """Have a botocore with two services put where pip would put it; return where that was."""
    folders: List[Path] = []

    def install(lock: Path, folder: Path, architecture: str) -> None:
        folders.append(folder)
        for service in ("ec2", "s3"):
            (folder / "botocore" / "data" / service).mkdir(parents=True)
            (folder / "botocore" / "data" / service / "service-2.json").write_text("{}", "utf-8")

    monkeypatch.setattr(packing, "_install", install)
    return folders


def files(folder: Path) -> List[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_function_has_our_modules_and_trimmed_libraries_a_layer_its_libraries(tmp_path, installed) -> None:
    function = Package("function", tmp_path / "a.lock", own=("aws_bridge",), services=frozenset(("s3",)))
    layer = Package("layer", tmp_path / "b.lock", libraries="python")
    said: List[str] = []
    build([function, layer], tmp_path / "out", "arm64", said.append)
    found = files(tmp_path / "out" / "function")
    assert "aws_bridge/clients.py" in found
    assert [name for name in found if name.startswith("botocore")] == ["botocore/data/s3/service-2.json"]
    assert not {"aws_bridge/trimming.py", "aws_bridge/functions/packing.py"} & set(found)
    assert files(tmp_path / "out" / "layer") == [
        f"python/botocore/data/{name}/service-2.json" for name in ("ec2", "s3")
    ]
    assert said[0] == "  function: a.lock for arm64 ..."


def test_what_was_there_stays_when_a_build_fails(tmp_path, installed, monkeypatch) -> None:
    function = Package("function", tmp_path / "a.lock", services=frozenset(("ec2",)))
    build([function], tmp_path / "out", "arm64", lambda text: None)
    before = files(tmp_path / "out")

    def fail(*_) -> None:
        raise OSError("no disk")

    monkeypatch.setattr(packing, "add_own_packages", fail)
    with pytest.raises(OSError, match="no disk"):
        build([function], tmp_path / "out", "arm64", lambda text: None)
    assert files(tmp_path / "out") == before
