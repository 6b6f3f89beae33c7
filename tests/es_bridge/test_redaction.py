"""Somebody in front of the cluster quotes requests in its answers: no text that comes of them holds a secret."""

# ruff: noqa: SIM117 - the server and the client are one thing, what must fail is another
from __future__ import annotations

import base64
import html
import json
import socket
import threading
from typing import Any, Callable, Dict, Iterator, Set
from urllib.parse import quote

import pytest

from es_bridge.bulk import Create, bulk_create
from es_bridge.config import Auth, ClusterConfig
from es_bridge.errors import BridgeError, PartialResult
from es_bridge.query import SearchRequest
from es_bridge.redaction import INSTEAD, without_secrets
from es_bridge.search import open_search
from es_bridge.transport import MAX_ERROR_BYTES, Transport
from lab.front.server import LocalServer, Received, Reply

pytestmark = pytest.mark.splunk_python

KINDS: Dict[str, Dict[str, Any]] = {
    "basic": {"auth": Auth("basic", username="kim", password='pä"ss\\wörd/<&+ 1')},
    "short": {"auth": Auth("basic", username="kim", password="x7Q")},
    "api key": {"auth": Auth("api_key", api_key="canary-id:canary/key?")},
    "api key in base64": {"auth": Auth("api_key", api_key=base64.b64encode(b"canary-id:canary-key").decode())},
    "bearer": {"auth": Auth("bearer", bearer_token="canary/bearer+token==")},
    "sigv4": {
        "auth": Auth(
            "sigv4",
            region="us-east-1",
            access_key_id="AKIDEXAMPLE",
            secret_access_key="canary/secret",
            session_token="canary/session+token==",
        )
    },
}


def secrets_in(auth: Auth) -> Set[str]:
    found = {auth.password, auth.bearer_token, auth.secret_access_key, auth.session_token, auth.api_key}
    if auth.password:
        found.add(base64.b64encode(f"{auth.username}:{auth.password}".encode()).decode())
    if auth.api_key and ":" in auth.api_key:
        found.add(base64.b64encode(auth.api_key.encode()).decode())
    elif auth.api_key:
        found.add(base64.b64decode(auth.api_key).decode())
    return found - {""}


def notations(secret: str) -> Set[str]:
    """Return a secret as JSON, URLs and HTML write it."""
    escaped = json.dumps(secret)[1:-1]
    return {secret, escaped, escaped.replace("/", "\\/"), quote(secret), quote(secret, safe=""), html.escape(secret)}


def error(said: str) -> bytes:
    return json.dumps({"error": {"type": "some_exception", "reason": said}}).encode()


#: What was quoted -> the answer that quotes it.
ANSWERS: Dict[str, Callable[[str], Reply]] = {
    "reason of an error": lambda said: Reply(400, error(said)),
    "reason of a refusal": lambda said: Reply(401, error(said)),
    "type of an error": lambda said: Reply(403, json.dumps({"error": {"type": said, "reason": "no"}}).encode()),
    "error in an error": lambda said: Reply(500, error(error(said).decode())),
    "cause of an error": lambda said: Reply(
        409, json.dumps({"error": {"reason": "no", "caused_by": {"reason": said}}}).encode()
    ),
    "page of a proxy": lambda said: Reply(502, f"<pre>{html.escape(said)}</pre>".encode()),
    "page with status 200": lambda said: Reply(200, f"<pre>{html.escape(said)}</pre>".encode()),
    "page that is cut in the middle of it": lambda said: Reply(500, b"x" * 250 + said.encode()),
    "redirection": lambda said: Reply(302, b"", (("Location", "https://login.example/?for=" + quote(said)),)),
    "version": lambda said: Reply(200, json.dumps({"version": {"number": said, "build_flavor": "x"}}).encode()),
    "length": lambda said: Reply(200, b"", (("Content-Length", said.encode("ascii", "ignore").decode()),)),
}


class Quoting(LocalServer):
    """Quotes what it was sent, and what that means, in every answer."""

    def __init__(self, answer: Callable[[str], Reply], auth: Auth) -> None:
        self._answer = answer
        self._auth = auth
        super().__init__()

    def answer(self, received: Received) -> Reply:
        sent = [received.headers.get("authorization", ""), received.headers.get("x-amz-security-token", "")]
        return self._answer(" | ".join([*sorted(secrets_in(self._auth)), *sent]))


def everything(exc: BridgeError) -> str:
    """Return what is shown of an error, and what is carried along."""
    return "\n".join([str(exc), repr(exc), getattr(exc, "reason", ""), getattr(exc, "error_type", "")])


def assert_nothing_of(auth: Auth, text: str) -> None:
    for secret in secrets_in(auth):
        for notation in notations(secret):
            assert notation not in text, text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("answer", ANSWERS)
