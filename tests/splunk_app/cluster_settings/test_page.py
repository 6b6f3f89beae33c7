"""What the configuration pages' own REST handlers let in: the built app's scripts, in a child process each request."""

import json
import re
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

import pytest
from cluster_settings.conf import CLUSTER_KEYS, CLUSTERS
from cluster_settings.labels import LABELS, as_on_the_page
from splunk_host import secrets

from lab.engine import Engine
from lab.front.faults import FaultyServer
from lab.front.server import Reply
from lab.splunkd import SplunkdStandIn, User
from lab.splunkd.users import ADMIN_CAPABILITIES

from ..conftest import Store
from ..page_requests import PageRequests, error, ok

pytestmark = pytest.mark.splunk_python

PASSWORD = "open-sesame-17" + "x" * 400
ROOT = Reply(200, json.dumps({"version": {"number": "2.19.4", "distribution": "opensearch"}}).encode())
NO_TEST = {"test_on_save": "0"}


class Pages(PageRequests):
    """The two pages as a browser talks to them."""

    def __init__(self, splunkd: SplunkdStandIn, engine_url: str) -> None:
        super().__init__(splunkd)
        self.engine_url = engine_url

    def add(self, name: str, page: str = "cluster", **form: str) -> Tuple[int, Any]:
        if page == "cluster":
            form = {"hosts": self.engine_url, "engine": "auto", "auth": "anonymous", **form}
        return self.send(page, form={"name": name, **form})

    def edit(self, name: str, page: str = "cluster", **form: str) -> Tuple[int, Any]:
        return self.send(page, name, form)

    def delete(self, name: str, page: str = "cluster") -> Tuple[int, Any]:
        return self.send(page, name, method="DELETE")

    def listed(self, page: str = "cluster", **query: str) -> Dict[str, Dict[str, Any]]:
        return super().listed(page, **query)

    def stored(self, name: str, conf: str = "cluster") -> Dict[str, str]:
        return (self.splunkd.state.stanzas(f"aws_siem_bridge_{conf}") or {})[name]

    def secrets(self, name: str) -> Optional[Dict[str, str]]:
        return secrets.unpack(CLUSTERS.realm, name, self.splunkd.state.passwords())

    def clusters(self) -> List[str]:
        return sorted(self.splunkd.state.stanzas("aws_siem_bridge_cluster") or {})


@pytest.fixture
def pages(built_app: Path, tmp_path: Path, splunk_python: str) -> Iterator[Pages]:
    stand_in = SplunkdStandIn(built_app, splunk_home=tmp_path, python=splunk_python)
    with stand_in as splunkd, FaultyServer([ROOT] * 50) as engine:
        yield Pages(splunkd, engine.url)


def test_a_cluster_is_tried_and_stored_and_its_secret_is_elsewhere(pages: Pages) -> None:
    ok(pages.add("prod", auth="basic", username="reader", password=PASSWORD, test_on_save="1"))
    stored = pages.stored("prod")
    assert stored["password"] == "******"
    assert stored["username"] == "reader"
    assert "test_on_save" not in stored
    assert pages.secrets("prod") == {"password": PASSWORD}
    listed = pages.listed()["prod"]
    assert listed["password"] == "******"
    assert listed["test_on_save"] == "1"
    assert not any(PASSWORD[:14] in text for text in pages.said)


@pytest.mark.parametrize(
    ("page", "key", "value"),
    [
        ("cluster", "default_index", "aws-*\n[evil]\nhosts = http://evil:9200"),
        ("cluster", "time_field", "x\r[evil]"),
        ("cluster", "ca_file", "/ca.pem\n[evil]"),
        ("cluster", "username", "kim\x85[evil]"),
        ("access", "roles", "user\nroles = admin"),
        ("access", "indices", "aws-*\n[evil]"),
        ("access", "cluster", "prod\n[evil]"),
    ],
)
def test_nothing_that_goes_over_a_line_is_stored(pages: Pages, page: str, key: str, value: str) -> None:
    ok(pages.add("prod", **NO_TEST))
    given = {"cluster": "prod", "roles": "user", "indices": "*"} if page == "access" else NO_TEST
    error(pages.add("new", page, **{**given, key: value}))
    assert "new" not in (pages.splunkd.state.stanzas(f"aws_siem_bridge_{page}") or {})


