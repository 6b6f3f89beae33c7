"""Who gets a cluster's settings, and its secrets, from the app's REST handler. In every doubt: nobody."""

import json
import logging
import os
import threading
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

import pytest
from cluster_settings import handler
from cluster_settings.conf import CLUSTERS
from splunk_host import local_token, log

from es_bridge.config import Auth, ClusterConfig
from lab.front.faults import FaultyServer, HalfBody, Reset
from lab.front.server import LocalServer, Received, Reply, forward
from lab.splunkd import SplunkdStandIn, User, add_cluster
from lab.splunkd.users import Role

PASSWORD = "pass-word-" + "7" * 600 + '-"%한국어'  # more than one piece in storage/passwords
ANALYST = User("kim", ("analyst",), tz="Asia/Seoul")
PROD = ClusterConfig(("https://prod:9200",), name="prod", auth=Auth("basic", "reader", PASSWORD))
OTHER = ClusterConfig(("https://other:9200",), name="other", auth=Auth("api_key", api_key="other-key-17"))


class Asked:
    """The handler's function, asked as splunkd would."""

    def __init__(self, splunkd: SplunkdStandIn) -> None:
        self.splunkd = splunkd
        self.keys: List[str] = [splunkd.state.users.system_key]

    def request(self, user: User = ANALYST, cluster: str = "", token: Optional[str] = None, **parts: Any) -> Any:
        key = self.splunkd.state.session(user)
        self.keys.append(key)
        token = local_token.current() if token is None else token
        return {
            "method": "POST",
            "form": [["cluster", cluster], ["local_token", token]],
            "query": [],
            "session": {"user": user.name, "authtoken": key},
            "system_authtoken": self.splunkd.state.users.system_key,
            "server": {"rest_uri": self.splunkd.uri, "hostname": "sh1"},
            "rest_path": "/aws_siem_bridge/search_settings",
            "output_mode": "json",
            **parts,
        }

    def __call__(self, *arguments: Any, **parts: Any) -> Tuple[int, Dict[str, Any]]:
        return self.send(json.dumps(self.request(*arguments, **parts)))

    def send(self, text: Any) -> Tuple[int, Dict[str, Any]]:
        self.splunkd.requests.clear()
        reply = handler.answer(text)
        assert reply["headers"]["Content-Type"] == "application/json"
        return reply["status"], json.loads(reply["payload"])

    def refused(self, *arguments: Any, **parts: Any) -> Tuple[int, str]:
        status, said = self(*arguments, **parts)
        assert set(said) == {"messages", "answered_by"}
        (message,) = said["messages"]
        assert message["type"] == "ERROR"
        self.no_secret(json.dumps(said))
        return status, message["text"]

    def reads(self) -> List[str]:
        """What splunkd was asked, by the last part of the path."""
        return [path.partition("?")[0].rpartition("/")[2] for _, path in self.splunkd.requests]

    def log(self) -> str:
        file = self.splunkd.splunk_home / "var" / "log" / "splunk" / handler.LOG_NAME
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        self.no_secret(text)
        return text

    def no_secret(self, text: str) -> None:
        for secret in (PASSWORD, PASSWORD[:30], "other-key-17", local_token.current(), *self.keys):
            assert secret not in text


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    monkeypatch.setenv("SPLUNK_HOME", str(tmp_path))
    settings_log = logging.getLogger("aws_siem_bridge.settings")
    monkeypatch.setattr(settings_log, "handlers", [])
    with SplunkdStandIn(splunk_home=tmp_path) as splunkd:
        add_cluster(splunkd.state, PROD, access={"analyst": ("aws-*", "waf-*")}, ceilings={"max_rows": "1000"})
        add_cluster(splunkd.state, OTHER, default=False, access={"hunter": ("dns-*",)})
        splunkd.state.users.add_role(Role("analyst", imported=("user",)))
        yield Asked(splunkd)
    for opened in settings_log.handlers:
        opened.close()


