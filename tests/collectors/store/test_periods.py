"""Which days take events: asked of real indices, and said in runs of days."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from collectors.store.periods import ABSENT, CLOSED, READ_ONLY, WRITABLE, DailyIndex, daily_indices, warnings
from collectors.store.retention import RETENTION
from es_bridge.config import Auth, ClusterConfig
from es_bridge.errors import PermissionDenied
from es_bridge.transport import Transport
from lab.engine import ENGINES
from tests.collectors.on_engine import transport_to

TODAY = date(1997, 3, 10)


@pytest.mark.parametrize("engine_id", list(ENGINES))
def test_every_state_of_an_index_is_known_on_every_engine(engine_by_id, engine_id):
    names = [f"aws-waf-1997.03.0{day}" for day in (2, 3, 4, 5)]
    with transport_to(engine_by_id(engine_id)) as transport:
        try:
            for name in names:
                transport.request("PUT", (name,), body={"settings": {"number_of_replicas": 0}})
            transport.request("PUT", (names[1], "_settings"), body={"index.blocks.write": True})
            transport.request("PUT", (names[2], "_settings"), body={"index.blocks.read_only_allow_delete": True})
            transport.request("POST", (names[3], "_close"))
            found = daily_indices(transport, "waf", date(1997, 3, 1), date(1997, 3, 6), TODAY)
        finally:
            for name in names:
                transport.request("PUT", (name, "_settings"), body={"index.blocks.read_only_allow_delete": None})
                transport.request("DELETE", (name,))
    assert [each.name for each in found][1:5] == names
    assert [each.state for each in found] == [ABSENT, WRITABLE, READ_ONLY, READ_ONLY, CLOSED, ABSENT]
    assert [each.age_days for each in found] == [9, 8, 7, 6, 5, 4]


@pytest.mark.parametrize("engine_id", ["opensearch-2.19-secured", "opensearch-3-secured"])
def test_an_account_without_the_permission_gets_an_error_and_no_guess(engine_by_id, engine_id):
    engine = engine_by_id(engine_id)
    users = {user: Auth("basic", user, engine.users[user]) for user in ("root", "loader", "reader")}
    clusters = {
        user: ClusterConfig((engine.url,), auth=auth, ca_file=str(engine.ca_file)) for user, auth in users.items()
    }
    name = "aws-waf-1997.03.10"
    with (
        Transport(clusters["root"]) as root,
        Transport(clusters["loader"]) as loader,
        Transport(clusters["reader"]) as reader,
    ):
        root.request("PUT", (name,))
        try:
            with pytest.raises(PermissionDenied):
                daily_indices(loader, "waf", TODAY, TODAY, TODAY)
            assert [each.state for each in daily_indices(reader, "waf", TODAY, TODAY, TODAY)] == [WRITABLE]
        finally:
            root.request("DELETE", (name,))


def day(age_days: int, state: str, kept_days: int = 90) -> DailyIndex:
    return DailyIndex(TODAY - timedelta(age_days), f"aws-waf-{age_days}", state, age_days, kept_days)


def test_runs_of_equal_days_are_one_text_each():
    found = [day(age, ABSENT) for age in (92, 91, 90, 32, 31)] + [day(30, ABSENT), day(9, READ_ONLY), day(8, CLOSED)]
    assert RETENTION["waf"][:2] == (7, 30)
    texts = list(warnings([*found, day(7, WRITABLE), day(6, READ_ONLY)], "waf"))
    assert [text.split(":")[0] for text in texts] == [
        "1996-12-08 to 1996-12-09 (2 days)",
        "1996-12-10 to 1997-02-07 (3 days)",
        "1997-02-08",
        "1997-03-01",
        "1997-03-02",
        "1997-03-04",
    ]
    for text, words in zip(
        texts, ["older than the 90 days", "cold storage", "_ilm/stop", "read-only", "closed", "read-only"]
    ):
        assert words in text


def test_days_that_take_everything_need_no_words():
    fresh = [day(age, state) for age, state in ((7, ABSENT), (60, WRITABLE), (0, WRITABLE), (-1, ABSENT))]
    assert list(warnings(fresh, "waf")) == []


def test_a_day_expires_after_the_last_one_that_is_kept():
    kept = RETENTION["waf"].delete_after_days
    assert not day(kept, ABSENT, kept).expired
    assert day(kept + 1, ABSENT, kept).expired