def test_what_surrounds_a_value_is_not_stored(pages: Pages) -> None:
    ok(pages.add("prod", hosts="  http://search:9200 ", default_index="aws-*\n", **NO_TEST))
    assert (pages.stored("prod")["hosts"], pages.stored("prod")["default_index"]) == ("http://search:9200", "aws-*")


def test_credentials_for_plain_http_are_stored_only_when_that_is_wanted(pages: Pages) -> None:
    basic = {"auth": "basic", "username": "reader", "password": PASSWORD, "hosts": "http://search.example:9200"}
    text = error(pages.add("prod", **basic, **NO_TEST))
    assert "unencrypted to http://search.example:9200" in text and "Allow credentials over plain HTTP" in text
    assert pages.clusters() == []
    assert "some hosts are https" in error(
        pages.add("prod", **{**basic, "hosts": "https://a:1, http://b:1"}, **NO_TEST)
    )
    ok(pages.add("prod", **basic, allow_plain_http="1", **NO_TEST))
    ok(pages.edit("prod", default_index="aws-*", **NO_TEST))
    assert "unencrypted" in error(pages.edit("prod", allow_plain_http="0", **NO_TEST))
    assert (pages.stored("prod")["allow_plain_http"], pages.stored("prod")["default_index"]) == ("1", "aws-*")
    ok(pages.edit("prod", allow_plain_http="0", auth="anonymous", **NO_TEST))


def test_a_switch_that_says_neither_yes_nor_no_is_refused(pages: Pages) -> None:
    text = error(pages.add("prod", verify_tls="ture", **NO_TEST))
    assert "Verify certificate = ture is neither 1 (yes) nor 0 (no)" in text
    ok(pages.add("prod", verify_tls="False", compress="", **NO_TEST))


def test_secrets_are_not_listed_for_those_who_ask_for_them(pages: Pages) -> None:
    ok(pages.add("prod", auth="basic", username="reader", password=PASSWORD))
    asking = {"--cred--": "1"}
    assert pages.listed(**asking)["prod"]["password"] == "******"
    assert pages.send("cluster", "prod", query=asking)[1]["entry"][0]["content"]["password"] == "******"
    assert not any(PASSWORD[:14] in text for text in pages.said)


def test_a_cluster_that_does_not_answer_is_not_stored_unless_it_is_not_tried(pages: Pages) -> None:
    text = error(pages.add("down", hosts="http://127.0.0.1:1"))
    assert "cluster 'down' at http://127.0.0.1:1 cannot be reached" in text
    assert "Nothing was saved." in text
    assert "switch off Test the connection on save" in text
    assert pages.clusters() == []
    ok(pages.add("down", hosts="http://127.0.0.1:1", **NO_TEST))
    assert pages.clusters() == ["down"]
    assert "cannot be reached" in error(pages.edit("down", hosts="http://127.0.0.1:1", page_size_docs="10"))


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"hosts": "http://u:p@x:1"}, "user name"),
        ({"auth": "basic", "username": "u"}, "needs a user name and a password"),
        ({"auth": "sigv4"}, "needs the AWS region"),
        ({"auth": "sigv4", "aws_region": "us-east-1", "aws_access_key_id": "AK"}, "come in pairs"),
        ({"ca_file": "/ca.pem"}, "CA file needs a host with https"),
        ({"hosts": "https://x:1", "client_key_file": "/k.pem"}, "Client key file needs Client certificate file"),
        ({"proxy_password": "p"}, "Proxy password needs Proxy user name"),
        ({"auth": "api_key"}, "Sign in with API key needs an API key"),
        ({"max_rows": "0"}, "Most rows = 0 must be more than 0"),
        ({"max_query_chars": "0"}, "Longest query (characters) = 0 must be 1 to 1000000"),
        ({"auth": "sigv4", "aws_region": "us-east-1", "aws_role_arn": "reader"}, "is not the ARN of a role"),
    ],
)
def test_fields_that_contradict_each_other(pages: Pages, form: Dict[str, str], says: str) -> None:
    text = error(pages.add("prod", **form, **NO_TEST))
    assert says in text
    assert pages.clusters() == []


@pytest.mark.parametrize(
    "name", ["default", "Default", "a/b", "a b", "a.b", "..", "_a", "-a", "한국어", "x" * 64, "a[b]"]
)
def test_names_that_cannot_be_used(pages: Pages, name: str) -> None:
    assert "name" in error(pages.add(name, **NO_TEST)).lower()
    assert pages.clusters() == []


