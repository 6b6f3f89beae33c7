"""Samples that the commit draws (`tests.sampling`)."""

from __future__ import annotations

import pytest

from tests import sampling


def test_the_same_commit_draws_the_same_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "told", [])
    monkeypatch.delenv("AWS_SIEM_BRIDGE_FULL", raising=False)
    everything = list(range(100))
    drawn = {}
    for by in ("a" * 40, "b" * 40):
        monkeypatch.setattr(sampling, "commit", lambda by=by: by)
        drawn[by] = sampling.sample("numbers", everything, 10)
        assert drawn[by] == sampling.sample("numbers", everything, 10) == sorted(set(drawn[by]))
        assert len(drawn[by]) == 10
        assert f"numbers: 10 of 100, drawn by commit {by[:12]}: {drawn[by][0]}, " in sampling.told[-1]
    assert drawn["a" * 40] != drawn["b" * 40]


def test_full_runs_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SIEM_BRIDGE_FULL", "1")
    assert sampling.sample("letters", "abc", 1) == ["a", "b", "c"]
