"""HTTP to a cluster, against real local servers that do the wrong thing on demand."""

# ruff: noqa: SIM117 - the server and the client are one thing, what must fail is another
from __future__ import annotations

import base64
import gzip
import json
import ssl
import subprocess
import sys
import threading
import traceback
import warnings
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from es_bridge import transport as transport_module
from es_bridge.backoff import Backoff
from es_bridge.config import Auth, ClusterConfig
from es_bridge.errors import (
    Aborted,
    AuthenticationError,
    BridgeError,
    ConfigError,
    NotFound,
    Overloaded,
    PermissionDenied,
    QueryError,
    RejectedQuery,
    ReplyTooLarge,
    RequestTimeout,
    ResponseError,
    TlsError,
    UnreachableError,
)
from es_bridge.transport import Transport
from lab.front.faults import CloseWithoutAnswer, FaultyServer, HalfBody, Hang, HangInBody, Reset
from lab.front.forward_proxy import ForwardProxy
from lab.front.server import Reply

pytestmark = pytest.mark.splunk_python

REFUSED_PORT = "http://127.0.0.1:1"
SECRET = "s3cret-Zx81"


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(transport_module, "BACKOFF", Backoff(0.001, 0.001))


def talk(*servers, **settings) -> Transport:
    return Transport(ClusterConfig(tuple(s if isinstance(s, str) else s.url for s in servers), **settings))


def error_reply(status: int, kind: str = "some_exception", reason: str = "because") -> Reply:
    return Reply(status, json.dumps({"error": {"type": kind, "reason": reason}, "status": status}).encode())


# --- what is sent ----------------------------------------------------------------------------------------------------


def test_a_users_text_stays_one_segment_of_the_path_and_one_parameter():
    with FaultyServer() as server, talk(server) as transport:
        transport.request("GET", ("a/../b?c=d*,e:f%2F", "_search"), {"q": "x&size=9 =#", "flag": True, "none": None})
        assert server.received[0].target == (
            "/a%2F..%2Fb%3Fc%3Dd%2A%2Ce%3Af%252F/_search?q=x%26size%3D9%20%3D%23&flag=true"
        )


@pytest.mark.parametrize("name", [".", ".."])
def test_dots_alone_are_no_name(name):
    with FaultyServer() as server, talk(server) as transport:
        with pytest.raises(QueryError):
            transport.request("GET", (name, "_search"))
        assert server.received == []


def test_a_path_prefix_in_the_url_is_kept():
    with FaultyServer() as server, talk(server.url + "/es/") as transport:
        transport.request("GET", ("x",))
        assert server.received[0].target == "/es/x"


def test_every_request_says_who_asks_in_ascii():
    with FaultyServer() as server:
        with Transport(ClusterConfig((server.url,)), opaque_id="Jürgen\r\nX: y/search 1") as transport:
            transport.request("GET", ("x",))
        assert server.received[0].headers["x-opaque-id"] == "J%C3%BCrgen%0D%0AX:%20y/search%201".replace("%20", " ")
        assert "x" not in server.received[0].headers


def test_credentials_go_with_every_request():
    auth = Auth("basic", username="jo", password="pw")
    with FaultyServer([Reply(503)]) as server, talk(server, auth=auth) as transport:
        transport.request("GET", ("x",))
        transport.request("POST", ("y",), body={})
        assert [received.headers["authorization"] for received in server.received] == ["Basic am86cHc="] * 3


def test_gzip_both_ways():
    packed = Reply(200, gzip.compress(b'{"a": 1}'), (("Content-Encoding", "gzip"),))
    with FaultyServer([packed, packed]) as server, talk(server, compress=True) as transport:
        large = {"text": "x" * 5000}
        assert transport.request("POST", ("x",), body=large).json() == {"a": 1}
        transport.request("POST", ("x",), body={"small": 1})
        first, second = server.received
        assert first.headers["accept-encoding"] == "gzip"
        assert first.headers["content-encoding"] == "gzip"
        assert json.loads(gzip.decompress(first.body)) == large
        assert "content-encoding" not in second.headers
        assert second.body == b'{"small":1}'


def test_no_gzip_on_loopback_unless_asked_for():
    with FaultyServer() as server, talk(server) as transport:
        transport.request("POST", ("x",), body={"text": "x" * 5000})
        assert "content-encoding" not in server.received[0].headers
        assert server.received[0].headers["accept-encoding"] == "identity"