def test_an_edit_tries_the_stored_secret_or_the_new_one(pages: Pages, secured: Engine) -> None:
    right = Store(secured, "reader").config
    form = {"hosts": right.hosts[0], "ca_file": right.ca_file or "", "auth": "basic", "username": "reader"}
    text = error(pages.add("prod", **form, password="open-sesame-17"))
    assert "Check user name and password" in text
    assert "open-sesame-17" not in text
    # The cluster has answered: without the test the wrong password would be stored, and every search fail.
    assert "Nothing was saved" in text and "switch off" not in text
    ok(pages.add("prod", **form, password=right.auth.password))
    # Left out or as it was listed: the stored one is tried, and stays.
    ok(pages.edit("prod", **form, page_size_docs="100"))
    ok(pages.edit("prod", **form, password="******", page_size_docs="200"))
    assert pages.stored("prod")["page_size_docs"] == "200"
    assert pages.secrets("prod") == {"password": right.auth.password}
    assert "Check user name and password" in error(pages.edit("prod", **form, password="open-sesame-17"))
    assert "indices that" not in error(pages.edit("prod", **form, password="open-sesame-17"))
    assert pages.secrets("prod") == {"password": right.auth.password}
    assert "needs a user name and a password" in error(pages.edit("prod", **form, password=""))
    ok(pages.edit("prod", hosts=form["hosts"], **NO_TEST))  # a part of the fields
    assert pages.stored("prod")["username"] == "reader"
    assert not any(right.auth.password in text or "open-sesame-17" in text for text in pages.said)


def test_what_other_engine_it_is(pages: Pages) -> None:
    assert "Set the engine to opensearch or auto" in error(pages.add("prod", engine="elasticsearch"))


def test_six_asterisks_without_a_stored_secret(pages: Pages) -> None:
    text = error(pages.add("prod", auth="basic", username="u", password="******"))
    assert "no secret is stored for password" in text


def test_only_one_cluster_is_the_default(pages: Pages) -> None:
    ok(pages.add("one", is_default="1"))
    ok(pages.add("two", is_default="0"))
    ok(pages.add("three", is_default="1"))
    assert {name for name in pages.clusters() if pages.stored(name).get("is_default") == "1"} == {"three"}
    ok(pages.edit("two", is_default="1"))
    assert {name for name in pages.clusters() if pages.stored(name).get("is_default") == "1"} == {"two"}
    assert "Nothing was saved" in error(pages.add("four", is_default="1", hosts="http://127.0.0.1:1"))
    assert pages.stored("two")["is_default"] == "1"


def test_who_may_not_configure_may_not_write(pages: Pages) -> None:
    ok(pages.add("prod", auth="basic", username="reader", password=PASSWORD))
    others = [capability for capability in ADMIN_CAPABILITIES if capability != "configure_aws_siem_bridge"]
    for user in (User("kim"), User("almost", ("user",), tuple(others))):
        pages.key = pages.splunkd.state.session(user)
        assert pages.add("other")[0] == 403
        assert pages.edit("prod", hosts="http://x")[0] == 403
        assert pages.delete("prod")[0] == 403
        assert pages.add("r", "access", cluster="*", roles="user", indices="*")[0] == 403
    pages.key = pages.splunkd.state.session(User("kim"))
    pages.send("cluster", "prod", query={"--cred--": "1"})
    assert pages.clusters() == ["prod"]
    assert not any(PASSWORD[:14] in text for text in pages.said)


