"""Every failure ends a job as FAILED, with a text that says what, where and what to do."""

import re
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Callable, Iterator

import pytest
import trustme

from es_bridge.config import Auth
from lab.engine import Engine
from lab.front.faults import FaultyServer
from lab.front.server import Reply
from lab.splunkd import User

from .conftest import Splunk, Store

pytestmark = pytest.mark.splunk_python

ADMIN = User("root", ("admin",))
AWKWARD = '{0} {x!r} %s "quoted" back\\slash\ttab 한국어 é 😀 $a$;'


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of this machine on which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("indx=a", ["unknown option 'indx'", "index", "time_field", "cluster"]),
        ("index=a stray", ["'stray'", "name=value", "Valid options"]),
        ("index=a index=b", ["index= is given twice"]),
        ("index=a start_time=0 earliest=0", ["start_time= and earliest= mean the same"]),
        ("index=a size=-1", ["size=-1", "0 for all"]),
        ("index=a size=1.5", ["size=1.5"]),
        ("index=a size=many", ["size=many"]),
        ("index=a output=json", ["output=json", "fields or raw"]),
        ("index=a partial=yes", ["partial=yes", "fail or allow"]),
        ("index=a start_time=yesterday", ["start_time", "yesterday"]),
        ("index=a start_time=-1M", ["-1M"]),
        ("index=a dsl=notjson", ["dsl=", "JSON"]),
        ('index=a dsl="{\\"script\\":{}}"', ["script"]),
        ('query="a"', ["no index given", "cluster 'prod'"]),
        ("index=a cluster=other", ["cluster 'other' is not configured", "prod"]),
    ],
)
def test_bad_option(splunk: Splunk, closed_port: int, arguments: str, expected: list) -> None:
    splunk.add_cluster("prod", f"http://127.0.0.1:{closed_port}")
    ended = splunk.run(f"| elasticsearch {arguments}")
    for text in expected:
        assert text in ended.error
    assert ended.rows == []
    assert ended.stderr == ""


@pytest.mark.parametrize("option", ["output", "nonsense", "start_time", "cluster"])
def test_awkward_text_survives(splunk: Splunk, option: str) -> None:
    splunk.add_cluster("prod", "http://127.0.0.1:9")
    quoted = AWKWARD.replace("\\", "\\\\").replace('"', '\\"')
    error = splunk.run(f'| elasticsearch index=x {option}="{quoted}"').error
    if option == "nonsense":
        assert "unknown option 'nonsense'" in error
    else:
        assert "한국어 é 😀" in error
        assert "{0} {x!r} %s" in error


def test_several_clusters_and_no_default(splunk: Splunk) -> None:
    splunk.add_cluster("one", "http://127.0.0.1:9")
    splunk.add_cluster("two", "http://127.0.0.1:9")
    error = splunk.run("| elasticsearch index=x").error
    assert "one, two" in error
    assert "cluster=" in error


def test_no_cluster_at_all(splunk: Splunk) -> None:
    assert "No cluster is configured" in splunk.run("| elasticsearch index=x").error


def test_contradicting_settings_name_the_cluster(splunk: Splunk) -> None:
    splunk.splunkd.state.set_stanza("aws_siem_bridge_cluster", "prod", {"hosts": "http://a:1", "auth": "kerberos"})
    error = splunk.run("| elasticsearch index=x", ADMIN).error
    assert "'prod'" in error
    assert "'kerberos'" in error
    assert "basic" in error


def test_engine_down(splunk: Splunk, closed_port: int) -> None:
    splunk.add_cluster("prod", f"http://127.0.0.1:{closed_port}", max_retries=0)
    error = splunk.run("| elasticsearch index=x").error
    assert f"http://127.0.0.1:{closed_port}" in error
    assert "cannot be reached" in error


def test_no_rule_for_the_user(splunk: Splunk) -> None:
    splunk.add_cluster("prod", "http://127.0.0.1:9", auth=Auth("basic", "u", "open-sesame-17"))
    ended = splunk.run("| elasticsearch index=x", User("guest", ("guest",)))
    assert "no access rule lets user 'guest' search the default cluster" in ended.error
    assert "Access page" in ended.error
    assert "open-sesame-17" not in ended.error + ended.audit + ended.stderr


def test_credentials_that_are_not_stored(splunk: Splunk) -> None:
    stanza = {"hosts": "http://127.0.0.1:9", "auth": "basic", "username": "u", "password": "******"}
    splunk.splunkd.state.set_stanza("aws_siem_bridge_cluster", "prod", stanza)
    error = splunk.run("| elasticsearch index=x", ADMIN).error
    assert "no secret is stored for password" in error


