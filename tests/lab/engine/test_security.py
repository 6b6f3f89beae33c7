"""The secured engines: TLS, and users that may exactly what they are for."""

from __future__ import annotations

import ssl
import stat
import urllib.error
import urllib.request

import pytest

from lab.engine.security import DLS_ACCOUNT, USERS

SECURED = ["opensearch-2.19-secured", "opensearch-3-secured"]


@pytest.fixture(params=SECURED)
def secured(request, engine_by_id, call):
    """Give a secured engine with one index that the roles cover and one they do not."""
    engine = engine_by_id(request.param)
    mapping = {"mappings": {"properties": {"recipientAccountId": {"type": "keyword"}}}}
    for index in ("aws-lab", "other-lab"):
        call(engine, "DELETE", f"/{index}", user="root")
        call(engine, "PUT", f"/{index}", mapping, user="root")
        for number, account in enumerate(("111111111111", DLS_ACCOUNT)):
            document = {"recipientAccountId": account, "secret": "s"}
            status, _ = call(engine, "PUT", f"/{index}/_doc/{number}?refresh=true", document, user="root")
            assert status == 201
    return engine


def test_passwords_and_key_are_for_the_owner_only(secured):
    assert set(secured.users) == set(USERS)
    assert len(set(secured.users.values())) == len(USERS)
    for name in ("users.json", "node.key"):
        assert stat.S_IMODE((secured.node_dir / "config" / name).stat().st_mode) == 0o600
    assert not [name for name in secured.users.values() if name in repr(secured)]


def test_a_wrong_password_and_no_password_are_refused(secured, call):
    assert call(secured, "GET", "/", user="reader", password="wrong")[0] == 401
    status, body = call(secured, "GET", "/")
    assert (status, body) == (401, "Unauthorized")


def test_only_the_engines_own_authority_proves_it(secured):
    with pytest.raises(urllib.error.URLError) as refused:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(secured.url, timeout=30)
    assert isinstance(refused.value.reason, ssl.SSLCertVerificationError)


def test_reader_searches_what_it_covers_with_a_pit_of_its_own(secured, call):
    _, found = call(secured, "GET", "/aws-lab/_search", user="reader")
    assert found["hits"]["total"]["value"] == 2
    status, pit = call(secured, "POST", "/aws-lab/_search/point_in_time?keep_alive=1m", user="reader")
    assert status == 200
    assert call(secured, "DELETE", "/_search/point_in_time", {"pit_id": [pit["pit_id"]]}, user="reader")[0] == 200
    assert call(secured, "GET", "/", user="reader")[0] == 200
    assert call(secured, "GET", "/aws-lab/_mapping", user="reader")[0] == 200
    status, refused = call(secured, "GET", "/other-lab/_search", user="reader")
    assert status == 403
    assert "no permissions for [indices:data/read/search]" in refused["error"]["reason"]
    assert call(secured, "PUT", "/aws-lab/_doc/9", {"a": 1}, user="reader")[0] == 403


def test_reader_nopit_scrolls_but_gets_no_pit(secured, call):
    status, _ = call(secured, "POST", "/aws-lab/_search/point_in_time?keep_alive=1m", user="reader_nopit")
    assert status == 403
    status, page = call(secured, "GET", "/aws-lab/_search?scroll=1m&size=1", user="reader_nopit")
    assert (status, len(page["hits"]["hits"])) == (200, 1)


def test_loader_writes_and_cannot_read(secured, call):
    lines = '{"create":{"_index":"aws-loaded","_id":"1"}}\n{"a":1}\n'
    call(secured, "DELETE", "/aws-loaded", user="root")
    status, bulk = call(secured, "POST", "/_bulk", lines, user="loader")
    assert (status, bulk["errors"]) == (200, False), bulk
    assert call(secured, "GET", "/aws-loaded/_search", user="loader")[0] == 403
    status, bulk = call(secured, "POST", "/_bulk", lines.replace("aws-loaded", "other-loaded"), user="loader")
    assert bulk["items"][0]["create"]["status"] == 403


def test_dls_sees_its_account_without_the_secret_field(secured, call):
    _, found = call(secured, "GET", "/aws-lab/_search", user="dls")
    assert [hit["_source"] for hit in found["hits"]["hits"]] == [{"recipientAccountId": DLS_ACCOUNT}]
