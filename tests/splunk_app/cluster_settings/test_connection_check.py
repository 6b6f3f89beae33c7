"""What is wrong with a cluster's settings: the same words from the test on save and from a search.

Each case is a real server that misbehaves in one way, or a real engine with wrong settings for it.
"""

import datetime
import json
import socket
import ssl
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

import pytest
import trustme
from cluster_settings.connection_check import try_cluster

from es_bridge.config import Auth, ClusterConfig
from es_bridge.errors import BridgeError
from lab.engine import Engine
from lab.front.aws import AwsFront
from lab.front.faults import CloseWithoutAnswer, FaultyServer, Hang
from lab.front.forward_proxy import ForwardProxy
from lab.front.server import Handler, LocalServer, Received, Reply
from lab.front.sigv4 import Credentials
from lab.splunkd import User, add_cluster

from ..conftest import Splunk, Store

ROOT_OF_ES = {"version": {"number": "8.15.3", "build_flavor": "default", "lucene_version": "9.11.1"}}
ROOT_OF_OS = {"version": {"number": "2.19.4", "distribution": "opensearch", "lucene_version": "9.12.1"}}
#: What Elasticsearch 8 answers to an API key whose time is over; with another text when it knows no such key:
#: AuthenticatorChain and ApiKeyService.validateApiKeyExpiration of its source.
EXPIRED_API_KEY = {
    "error": {
        "root_cause": [
            {
                "type": "security_exception",
                "reason": "unable to authenticate with provided credentials and anonymous access is not allowed for "
                "this request",
                "additional_unsuccessful_credentials": "API key: api key is expired",
                "header": {"WWW-Authenticate": ['Basic realm="security"', "ApiKey"]},
            }
        ],
        "type": "security_exception",
        "reason": "unable to authenticate with provided credentials and anonymous access is not allowed for this "
        "request",
        "additional_unsuccessful_credentials": "API key: api key is expired",
    },
    "status": 401,
}
#: What an Amazon domain answers to a request without a signature; it has no x-amzn-ErrorType.
ANONYMOUS = {"Message": "User: anonymous is not authorized to perform: es:ESHttpGet"}
SECRETS = ("secret-17", "wJalrXUtnFEMI")
KEYS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")


@dataclass
class Trust:
    """Certificates: what the authority signed, and what it did not."""

    folder: Path

    def __post_init__(self) -> None:
        self.authority = trustme.CA()
        self.stranger = trustme.CA()
        self.ca_file = self._write("ca.pem", self.authority.cert_pem)
        self.other_ca_file = self._write("other.pem", self.stranger.cert_pem)

    def _write(self, name: str, blob: trustme.Blob) -> str:
        blob.write_to_path(str(self.folder / name))
        return str(self.folder / name)

    def server(self, *names: str, wants_client: bool = False, **issued: Any) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(*(names or ("localhost", "127.0.0.1")), **issued).configure_cert(context)
        if wants_client:
            context.verify_mode = ssl.CERT_REQUIRED
            self.authority.configure_trust(context)
        return context

    def client(self, authority: trustme.CA) -> str:
        return self._write("client.pem", authority.issue_cert("splunk").private_key_and_cert_chain_pem)