def test_connections_are_used_again():
    with FaultyServer() as server, talk(server) as transport:
        ports = set()
        server.answer = lambda received: Reply(200, b"{}")
        original = server.process_request
        server.process_request = lambda request, address: (ports.add(address), original(request, address))
        for _ in range(5):
            transport.request("GET", ("x",))
        assert len(ports) == 1
        assert transport.requests_sent == 5
        assert transport.bytes_received == 10


# --- retries and failover --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 502, 503, 504])
@pytest.mark.parametrize("times", [1, 4])
def test_an_overloaded_cluster_is_asked_again(status, times):
    with FaultyServer([error_reply(status)] * times) as server, talk(server) as transport:
        assert transport.request("POST", ("x",), body={}).status == 200
        assert len(server.received) == times + 1


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_an_overloaded_cluster_is_given_up_with_its_reason(status):
    with FaultyServer([error_reply(status, "es_rejected", "queue is full")] * 9) as server:
        with talk(server) as transport, pytest.raises(Overloaded, match="es_rejected: queue is full.*5 attempts") as e:
            transport.request("POST", ("x",), body={})
        assert len(server.received) == 5
        assert (e.value.status, e.value.error_type, e.value.retryable) == (status, "es_rejected", True)


@pytest.mark.parametrize("fault", [Reset, CloseWithoutAnswer, HalfBody])
def test_a_lost_connection_is_tried_again(fault):
    with FaultyServer([fault()]) as server, talk(server) as transport:
        assert transport.request("POST", ("x",), body={}).status == 200
        assert len(server.received) == 2


@pytest.mark.parametrize("fault", [Reset, CloseWithoutAnswer, HalfBody])
def test_what_loses_its_connection_twice_is_not_taken_to_further_nodes(fault):
    servers = [FaultyServer([fault()] * 9) for _ in range(4)]
    with servers[0], servers[1], servers[2], servers[3], talk(*servers) as transport:
        with pytest.raises(UnreachableError, match="ended 2 times without an answer, so the request is not sent again"):
            transport.request("POST", ("x", "_search"), body={})
        assert sorted(len(server.received) for server in servers) == [0, 0, 1, 1]


class AllAtOnce(FaultyServer):
    """Has three requests, and knows what becomes of each, before it answers, or loses, the first of them.

    Otherwise a repeat of the first may take the loss that was meant for the third.
    """

    def __init__(self, losses: int) -> None:
        self._taken = 0
        self._has_three = threading.Condition()
        super().__init__([CloseWithoutAnswer()] * losses)

    def next_fault(self):
        fault = super().next_fault()
        with self._has_three:
            self._taken += 1
            self._has_three.notify_all()
            self._has_three.wait_for(lambda: self._taken >= 3, 60)
        return fault


@pytest.mark.parametrize(
    ("losses", "answers", "sent"),
    [(3, [200] * 3, 6), (4, ["is not sent again"] * 3, 4)],
    ids=["a node that was restarted", "a query that ends nodes"],
)
def test_of_requests_lost_side_by_side_one_finds_out_whether_the_others_may_be_repeated(losses, answers, sent):
    """A search asks for its first page, its count and its fields at once, and all of them hold the query."""

    def ask(transport):
        try:
            return transport.request("POST", ("x", "_search"), body={}).status
        except UnreachableError as exc:
            return "is not sent again" if "is not sent again" in str(exc) else str(exc)

    with AllAtOnce(losses) as server, talk(server) as transport:
        with ThreadPoolExecutor(3) as pool:
            assert list(pool.map(ask, [transport] * 3)) == answers
        assert len(server.received) == sent
        server.faults.append(CloseWithoutAnswer())
        assert ask(transport) == 200  # what was lost before is no matter of later requests


@pytest.mark.parametrize("fault", [Reset(), CloseWithoutAnswer(), HalfBody(), Reply(503), Reply(429)])
def test_what_may_have_reached_the_engine_is_not_repeated_when_that_would_lose_something(fault):
    with FaultyServer([fault]) as server, talk(server) as transport:
        with pytest.raises(BridgeError):
            transport.request("POST", ("_search", "scroll"), body={}, idempotent=False)
        assert len(server.received) == 1