class TestAccess:
    @pytest.fixture
    def prod(self, pages: Pages) -> Pages:
        ok(pages.add("prod"))
        return pages

    def rule(self, pages: Pages, **form: str) -> Tuple[int, Any]:
        return pages.add(
            "r", "access", **{"cluster": "prod", "roles": "soc,power", "indices": "aws-*, eu:aws-*", **form}
        )

    def test_a_rule_is_stored_and_listed(self, prod: Pages) -> None:
        ok(self.rule(prod))
        assert prod.stored("r", "access")["roles"] == "soc,power"
        assert prod.listed("access")["r"]["indices"] == "aws-*, eu:aws-*"
        assert "test_on_save" not in prod.listed("access")["r"]
        ok(prod.edit("r", "access", cluster="*", roles="user", indices="*"))
        assert prod.stored("r", "access")["cluster"] == "*"

    @pytest.mark.parametrize(
        ("form", "says"),
        [
            ({"cluster": "nowhere"}, "cluster 'nowhere' is not configured. Choose * or one of prod"),
            ({"roles": " , "}, "names no role"),
            ({"roles": "*"}, "roles cannot be given by *"),
        ],
    )
    def test_a_rule_that_means_nothing(self, prod: Pages, form: Dict[str, str], says: str) -> None:
        assert says in error(self.rule(prod, **form))
        ok(self.rule(prod))
        stored = prod.stored("r", "access")
        assert says in error(prod.edit("r", "access", **{**stored, **form}))
        assert prod.stored("r", "access") == stored

    @pytest.mark.parametrize("indices", ["*,-secret", "_all", "AWS", "<a>", "a b", "", ","])
    def test_patterns_that_cannot_be_enforced(self, prod: Pages, indices: str) -> None:
        assert "access rule 'r'" in error(self.rule(prod, indices=indices))
        assert not (prod.splunkd.state.stanzas("aws_siem_bridge_access") or {})

    def test_a_cluster_that_rules_name_stays(self, prod: Pages) -> None:
        ok(self.rule(prod))
        text = error(prod.delete("prod"))
        assert "named by access rules: r." in text
        assert "Delete them first on the Access page" in text
        assert prod.clusters() == ["prod"]
        ok(prod.delete("r", "access"))
        ok(prod.delete("prod"))
        assert prod.clusters() == []


def test_deleting_a_cluster_deletes_its_secrets_and_no_others(pages: Pages) -> None:
    for name in ("prod", "prod2", "pro-d"):
        ok(pages.add(name, auth="basic", username="u", password=PASSWORD))
    ok(pages.delete("prod"))
    assert pages.secrets("prod") is None
    assert pages.secrets("prod2") == pages.secrets("pro-d") == {"password": PASSWORD}


def test_what_the_install_page_shows_for_rest_works(pages: Pages) -> None:
    section = Path("docs/install.md").read_text("utf-8").partition("## Without the pages")[2].partition("\n## ")[0]
    commands = section.partition("```\n")[2].partition("```")[0].replace("\\\n", "").splitlines()
    for command in commands:
        page = re.search(r"/aws_siem_bridge_(\w+)\"", command)
        form = dict(re.findall(r" -d (\w+)=(\S+)", command))
        assert page
        if page.group(1) == "cluster":
            assert "--data-urlencode password@" in command
            assert set(form) - {"name"} <= CLUSTER_KEYS
            form.update(hosts=pages.engine_url, password=PASSWORD)
            del form["ca_file"], form["default_index"]  # there is no such file, and no such index
        ok(pages.send(page.group(1), form=form))
    assert pages.secrets("prod") == {"password": PASSWORD}
    assert pages.stored("analysts", "access")["roles"] == "user,power"


def test_labels_that_errors_name_are_on_the_page() -> None:
    """An error says what to change: in the words of the page."""
    config = json.loads(Path("splunk_app/globalConfig.json").read_text(encoding="utf-8"))
    tabs = {tab["name"]: tab for tab in config["pages"]["configuration"]["tabs"]}
    labels = {entity["label"].lower() for entity in tabs["cluster"]["entity"]}
    named = [
        "Hosts",
        "Engine",
        "User name",
        "Password",
        "API key",
        "Bearer token",
        "CA file",
        "Client certificate file",
    ]
    named += ["Client key file", "Proxy", "Default index", "Test the connection on save"]
    assert {label.lower() for label in named} <= labels
    assert (tabs["cluster"]["title"], tabs["access"]["title"]) == ("Clusters", "Access")


def test_a_message_names_settings_as_the_page_does() -> None:
    config = json.loads(Path("splunk_app/globalConfig.json").read_text(encoding="utf-8"))
    [tab] = [each for each in config["pages"]["configuration"]["tabs"] if each["name"] == "cluster"]
    labels = {entity["field"]: entity["label"] for entity in tab["entity"] if "_" in entity["field"]}
    del labels["test_on_save"]  # the form's own
    assert labels == LABELS
    assert as_on_the_page("cluster 'ca_file': ca_file, proxy_password and max_rows = 1") == (
        "cluster 'ca_file': CA file, Proxy password and Most rows = 1"
    )
    assert as_on_the_page("does not accept the credentials (basic) it was given") == (
        "does not accept the credentials (User name and password) it was given"
    )
    untouched = "/etc/ca_file, https://x/time_field, 'max_rows', \"api_key\", my_max_rows, max_rows_2, aws-*max_mib*"
    assert as_on_the_page(untouched) == untouched
