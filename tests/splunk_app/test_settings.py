"""A search's settings: from the app's conf files through splunkd and the app's REST handler, in its own process."""

import http.client
import json
import logging
import urllib.parse
from pathlib import Path
from typing import Any, Dict, Iterator, Tuple
from urllib.parse import urlsplit

import pytest
from cluster_settings.client import read_settings
from cluster_settings.conf import ceilings, cluster_config, question_ceilings
from search_command.audit import open_log
from splunk_host.local_token import current
from splunk_host.splunkd import Splunkd, SplunkdError

from es_bridge.config import Auth, ClusterConfig
from es_bridge.errors import ConfigError
from es_bridge.limits import Ceilings
from lab.front.faults import FaultyServer
from lab.front.server import Reply
from lab.splunkd import SplunkdStandIn, User, add_cluster

pytestmark = pytest.mark.fast

FULL = ClusterConfig(
    hosts=("https://a:9200", "https://b:9200/prefix"),
    name="full",
    engine="opensearch",
    auth=Auth("basic", "user", "p" * 700 + '"%한국어'),
    verify_tls=False,
    ca_file="/ca.pem",
    client_cert_file="/c.pem",
    client_key_file="/k.pem",
    proxy="http://proxy:3128",
    proxy_username="pu",
    proxy_password="pp",
    connect_timeout_s=2.5,
    request_timeout_s=7.0,
    max_retries=0,
    compress=False,
    time_field="eventTime",
    default_index="aws-*",
    page_size_docs=100,
)
SIGV4 = ClusterConfig(
    ("https://x.aoss.amazonaws.com",),
    name="sigv4",
    engine="serverless",
    auth=Auth("sigv4", region="r", service="aoss", access_key_id="AK", secret_access_key="SK", session_token="T" * 900),
)
PLAIN = ClusterConfig(("http://localhost:9200",), name="plain")


@pytest.fixture
def splunkd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, splunk_python: str) -> Iterator[SplunkdStandIn]:
    monkeypatch.setenv("SPLUNK_HOME", str(tmp_path))
    with SplunkdStandIn(splunk_home=tmp_path, python=splunk_python) as stand_in:
        yield stand_in


@pytest.mark.splunk_python
@pytest.mark.parametrize("tls", [False, True])
def test_a_cluster_comes_back_as_it_was_configured(
    tls: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, splunk_python: str
) -> None:
    monkeypatch.setenv("SPLUNK_HOME", str(tmp_path))
    with SplunkdStandIn(splunk_home=tmp_path, python=splunk_python, tls=tls) as stand_in:
        for config in (FULL, SIGV4, PLAIN):
            add_cluster(stand_in.state, config, default=config is SIGV4, access={"user": ("aws-*", "x:y")})
        key = stand_in.state.session(User("kim", tz="Asia/Seoul"))
        for config in (FULL, SIGV4, PLAIN):
            settings = read_settings(stand_in.uri, key, config.name)
            assert settings.cluster == config
            assert settings.indices == ("aws-*", "x:y")
            assert (settings.user, settings.tz, settings.log_level) == ("kim", "Asia/Seoul", "INFO")
        stand_in.requests.clear()
        assert read_settings(stand_in.uri, key, "").cluster == SIGV4
        asked = [path for method, path in stand_in.requests if method == "POST"]
        assert asked == ["/services/aws_siem_bridge/search_settings"]  # all that the search itself sends


def test_ceilings_and_log_level(splunkd: SplunkdStandIn) -> None:
    given = {"max_rows": "1000", "max_run_time_s": "2.5", "max_concurrent_searches": "3", "max_mib": "0.5"}
    add_cluster(splunkd.state, PLAIN, ceilings=given)
    splunkd.state.set_stanza("aws_siem_bridge_settings", "logging", {"loglevel": "DEBUG"})
    settings = read_settings(splunkd.uri, splunkd.state.session(User("u")), "")
    found = settings.max_rows, settings.max_run_time_s, settings.max_concurrent_searches, settings.max_mib
    assert found == (1000, 2.5, 3, 0.5)
    assert settings.log_level == "DEBUG"
    add_cluster(splunkd.state, PLAIN, ceilings=dict.fromkeys(given, ""))
    settings = read_settings(splunkd.uri, splunkd.state.session(User("root", ("admin",))), "")
    found = settings.max_rows, settings.max_run_time_s, settings.max_concurrent_searches, settings.max_mib
    assert found == (None, None, None, None)
    assert settings.indices is None