class Cases:
    """Broken clusters by name; each method returns the settings to try."""

    def __init__(self, trust: Trust, stack: ExitStack) -> None:
        self.trust = trust
        self.stack = stack

    def serve(self, *faults: Any, tls: Optional[ssl.SSLContext] = None) -> str:
        # An answer for every attempt of test and search.
        return self.stack.enter_context(FaultyServer(list(faults) * 40, tls=tls)).url

    def json(self, status: int, body: Any, *headers: Any) -> Reply:
        return Reply(status, json.dumps(body).encode(), (("Content-Type", "application/json"), *headers))

    def wrong_ca(self) -> ClusterConfig:
        return ClusterConfig((self.serve(tls=self.trust.server()),), ca_file=self.trust.other_ca_file)

    def no_ca(self) -> ClusterConfig:
        return ClusterConfig((self.serve(tls=self.trust.server()),))

    def self_signed(self) -> ClusterConfig:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.trust._write("own.pem", self.trust.authority.private_key_pem)
        own = self.trust.folder / "self.pem"
        own.write_bytes(self.trust.authority.private_key_pem.bytes() + self.trust.authority.cert_pem.bytes())
        context.load_cert_chain(str(own))
        return ClusterConfig((self.serve(tls=context),))

    def expired_certificate(self) -> ClusterConfig:
        tls = self.trust.server(not_after=datetime.datetime(2020, 1, 1))
        return ClusterConfig((self.serve(tls=tls),), ca_file=self.trust.ca_file)

    def certificate_for_another_name(self) -> ClusterConfig:
        return ClusterConfig((self.serve(tls=self.trust.server("search.example")),), ca_file=self.trust.ca_file)

    def client_certificate_wanted(self) -> ClusterConfig:
        return ClusterConfig((self.serve(tls=self.trust.server(wants_client=True)),), ca_file=self.trust.ca_file)

    def client_certificate_of_a_stranger(self) -> ClusterConfig:
        config = self.client_certificate_wanted()
        return replace(config, client_cert_file=self.trust.client(self.trust.stranger))

    def ca_file_missing(self) -> ClusterConfig:
        return ClusterConfig(("https://localhost:1",), ca_file=str(self.trust.folder / "missing.pem"))

    def ca_file_without_certificate(self) -> ClusterConfig:
        (self.trust.folder / "text.pem").write_text("no certificate")
        return ClusterConfig(("https://localhost:1",), ca_file=str(self.trust.folder / "text.pem"))

    def http_to_tls(self) -> ClusterConfig:
        return ClusterConfig((self.serve(tls=self.trust.server()).replace("https:", "http:"),))

    def tls_to_http(self) -> ClusterConfig:
        return ClusterConfig((self.serve().replace("http:", "https:"),))

    def refused(self) -> ClusterConfig:
        held = self.stack.enter_context(socket.socket())
        held.bind(("127.0.0.1", 0))
        return ClusterConfig((f"http://127.0.0.1:{held.getsockname()[1]}",))

    def unknown_name(self) -> ClusterConfig:
        return ClusterConfig(("https://no-such-host.invalid:9200",))

    def no_engine(self) -> ClusterConfig:
        return ClusterConfig((self.serve(Reply(200, b"<html>Dashboards</html>", (("Content-Type", "text/html"),))),))

    def other_json(self) -> ClusterConfig:
        return ClusterConfig((self.serve(self.json(200, {"name": "prometheus"})),))

    def redirection(self) -> ClusterConfig:
        return ClusterConfig((self.serve(Reply(302, b"", (("Location", "https://login.example/"),))),))

    def closed_without_answer(self) -> ClusterConfig:
        return ClusterConfig((self.serve(CloseWithoutAnswer()),))

    def proxy_down(self) -> ClusterConfig:
        return ClusterConfig((self.serve(),), proxy=self.refused().hosts[0])

    def proxy_wants_a_password(self) -> ClusterConfig:
        proxy = self.stack.enter_context(ForwardProxy("kim", "right"))
        return ClusterConfig((self.serve(),), proxy=proxy.url, proxy_username="kim", proxy_password="secret-17")

    def proxy_wants_a_password_for_tls(self) -> ClusterConfig:
        proxied = self.proxy_wants_a_password()
        return replace(proxied, hosts=(self.serve(tls=self.trust.server()),), ca_file=self.trust.ca_file)

    def expired_api_key(self) -> ClusterConfig:
        config = ClusterConfig((self.serve(self.json(401, EXPIRED_API_KEY)),))
        return replace(config, auth=Auth("api_key", api_key="id:secret-17"))

    def bearer_refused(self) -> ClusterConfig:
        config = ClusterConfig((self.serve(Reply(401, b"Unauthorized", ())),))
        return replace(config, auth=Auth("bearer", bearer_token="secret-17"))

    def credentials_wanted(self) -> ClusterConfig:
        return ClusterConfig((self.serve(Reply(401, b"Unauthorized", ())),))

    def signature_wanted(self) -> ClusterConfig:
        return ClusterConfig((self.serve(self.json(403, ANONYMOUS)),))

    def elasticsearch_where_opensearch_was_said(self) -> ClusterConfig:
        return ClusterConfig((self.serve(self.json(200, ROOT_OF_ES)),), engine="opensearch")

    def opensearch_where_elasticsearch_was_said(self) -> ClusterConfig:
        return ClusterConfig((self.serve(self.json(200, ROOT_OF_OS)),), engine="elasticsearch")

    def serverless_not_said(self) -> ClusterConfig:
        return ClusterConfig((self.serve(self.json(404, {"status": 404, "error": {"reason": "Not Found"}})),))


