"""The form of a cluster, before anything is sent."""

import json
import re

from playwright.sync_api import expect

from es_bridge.config import ClusterConfig
from lab.splunkd import add_cluster

from .configuration import ConfigurationPage
from .conftest import SearchHead

ALWAYS = ["Name", "Hosts", "Engine", "Default cluster", "Sign in with"]
AFTER = ["CA file", "Default index", "Test the connection on save"]
#: Sign-in -> the fields that only it has.
OWN = {
    "Nothing": [],
    "User name and password": ["User name", "Password"],
    "API key": ["API key"],
    "Bearer token": ["Bearer token"],
    "AWS Signature V4 (IAM)": [
        "AWS region",
        "AWS service",
        "AWS profile",
        "AWS access key id",
        "AWS secret access key",
        "AWS session token",
        "AWS role ARN",
    ],
}
SECRETS = ("Password", "API key", "Bearer token", "AWS secret access key", "AWS session token", "Proxy password")
#: Folded until somebody opens them: most leave them alone.
GROUPS = ("TLS", "Proxy", "Ceilings of one search", "Requests")


def test_an_empty_list_says_what_to_do_first_and_the_page_which_version_it_is(
    page: ConfigurationPage, head: SearchHead
) -> None:
    expect(page.page.get_by_text("No cluster yet. Begin here: Add")).to_be_visible()
    version = json.loads((head.app / "app.manifest").read_text("utf-8"))["info"]["id"]["version"]
    expect(page.page.get_by_text(f"Version {version}.")).to_be_visible()
    page.choose("Access")
    expect(page.page.get_by_text("No rule yet: only administrators may search.")).to_be_visible()
    page.shoot("no-rule")
    # UCC's footer takes the build number for a time, and starts a search to get it.
    page.page.wait_for_load_state("networkidle")
    shown = page.page.locator("body").inner_text()
    assert [words for words in ("1970", "Build Time", "No records") if words in shown] == []
    assert [url for _, url in page.watch.requests if "/search/jobs" in url] == []
    add_cluster(head.splunkd.state, ClusterConfig(("http://127.0.0.1:1",), name="prod"), access={})
    page.open().page.locator("input:visible").first.fill("nothing is called so")
    expect(page.page.get_by_text("Nothing fits the filter")).to_be_visible()


def test_each_sign_in_shows_its_own_fields_and_no_secret_can_be_read_over_a_shoulder(page: ConfigurationPage) -> None:
    page.shoot("no-cluster")
    form = page.add()
    form.expect_values({"Sign in with": "Nothing"})
    assert form.options("Sign in with") == list(OWN)
    seen = []
    for kind, own in OWN.items():
        form.set("Sign in with", kind).shoot(f"add-{kind.split()[0].lower()}")
        form.expect_labels(ALWAYS + own + AFTER)
        seen += [label for label in own if label in SECRETS]
        assert {form.text(label).get_attribute("type") for label in own if label in SECRETS} <= {"password"}
    form.expand(*GROUPS).shoot("add-all-groups")
    assert form.text("Proxy password").get_attribute("type") == "password"
    assert [*seen, "Proxy password"] == list(SECRETS)


def test_every_field_says_what_it_is_for_and_starts_with_what_applies(page: ConfigurationPage) -> None:
    form = page.add().expand(*GROUPS)
    starts = {
        "Engine": "Automatic",
        "Default cluster": False,
        "Test the connection on save": True,
        "Verify certificate": True,
        "Allow credentials over plain HTTP": False,
        "Time field": "@timestamp",
        "Page size (documents)": "5000",
        "Connect timeout (s)": "10",
        "Request timeout (s)": "120",
        "Retries": "4",
        "Most rows": "",
        "Longest run time (s)": "",
        "Most data (MiB)": "",
        "Searches at a time": "",
    }
    form.expect_values(starts)
    assert [label for label, text in form.helps().items() if len(text) < 20] == []


def test_the_form_refuses_what_cannot_be_meant(page: ConfigurationPage) -> None:
    form = page.add().expand(*GROUPS)
    assert form.invalid() == "Field Name is required"
    form.fill(Name="default", Hosts="https://search.example:9200")
    assert "are reserved value which cannot be used for field Name" in form.invalid()
    form.fill(Name="a b")
    assert "1 to 63 letters" in form.invalid()
    form.shoot("invalid-name").fill(Name="prod")
    for hosts in ("search.example:9200", "https://me:secret@search.example:9200", "https://a:1 https://b:2"):
        form.fill(Hosts=hosts)
        assert form.invalid().startswith("Write URLs such as https://search.example:9200, separated by commas")
    form.fill(Hosts="https://a.example:9200 , https://b.example:9200")
    form.set("Sign in with", "User name and password")
    assert form.invalid() == "Field User name is required"
    form.fill(User_name="a:b", Password="x")
    assert form.invalid() == "A user name with a colon cannot be sent with this kind of sign-in."
    form.fill(User_name="a")  # what is hidden is checked, too
    form.set("Sign in with", "AWS Signature V4 (IAM)").fill(AWS_region="Seoul")
    assert form.invalid() == "Write a region such as ap-northeast-2 or us-gov-west-1."
    form.fill(AWS_region="ap-northeast-2", AWS_role_ARN="arn:aws:iam::1:user/kim")
    assert form.invalid() == "Write the ARN of a role, such as arn:aws:iam::111122223333:role/siem-reader."
    form.fill(AWS_role_ARN="").set("Sign in with", "API key").fill(API_key="two words")
    assert form.invalid() == "An API key holds no white space. Was more than the key copied?"
    form.fill(API_key="id:key", Proxy="proxy.example:3128")
    assert form.invalid().startswith("Write a URL with a port such as http://proxy.example:3128")
    form.fill(Proxy="", Time_field="two words")
    assert form.invalid() == "Name one field, such as @timestamp."
    form.fill(Time_field="@timestamp")
    ranges = {
        "Most rows": ("many", "0", "1.5"),
        "Longest run time (s)": ("1m", "-1"),
        "Most data (MiB)": ("1 GB",),
        "Searches at a time": ("0", "2000"),
        "Page size (documents)": ("0", "10001"),
        "Connect timeout (s)": ("0", "x"),
        "Request timeout (s)": ("0",),
        "Retries": ("-1", "21"),
    }
    for label, values in ranges.items():
        before = form.value(label)
        for value in values:
            said = form.set(label, value).invalid()
            assert re.search(r"[0-9] to [0-9]+|whole number from 1|is not an? (integer|number)", said), (
                label,
                value,
                said,
            )
            form.expect_marked(label)
        form.set(label, str(before))
    assert page.watch.changes() == []
