"""What ``equals=`` takes for conditions."""

from __future__ import annotations

import pytest

from es_bridge.equals import equals_clauses
from es_bridge.errors import QueryError


def test_a_value_goes_into_json_as_it_is() -> None:
    (clause,) = equals_clauses("source.ip,destination.ip=%22a%22%20OR%20b  cloud.region=*")
    assert clause == {
        "multi_match": {
            "query": '"a" OR b', "fields": ["source.ip", "destination.ip"], "type": "phrase", "lenient": True,
        }
    }  # fmt: skip


@pytest.mark.parametrize(
    "text", ["x", "=1", "a b=1", "a,=1", "a*=1", "a^2=1", '"a"=1', " ".join(f"f{n}=1" for n in range(21))]
)
def test_what_is_no_condition_is_an_error(text: str) -> None:
    with pytest.raises(QueryError, match="equals="):
        equals_clauses(text)
