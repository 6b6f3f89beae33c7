"""What the session's fixtures do when an engine cannot start."""

from __future__ import annotations

import pytest


def test_an_engine_that_cannot_start_skips_and_under_ci_fails(engine_by_id, monkeypatch):
    monkeypatch.setenv("CI", "")
    with pytest.raises(pytest.skip.Exception, match="engine no-such-engine cannot start here: No engine"):
        engine_by_id("no-such-engine")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="engine no-such-engine cannot start here: No engine"):
        engine_by_id("no-such-engine")


def test_an_engine_is_started_once_per_session(engine, engine_by_id):
    assert engine_by_id("opensearch-2.19") is engine