EXPECTED: Dict[str, List[str]] = {
    "wrong_ca": ["not signed by an authority in the CA file", "other.pem", "Give the cluster's CA certificate"],
    "no_ca": ["not signed by an authority in the system's certificate store", "as CA file"],
    "self_signed": ["self-signed", "Give that certificate itself as CA file"],
    "expired_certificate": ["certificate has expired", "renew"],
    "certificate_for_another_name": ["for another name than localhost", "as host"],
    "client_certificate_wanted": ["wants a client certificate", "client certificate file", "client key file"],
    "client_certificate_of_a_stranger": ["does not accept the client certificate file", "client.pem"],
    "ca_file_missing": ["the CA file", "missing.pem", "No such file"],
    "ca_file_without_certificate": ["the CA file", "text.pem", "PEM form"],
    "http_to_tls": ["http://", "use https:// instead of http://"],
    "tls_to_http": ["does not speak TLS", "Use http:// instead of https://"],
    "refused": ["refused", "Check host and port"],
    "unknown_name": ["No address is known for no-such-host.invalid", "DNS"],
    "no_engine": ["not JSON", "Is this the URL of a search cluster"],
    "other_json": ["not as Elasticsearch or OpenSearch", "Check host and port"],
    "redirection": ["redirection to https://login.example/", "Give the URL"],
    "closed_without_answer": ["cannot be reached", "use https:// instead"],
    "proxy_down": ["through the proxy http://127.0.0.1:", "Check the proxy's address"],
    "proxy_wants_a_password": ["the proxy http://localhost:", "user name and password", "(407)"],
    "proxy_wants_a_password_for_tls": ["the proxy http://localhost:", "user name and password", "(407)"],
    "expired_api_key": ["(api_key)", "api key is expired", "Check the API key"],
    "bearer_refused": ["(bearer)", "401", "Check the bearer token"],
    "credentials_wanted": ["401", "It wants some"],
    "signature_wanted": ["anonymous", "SigV4"],
    "elasticsearch_where_opensearch_was_said": ["is elasticsearch 8.15.3", "say opensearch", "elasticsearch or auto"],
    "opensearch_where_elasticsearch_was_said": ["is opensearch 2.19.4", "say elasticsearch", "opensearch or auto"],
    "serverless_not_said": ["404", "engine=serverless"],
}


@pytest.fixture
def cases(tmp_path: Path) -> Iterator[Cases]:
    with ExitStack() as stack:
        yield Cases(Trust(tmp_path), stack)


def tried(config: ClusterConfig) -> str:
    """Return what the test on save says."""
    with pytest.raises(BridgeError) as caught:
        try_cluster(replace(config, name="prod"))
    return str(caught.value)


def searched(splunk: Splunk, config: ClusterConfig, index: str = "aws-*") -> str:
    """Return what a search says; nothing it wrote holds a secret."""
    add_cluster(splunk.splunkd.state, replace(config, name="prod", max_retries=0))
    ended = splunk.run(f"| elasticsearch index={index}", User("root", ("admin",)))
    for secret in SECRETS:
        assert secret not in ended.error + ended.audit + ended.stderr
    return ended.error


@pytest.mark.splunk_python
@pytest.mark.parametrize("name", EXPECTED)
def test_what_is_wrong_is_said_on_save_and_by_a_search(name: str, cases: Cases, splunk: Splunk) -> None:
    config = getattr(cases, name)()
    for text in (tried(config), searched(splunk, config)):
        for part in EXPECTED[name]:
            assert part in text
        assert "'prod'" in text or config.hosts[0] in text
        for secret in SECRETS:
            assert secret not in text


def test_there_is_a_case_for_every_expectation() -> None:
    not_cases = {"serve", "json"}
    assert {name for name in vars(Cases) if not name.startswith("_")} - not_cases == set(EXPECTED)


