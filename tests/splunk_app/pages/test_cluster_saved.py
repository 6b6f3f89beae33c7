"""Clusters saved in the browser: tested against real engines, listed, changed, copied, deleted, and searched."""

import socket
from pathlib import Path
from typing import Any, Dict, Iterator, Tuple

import pytest
import trustme

from lab.engine import Engine

from ..conftest import Store
from .configuration import ConfigurationPage, Form, assert_nowhere
from .conftest import SearchHead

BASIC = "User name and password"
DOCUMENTS = [{"eventName": f"Event{number}"} for number in range(5)]


@pytest.fixture(scope="module")
def filled(engine_by_id: Any) -> Tuple[Store, str]:
    """The secured engine, and the name of an index with five documents that its user ``reader`` may read."""
    store = Store(engine_by_id("opensearch-2.19-secured"))
    return store, store.fill(DOCUMENTS)


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of loopback that nobody listens on, and nobody else can get."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def secured_cluster(form: Form, engine: Engine, index: str, user: str = "reader") -> Form:
    form.fill(Name="prod", Hosts=engine.url, Sign_in_with=BASIC, User_name=user, Password=engine.users[user])
    return form.fill(CA_file=str(engine.ca_file), Default_index=index)


def test_a_cluster_is_added_searched_changed_and_deleted(
    page: ConfigurationPage, head: SearchHead, filled: Tuple[Store, str], secured: Engine
) -> None:
    _, index = filled
    password = secured.users["reader"]
    form = secured_cluster(page.add(), secured, index).set("Default cluster", True).shoot("add-filled-in")
    form.save()
    page.row("prod")
    page.expect_rows({"prod": [secured.url, "User name", "Yes"]})
    details = page.expand("prod")
    assert "reader" in details and index in details
    page.shoot("listed")
    assert_nowhere(page, password)
    assert head.stored("prod")["password"] == "*" * 6
    assert len(head.search("| elasticsearch fields=eventName").done.rows) == len(DOCUMENTS)

    # Loaded anew: what is shown is what is stored, and a secret that is left alone stays.
    page.open()
    page.expect_rows({"prod": [secured.url, "User name", "Yes"]})
    form = page.edit("prod").shoot("edit")
    assert form.text("Name").is_disabled()
    form.expect_values(
        {
            "Hosts": secured.url,
            "Sign in with": BASIC,
            "User name": "reader",
            "Password": "*" * 6,
            "CA file": str(secured.ca_file),
            "Default index": index,
            "Test the connection on save": True,
        }
    )
    assert_nowhere(page, password)
    form.expand("Ceilings of one search").expect_values({"Leading wildcards": True})
    form.fill(Most_rows="2", Most_wildcards="3", Leading_wildcards=False).save()
    assert head.stored("prod")["max_rows"] == "2"
    assert (head.stored("prod")["max_query_wildcards"], head.stored("prod")["leading_wildcards"]) == ("3", "0")
    assert "max_query_wildcards = 3" in head.search("| elasticsearch query=a*b*c*d*").error
    assert "leading_wildcards = 0" in head.search("| elasticsearch query=*a").error
    ended = head.search("| elasticsearch fields=eventName").done
    assert len(ended.rows) == 2
    assert any("max_rows" in text or "Most rows" in text for text in ended.texts("WARN")), ended.messages

    # A wrong secret is refused and changes nothing; another user's right one is taken.
    form = page.edit("prod").fill(Password="not-the-password")
    refused = form.refused()
    assert "does not accept the credentials" in refused and "Nothing was saved" in refused
    assert "Test the connection" not in refused, "without the test the wrong password would be stored"
    assert len(head.search("| elasticsearch fields=eventName").done.rows) == 2
    form.expand("Ceilings of one search")
    form.fill(User_name="root", Password=secured.users["root"], Most_rows="", Most_wildcards="").save()
    assert head.stored("prod")["username"] == "root"
    assert not head.stored("prod").get("max_rows")
    assert len(head.search("| elasticsearch fields=eventName").done.rows) == len(DOCUMENTS)
    assert_nowhere(page, password, secured.users["root"], "not-the-password")

    assert page.delete("prod") == ""
    assert 'Delete "prod"? Searches with cluster=prod fail from then on' in page.asked
    assert "input" not in page.asked and "data collection" not in page.asked
    page.expect_rows({})
    assert head.stored("prod") is None
    assert head.splunkd.state.passwords() == []
    assert "prod" in head.search("| elasticsearch cluster=prod").error