def test_a_connection_that_was_refused_sent_nothing_so_anything_may_be_repeated():
    with FaultyServer() as server, talk(REFUSED_PORT, server) as transport:
        for _ in range(4):
            transport.request("POST", ("_search", "scroll"), body={}, idempotent=False)
        assert len(server.received) == 4


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 500, 501])
def test_other_errors_are_not_repeated(status):
    with FaultyServer([error_reply(status)]) as server, talk(server) as transport:
        with pytest.raises(ResponseError) as caught:
            transport.request("GET", ("x",))
        assert len(server.received) == 1
        assert caught.value.status == status
        assert not caught.value.retryable


def test_failover_leaves_a_host_alone_that_does_not_answer():
    with FaultyServer([Reset()] * 9) as broken, FaultyServer() as sound, talk(broken, sound) as transport:
        for _ in range(6):
            assert transport.request("GET", ("x",)).host == sound.url
        assert len(broken.received) == 1
        assert len(sound.received) == 6


def test_requests_go_to_all_hosts_in_turn():
    with FaultyServer() as one, FaultyServer() as two, talk(one, two) as transport:
        for _ in range(6):
            transport.request("GET", ("x",))
        assert (len(one.received), len(two.received)) == (3, 3)


def test_a_host_that_rests_is_asked_when_there_is_no_other():
    with FaultyServer([Reset()]) as server, talk(server) as transport:
        transport.request("GET", ("x",))
        transport.request("GET", ("x",))
        assert len(server.received) == 3


def test_no_host_at_all():
    with talk(REFUSED_PORT, "http://127.0.0.1:2") as transport:
        with pytest.raises(UnreachableError, match="cluster 'default' at http://127.0.0.1:[12] cannot be reached") as e:
            transport.request("GET", ("x",))
    assert "0x" not in str(e.value)
    assert e.value.retryable


class RecordingEvent(threading.Event):
    """Notes how long a retry would have waited."""

    def __init__(self):
        super().__init__()
        self.waits = []

    def wait(self, timeout=None):
        self.waits.append(timeout)
        return self.is_set()


@pytest.mark.parametrize(
    ("header", "expected"), [("7", 7.0), ("0", None), ("3600", 15.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None)]
)
def test_retry_after_in_seconds_is_followed_within_reason(monkeypatch, header, expected):
    monkeypatch.setattr(transport_module, "BACKOFF", Backoff(0.001, 15.0))
    busy = Reply(429, b"{}", (("Retry-After", header),))
    with FaultyServer([busy]) as server, talk(server) as transport:
        transport._sockets.stopped = RecordingEvent()
        transport.request("GET", ("x",))
        (waited,) = transport._sockets.stopped.waits
    if expected is None:
        assert waited < 0.01
    else:
        assert waited == expected


def test_waits_grow_and_are_drawn_from_half_to_all(monkeypatch):
    monkeypatch.setattr(transport_module, "BACKOFF", Backoff(0.25, 1.5))
    with FaultyServer([Reply(503)] * 4) as server, talk(server) as transport:
        transport._sockets.stopped = RecordingEvent()
        transport.request("GET", ("x",))
        waits = transport._sockets.stopped.waits
    assert len(waits) == 4
    for waited, ceiling in zip(waits, [0.25, 0.5, 1.0, 1.5]):
        assert ceiling / 2 <= waited <= ceiling


# --- time limits and abort -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [Hang, HangInBody])
def test_silence_ends_with_a_time_limit_and_is_not_repeated(fault):
    with FaultyServer([fault()]) as server, talk(server) as transport:
        with pytest.raises(RequestTimeout, match=r"did not answer within 0.2 s") as caught:
            transport.request("POST", ("x",), body={}, timeout_s=0.2)
        assert server.hanging.wait(60)  # a busy machine reads it after its client has gone
        assert len(server.received) == 1
        assert caught.value.retryable


def test_silence_is_repeated_where_the_caller_says_so():
    with FaultyServer([Hang()]) as server, talk(server, request_timeout_s=1.0) as transport:
        assert transport.request("POST", ("_bulk",), body=b"", retry_timeouts=True).status == 200
        assert len(server.received) > 1  # on a busy machine an answer may take longer than a second, too


