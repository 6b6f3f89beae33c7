"""Cluster settings through splunkd, and the stand-in's splunkd itself."""

import json
import logging
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Dict

import pytest
from search_command.audit import audit_line, open_log
from search_command.settings import cluster_config, read_cluster
from search_command.splunkd import Splunkd, SplunkdError

from es_bridge.config import Auth, ClusterConfig
from es_bridge.errors import ConfigError
from lab.splunkd import SplunkdStandIn, User, add_cluster

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


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("config", [FULL, SIGV4, PLAIN], ids=lambda config: config.name)
def test_a_cluster_comes_back_as_it_was_configured(config: ClusterConfig, tls: bool) -> None:
    with SplunkdStandIn(tls=tls) as stand_in:
        for other in (FULL, SIGV4, PLAIN):
            add_cluster(stand_in.state, other, default=other is config)
        splunkd = Splunkd(stand_in.uri, stand_in.state.session(User("u")))
        for name in (config.name, ""):
            assert read_cluster(splunkd, name) == config
        splunkd.close()
        # One request for the cluster, one more when it has secrets.
        assert len(stand_in.requests) == (2 if config is PLAIN else 4)


def test_secret_of_another_cluster_is_not_taken() -> None:
    with SplunkdStandIn() as stand_in:
        add_cluster(stand_in.state, FULL)
        add_cluster(stand_in.state, ClusterConfig(("http://x",), name="full2", auth=Auth("basic", "u", "other")))
        splunkd = Splunkd(stand_in.uri, stand_in.state.session(User("u")))
        assert read_cluster(splunkd, "full2").auth.password == "other"
        assert read_cluster(splunkd, "full").auth.password == FULL.auth.password
        splunkd.close()


def test_disabled_cluster_is_not_there() -> None:
    with SplunkdStandIn() as stand_in:
        add_cluster(stand_in.state, PLAIN)
        stand_in.state.set_stanza("aws_siem_bridge_cluster", "plain", {"disabled": "1"})
        splunkd = Splunkd(stand_in.uri, stand_in.state.session(User("u")))
        with pytest.raises(ConfigError, match="No cluster is configured"):
            read_cluster(splunkd, "plain")
        splunkd.close()


@pytest.mark.parametrize(("key", "value"), [("max_retries", "many"), ("connect_timeout_s", "soon")])
def test_number_that_is_none(key: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"'c': {key} = {value} is not a number"):
        cluster_config("c", {"hosts": "http://x", key: value})


def test_wrong_session_key_is_refused_and_not_repeated() -> None:
    with SplunkdStandIn() as stand_in:
        splunkd = Splunkd(stand_in.uri, "not-a-key-17")
        with pytest.raises(SplunkdError) as refused:
            read_cluster(splunkd, "")
        splunkd.close()
    assert refused.value.status == 401
    assert "not-a-key-17" not in str(refused.value)


def test_splunkd_that_is_gone() -> None:
    stand_in = SplunkdStandIn()
    stand_in.start()
    stand_in.stop()
    with pytest.raises(SplunkdError, match="did not answer"):
        read_cluster(Splunkd(stand_in.uri, "key"), "")


class TestStandIn:
    """What the stand-in answers is what splunkd would."""

    def get(self, stand_in: SplunkdStandIn, path: str, user: User) -> Dict[str, Any]:
        request = urllib.request.Request(stand_in.uri + path)
        request.add_header("Authorization", f"Splunk {stand_in.state.session(user)}")
        return json.load(urllib.request.urlopen(request))

    def status(self, stand_in: SplunkdStandIn, path: str, user: User) -> int:
        try:
            self.get(stand_in, path, user)
        except urllib.error.HTTPError as exc:
            return exc.code
        return 200

    def test_conf_layers_and_default_stanza(self, tmp_path: Path) -> None:
        default, local = tmp_path / "default", tmp_path / "local"
        default.mkdir()
        local.mkdir()
        (default / "c.conf").write_text("# comment\n[default]\na = 1\n[x]\nb = one\\\ntwo\nc = d = e\n")
        (local / "c.conf").write_text("[x]\nc=local\n[y]\n")
        with SplunkdStandIn(default_dir=default, local_dir=local) as stand_in:
            reply = self.get(stand_in, "/servicesNS/nobody/aws_siem_bridge/configs/conf-c", User("u"))
            contents = {entry["name"]: entry["content"] for entry in reply["entry"]}
            assert contents["x"] == {"eai:acl": None, "a": "1", "b": "one\ntwo", "c": "local"}
            assert contents["y"] == {"eai:acl": None, "a": "1"}
            one = self.get(stand_in, "/servicesNS/nobody/aws_siem_bridge/configs/conf-c/y", User("u"))
            assert [entry["name"] for entry in one["entry"]] == ["y"]
            for missing in ("conf-c/z", "conf-d"):
                path = f"/servicesNS/nobody/aws_siem_bridge/configs/{missing}"
                assert self.status(stand_in, path, User("u")) == 404

    def test_context_and_capability(self) -> None:
        user = User("kim", ("power",), ("search",), "Asia/Seoul")
        with SplunkdStandIn() as stand_in:
            reply = self.get(stand_in, "/services/authentication/current-context?output_mode=json", user)
            assert reply["entry"][0]["content"]["roles"] == ["power"]
            assert reply["entry"][0]["content"]["tz"] == "Asia/Seoul"
            assert self.status(stand_in, "/servicesNS/nobody/aws_siem_bridge/storage/passwords", user) == 403

    def test_the_apps_own_conf_files_can_be_read(self) -> None:
        with SplunkdStandIn() as stand_in:
            reply = self.get(stand_in, "/servicesNS/nobody/aws_siem_bridge/configs/conf-commands", User("u"))
        (entry,) = reply["entry"]
        assert entry["name"] == "elasticsearch"
        assert entry["content"]["chunked"] == "true"
        assert entry["content"]["filename"] == "elastic_search.py"
        assert entry["content"]["python.required"] == "3.9, 3.13"


def test_audit_line_keeps_values_apart() -> None:
    line = audit_line({"a": 'x" b="y', "n": 5, "nothing": None, "lines": "1\n2"})
    assert line == 'a="x\\" b=\\"y" n=5 nothing=- lines="1\\n2"'


def test_log_rotates_and_says_nothing_on_stderr(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    folder = tmp_path / "var" / "log" / "splunk"
    folder.mkdir(parents=True)
    monkeypatch.setenv("SPLUNK_HOME", str(tmp_path))
    monkeypatch.setattr("search_command.audit.LOG_BYTES", 200)
    log = logging.getLogger("aws_siem_bridge")
    monkeypatch.setattr(log, "handlers", [])
    for number in range(200):
        open_log().info("line %s", number)
    (handler,) = log.handlers
    handler.close()
    names = sorted(path.name for path in folder.iterdir())
    assert names[0] == "aws_siem_bridge_search.log"
    assert len(names) == 6
    assert capfd.readouterr().err == ""