def test_a_copy_is_a_cluster_of_its_own_and_one_is_the_default(
    page: ConfigurationPage, head: SearchHead, store: Store
) -> None:
    index = store.fill(DOCUMENTS)
    page.add().fill(Name="one", Hosts=store.config.hosts[0], Default_index=index, Default_cluster=True).save()
    form = page.clone("one").shoot("clone")
    form.expect_values({"Name": "", "Hosts": store.config.hosts[0]})
    form.fill(Name="two").save()
    page.open()
    page.expect_rows({"one": [*store.config.hosts, "Nothing"], "two": [*store.config.hosts, "Nothing", "Yes"]})
    for name in ("one", "two"):
        assert len(head.search(f"| elasticsearch cluster={name} fields=eventName").done.rows) == len(DOCUMENTS)
    assert page.delete("two") == ""
    page.expect_listed("one")
    assert head.search("| elasticsearch cluster=one fields=eventName").done.rows


def test_what_is_wrong_with_a_connection_is_said_on_the_page(
    page: ConfigurationPage,
    head: SearchHead,
    filled: Tuple[Store, str],
    secured: Engine,
    closed_port: int,
    tmp_path: Path,
) -> None:
    _, index = filled
    other_ca = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other_ca))
    host, port = secured.url.rpartition(":")[::2]
    right: Dict[str, Any] = {
        "Hosts": secured.url,
        "Engine": "Automatic",
        "Password": secured.users["reader"],
        "CA file": str(secured.ca_file),
        "Default index": index,
    }
    wrong = {
        "wrong-password": ({"Password": "wrong-one"}, "credentials", "password"),
        "closed-port": ({"Hosts": f"{host}:{closed_port}"}, str(closed_port), "port"),
        "no-ca": ({"CA file": ""}, "certificate", "CA file"),
        "wrong-ca": ({"CA file": str(other_ca)}, "certificate", str(other_ca)),
        "missing-ca": ({"CA file": "/no/such/file.pem"}, "/no/such/file.pem"),
        "plain-http": ({"Hosts": f"http://127.0.0.1:{port}", "CA file": ""}, "https://"),
        "unknown-host": ({"Hosts": "https://no-such-host.invalid:9200"}, "no-such-host.invalid", "name"),
        "wrong-engine": ({"Engine": "Elasticsearch"}, "opensearch", "elasticsearch", "Engine"),
        "no-index": ({"Default index": "aws-nothing-*"}, "aws-nothing-*", "Default index"),
    }
    form = secured_cluster(page.add(), secured, index)
    for state, (fields, *said) in wrong.items():
        for label, value in {**right, **fields}.items():
            form.set(label, value)
        error = form.refused()
        form.shoot(f"refused-{state}")
        assert [text for text in said if text.lower() not in error.lower()] == [], (state, error)
        assert "Nothing was saved" in error or "Test the connection" not in error
        assert "Traceback" not in error and "splunkd.log" not in error and "RestError" not in error, error
        assert head.stored("prod") is None
    assert head.splunkd.state.passwords() == []
    for label, value in right.items():
        form.set(label, value)
    form.save()
    assert_nowhere(page, secured.users["reader"], "wrong-one")
    page.expect_listed("prod")


def test_settings_can_be_saved_without_asking_the_cluster(
    page: ConfigurationPage, head: SearchHead, closed_port: int
) -> None:
    form = page.add().fill(Name="later", Hosts=f"http://127.0.0.1:{closed_port}")
    assert "switch off Test the connection on save" in form.refused()
    form.fill(Test_the_connection_on_save=False).save()
    assert head.stored("later")["hosts"] == f"http://127.0.0.1:{closed_port}"
    assert "test_on_save" not in head.stored("later")
    page.edit("later").expect_values({"Test the connection on save": True})  # it was off for once only
    assert str(closed_port) in head.search("| elasticsearch index=aws-*").error


def test_a_cluster_from_a_conf_file_is_shown_as_it_works(page: ConfigurationPage, head: SearchHead) -> None:
    head.splunkd.state.set_stanza("aws_siem_bridge_cluster", "by-hand", {"hosts": "https://search.example:9200"})
    form = page.open().edit("by-hand").expand("TLS")
    form.expect_values({"Engine": "Automatic", "Sign in with": "Nothing", "Verify certificate": True})