def abort_during(transport: Transport, server: FaultyServer):
    """Return the error of a request that was aborted from another thread while the server kept it waiting."""
    errors = []

    def work():
        try:
            transport.request("POST", ("x", "_search"), body={})
        except BaseException as exc:
            errors.append(exc)

    worker = threading.Thread(target=work)
    worker.start()
    assert server.hanging.wait(30)
    transport.abort()
    worker.join(30)
    assert not worker.is_alive()
    return errors[0]


@pytest.mark.parametrize("fault", [Hang, HangInBody])
def test_abort_ends_a_request_in_another_thread_and_the_transport_goes_on(fault):
    with FaultyServer([fault()]) as server, talk(server) as transport:
        assert isinstance(abort_during(transport, server), Aborted)
        assert len(server.received) == 1
        assert transport.request("DELETE", ("_pit",)).status == 200


def test_abort_ends_the_wait_before_a_retry(monkeypatch):
    monkeypatch.setattr(transport_module, "BACKOFF", Backoff(300.0, 300.0))
    waiting = threading.Event()

    class Waiting(threading.Event):
        def wait(self, timeout=None):
            waiting.set()
            return super().wait(timeout)

    errors = []
    with FaultyServer([Reply(503)]) as server, talk(server) as transport:
        transport._sockets.stopped = Waiting()

        def work():
            try:
                transport.request("GET", ("x",))
            except BridgeError as exc:
                errors.append(exc)

        worker = threading.Thread(target=work)
        worker.start()
        assert waiting.wait(30)
        transport.abort()
        worker.join(30)
        assert [type(error) for error in errors] == [Aborted]
        assert len(server.received) == 1


def test_abort_leaves_idle_connections_usable():
    with FaultyServer() as server, talk(server) as transport:
        transport.request("GET", ("x",))
        transport.abort()
        assert transport.request("GET", ("x",)).status == 200


# --- what errors say -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "says"),
    [
        (400, RejectedQuery, "refused the request (400 some_exception: because)"),
        (401, AuthenticationError, "does not accept the credentials (none)"),
        (403, PermissionDenied, "refuses this account a permission (403 some_exception: because)"),
        (404, NotFound, "not found (404 some_exception: because)"),
        (500, ResponseError, "answered HTTP 500 some_exception: because"),
    ],
)
def test_error_statuses_have_their_types_and_the_engines_words(status, kind, says):
    with FaultyServer([error_reply(status)]) as server, talk(server) as transport, pytest.raises(kind) as caught:
        transport.request("GET", ("x",))
    assert says in str(caught.value)
    assert "cluster 'default'" in str(caught.value)
    assert (caught.value.error_type, caught.value.reason) == ("some_exception", "because")


def test_the_root_cause_is_told_with_what_caused_it():
    error = {
        "type": "search_phase_execution_exception",
        "reason": "all shards failed",
        "failed_shards": [
            {"reason": {"type": "query_shard_exception", "reason": "outer", "caused_by": {"reason": "inner {}"}}}
        ],
    }
    reply = Reply(400, json.dumps({"error": error}).encode())
    with FaultyServer([reply]) as server, talk(server) as transport:
        with pytest.raises(RejectedQuery, match=r"query_shard_exception: outer \(inner \{\}\)"):
            transport.request("GET", ("x",))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"Unauthorized", "401 Unauthorized"),
        (b"", "401 no explanation"),
        (b'{"error": "a string"}', "401 a string"),
        (b'["unexpected"]', 'unexpected"'),
        (b"<html>\n  <h1>Nein</h1>", "<html> <h1>Nein</h1>"),
    ],
)
def test_an_error_body_of_any_form_is_told(body, says):
    with FaultyServer([Reply(401, body)]) as server, talk(server) as transport:
        with pytest.raises(AuthenticationError) as caught:
            transport.request("GET", ("x",))
    assert says in str(caught.value)


def test_an_accepted_status_is_an_answer():
    with FaultyServer([error_reply(404)]) as server, talk(server) as transport:
        assert transport.request("DELETE", ("_pit",), accept_status=(404,)).status == 404


