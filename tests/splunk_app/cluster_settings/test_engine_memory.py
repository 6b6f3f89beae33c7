"""Which engine answers on a cluster, remembered by the settings handler: by whom, for whom, how long, and where not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest
from cluster_settings import handler
from cluster_settings.engine_memory import MAX_AGE_S, MOST_ENTRIES, EngineMemory

from es_bridge.config import Auth
from lab.splunkd import User, add_cluster

from .test_handler import ANALYST, PROD, Asked, ask

__all__ = ["ask"]  # the fixture

ENGINE = {"name": "opensearch", "number": "2.19.4", "flavor": ""}


@pytest.fixture(autouse=True)
def memory(monkeypatch: pytest.MonkeyPatch) -> EngineMemory:
    made = EngineMemory()
    monkeypatch.setattr(handler, "ENGINES", made)
    return made


def report(
    ask: Asked, key: str, engine: Any = ENGINE, user: User = ANALYST, **parts: Any
) -> Tuple[int, Dict[str, Any]]:
    request = ask.request(user, "prod", **parts)
    request["form"] += [["engine", json.dumps(engine)], ["engine_key", key]]
    return ask.send(json.dumps(request))


def test_what_a_search_reports_the_next_one_gets(ask: Asked) -> None:
    _, said = ask(ANALYST, "prod")
    assert said["engine"] is None
    status, answer = report(ask, said["engine_key"])
    assert (status, answer["remembered"]) == (200, True)
    assert set(answer) == {"remembered", "answered_by"} and ask.reads() == []
    again = ask(ANALYST, "prod")[1]
    assert again["engine"] == ENGINE and again["engine_key"] == said["engine_key"]
    assert ask(User("root", ("admin",)), "other")[1]["engine"] is None


@pytest.mark.parametrize(
    "other",
    [
        replace(PROD, hosts=("https://prod:9201",)),
        replace(PROD, auth=Auth("basic", "writer", PROD.auth.password)),
        replace(PROD, auth=Auth("basic", "reader", "another one")),
    ],
)
def test_other_hosts_or_another_account_are_other_engines(ask: Asked, other: Any) -> None:
    key = ask(ANALYST, "prod")[1]["engine_key"]
    report(ask, key)
    add_cluster(ask.splunkd.state, other, access={"analyst": ("aws-*",)})
    assert ask(ANALYST, "prod")[1]["engine"] is None
    report(ask, key)  # of a search that began with the former settings
    assert ask(ANALYST, "prod")[1]["engine"] is None


def test_whoever_does_not_know_the_token_may_not_report(ask: Asked, memory: EngineMemory) -> None:
    key = ask(ANALYST, "prod")[1]["engine_key"]
    assert report(ask, key, token="guess")[0] == 403  # noqa: S106
    assert memory.recall(key) is None


@pytest.mark.parametrize(
    "engine", [None, [], {}, {"name": "x"}, {**ENGINE, "number": 2}, {**ENGINE, "number": "2" * 65}]
)
def test_what_is_no_report_is_not_remembered(ask: Asked, engine: Any) -> None:
    key = ask(ANALYST, "prod")[1]["engine_key"]
    assert report(ask, key, engine)[1]["remembered"] is False
    assert ask(ANALYST, "prod")[1]["engine"] is None


def test_an_hour_and_not_longer_however_often_it_is_used() -> None:
    now: List[float] = [0.0]
    memory = EngineMemory(lambda: now[0])
    assert memory.remember("k", json.dumps(ENGINE))
    for now[0] in (1.0, MAX_AGE_S / 2, MAX_AGE_S - 1):
        assert memory.recall("k") == ENGINE
    now[0] = MAX_AGE_S
    assert memory.recall("k") is None


def test_it_does_not_grow() -> None:
    memory = EngineMemory()
    for number in range(MOST_ENTRIES + 5):
        memory.remember(str(number), json.dumps(ENGINE))
    known = [number for number in range(MOST_ENTRIES + 5) if memory.recall(str(number))]
    assert known == list(range(5, MOST_ENTRIES + 5))


def test_keys_cannot_be_compared_between_processes() -> None:
    assert EngineMemory().key({"password": "x"}) != EngineMemory().key({"password": "x"})


def test_never_on_disk(ask: Asked, tmp_path: Path) -> None:
    key = ask(ANALYST, "prod")[1]["engine_key"]
    assert report(ask, key)[1]["remembered"]
    written = b"".join(
        path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size < 1e6
    )
    assert b"2.19.4" not in written and key.encode() not in written
