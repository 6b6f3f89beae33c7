"""AWS signatures: botocore signs, `lab.front`, which shares no code with it, recomputes, a real engine answers."""

from __future__ import annotations

import http.client
import json
import urllib.request
from dataclasses import replace
from urllib.parse import urlsplit

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

from es_bridge.config import Auth, ClusterConfig
from es_bridge.dialect import detect
from es_bridge.errors import AuthenticationError, ConfigError, NotFound
from es_bridge.index_summary import IndexSummary
from es_bridge.ping import ping
from es_bridge.query import SearchRequest
from es_bridge.search import open_search
from es_bridge.transport import Transport
from lab.front.aws import AwsFront
from lab.front.server import Received
from lab.front.sigv4 import Credentials, Refusal, signing_key, verify

pytestmark = pytest.mark.fast

KEYS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
TEMPORARY = Credentials("ASIAEXAMPLE", "aTemporarySecret/Key+Example", "A//session+token=/of+some==length")
INDEX = "sigv4-front-1"
DOCUMENTS = 1200


# --- the verifier itself ---------------------------------------------------------------------------------------------

#: The worked example of AWS's description of Signature Version 4 (ListUsers, 2015-08-30).
AWS_EXAMPLE = Received(
    "GET",
    "/?Action=ListUsers&Version=2010-05-08",
    {
        "host": "iam.amazonaws.com",
        "content-type": "application/x-www-form-urlencoded; charset=utf-8",
        "x-amz-date": "20150830T123600Z",
        "authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date, "
        "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
    },
    b"",
)
EXAMPLE_TIME = 1440938160


def test_awss_own_example_is_accepted():
    key = signing_key(KEYS.secret_access_key, "20150830", "us-east-1", "iam")
    assert key.hex() == "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
    assert verify(AWS_EXAMPLE, {KEYS.access_key_id: KEYS}, "us-east-1", "iam", EXAMPLE_TIME) == KEYS


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"method": "POST"}, "InvalidSignatureException"),
        ({"target": "/?Action=ListUsers&Version=2010-05-09"}, "InvalidSignatureException"),
        ({"target": "/x?Action=ListUsers&Version=2010-05-08"}, "InvalidSignatureException"),
        ({"body": b"x"}, "InvalidSignatureException"),
        ({"headers": {"host": "other.amazonaws.com"}}, "InvalidSignatureException"),
        ({"headers": {"x-amz-target": "unsigned"}}, "IncompleteSignatureException"),
        ({"headers": {"x-amz-security-token": "unknown"}}, "UnrecognizedClientException"),
        ({"headers": {"authorization": "Basic eDp5"}}, "IncompleteSignatureException"),
    ],
)
def test_a_changed_request_is_refused(change, kind):
    headers = {**AWS_EXAMPLE.headers, **change.pop("headers", {})}
    with pytest.raises(Refusal) as caught:
        changed = replace(AWS_EXAMPLE, headers=headers, **change)
        verify(changed, {KEYS.access_key_id: KEYS}, "us-east-1", "iam", EXAMPLE_TIME)
    assert caught.value.kind == kind


@pytest.mark.parametrize(("seconds", "accepted"), [(-301, False), (-299, True), (299, True), (301, False)])
def test_five_minutes_of_clock_skew(seconds, accepted):
    def check():
        return verify(AWS_EXAMPLE, {KEYS.access_key_id: KEYS}, "us-east-1", "iam", EXAMPLE_TIME + seconds)

    if accepted:
        assert check() == KEYS
    else:
        with pytest.raises(Refusal, match="Signature (expired|not yet current)"):
            check()


# --- through the front to an engine ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def upstream(engine):
    """Return the URL of an engine with 1,200 documents in one index."""
    lines = []
    for n in range(DOCUMENTS):
        lines.append(json.dumps({"create": {"_id": f"d{n}"}}))
        lines.append(
            json.dumps({"@timestamp": f"2026-11-21T04:{n // 60 % 60:02}:{n % 60:02}Z", "n": n, "kind": f"k{n % 3}"})
        )
    _engine(engine.url, "POST", f"/{INDEX}/_bulk?refresh=true", "\n".join(lines) + "\n")
    yield engine.url
    _engine(engine.url, "DELETE", f"/{INDEX}")


def _engine(url: str, method: str, path: str, body: str = "") -> bytes:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url + path, body.encode() or None, headers, method=method)
    with urllib.request.urlopen(request) as response:
        return response.read()


def signed(front: AwsFront, keys: Credentials = KEYS, **settings) -> Transport:
    auth = {
        "region": front.region,
        "service": front.service,
        "access_key_id": keys.access_key_id,
        "secret_access_key": keys.secret_access_key,
        "session_token": keys.session_token,
    }
    auth.update(settings.pop("auth", {}))
    return Transport(ClusterConfig((front.url,), auth=Auth("sigv4", **auth), **settings))