def test_ceilings_of_a_question_come_from_the_cluster(splunkd: SplunkdStandIn) -> None:
    given = {
        "max_query_chars": "500",
        "max_query_clauses": "20",
        "max_query_wildcards": "0",
        "leading_wildcards": "0",
    }
    add_cluster(splunkd.state, PLAIN, ceilings=given)
    key = splunkd.state.session(User("u"))
    assert Ceilings(**read_settings(splunkd.uri, key, "").question) == Ceilings(None, None, None, 500, 20, 0, False)
    add_cluster(splunkd.state, PLAIN, ceilings=dict.fromkeys(given, ""))
    assert Ceilings(**read_settings(splunkd.uri, key, "").question) == Ceilings()


@pytest.mark.parametrize(
    "given",
    [
        {"max_query_chars": "0"},
        {"max_query_clauses": "100001"},
        {"max_query_wildcards": "-1"},
        {"max_query_wildcards": "many"},
        {"leading_wildcards": "perhaps"},
    ],
)
def test_ceilings_of_a_question_that_make_no_sense_are_refused(given: Dict[str, str]) -> None:
    (name,) = given
    with pytest.raises(ConfigError, match=f"'prod': {name} = "):
        question_ceilings("prod", given)


class TestOrdinaryUser:
    """With a valid session, from anywhere: over the wire, past the command."""

    def post(self, splunkd: SplunkdStandIn, session_key: str, **form: str) -> Tuple[int, Dict[str, Any]]:
        address = urlsplit(splunkd.uri)
        connection = http.client.HTTPConnection(address.hostname or "", address.port)
        headers = {"Authorization": f"Splunk {session_key}", "Content-Type": "application/x-www-form-urlencoded"}
        body = urllib.parse.urlencode({"output_mode": "json", **form})
        connection.request("POST", "/services/aws_siem_bridge/search_settings", body, headers)
        reply = connection.getresponse()
        said = json.loads(reply.read())
        connection.close()
        return reply.status, said

    @pytest.mark.splunk_python
    def test_he_cannot_fetch_the_secret_with_his_own_session_key(self, splunkd: SplunkdStandIn) -> None:
        add_cluster(splunkd.state, FULL)
        token = current()
        for user in (User("kim"), User("root", ("admin",))):
            key = splunkd.state.session(user)
            for form in (
                {},
                {"local_token": ""},
                {"local_token": "guess"},
                {"cluster": "full", "local_token": token[:-1]},
            ):
                status, said = self.post(splunkd, key, **form)
                assert status == 403
                assert set(said) == {"messages", "answered_by"}
                assert FULL.auth.password not in json.dumps(said, ensure_ascii=False)
        status, said = self.post(splunkd, splunkd.state.session(User("kim")), cluster="full", local_token=token)
        assert status == 200  # so it was the token alone that was missing
        assert said["cluster"]["password"] == FULL.auth.password

    def test_nor_without_a_session_even_with_the_token(self, splunkd: SplunkdStandIn) -> None:
        add_cluster(splunkd.state, FULL)
        assert self.post(splunkd, "no-session", local_token=current())[0] == 401

    def test_nor_read_it_where_it_is_stored(self, splunkd: SplunkdStandIn) -> None:
        add_cluster(splunkd.state, FULL)
        key = splunkd.state.session(User("kim"))
        with Splunkd(splunkd.uri, key) as own, pytest.raises(SplunkdError) as refused:
            own.entries("servicesNS", "nobody", "aws_siem_bridge", "storage", "passwords")
        assert refused.value.status == 403


def test_refusals_of_the_handler_are_what_the_user_reads(splunkd: SplunkdStandIn) -> None:
    add_cluster(splunkd.state, PLAIN, access={"soc": ("*",)})
    with pytest.raises(ConfigError, match="no access rule lets user 'kim' search the default cluster"):
        read_settings(splunkd.uri, splunkd.state.session(User("kim")), "")
    with pytest.raises(ConfigError, match="cluster 'x' is not configured. Clusters you may search: plain."):
        read_settings(splunkd.uri, splunkd.state.session(User("soc", ("soc",))), "x")


