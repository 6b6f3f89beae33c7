"""Which searches a person watches, and what that changes: reaching the size he gave is no warning."""

from __future__ import annotations

from typing import Any

import pytest
from search_command.asked_by import is_watched

from tests.splunk_app.conftest import Splunk, Store

GUID = "0A1B2C3D-0A1B-0A1B-0A1B-0A1B2C3D4E5F"


@pytest.mark.parametrize(
    "sid",
    [
        "1763700000.123",
        f"1763700000.123_{GUID}",
        "kim__kim__search__search1_1763700000.123",
        f"kim__kim__aws_siem_bridge__panel-2_1763700000.123_{GUID}",
        "subsearch_1763700000.123_1763700000.1",
    ],
)
def test_a_person_watches(sid: str) -> None:
    assert is_watched(sid)


@pytest.mark.parametrize(
    "sid",
    [
        "scheduler__kim__search__RMD5abc_at_1763700000_123",
        f"scheduler__kim__search__RMD5abc_at_1763700000_123_{GUID}",
        "rt_scheduler__kim__search__RMD5abc_at_1763700000_123.1",
        "rt_1763700000.123",
        "scheduler__scheduler__search__RMD5abc_1763700000.123",
        "kim__kim__search__scheduler_1763700000.123",
        "subsearch_scheduler__kim__search__RMD5abc_at_1763700000_123_1763700000.1",
        "SummaryDirector_1763700000.123",
        "remote_head_1763700000.123",
        "kim__lee__search__search1_1763700000.123",
        "alertsmanager_1763700000.123",
        "1763700000.123\nscheduler__",
        "1" * 100_000,
        "",
        None,
    ],
)
def test_nobody_may_watch(sid: Any) -> None:
    assert not is_watched(sid)


@pytest.mark.splunk_python
def test_a_size_that_is_reached_is_a_warning_unless_a_person_chose_it(prod: Splunk, store: Store) -> None:
    index = store.fill({"n": n} for n in range(30))
    for number, (size, sid, level, cut) in enumerate(
        [
            ("size=10", "1763700000.1", "INFO", 20),
            ("size=10", "kim__kim__search__search1_1763700000.2", "INFO", 20),
            ("size=10", "scheduler__kim__search__RMD5_at_1763700000_3", "WARN", 20),
            ("size=10", "something.else", "WARN", 20),
            ("size=30", "1763700000.4", "", 0),
            ("size=0", "1763700000.5", "", 0),
        ]
    ):
        ended = prod.run(f"| elasticsearch index={index} {size}", sid=sid).done
        assert [said for said, text in ended.messages if "are returned" in text] == ([level] if level else [])
        line = ended.audit.splitlines()[number]
        assert f" cut={cut} " in line and 'outcome="done"' in line
    prod.splunkd.state.set_stanza("aws_siem_bridge_cluster", "prod", {"max_rows": "5"})
    ended = prod.run(f"| elasticsearch index={index} size=10", sid="1763700000.6").done
    assert len(ended.texts("WARN")) == 1 and " cut=25 " in ended.audit