def ids(transport: Transport, **request) -> list:
    with open_search(transport, SearchRequest(size=0, **request)) as search:
        found = [hit.id for page in search for hit in page.hits]
    assert search.warnings == []
    return found


@pytest.mark.parametrize("service", ["es", "aoss"])
@pytest.mark.parametrize("keys", [KEYS, TEMPORARY], ids=["long-term", "session"])
@pytest.mark.parametrize("compress", [False, True])
def test_a_whole_search_is_signed(upstream, service, keys, compress):
    with AwsFront(upstream, [keys], service) as front:
        with signed(front, keys, compress=compress) as transport:
            found = ids(transport, index=INDEX)
        assert sorted(found) == sorted(f"d{n}" for n in range(DOCUMENTS))
        assert len(front.received) > 3


@pytest.mark.parametrize(
    "index", [f"{INDEX[:-2]}*", f"{INDEX},sigv4-front-*", "sigv4-*,*front-1", f"<{INDEX}>", "*front*1"]
)
@pytest.mark.parametrize("service", ["es", "aoss"])
def test_characters_of_patterns_are_signed_as_they_are_sent(upstream, service, index):
    with AwsFront(upstream, [KEYS], service) as front, signed(front) as transport:
        assert len(ids(transport, index=index, query='kind:k1 AND n:[0 TO 599] OR "ü / % +"')) == 200


def test_a_large_compressed_body_is_signed_as_it_is_sent(upstream):
    with AwsFront(upstream, [KEYS]) as front, signed(front, compress=True) as transport:
        ids_asked_for = [f"d{n}" for n in range(500)]
        dsl = {"ids": {"values": ids_asked_for}}
        assert sorted(ids(transport, index=INDEX, dsl=dsl)) == sorted(ids_asked_for)
        assert any(received.headers.get("content-encoding") == "gzip" for received in front.received)


@pytest.mark.parametrize("target", ["/sigv4-front-*/_search", "/sigv4-front-1,x:y/_search", "/%73igv4-front-1/_count"])
def test_the_front_refuses_a_path_that_only_one_reading_accepts(upstream, target):
    """botocore signs such a path as it was given; AWS's rules for encoding give another signature."""
    with AwsFront(upstream, [KEYS]) as front:
        assert _sign_and_send(front, target) == 403
        assert _sign_and_send(front, "/sigv4-front-%2A/_search") == 200


def _sign_and_send(front: AwsFront, target: str, **headers: str) -> int:
    """Return the status of a request signed by botocore, with the bytes of ``target`` untouched."""
    request = botocore.awsrequest.AWSRequest("GET", front.url + target, data=b"", headers=headers)
    credentials = botocore.credentials.Credentials(KEYS.access_key_id, KEYS.secret_access_key)
    botocore.auth.SigV4Auth(credentials, front.service, front.region).add_auth(request)
    where = urlsplit(front.url)
    connection = http.client.HTTPConnection(where.hostname, where.port)
    try:
        connection.request("GET", target, headers=dict(request.headers.items()))
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"x-amz-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}, 200),
        (
            {
                "x-amz-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                "content-length": "0",
            },
            403,
        ),
    ],
    ids=["no content hash", "content hash", "content-length signed"],
)
def test_what_serverless_wants_signed(upstream, headers, status):
    with AwsFront(upstream, [KEYS], "aoss") as front:
        assert _sign_and_send(front, f"/{INDEX}/_search", **headers) == status


@pytest.mark.parametrize(
    ("auth", "says"),
    [
        (
            {"secret_access_key": "another"},
            "InvalidSignatureException: The request signature we calculated",
        ),
        ({"access_key_id": "AKIDUNKNOWN"}, "UnrecognizedClientException.*AWS does not know them"),
        ({"session_token": "surplus"}, "UnrecognizedClientException"),
        ({"region": "eu-central-1"}, "InvalidSignatureException.*valid region.*the region, the service"),
        ({"service": "aoss"}, "InvalidSignatureException.*service 'es'"),
    ],
)
def test_wrong_credentials_say_what_to_look_at(upstream, auth, says):
    with AwsFront(upstream, [KEYS]) as front, signed(front, auth=auth) as transport:
        with pytest.raises(AuthenticationError, match=says) as caught:
            transport.request("GET", (INDEX, "_search"))
        assert KEYS.secret_access_key not in str(caught.value)
        assert "Canonical" not in str(caught.value)


def test_an_unsigned_request_is_told_to_sign(upstream):
    with AwsFront(upstream, [KEYS]) as front, Transport(ClusterConfig((front.url,))) as transport:
        with pytest.raises(AuthenticationError, match="set the authentication to SigV4"):
            transport.request("GET", (INDEX, "_search"))
        assert len(front.received) == 1