def test_server_that_never_answers(cases: Cases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cluster_settings.connection_check.REQUEST_TIMEOUT_S", 0.2)
    text = tried(ClusterConfig((cases.serve(Hang()),)))
    assert "accepts connections but did not answer within 0.2 s" in text
    assert "Check under Hosts" in text


class Endless(LocalServer):
    """Begins an answer and goes on with it for as long as somebody listens."""

    def __init__(self, piece: bytes, pause_s: float, root: Optional[Reply] = None) -> None:
        self._piece, self._pause_s, self._root = piece, pause_s, root
        super().__init__()

    def serve(self, handler: Handler, received: Received) -> None:
        if self._root and received.target == "/":
            return handler.send(self._root)
        handler.close_connection = True
        handler.send_response_only(200)
        handler.end_headers()
        while True:
            handler.wfile.write(self._piece)
            time.sleep(self._pause_s)


def test_server_that_sends_a_byte_now_and_then(cases: Cases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cluster_settings.connection_check.HOST_LIMIT_S", 0.5)
    server = cases.stack.enter_context(Endless(b" ", 0.05))
    text = tried(ClusterConfig((server.url,)))
    assert "accepts connections but did not answer within 0.5 s" in text


def test_server_that_sends_without_end(cases: Cases) -> None:
    server = cases.stack.enter_context(Endless(b" " * 65536, 0))
    assert "not as Elasticsearch or OpenSearch" in tried(ClusterConfig((server.url,)))
    # One that does so only when it is searched.
    known = cases.stack.enter_context(Endless(b" " * 65536, 0, cases.json(200, ROOT_OF_OS)))
    assert "answers a search for nothing with megabytes" in tried(ClusterConfig((known.url,), default_index="x"))


@pytest.mark.parametrize("shards", [None, [], "x", {"total": "x"}, {"total": None}, {"total": [1]}, {"total": 0}])
def test_default_index_of_what_only_looks_like_a_cluster(cases: Cases, shards: Any) -> None:
    url = cases.serve(cases.json(200, ROOT_OF_OS), cases.json(200, {"_shards": shards}))
    assert "Default index 'x' matches no index" in tried(ClusterConfig((url,), default_index="x"))


def test_every_host_is_tried(cases: Cases) -> None:
    good, bad = cases.serve(cases.json(200, ROOT_OF_OS)), cases.refused().hosts[0]
    try_cluster(ClusterConfig((good, good)))
    text = tried(ClusterConfig((good, bad)))
    assert bad in text
    with_tls = cases.serve(cases.json(200, ROOT_OF_OS), tls=cases.trust.server())
    bad = bad.replace("http:", "https:")
    assert bad in tried(ClusterConfig((with_tls, bad), ca_file=cases.trust.ca_file))


class TestSecuredOpenSearch:
    """Users, roles and TLS of a real OpenSearch."""

    @pytest.fixture
    def config(self, secured: Engine) -> ClusterConfig:
        return Store(secured, "reader").config

    def test_right_settings(self, config: ClusterConfig, secured: Engine) -> None:
        index = Store(secured).fill([{"n": 1}])
        for engine in ("auto", "opensearch"):
            try_cluster(replace(config, default_index=index, engine=engine))
        try_cluster(replace(config, default_index="aws-cloudtrail-*"))
        try_cluster(Store(secured, "root").config)

    @pytest.mark.parametrize("password", ["secret-17", "secret-17 한국어"])
    def test_wrong_password(self, config: ClusterConfig, splunk: Splunk, password: str) -> None:
        wrong = replace(config, auth=replace(config.auth, password=password))
        for text in (tried(wrong), searched(splunk, wrong)):
            assert "401" in text
            assert "Check user name and password" in text

    def test_no_credentials(self, config: ClusterConfig, splunk: Splunk) -> None:
        without = replace(config, auth=Auth())
        for text in (tried(without), searched(splunk, without)):
            assert "It wants some" in text

    def test_wrong_ca_and_none(self, config: ClusterConfig, cases: Cases, splunk: Splunk) -> None:
        for ca_file in (None, cases.trust.other_ca_file):
            wrong = replace(config, ca_file=ca_file)
            for text in (tried(wrong), searched(splunk, wrong)):
                assert "as CA file" in text

    def test_http_to_its_tls_port(self, config: ClusterConfig, splunk: Splunk) -> None:
        plain = replace(config, hosts=(config.hosts[0].replace("https:", "http:"),), ca_file=None)
        for text in (tried(plain), searched(splunk, plain)):
            assert "use https:// instead of http://" in text

    def test_missing_permission(self, config: ClusterConfig, secured: Engine, splunk: Splunk) -> None:
        index = Store(secured).fill([{"n": 1}])
        loader = Store(secured, "loader").config
        for text in (tried(replace(loader, default_index=index)), searched(splunk, loader, index)):
            assert "403" in text
            assert "indices:data/read" in text

    def test_engine_mismatch(self, config: ClusterConfig, splunk: Splunk) -> None:
        wrong = replace(config, engine="elasticsearch")
        for text in (tried(wrong), searched(splunk, wrong)):
            assert "is opensearch 2.19" in text
            assert "Set the engine to opensearch or auto" in text

    @pytest.mark.parametrize("index", ["aws-no-such-index", "aws-no-such-*"])
    def test_default_index_that_matches_nothing(self, config: ClusterConfig, splunk: Splunk, index: str) -> None:
        text = tried(replace(config, default_index=index))
        assert f"Default index {index!r} matches no index" in text
        assert "Correct it, or leave it empty" in text
        assert index in searched(splunk, config, index)


def test_engine_mismatch_on_a_real_elasticsearch(engine_by_id: Callable[[str], Engine], splunk: Splunk) -> None:
    engine = engine_by_id("elasticsearch-8.15")
    for name in ("auto", "elasticsearch"):
        try_cluster(ClusterConfig((engine.url,), engine=name))
    wrong = ClusterConfig((engine.url,), engine="opensearch")
    for text in (tried(wrong), searched(splunk, wrong)):
        assert "is elasticsearch 8.15" in text
        assert "Set the engine to elasticsearch or auto" in text


class TestSigv4:
    """Signed requests before a real engine."""

    @pytest.fixture
    def front(self, engine: Engine) -> Iterator[AwsFront]:
        with AwsFront(engine.url, [KEYS]) as front:
            yield front

    def config(self, front: AwsFront, **auth: str) -> ClusterConfig:
        given = {
            "region": front.region,
            "service": front.service,
            "access_key_id": KEYS.access_key_id,
            "secret_access_key": KEYS.secret_access_key,
            **auth,
        }
        return ClusterConfig((front.url,), auth=Auth("sigv4", **given))

    def test_right_settings(self, front: AwsFront) -> None:
        try_cluster(self.config(front))

    @pytest.mark.parametrize(
        ("auth", "expected"),
        [
            ({"secret_access_key": "wJalrXUtnFEMI-wrong"}, ["InvalidSignature", "Check the secret key, the region"]),
            ({"access_key_id": "AKIDOTHER"}, ["UnrecognizedClient", "check access key and session token"]),
            ({"region": "eu-west-1"}, ["InvalidSignature", "the region"]),
            ({"service": "aoss"}, ["InvalidSignature", "the service (es or aoss)"]),
        ],
    )
    def test_wrong_settings(self, front: AwsFront, splunk: Splunk, auth: Dict[str, str], expected: List[str]) -> None:
        config = self.config(front, **auth)
        for text in (tried(config), searched(splunk, config)):
            for part in ["403", *expected]:
                assert part in text

    @pytest.mark.parametrize("ahead_s", [-600, 600])
    def test_clock(self, front: AwsFront, splunk: Splunk, ahead_s: int) -> None:
        front.clock_ahead_s = ahead_s
        config = self.config(front)
        for text in (tried(config), searched(splunk, config)):
            assert "More than 5 minutes lie between this machine's clock and AWS's" in text

    def test_expired_credentials(self, front: AwsFront, splunk: Splunk) -> None:
        front.credentials[KEYS.access_key_id] = replace(KEYS, expires_at=1.0)
        for text in (tried(self.config(front)), searched(splunk, self.config(front))):
            assert "ExpiredToken" in text
            assert "They have expired: renew them" in text

    def test_no_signature(self, front: AwsFront, splunk: Splunk) -> None:
        config = ClusterConfig((front.url,))
        for text in (tried(config), searched(splunk, config)):
            assert "set the authentication to SigV4" in text

    def test_serverless(self, engine: Engine, splunk: Splunk) -> None:
        with AwsFront(engine.url, [KEYS], service="aoss") as front:
            right = replace(self.config(front), engine="serverless")
            try_cluster(right)
            wrong = self.config(front, secret_access_key="wJalrXUtnFEMI-wrong")
            for text in (tried(wrong), searched(splunk, wrong)):
                assert "InvalidSignature" in text
            # An engine that was named wrongly: it has no GET /.
            named = replace(right, engine="opensearch")
            for text in (tried(named), searched(splunk, named)):
                assert "engine=serverless" in text


def test_account_that_may_search_nothing_that_the_test_knows_of(cases: Cases) -> None:
    denied = {"error": {"type": "security_exception", "reason": "no permissions for [indices:data/read/search]"}}
    config = ClusterConfig((cases.serve(cases.json(403, denied)),))
    text = tried(config)
    assert "indices:data/read/search" in text
    assert "name them as Default index" in text


def test_nothing_of_a_document_is_asked_for(cases: Cases) -> None:
    found = {"_shards": {"total": 1}, "hits": {"hits": []}}
    server = cases.stack.enter_context(FaultyServer([cases.json(200, ROOT_OF_OS), cases.json(200, found)]))
    try_cluster(ClusterConfig((server.url,), default_index="aws-*,waf"))
    first, second = server.received
    assert (first.method, first.target) == ("GET", "/")
    assert second.target == "/aws-%2A%2Cwaf/_search"
    assert json.loads(second.body)["size"] == 0