def test_a_secret_that_is_quoted_is_left_out(kind: str, answer: str) -> None:
    auth: Auth = KINDS[kind]["auth"]
    with Quoting(ANSWERS[answer], auth) as server:
        config = ClusterConfig((server.url,), name="prod", auth=auth, max_retries=0)
        with Transport(config) as transport, open_search(transport, SearchRequest(index="x")) as search:
            with pytest.raises(BridgeError) as caught:
                list(search)
    text = everything(caught.value) + "".join(search.warnings + search.notes) + search.engine
    assert_nothing_of(auth, text)
    # It is what was said, with something left out, and not nothing.
    if answer not in ("version", "length", "page that is cut in the middle of it"):
        assert INSTEAD in text


def test_the_words_of_a_proxy_that_is_no_http_server_hold_none() -> None:
    auth: Auth = KINDS["basic"]["auth"]
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                head = connection.recv(65536)
                (sent,) = [line for line in head.split(b"\r\n") if line.lower().startswith(b"authorization")]
                connection.sendall(sent + b"\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        config = ClusterConfig((f"http://127.0.0.1:{listening.getsockname()[1]}",), auth=auth, max_retries=0)
        with Transport(config) as transport, pytest.raises(BridgeError) as caught:
            transport.request("GET", ("",))
        thread.join()
    assert f"Authorization: Basic {INSTEAD}" in str(caught.value)
    assert_nothing_of(auth, everything(caught.value))


def test_the_proxys_password_is_left_out_of_its_refusal() -> None:
    password = "canary-proxy-password"

    def refuse(received: Received) -> Reply:
        return Reply(403, error(received.headers["proxy-authorization"] + password))

    class Proxy(LocalServer):
        def answer(self, received: Received) -> Reply:
            return refuse(received)

    with Proxy() as proxy:
        config = ClusterConfig(("http://search.example",), proxy=proxy.url, proxy_username="kim",
                               proxy_password=password, max_retries=0)  # fmt: skip
        with Transport(config) as transport, pytest.raises(BridgeError) as caught:
            transport.request("GET", ("",))
    text = everything(caught.value)
    assert INSTEAD in text
    assert password not in text
    assert base64.b64encode(f"kim:{password}".encode()).decode() not in text


class Engine(LocalServer):
    """As much of an OpenSearch as a search needs, whose shards fail with the request's own header as the reason."""

    def answer(self, received: Received) -> Reply:
        said = received.headers["authorization"]
        if received.target == "/":
            told: Any = {"version": {"number": "2.19.4", "distribution": "opensearch"}}
        elif "_field_caps" in received.target:
            told = {"indices": ["x"], "fields": {"@timestamp": {"date": {}}}}
        elif "point_in_time" in received.target:
            told = {"pit_id": "p", "_shards": {"total": 2}}
        elif "_bulk" in received.target:
            told = {"items": [{"create": {"status": 400, "error": {"type": "t", "reason": said}}}]}
        else:
            failure = {"index": "x", "reason": {"type": "t", "reason": said}}
            told = {
                "_shards": {"total": 2, "failed": 1, "failures": [failure]},
                "hits": {"total": {"value": 0}, "hits": []},
                "aggregations": {"oldest": {}, "newest": {}, "without_time": {"doc_count": 0}},
            }
        return Reply(200, json.dumps(told, separators=(",", ":")).encode())


@pytest.fixture
def failing_shards() -> Iterator[Transport]:
    with Engine() as server, Transport(ClusterConfig((server.url,), auth=KINDS["basic"]["auth"])) as transport:
        yield transport


def test_failures_of_shards_hold_none(failing_shards: Transport) -> None:
    with open_search(failing_shards, SearchRequest(index="x")) as search, pytest.raises(PartialResult) as caught:
        list(search)
    assert INSTEAD in str(caught.value)
    assert_nothing_of(KINDS["basic"]["auth"], str(caught.value))
    with open_search(failing_shards, SearchRequest(index="x", partial="allow")) as search:
        list(search)
    (warning,) = search.warnings
    assert INSTEAD in warning
    assert_nothing_of(KINDS["basic"]["auth"], warning)


def test_reasons_of_rejected_documents_hold_none(failing_shards: Transport) -> None:
    (outcome,) = bulk_create(failing_shards, [Create("x", "1", b"{}")])
    assert INSTEAD in outcome.reason
    assert_nothing_of(KINDS["basic"]["auth"], outcome.reason)


def test_what_is_no_secret_stays() -> None:
    assert without_secrets("index x7Qs of x7Q-logs at x7Q", ["x7Q", ""]) == f"index x7Qs of {INSTEAD}-logs at {INSTEAD}"
    assert without_secrets("nothing", []) == "nothing"
    assert without_secrets("a (b", ["(b"]) == f"a {INSTEAD}"


def test_an_error_of_many_megabytes_is_not_kept() -> None:
    class Talkative(LocalServer):
        def answer(self, received: Received) -> Reply:
            return Reply(500, error("y" * 3 * MAX_ERROR_BYTES))

    with Talkative() as server, Transport(ClusterConfig((server.url,), max_retries=0)) as transport:
        with pytest.raises(BridgeError) as caught:
            transport.request("GET", ("",))
        assert len(str(caught.value)) < 10_000
        assert transport.bytes_received == MAX_ERROR_BYTES