def test_a_user_with_a_rule_gets_cluster_and_patterns(ask: Asked) -> None:
    status, said = ask()
    assert status == 200
    assert said["cluster"]["name"] == "prod"
    assert said["cluster"]["password"] == PASSWORD
    assert said["cluster"]["max_rows"] == "1000"
    assert not any(key.startswith("eai:") for key in said["cluster"])
    assert said["user"] == {"name": "kim", "tz": "Asia/Seoul"}
    assert said["indices"] == ["aws-*", "waf-*"]
    assert said["log_level"] == "INFO"
    assert ask.log() == ""


def test_few_reads_and_the_secrets_last(ask: Asked) -> None:
    ask()
    assert ask.reads() == [
        "current-context",
        "conf-aws_siem_bridge_cluster",
        "conf-aws_siem_bridge_access",
        "roles",
        "conf-aws_siem_bridge_settings",
        "passwords",
    ]
    add_cluster(ask.splunkd.state, ClusterConfig(("http://plain:9200",), name="plain"), default=False)
    admin = User("root", ("admin",))
    assert ask(admin, "plain")[0] == 200
    assert "roles" not in ask.reads()
    assert "passwords" not in ask.reads()


def test_whoever_may_configure_needs_no_rule(ask: Asked) -> None:
    for cluster in ("", "prod", "other"):
        status, said = ask(User("root", ("admin",)), cluster)
        assert status == 200
        assert said["indices"] is None
        assert said["cluster"]["name"] == (cluster or "prod")


@pytest.mark.parametrize("token", ["", "guessed", "x" * 64, "한국어", "\ud800"])
def test_without_the_token_nothing_is_even_looked_at(ask: Asked, token: str) -> None:
    for user in (ANALYST, User("root", ("admin",))):
        status, text = ask.refused(user, token=token)
        assert status == 403
        assert "only the search commands of this app" in text
        assert ask.splunkd.requests == []
    assert 'user="kim"' in ask.log()
    assert "local token" in ask.log()


def test_the_token_counts_only_in_the_form_and_only_once(ask: Asked) -> None:
    token = local_token.current()
    for parts in (
        {"form": [], "query": [["local_token", token]]},
        {"form": [["cluster", "prod"]], "payload": f"local_token={token}"},
        {"form": [["local_token", token], ["local_token", "x"]]},
        {"form": [["local_token", "x"], ["local_token", token]]},
    ):
        assert ask.refused(**parts)[0] == 403
        assert ask.splunkd.requests == []


def test_a_token_of_a_former_start_is_refused(ask: Asked) -> None:
    token = local_token.current()
    assert ask(token=token)[0] == 200
    os.utime(ask.splunkd.splunk_home / "var" / "run" / "splunk" / "splunkd.pid", (1, 1))
    assert ask.refused(token=token)[0] == 403
    assert "of a former start" in ask.log()
    assert ask()[0] == 200


def test_a_token_others_could_have_read_lets_nobody_in(ask: Asked) -> None:
    request = ask.request()
    (file,) = (ask.splunkd.splunk_home / "var" / "run" / "splunk" / "aws_siem_bridge").iterdir()
    file.chmod(0o644)
    status, said = ask.send(json.dumps(request))
    assert status == 403
    file.chmod(0o600)
    assert "open to other users" not in json.dumps(said)
    assert "open to other users" in ask.log()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        '"POST"',
        "{",
        b"\xff\xfe",
        "{}",
        '{"session": "kim"}',
        '{"session": [1]}',
        '{"form": 5}',
        '{"form": [1]}',
        '{"form": [["local_token"]]}',
        '{"form": {"local_token": "x"}}',
        "[" * 50_000,
        " " * 200_000,
    ],
    ids=lambda text: str(text[:12]) + str(len(text)),
)
def test_garbage_is_refused(ask: Asked, text: Any) -> None:
    status, _ = ask.send(text)
    assert status == 403
    assert ask.splunkd.requests == []
    assert "status=403" in ask.log()


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "", None])
def test_only_post(ask: Asked, method: Optional[str]) -> None:
    assert ask.refused(method=method)[0] == 405
    assert ask.splunkd.requests == []