def test_a_redirection_is_not_followed_and_says_where_to():
    reply = Reply(302, b"", (("Location", "https://login.example/"),))
    with FaultyServer([reply]) as server, talk(server) as transport:
        with pytest.raises(ResponseError, match="redirection to https://login.example/"):
            transport.request("GET", ("x",))
        assert len(server.received) == 1


def test_a_page_instead_of_json():
    with FaultyServer([Reply(200, b"<html>hello</html>")]) as server, talk(server) as transport:
        with pytest.raises(ResponseError, match="not JSON.*hello.*proxy"):
            transport.request("GET", ("x",)).json()


def test_a_reply_announced_as_too_large_is_not_read():
    with FaultyServer([Reply(200, b"x" * 100_000)]) as server, talk(server) as transport:
        with pytest.raises(ReplyTooLarge, match="announced 100,000 bytes"):
            transport.request("GET", ("x",), max_body_bytes=99_999)
        assert transport.bytes_received == 0
        assert transport.request("GET", ("x",), max_body_bytes=99_999).status == 200


@pytest.mark.parametrize("how", ["gzip", "chunked", "chunked and gzip"])
def test_a_reply_that_does_not_say_how_large_it_is_ends_at_the_limit(how):
    body = b"x" * 1_000_000
    sent = gzip.compress(body) if "gzip" in how else body
    encoding = (("Content-Encoding", "gzip"),) if "gzip" in how else ()

    def serve(handler, received):
        if "chunked" in how:
            handler.send_response_only(200)
            for name, value in (*encoding, ("Transfer-Encoding", "chunked")):
                handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(sent), sent))
        else:
            handler.send(Reply(200, sent, encoding))

    with FaultyServer() as server, talk(server, compress=True) as transport:
        server.serve = serve
        with pytest.raises(ReplyTooLarge, match="longer than 999,999 bytes"):
            transport.request("GET", ("x",), max_body_bytes=999_999)
        assert transport.request("GET", ("x",), max_body_bytes=1_000_000).body == body


def test_a_reply_that_is_no_http():
    with FaultyServer([Reply(200, b"{}")]) as server, talk(server) as transport:
        server.serve = lambda handler, received: (
            handler.wfile.write(b"SSH-2.0-x\r\n"),
            setattr(handler, "close_connection", True),
        )
        with pytest.raises(UnreachableError):
            transport.request("GET", ("x",))


# --- TLS -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority, tmp_path_factory):
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def server_context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def tls_server(authority: trustme.CA, name: str = "localhost", **issue) -> FaultyServer:
    return FaultyServer(tls=server_context(authority.issue_cert(name, **issue)))


def test_tls_with_the_clusters_own_authority(authority, ca_file):
    with tls_server(authority) as server, talk(server, ca_file=ca_file) as transport:
        assert transport.request("GET", ("x",)).status == 200


def test_certificates_are_verified_unless_a_user_says_otherwise(authority):
    with tls_server(authority) as server:
        with talk(server) as transport, pytest.raises(TlsError, match="system's certificate store.*CA file") as caught:
            transport.request("GET", ("x",))
        assert not caught.value.retryable
        assert server.received == []
        with talk(server, verify_tls=False) as transport, warnings.catch_warnings(record=True) as warned:
            assert transport.request("GET", ("x",)).status == 200
        assert warned == []  # nothing on the standard error of a command


def test_another_authority(authority, tmp_path):
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    with tls_server(authority) as server, talk(server, ca_file=str(other)) as transport:
        with pytest.raises(TlsError, match="not signed by an authority in the CA file .*other.pem"):
            transport.request("GET", ("x",))


def test_a_certificate_for_another_name(authority, ca_file):
    with tls_server(authority, "search.example") as server, talk(server, ca_file=ca_file) as transport:
        with pytest.raises(TlsError, match="another name than localhost"):
            transport.request("GET", ("x",))


def test_a_certificate_that_has_expired(authority, ca_file):
    past = datetime.now(timezone.utc) - timedelta(days=1)
    with tls_server(authority, not_after=past) as server, talk(server, ca_file=ca_file) as transport:
        with pytest.raises(TlsError, match="has expired"):
            transport.request("GET", ("x",))


