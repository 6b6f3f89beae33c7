"""The emulator comes from the cache, or into it whole or not at all."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from lab.lambda_runtime import LambdaRuntimeUnavailable
from lab.lambda_runtime import emulator as subject
from lab.lambda_runtime.emulator import find_emulator


@pytest.fixture
def downloaded() -> Path:
    try:
        return find_emulator()
    except LambdaRuntimeUnavailable as error:
        pytest.skip(str(error))


def test_what_is_in_the_cache_needs_no_network(downloaded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert find_emulator() == downloaded
    assert os.access(downloaded, os.X_OK)
    assert downloaded.read_bytes()[:4] == b"\x7fELF"


@pytest.mark.usefixtures("downloaded")  # this machine is one that it is for
def test_a_failed_download_says_why_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SIEM_BRIDGE_CACHE", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(LambdaRuntimeUnavailable, match="aws-sam-cli .* could not be downloaded: .*aws-sam-cli"):
        find_emulator()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.usefixtures("downloaded")
def test_another_wheel_than_the_pinned_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pinned = tmp_path / "pinned.txt"
    pinned.write_text(subject.PINNED.read_text().replace("sha256:24eb", "sha256:0000"))
    monkeypatch.setattr(subject, "PINNED", pinned)
    monkeypatch.setenv("AWS_SIEM_BRIDGE_CACHE", str(tmp_path / "cache"))
    with pytest.raises(LambdaRuntimeUnavailable, match="could not be downloaded"):
        find_emulator()
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("attribute", "value", "says"),
    [("platform", "darwin", "for Linux on"), ("version_info", (3, 9, 18), r"Python 3\.11 or later")],
)
def test_where_it_does_not_run_is_said(
    monkeypatch: pytest.MonkeyPatch, attribute: str, value: object, says: str
) -> None:
    if sys.version_info < (3, 11):
        pytest.skip("that is what it says here")
    monkeypatch.setattr(sys, attribute, value)
    with pytest.raises(LambdaRuntimeUnavailable, match=says):
        find_emulator()