@pytest.mark.parametrize("part", ["session", "system_authtoken", "server"])
def test_what_splunkd_must_pass_on_is_missing(ask: Asked, part: str) -> None:
    status, text = ask.refused(**{part: None})
    assert status == 500
    assert "restmap.conf" in text
    assert ask.splunkd.requests == []


def test_session_that_splunkd_does_not_know(ask: Asked) -> None:
    request = ask.request()
    request["session"]["authtoken"] = "made-up-key-17"
    status, said = ask.send(json.dumps(request))
    assert status == 502
    assert "made-up-key-17" not in json.dumps(said) + ask.log()
    assert ask.reads() == ["current-context"]


def test_session_of_another_user_than_splunkd_said(ask: Asked) -> None:
    request = ask.request(User("root", ("admin",)))
    request["session"]["user"] = "kim"
    status, _ = ask.send(json.dumps(request))
    assert status == 403
    assert ask.reads() == ["current-context"]


def test_a_user_without_a_rule(ask: Asked) -> None:
    status, text = ask.refused(User("lee"))
    assert status == 403
    assert "no access rule lets user 'lee' search the default cluster" in text
    assert "Access page" in text
    assert "There is no cluster you may search" in text
    assert "prod" not in text
    assert "passwords" not in ask.reads()
    assert 'user="lee" cluster="prod" status=403' in ask.log()
    assert "roles user" in ask.log()


def test_a_rule_for_another_role_and_what_may_be_searched_instead(ask: Asked) -> None:
    status, text = ask.refused(ANALYST, "other")
    assert status == 403
    assert "search cluster 'other'" in text
    assert "Clusters you may search: prod." in text
    status, text = ask.refused(User("hun", ("hunter",)))
    assert status == 403
    assert "the default cluster" in text
    assert "Clusters you may search: other." in text


@pytest.mark.parametrize("cluster", ["nowhere", "PROD", "prod,other", "*", "../prod", "한국어", "default"])
def test_a_cluster_that_is_not_there_names_only_those_the_user_may_use(ask: Asked, cluster: str) -> None:
    status, text = ask.refused(ANALYST, cluster)
    assert status == 404
    assert f"{cluster!r} is not configured. Clusters you may search: prod." in text
    assert "other" not in text.replace(repr(cluster), "")
    assert "passwords" not in ask.reads()


def test_star_cluster_and_imported_roles_with_a_cycle(ask: Asked) -> None:
    users = ask.splunkd.state.users
    users.add_role(Role("junior", imported=("team",)))
    users.add_role(Role("team", imported=("junior", "soc")))
    users.add_role(Role("soc", imported=("team",)))
    rule = {"cluster": "*", "roles": "SOC, nobody", "indices": "soc-*"}
    ask.splunkd.state.set_stanza("aws_siem_bridge_access", "everywhere", rule)
    for cluster in ("prod", "other"):
        status, said = ask(User("jun", ("junior",)), cluster)
        assert (status, said["indices"]) == (200, ["soc-*"])
    assert ask(User("both", ("junior", "analyst")), "prod")[1]["indices"] == ["aws-*", "waf-*", "soc-*"]


def test_a_right_taken_away_is_gone_at_once(ask: Asked) -> None:
    assert ask()[0] == 200
    ask.splunkd.state.set_stanza("aws_siem_bridge_access", "prod_analyst", {"disabled": "1"})
    assert ask.refused()[0] == 403
    ask.splunkd.state.set_stanza("aws_siem_bridge_access", "prod_analyst", {"disabled": "0", "roles": "boss"})
    assert ask.refused()[0] == 403


def test_a_rule_that_cannot_be_enforced_gives_nothing_and_is_logged(ask: Asked) -> None:
    ask.splunkd.state.set_stanza("aws_siem_bridge_access", "prod_analyst", {"indices": "*, -secret-*"})
    status, text = ask.refused()
    assert status == 403
    assert "secret" not in text
    assert "'-secret-*' is an exclusion" in ask.log()


