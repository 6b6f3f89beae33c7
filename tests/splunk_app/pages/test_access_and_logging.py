"""The tabs Access and Logging, and what an ordinary user sees of all this."""

from typing import Any

from lab.splunkd import add_cluster

from ..conftest import Store
from .configuration import ConfigurationPage
from .conftest import ANALYST, SearchHead

DOCUMENTS = [{"eventName": f"Event{number}"} for number in range(3)]


def test_an_access_rule_lets_a_role_search_until_it_is_deleted(
    page: ConfigurationPage, head: SearchHead, store: Store
) -> None:
    mine, other = store.fill(DOCUMENTS), store.fill(DOCUMENTS)
    page.add().fill(Name="prod", Hosts=store.config.hosts[0]).save()
    refusal = head.search(f"| elasticsearch index={mine}", ANALYST).error
    assert "Access" in refusal

    form = page.choose("Access").add()
    assert form.invalid() == "Field Name is required"
    form.fill(Name="soc")
    assert form.invalid() == "Field Cluster is required"
    assert form.options("Cluster") == ["prod"]
    form.set("Cluster", "prod")
    assert form.invalid() == "Field Roles is required"
    assert form.options("Roles") == ["user", "power", "admin", "sc_admin"]
    form.set("Roles", ["user"])
    for indices in ("AWS-*", "aws-*,-aws-secret", "_internal", "http://x/aws", 'a"b'):
        form.fill(Indices=indices)
        assert form.invalid().startswith("Only index names in lower case and *, separated by commas")
    form.fill(Indices=mine).shoot("access-filled-in").save()
    page.expect_rows({"soc": ["prod", "user", mine]})
    page.shoot("access-listed")

    # power imports user, so the rule for user fits.
    assert len(head.search(f"| elasticsearch index={mine}", ANALYST).done.rows) == len(DOCUMENTS)
    assert f"They may read: {mine}." in head.search(f"| elasticsearch index={mine},{other}", ANALYST).error

    page.open("Access")
    form = page.edit("soc")
    form.expect_values({"Indices": mine})
    form.fill(Indices=f"{mine}, {other}").set("Roles", ["power"])
    form.save()
    page.expect_rows({"soc": ["prod", "user,power", f"{mine}, {other}"]})
    assert len(head.search(f"| elasticsearch index={mine},{other}", ANALYST).done.rows) == 2 * len(DOCUMENTS)

    # A cluster that a rule names stays: the next one of its name would inherit the rule.
    said = page.choose("Clusters").delete("prod")
    page.shoot("refused-delete")
    assert "soc" in said
    assert head.stored("prod")
    page.open("Access")
    assert page.delete("soc") == ""
    assert 'Delete "soc"? What its roles may search' in page.asked and "input" not in page.asked
    assert "Access" in head.search(f"| elasticsearch index={mine}", ANALYST).error


def test_a_rule_can_be_for_every_cluster(page: ConfigurationPage, head: SearchHead, store: Store) -> None:
    index = store.fill(DOCUMENTS)
    add_cluster(head.splunkd.state, store.config, access={})
    form = page.choose("Access").add().fill(Name="all", Indices="aws-*")
    form.type_other("Cluster", "*").set("Roles", ["power"])
    form.save()
    page.expect_rows({"all": ["*", "power", "aws-*"]})
    assert len(head.search(f"| elasticsearch index={index}", ANALYST).done.rows) == len(DOCUMENTS)


def test_the_log_level_is_stored_and_searches_are_logged_at_every_level(
    page: ConfigurationPage, head: SearchHead, store: Store
) -> None:
    add_cluster(head.splunkd.state, store.config)
    index = store.fill(DOCUMENTS)
    form = page.choose("Logging").form()
    form.expect_values({"Log level": "INFO"})
    assert form.options("Log level") == ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
    page.shoot("logging")
    form.set("Log level", "ERROR").save()
    assert head.stored("logging", "aws_siem_bridge_settings")["loglevel"] == "ERROR"
    page.open("Logging")
    page.form().expect_values({"Log level": "ERROR"})
    assert index in head.search(f"| elasticsearch index={index}").done.audit


def test_an_ordinary_user_sees_no_cluster(analysts_head: SearchHead, visit: Any, store: Store) -> None:
    add_cluster(analysts_head.splunkd.state, store.config)
    # Splunk itself would not even show the page (metadata/default.meta); UCC has no better words for such a user.
    page = visit(analysts_head.splunkd, faultless=False).load()
    page.page.get_by_role("heading", name="Something went wrong").wait_for()
    page.page.wait_for_load_state("networkidle")
    page.shoot("refused-user")
    assert store.config.hosts[0] not in page.watch.texts() + page.page.content()