def test_a_client_certificate(authority, ca_file, tmp_path):
    context = server_context(authority.issue_cert("localhost"))
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    mine = authority.issue_cert("analyst@example.org")
    chain, key = tmp_path / "client.pem", tmp_path / "client.key"
    mine.cert_chain_pems[0].write_to_path(str(chain))
    mine.private_key_pem.write_to_path(str(key))
    with FaultyServer(tls=context) as server:
        settings = {"ca_file": ca_file, "client_cert_file": str(chain), "client_key_file": str(key)}
        with talk(server, **settings) as transport:
            assert transport.request("GET", ("x",)).status == 200
        with talk(server, ca_file=ca_file, max_retries=0) as transport, pytest.raises(UnreachableError):
            transport.request("GET", ("x",))
        assert len(server.received) == 1


@pytest.mark.parametrize("what", ["missing", "garbage"])
def test_unusable_files_are_named(what, tmp_path):
    path = tmp_path / f"{what}.pem"
    if what == "garbage":
        path.write_text("no certificate")
    with pytest.raises(ConfigError, match=f"CA file .*{what}.pem cannot be used"):
        talk("https://localhost:1", ca_file=str(path))
    with pytest.raises(ConfigError, match=f"client certificate .*{what}.pem cannot be used"):
        talk("https://localhost:1", client_cert_file=str(path))


def test_a_key_with_a_passphrase_is_refused_without_asking_for_it(authority, tmp_path):
    """OpenSSL would ask on the terminal, or on standard input, where splunkd talks to the command."""
    mine = authority.issue_cert("splunk")
    key = serialization.load_pem_private_key(mine.private_key_pem.bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(SECRET.encode()),
    )
    path = tmp_path / "client.pem"
    path.write_bytes(locked + mine.cert_chain_pems[0].bytes())
    program = (
        "import sys; from es_bridge.config import ClusterConfig; from es_bridge.transport import Transport\n"
        "Transport(ClusterConfig(('https://localhost:1',), client_cert_file=sys.argv[1]))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        input=SECRET + "\n",
        capture_output=True,
        text=True,
        start_new_session=True,  # no terminal
    )
    assert "without a passphrase" in ended.stderr
    assert "Enter PEM pass phrase" not in ended.stderr


def test_https_to_a_port_that_speaks_http():
    with FaultyServer() as server, talk(f"https://localhost:{server.port}") as transport:
        with pytest.raises(TlsError, match="does not speak TLS. Use http://"):
            transport.request("GET", ("x",))


def test_http_to_a_port_that_speaks_https(authority):
    with tls_server(authority) as server, talk(f"http://localhost:{server.port}") as transport:
        with pytest.raises(UnreachableError, match="If the port serves HTTPS, use https://"):
            transport.request("GET", ("x",))


def test_a_tls_connection_lost_in_the_middle_is_tried_again(authority, ca_file):
    with tls_server(authority) as server, talk(server, ca_file=ca_file) as transport:
        for number, fault in enumerate((Reset(), HalfBody(), CloseWithoutAnswer()), start=1):
            server.faults.append(fault)
            assert transport.request("GET", ("x",)).status == 200
            assert len(server.received) == 2 * number


def test_abort_over_tls(authority, ca_file):
    with tls_server(authority) as server, talk(server, ca_file=ca_file) as transport:
        server.faults.append(Hang())
        assert isinstance(abort_during(transport, server), Aborted)


def test_a_wrong_certificate_on_one_host_leaves_the_other(authority, ca_file):
    with tls_server(authority, "search.example") as wrong, tls_server(authority) as right:
        with talk(wrong, right, ca_file=ca_file) as transport:
            assert transport.request("GET", ("x",)).host == right.url


# --- forward proxy ---------------------------------------------------------------------------------------------------


def test_plain_requests_through_a_proxy():
    with ForwardProxy() as proxy, FaultyServer() as server, talk(server, proxy=proxy.url) as transport:
        said = transport.request("GET", ("a*", "_search"), {"q": "a b"}).json()
        assert said["target"] == "/a%2A/_search?q=a%20b"
        assert proxy.received[0].target == server.url + "/a%2A/_search?q=a%20b"
        assert said["headers"]["x-opaque-id"] == "aws-siem-bridge"