def test_a_wrong_clock_is_named(upstream):
    with AwsFront(upstream, [KEYS]) as front, signed(front) as transport:
        front.clock_ahead_s = 600
        with pytest.raises(AuthenticationError, match="Signature expired.*this machine's clock"):
            transport.request("GET", (INDEX, "_search"))


def test_expired_credentials_are_named_after_one_attempt_to_renew_them(upstream):
    with AwsFront(upstream, [replace(TEMPORARY, expires_at=0)]) as front, signed(front, TEMPORARY) as transport:
        with pytest.raises(AuthenticationError, match="ExpiredTokenException.*renew them"):
            transport.request("GET", (INDEX, "_search"))
        assert len(front.received) == 2


def _profile(path, keys: Credentials) -> None:
    path.write_text(
        f"[lab]\naws_access_key_id = {keys.access_key_id}\naws_secret_access_key = {keys.secret_access_key}\n"
        + (f"aws_session_token = {keys.session_token}\n" if keys.session_token else "")
    )


def test_rotated_credentials_are_fetched_again_in_the_middle_of_a_search(upstream, tmp_path, monkeypatch):
    """The first page is signed with keys that then expire; the profile holds new ones by the time of the second."""
    _profile(tmp_path / "credentials", TEMPORARY)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with AwsFront(upstream, [TEMPORARY]) as front:
        auth = Auth("sigv4", region=front.region, profile="lab")
        found = []
        request = SearchRequest(INDEX, size=0, page_size_docs=100, first_page_docs=10)
        config = ClusterConfig((front.url,), auth=auth)
        with Transport(config) as transport, open_search(transport, request) as search:
            for page in search:
                if not found:
                    expired = replace(TEMPORARY, expires_at=0)
                    front.credentials = {expired.access_key_id: expired, KEYS.access_key_id: KEYS}
                    _profile(tmp_path / "credentials", KEYS)
                found += [hit.id for hit in page.hits]
        used = {received.headers["authorization"].split("Credential=")[1].split("/")[0] for received in front.received}
    assert sorted(found) == sorted(f"d{n}" for n in range(DOCUMENTS))
    assert used == {TEMPORARY.access_key_id, KEYS.access_key_id}


def test_no_credentials_anywhere(monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError, match="found no credentials"):
        Transport(ClusterConfig(("http://localhost:1",), auth=Auth("sigv4", region="us-east-1")))
    with pytest.raises(ConfigError, match="no-such-profile"):
        auth = Auth("sigv4", region="us-east-1", profile="no-such-profile")
        Transport(ClusterConfig(("http://localhost:1",), auth=auth))


# --- Serverless ------------------------------------------------------------------------------------------------------


def test_serverless_is_searched_without_what_it_lacks(upstream):
    with AwsFront(upstream, [KEYS], "aoss") as front:
        with signed(front) as transport:
            assert detect(transport).name == "opensearch serverless"
            assert len(ids(transport, index="sigv4-front-*", query="kind:k0")) == 400
        paths = [received.target.partition("?")[0] for received in front.received]
        assert "/" not in paths
        assert "/sigv4-front-%2A/_search/point_in_time" in paths
        assert all("scroll" not in received.target for received in front.received)


@pytest.mark.parametrize(
    ("method", "path", "params"),
    [
        ("GET", ("",), {}),
        ("GET", ("_cat", "indices"), {}),
        ("GET", ("_cluster", "health"), {}),
        ("GET", ("_nodes",), {}),
        ("POST", (INDEX, "_search"), {"scroll": "1m"}),
        ("DELETE", ("_search", "scroll"), {}),
    ],
)
def test_what_the_stand_in_for_serverless_does_not_have(upstream, method, path, params):
    with AwsFront(upstream, [KEYS], "aoss") as front, signed(front) as transport, pytest.raises(NotFound):
        transport.request(method, path, params)


def test_ping_and_indices_on_serverless(upstream):
    with AwsFront(upstream, [KEYS], "aoss") as front, signed(front) as transport:
        report = ping(transport, INDEX)
        assert report.can_search
        assert {check.name: check.outcome for check in report.checks} == {
            "identify": "ok",
            "field capabilities": "ok",
            "query check": "ok",
            "search": "ok",
            "point in time": "ok",
            "scroll": "failed",
        }
        with IndexSummary(transport, SearchRequest(INDEX)) as summary:
            ((info,),) = summary
        assert (info.documents, info.time_type) == (DOCUMENTS, "date")
        assert (info.health, info.phase) == ("unknown", "unknown")
        assert summary.notes == ["health, lifecycle phases: not known, because the engine does not offer it"]
