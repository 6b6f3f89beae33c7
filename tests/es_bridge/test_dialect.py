"""Which engine it is, from what its ``GET /`` says and its settings."""

from __future__ import annotations

from typing import Any

import pytest

from es_bridge.dialect import identify, identity, is_no_pit, remembered
from es_bridge.errors import NotFound, Overloaded, PermissionDenied, RejectedQuery, ResponseError


@pytest.mark.parametrize(
    ("version", "text", "may_have_pit", "supported"),
    [
        ({"distribution": "opensearch", "number": "2.19.4"}, "opensearch 2.19.4", True, True),
        ({"distribution": "opensearch", "number": "3.8.0"}, "opensearch 3.8.0", True, True),
        ({"distribution": "opensearch", "number": "1.3.20"}, "opensearch 1.3.20", False, True),
        ({"distribution": "opensearch", "number": "2.3.0"}, "opensearch 2.3.0", False, True),
        ({"distribution": "opensearch", "number": "4.0.0"}, "opensearch 4.0.0", True, False),
        # An AWS domain in compatibility mode.
        ({"distribution": "opensearch", "number": "7.10.2"}, "opensearch (version unknown)", True, True),
        ({"number": "7.10.2", "build_flavor": "oss"}, "elasticsearch 7.10.2", False, True),
        ({"number": "7.17.0", "build_flavor": "default"}, "elasticsearch 7.17.0", True, True),
        ({"number": "9.0.1", "build_flavor": "default"}, "elasticsearch 9.0.1", True, True),
        ({"number": "6.8.0", "build_flavor": "default"}, "elasticsearch 6.8.0", False, False),
    ],
)
def test_identify(version: Any, text: str, may_have_pit: bool, supported: bool) -> None:
    dialect = identify({"version": version})
    assert dialect is not None
    assert (str(dialect), dialect.may_have_pit, dialect.is_supported) == (text, may_have_pit, supported)


@pytest.mark.parametrize("root", [{}, [], "x", {"version": "5"}, {"version": {"number": "1"}}, {"status": "ok"}])
def test_what_is_no_search_engine(root: Any) -> None:
    assert identify(root) is None


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (NotFound("", status=404, error_type="index_not_found_exception", reason="no such index [x]"), False),
        (PermissionDenied("", status=403, reason="no permissions for [indices:data/read/point_in_time/create]"), True),
        (PermissionDenied("", status=403, reason="no permissions for [indices:data/read/search]"), False),
        (ResponseError("", status=405, reason="Incorrect HTTP method for uri"), True),
        (RejectedQuery("", status=400, reason="request body is required"), True),
        (RejectedQuery("", status=400, reason="no handler found for uri [/x/_pit]"), True),
        (RejectedQuery("", status=400, reason="index closed"), False),
        (Overloaded("", status=429, reason="Trying to create too many Point In Time contexts."), True),
        (Overloaded("", status=429, reason="rejected execution of search"), False),
    ],
)
def test_only_a_missing_point_in_time_leads_to_a_scroll(error: ResponseError, expected: bool) -> None:
    assert is_no_pit(error) is expected


@pytest.mark.parametrize(
    "version",
    [
        {"distribution": "opensearch", "number": "2.19.4"},
        {"distribution": "opensearch", "number": "7.10.2"},
        {"number": "8.15.0", "build_flavor": "default"},
        {"number": "7.10.2", "build_flavor": "oss"},
    ],
)
def test_what_is_remembered_of_an_engine_is_all_there_is(version: Any) -> None:
    found = identify({"version": version})
    assert found is not None
    again = remembered(identity(found), "auto")
    assert again is not None and type(again) is type(found) and vars(again) == vars(found)
    assert remembered(identity(found), found.name) is not None
    assert remembered(identity(found), "serverless") is None


@pytest.mark.parametrize(
    "said",
    [
        None,
        [],
        "opensearch",
        {},
        {"name": "opensearch", "number": "2.19.4"},
        {"name": "opensearch", "number": 2, "flavor": ""},
        {"name": "opensearch", "number": "2.19 <b>", "flavor": ""},
        {"name": "solr", "number": "9.0", "flavor": ""},
    ],
)
def test_what_is_no_engine_is_not_remembered(said: Any) -> None:
    assert remembered(said, "auto") is None