def test_token_that_changed_between_reading_and_asking(
    splunkd: SplunkdStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_cluster(splunkd.state, PLAIN)
    tokens = iter(["of the start before", current(), current()])
    monkeypatch.setattr("splunk_host.local_token.current", lambda: next(tokens))
    assert read_settings(splunkd.uri, splunkd.state.session(User("kim")), "").cluster == PLAIN


def test_endpoint_that_splunkd_does_not_know_yet(splunkd: SplunkdStandIn) -> None:
    not_found = Reply(404, b'{"messages":[{"type":"ERROR","text":"Not Found"}]}')
    with FaultyServer([not_found]) as server, pytest.raises(SplunkdError, match=r"\(404\).*Restart Splunk"):
        read_settings(server.url, "key", "")


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(401, b"{}"), r"session of this search any more \(401\)"),
        (
            Reply(403, b'{"messages":[{"text":"insufficient permission"}]}'),
            r"403.*\(insufficient permission\).*splunkd.log",
        ),
        (Reply(500, b"<html>"), r"500.*search_settings_handler in splunkd.log"),
        (Reply(500, b'{"messages":[{"text":"no secret"}],"answered_by":"x"}'), "^no secret$"),
        (Reply(200, b"<html>"), "not JSON"),
        (Reply(200, b"{}"), "not JSON"),
        (Reply(200, b"[]"), "not JSON"),
        (Reply(200, b'{"cluster": {}, "indices": null, "user": {}}'), "not JSON"),
    ],
)
def test_answers_that_are_none(splunkd: SplunkdStandIn, reply: Reply, says: str) -> None:
    with FaultyServer([reply]) as server, pytest.raises(SplunkdError, match=says):
        read_settings(server.url, "key", "")


@pytest.mark.parametrize(("key", "value"), [("max_retries", "many"), ("connect_timeout_s", "soon")])
def test_number_that_is_none(key: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"'c': {key} = {value} is not a (whole )?number"):
        cluster_config("c", {"hosts": "http://x", key: value})


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("max_rows", "many", "is not a whole number"),
        ("max_rows", "1.5", "is not a whole number"),
        ("max_rows", "0", "must be more than 0"),
        ("max_mib", "-1", "must be more than 0"),
        ("max_run_time_s", "nan", "must be more than 0"),
        ("max_run_time_s", "inf", "must be more than 0"),
    ],
)
def test_ceiling_that_is_none(key: str, value: str, says: str) -> None:
    with pytest.raises(ConfigError, match=f"cluster 'c': {key} = {value} {says}"):
        ceilings("c", {key: value})


def test_wrong_session_key_is_refused_and_not_repeated(splunkd: SplunkdStandIn) -> None:
    for key in ("not-a-key-17", "not-a-key-17\nX-Header: 1", "not-a-key-17-한국어"):
        with pytest.raises(SplunkdError) as refused:
            read_settings(splunkd.uri, key, "")
        assert "not-a-key-17" not in f"{refused.value!r} {refused.value.__cause__!r}"


def test_splunkd_that_is_gone(splunkd: SplunkdStandIn) -> None:
    splunkd.stop()
    with pytest.raises(SplunkdError, match="did not answer"):
        read_settings(splunkd.uri, "key", "")


def test_log_rotates_and_says_nothing_on_stderr(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    folder = tmp_path / "var" / "log" / "splunk"
    folder.mkdir(parents=True)
    monkeypatch.setenv("SPLUNK_HOME", str(tmp_path))
    monkeypatch.setattr("splunk_host.log.LOG_BYTES", 200)
    opened = logging.getLogger("aws_siem_bridge.search")
    monkeypatch.setattr(opened, "handlers", [])
    for number in range(200):
        open_log().info("line %s", number)
    (handler,) = opened.handlers
    handler.close()
    names = sorted(path.name for path in folder.iterdir())
    assert names[0] == "aws_siem_bridge_search.log"
    assert len(names) == 6
    assert capfd.readouterr().err == ""