def test_disabled_cluster_is_not_there(ask: Asked) -> None:
    ask.splunkd.state.set_stanza("aws_siem_bridge_cluster", "prod", {"disabled": "1"})
    status, text = ask.refused(ANALYST, "prod")
    assert status == 404
    assert "There is no cluster you may search" in text


def test_default_that_is_marked_twice_or_never(ask: Asked) -> None:
    state = ask.splunkd.state
    state.set_stanza("aws_siem_bridge_cluster", "other", {"is_default": "1"})
    status, text = ask.refused()
    assert status == 404
    assert "more than one cluster is marked as default: give cluster=. Clusters you may search: prod." in text
    assert "other" not in text
    assert ask(ANALYST, "prod")[0] == 200
    for name in ("prod", "other"):
        state.set_stanza("aws_siem_bridge_cluster", name, {"is_default": "0"})
    status, text = ask.refused()
    assert status == 404
    assert "no cluster is marked as default: give cluster=" in text
    state.set_stanza("aws_siem_bridge_cluster", "other", {"disabled": "1"})
    assert ask()[1]["cluster"]["name"] == "prod"  # the only one


def test_no_cluster_at_all(ask: Asked) -> None:
    for name in ("prod", "other"):
        ask.splunkd.state.set_stanza("aws_siem_bridge_cluster", name, {"disabled": "1"})
    for user in (ANALYST, User("root", ("admin",))):
        status, text = ask.refused(user)
        assert status == 404
        assert "No cluster is configured: an administrator adds one on the app's Clusters page" in text


def test_secret_that_is_not_stored(ask: Asked) -> None:
    ask.splunkd.state.set_stanza("aws_siem_bridge_cluster", "prod", {"proxy_password": "******"})
    status, text = ask.refused()
    assert status == 500
    assert "cluster 'prod': no secret is stored for proxy_password." in text
    assert "enter it again on the app's Clusters page" in text


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_piece_of_a_secret_is_missing(ask: Asked, number: int) -> None:
    stored = ask.splunkd.state.secrets
    pieces = [entry for entry in stored.all() if entry["username"].startswith("prod``")]
    assert len(pieces) == 4  # the last one is the end mark
    stored.remove(CLUSTERS.realm, f"prod``splunk_cred_sep``{number}")
    status, text = ask.refused()
    assert status == 500
    assert "no secret is stored for password" in text


def test_what_a_longer_secret_left_behind_is_no_part_of_the_new_one(ask: Asked) -> None:
    ask.splunkd.state.secrets.set(CLUSTERS.realm, "prod``splunk_cred_sep``5", "left over")
    assert ask()[1]["cluster"]["password"] == PASSWORD


def test_secret_of_a_cluster_whose_name_begins_the_same_is_not_taken(ask: Asked) -> None:
    long = ClusterConfig(("http://x",), name="prod2", auth=Auth("basic", "u", "second"))
    add_cluster(ask.splunkd.state, long, default=False, access={"analyst": ("*",)})
    assert ask(ANALYST, "prod2")[1]["cluster"]["password"] == "second"
    assert ask(ANALYST, "prod")[1]["cluster"]["password"] == PASSWORD


READS = 6


@pytest.mark.parametrize("fault", [Reply(500, b"boom"), Reply(403, b"{}"), Reset(), HalfBody(), Reply(200, b"{}")])
@pytest.mark.parametrize("read", range(READS))
def test_splunkd_that_fails_at_any_read(ask: Asked, fault: Any, read: int) -> None:
    with FaultyServer([*[None] * read, fault], ask.splunkd.uri) as between:
        status, text = ask.refused(server={"rest_uri": between.url})
        assert len(between.received) == read + 1
    assert status == 502
    assert "the app's settings cannot be read: splunkd" in text
    assert "status=502" in ask.log()