def test_tls_through_a_proxy(authority, ca_file):
    with ForwardProxy() as proxy, tls_server(authority) as server:
        with talk(server, proxy=proxy.url, ca_file=ca_file) as transport:
            assert transport.request("GET", ("x",)).status == 200
            assert transport.request("GET", ("y",)).status == 200
        assert proxy.tunnels == [f"localhost:{server.port}"]
        with talk(server, proxy=proxy.url) as transport, pytest.raises(TlsError, match="not signed by an authority"):
            transport.request("GET", ("x",))


@pytest.mark.parametrize("secure", [False, True])
def test_a_proxy_that_asks_who_you_are(secure, authority, ca_file):
    settings = {"ca_file": ca_file} if secure else {}
    with ForwardProxy("jo", SECRET) as proxy, tls_server(authority) if secure else FaultyServer() as server:
        known = {"proxy": proxy.url, "proxy_username": "jo", "proxy_password": SECRET, **settings}
        with talk(server, **known) as transport:
            assert transport.request("GET", ("x",)).status == 200
            assert SECRET not in repr(transport.config)
        assert "proxy-authorization" not in server.received[0].headers
        for wrong in ({"proxy_username": "jo", "proxy_password": "wrong"}, {}):
            with talk(server, proxy=proxy.url, **settings, **wrong) as transport:
                with pytest.raises(AuthenticationError, match=rf"the proxy {proxy.url}.*407") as caught:
                    transport.request("GET", ("x",))
                assert "wrong" not in str(caught.value)
        assert len(server.received) == 1


@pytest.mark.parametrize("url", ["http://localhost:1", "https://localhost:1"])
def test_a_proxy_that_is_not_there_is_named(url):
    with talk(url, proxy=REFUSED_PORT, max_retries=1) as transport:
        with pytest.raises(UnreachableError, match=r"through the proxy http://127.0.0.1:1: .*refused"):
            transport.request("GET", ("x",))


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("fault", [Hang, HangInBody])
def test_abort_behind_a_proxy(secure, fault, authority, ca_file):
    settings = {"ca_file": ca_file} if secure else {}
    with ForwardProxy() as proxy, tls_server(authority) if secure else FaultyServer() as server:
        server.faults.append(fault())
        with talk(server, proxy=proxy.url, **settings) as transport:
            assert isinstance(abort_during(transport, server), Aborted)
            assert len(server.received) == 1
            assert transport.request("DELETE", ("_pit",)).status == 200


# --- no secret anywhere ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "auth",
    [
        Auth("basic", username="jo", password=SECRET),
        Auth("api_key", api_key="id:" + SECRET),
        Auth("bearer", bearer_token=SECRET),
    ],
    ids=lambda auth: auth.kind,
)
def test_no_secret_in_any_message(auth, authority, ca_file, caplog):
    caplog.set_level("DEBUG")
    encoded = base64.b64encode(f"jo:{SECRET}".encode()).decode(), base64.b64encode(f"id:{SECRET}".encode()).decode()
    texts = []
    faults = [error_reply(400), error_reply(401), error_reply(403), error_reply(404), error_reply(500), Reply(302)]
    faults += [Reply(200, b"no json"), Reset(), Hang()]
    with FaultyServer(faults) as server, tls_server(authority) as secure:
        attempts = [{} for _ in faults]
        for url, settings in [*((server.url, s) for s in attempts), (secure.url, {}), (REFUSED_PORT, {})]:
            with talk(url, auth=auth, max_retries=0, request_timeout_s=0.2, **settings) as transport:
                texts += [repr(transport.config), repr(transport.config.auth), repr(transport)]
                try:
                    transport.request("GET", ("x",)).json()
                except BridgeError as exc:
                    texts += [
                        str(exc),
                        repr(exc),
                        "".join(traceback.format_exception(type(exc), exc, exc.__traceback__)),
                    ]
                else:
                    pytest.fail("every one of these requests fails")
    texts.append(caplog.text)
    for secret in (SECRET, *encoded):
        assert not [text for text in texts if secret in text]


@pytest.mark.parametrize("kind", ["api_key", "bearer_token", "session_token"])
@pytest.mark.parametrize("tail", ["\n", "\r\nX: y", " more", "é", "\0"])
def test_a_secret_that_no_header_can_hold_is_refused_without_showing_it(kind, tail):
    with pytest.raises(ConfigError, match=kind) as caught:
        Auth(**{kind: SECRET + tail})
    assert SECRET not in str(caught.value)