def test_token_that_others_could_read(splunk: Splunk) -> None:
    splunk.add_cluster("prod", "http://127.0.0.1:9")
    splunk.run("| elasticsearch index=x")
    (token,) = (splunk.home / "var" / "run" / "splunk" / "aws_siem_bridge").glob("local_token-*")
    token.chmod(0o644)
    error = splunk.run("| elasticsearch index=x").error
    assert "is open to other users (mode 0644)" in error
    assert "Remove it" in error
    assert token.read_text() not in error


def test_app_that_was_installed_without_a_restart(splunk: Splunk) -> None:
    splunk.add_cluster("prod", "http://127.0.0.1:9")
    not_found = Reply(404, b'{"messages":[{"type":"ERROR","text":"Not Found"}]}')
    with FaultyServer([not_found]) as server:
        splunk.splunkd.uri = server.url
        error = splunk.run("| elasticsearch index=x").error
    assert "/services/aws_siem_bridge/search_settings (404)" in error
    assert "Restart Splunk" in error


def test_wrong_password(as_user: Callable[..., Splunk]) -> None:
    splunk = as_user("reader", password="open-sesame-17")
    ended = splunk.run("| elasticsearch index=aws-*")
    assert "401" in ended.error
    assert "password" in ended.error
    assert "open-sesame-17" not in ended.error + ended.audit + ended.stderr


def test_missing_permission_is_named(as_user: Callable[..., Splunk], secured: Engine) -> None:
    index = Store(secured).fill([{"n": 1}])
    error = as_user("loader").run(f"| elasticsearch index={index}").error
    assert "403" in error
    assert "indices:data/read" in error


def test_unknown_authority(splunk: Splunk, secured: Engine) -> None:
    splunk.add_cluster("prod", secured.url)
    error = splunk.run("| elasticsearch index=x").error
    assert "CA" in error
    assert secured.url in error


@pytest.mark.parametrize(("certified", "accepted"), [("127.0.0.1", True), ("127.0.0.2", False), ("a.example", False)])
def test_certificate_must_be_for_the_host(splunk: Splunk, tmp_path: Path, certified: str, accepted: bool) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(certified).configure_cert(context)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _NotAnEngine)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    splunk.add_cluster("prod", f"https://127.0.0.1:{server.server_port}", ca_file=str(tmp_path / "ca.pem"))
    error = splunk.run("| elasticsearch index=x").error
    server.shutdown()
    server.server_close()
    assert ("certificate is for another name" in error) is not accepted
    assert bool(re.search(r"\b418\b", error)) is accepted  # a port may hold these digits


class _NotAnEngine(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(418)

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        pass

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            pass  # the client did not like the certificate


def test_unknown_index(prod: Splunk) -> None:
    error = prod.run("| elasticsearch index=no-such-index").error
    assert "no-such-index" in error
    assert "'prod'" in error


def test_query_the_engine_cannot_read(prod: Splunk, store: Store) -> None:
    index = store.fill([{"n": 1}])
    ended = prod.run(f'| elasticsearch index={index} query="name:(한국어 AND {{broken"')
    assert "cannot be read at character" in ended.error
    assert "한국어 AND {broken" in ended.error
    assert "한국어 AND {broken" in ended.audit


def test_rows_before_a_failure_are_kept(prod: Splunk, store: Store) -> None:
    index = store.fill({"n": n} for n in range(3000))
    with prod.start(f"| elasticsearch index={index} size=0") as command:
        command.getinfo()
        replies = [command.execute()]
        store.transport.request("DELETE", (index,))
        store.transport.request("DELETE", ("_search", "point_in_time", "_all"))
        try:
            while True:
                replies.append(command.execute())
        except (EOFError, BrokenPipeError):
            pass
        assert command.wait() == 1
    assert sum(len(list(reply.rows())) for reply in replies) > 0
    assert not any(reply.finished for reply in replies)
    assert [level for level, _ in replies[-1].messages] == ["ERROR"]


def test_credentials_over_plain_http_are_warned_of_once(splunk: Splunk) -> None:
    auth = Auth("basic", username="reader", password="open-sesame-17")
    splunk.add_cluster("prod", "http://search.invalid:9200", auth=auth, max_retries=0, connect_timeout_s=5.0)
    ended = splunk.run("| elasticsearch index=x", User("admin", ("admin",)))
    (warning,) = ended.texts("WARN")
    assert "unencrypted to http://search.invalid:9200" in warning and "open-sesame" not in warning
    assert "search.invalid" in ended.error
    splunk.splunkd.state.set_stanza("aws_siem_bridge_cluster", "prod", {"allow_plain_http": "1"})
    ended = splunk.run("| elasticsearch index=x", User("admin", ("admin",)))
    assert ended.texts("WARN") == [] and ended.texts("INFO") == [warning]