class OtherApps(LocalServer):
    """Passes on what splunkd says, with stanzas that another app shares with all apps."""

    def __init__(self, upstream: str, app: str, stanzas: Dict[str, Dict[str, Dict[str, str]]]) -> None:
        self._upstream, self._app, self._stanzas = upstream, app, stanzas
        super().__init__()

    def answer(self, received: Received) -> Reply:
        reply = forward(self._upstream, received)
        for conf, stanzas in self._stanzas.items():
            if f"configs/conf-{conf}?" in received.target:
                feed = json.loads(reply.body)
                acl = {**feed["entry"][0]["acl"], "app": self._app, "sharing": "global"}
                feed["entry"] += [{"name": name, "acl": acl, "content": stanzas[name]} for name in stanzas]
                return Reply(reply.status, json.dumps(feed).encode(), reply.headers)
        return reply


@pytest.mark.parametrize(("app", "status"), [("search", 403), ("system", 200)])
def test_rules_that_another_app_shares_give_nothing(ask: Asked, app: str, status: int) -> None:
    rule = {"mine": {"cluster": "*", "roles": "guest", "indices": "*"}}
    with OtherApps(ask.splunkd.uri, app, {"aws_siem_bridge_access": rule}) as between:
        found, _ = ask(User("eve", ("guest",)), "prod", server={"rest_uri": between.url})
    assert found == status


def test_clusters_that_another_app_shares_are_not_there(ask: Asked) -> None:
    cluster = {"elsewhere": {"hosts": "http://elsewhere:9200", "is_default": "1"}}
    with OtherApps(ask.splunkd.uri, "search", {"aws_siem_bridge_cluster": cluster}) as between:
        status, text = ask.refused(User("root", ("admin",)), "elsewhere", server={"rest_uri": between.url})
        assert (status, "is not configured" in text) == (404, True)
        assert ask(ANALYST, server={"rest_uri": between.url})[1]["cluster"]["name"] == "prod"


def test_splunkd_that_is_gone(ask: Asked) -> None:
    status, text = ask.refused(server={"rest_uri": "http://127.0.0.1:1"})
    assert status == 502
    assert "did not answer" in text


def test_an_error_nobody_foresaw_shows_nothing(ask: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(*_: Any) -> None:
        raise RuntimeError(f"stumbled over {PASSWORD}")

    monkeypatch.setattr(handler.access, "rules", stumble)
    status, text = ask.refused()
    assert status == 500
    assert "RuntimeError at test_handler.py:" in text
    assert "unexpected RuntimeError" in ask.log()


@pytest.mark.parametrize("level", ["CRITICAL", "DEBUG", "nonsense"])
def test_log_level(ask: Asked, level: str) -> None:
    ask.splunkd.state.set_stanza("aws_siem_bridge_settings", "logging", {"loglevel": level})
    status, said = ask()
    assert status == 200
    assert said["log_level"] == (level if level in log.LEVELS else "INFO")
    assert ('user="kim" cluster="prod" status=200' in ask.log()) is (level == "DEBUG")
    ask.refused(User("lee"))
    assert 'refused user="lee"' in ask.log()  # whatever the level


def test_what_a_user_writes_cannot_forge_a_line_of_the_log(ask: Asked) -> None:
    ask.refused(ANALYST, 'x"\n2026-01-01 00:00:00.000 WARNING refused user="lee\ud800')
    assert len(ask.log().splitlines()) == 1


def test_requests_side_by_side_do_not_mix(ask: Asked) -> None:
    hunter = User("hun", ("hunter",))
    texts = [json.dumps(ask.request(*who)) for who in ((ANALYST, "prod"), (hunter, "other"), (hunter, "prod"))] * 5
    replies: Dict[int, Any] = {}
    threads = [
        threading.Thread(target=lambda n=n, text=text: replies.update({n: handler.answer(text)}))
        for n, text in enumerate(texts)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, reply in replies.items():
        said = json.loads(reply["payload"])
        if number % 3 == 2:
            assert reply["status"] == 403
        else:
            assert said["cluster"]["name"] == ("prod", "other")[number % 3]
            assert said["indices"] == [["aws-*", "waf-*"], ["dns-*"]][number % 3]
    assert len(replies) == len(texts)


def test_keys_are_in_no_repr(ask: Asked) -> None:
    request = handler._request(json.dumps(ask.request(ANALYST, "prod")), {})
    assert "kim" in repr(request)
    ask.no_secret(repr(request))
