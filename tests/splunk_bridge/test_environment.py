"""What a child that runs an app's script gets of our environment."""

from __future__ import annotations

import os
import threading

import pytest

from splunk_bridge.environment import passed_on


def test_what_finds_credentials_is_passed_on_and_our_own_settings_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "security")
    monkeypatch.setenv("AWS_SIEM_BRIDGE_URL", "https://store")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")

    found = passed_on()

    assert found["AWS_PROFILE"] == "security"
    assert "PATH" in found
    assert not {"AWS_SIEM_BRIDGE_URL", "PYTHONPATH"} & set(found)


def test_another_thread_may_change_the_environment() -> None:
    """pytest itself does, between two tests, while commands are started in threads."""
    ended = threading.Event()

    def change() -> None:
        while not ended.is_set():
            os.environ["AWS_CHANGING"] = "now"
            os.environ.pop("AWS_CHANGING")

    changing = threading.Thread(target=change)
    changing.start()
    try:
        for _ in range(20_000):
            assert "PATH" in passed_on()
    finally:
        ended.set()
        changing.join()
