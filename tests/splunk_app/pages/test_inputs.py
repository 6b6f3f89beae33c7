"""The page Inputs in the browser: every kind added, copied, changed, switched off and deleted, and what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict, Tuple

import pytest

from lab.aws import AwsAccount

from .configuration import Form, InputsPage
from .conftest import Forwarder

PACKAGE = Path(__file__).resolve().parents[3] / "splunk_app" / "package"
#: Tab -> (kind, what is filled in, the field that is changed, its new value, its key).
KINDS: Dict[str, Tuple[str, Dict[str, str], str, str, str]] = {
    "GuardDuty": ("aws_guardduty", {"Regions": "eu-west-1"}, "Poll interval (s)", "120", "poll_interval_s"),
    "Security Hub": ("aws_security_hub", {"Regions": "eu-west-1"}, "Start date", "30d", "start_date"),
    "Security events (SQS)": ("aws_security_events_sqs", {}, "Findings", "guardduty", "datasets"),
    "WAF detections": ("aws_waf_detections", {}, "Queue", "", "queue_url"),
    "Prowler files": ("aws_prowler_files", {}, "Queue", "", "queue_url"),
    "Response status": ("aws_response_status", {}, "Queue", "", "queue_url"),
    "Shield": ("aws_shield", {"Start date": "30d"}, "Poll interval (s)", "600", "poll_interval_s"),
    "Assets": ("aws_assets", {"Regions": "eu-west-1"}, "Interval (s)", "7200", "poll_interval_s"),
}


def test_every_setting_of_an_input_is_on_its_page(built_app: Path) -> None:
    """A setting that is added to an input is a field by itself; this finds one that is not, or not in words."""
    spec = (built_app / "README" / "inputs.conf.spec").read_text("utf-8")
    stanzas = dict(re.findall(r"^\[(\w+)://<name>\]\n(.*?)(?=^\[|\Z)", spec, re.MULTILINE | re.DOTALL))
    config = json.loads((built_app / "appserver/static/js/build/globalConfig.json").read_text("utf-8"))
    services = {service["name"]: service for service in config["pages"]["inputs"]["services"]}
    assert set(services) == set(stanzas) == {kind for kind, *_ in KINDS.values()}
    for kind, service in services.items():
        described = set(re.findall(r"^(\w+) = ", stanzas[kind], re.MULTILINE))
        fields = {entity["field"]: entity for entity in service["entity"]}
        assert set(fields) == {"name", "index", "host", *described}, kind
        assert [name for name, entity in fields.items() if not entity.get("help")] == []
        folded = [name for group in service["groups"] for name in group["fields"]]
        assert len(folded) == len(set(folded))
        assert service["title"] in KINDS


@pytest.mark.parametrize("tab", KINDS)
def test_an_input_is_added_copied_changed_switched_off_and_deleted(
    inputs_page: InputsPage, forwarder: Forwarder, aws_account: AwsAccount, tab: str
) -> None:
    kind, given, label, value, key = KINDS[tab]
    page = inputs_page.choose(tab)
    page.page.get_by_text("No input of this kind yet; nothing is read").locator("visible=true").wait_for()
    form = page.add()
    where = [aws_account.rule_to_queue("us-east-1")] if not given else []
    if where:
        given = {"Queue": where[0], "Region": "us-east-1"}
        value = value or aws_account.client("sqs").create_queue(QueueName=f"other-{aws_account.id}")["QueueUrl"]
    form.set("Name", "one")
    for name, text in given.items():
        form.set(name, text)
    assert form.options("Account") == ["hub", "default"]
    form.type_choice("Index", "aws_findings").shoot(f"{kind}-filled-in").save()
    shown = [text for name, text in given.items() if name in ("Regions", "Queue")]
    # Where the daily poll of what EventBridge may lose looks.
    shown = ["all", *shown] if kind == "aws_security_events_sqs" else shown
    row = ["default", *shown, *(["cspm_first"] if kind == "aws_security_hub" else []), "aws_findings"]
    page.expect_rows({"one": row})
    page.expand("one")
    page.shoot(f"{kind}-listed")

    page.open(tab)
    form = page.clone("one")
    form.fill(Name="two", Account="hub").save()
    page.edit("two").set(label, value).save()
    assert forwarder.stored(f"{kind}://two")[key] == value
    assert forwarder.stored(f"{kind}://two")["account"] == "hub"
    page.toggle("two")
    page.expect_status("two", "Off")
    assert forwarder.stored(f"{kind}://two")["disabled"] == "1"
    page.toggle("two")
    page.expect_status("two", "On")
    assert page.delete("two") == ""
    assert "It reads nothing any more" in page.asked
    page.expect_listed("one")
    assert forwarder.stored(f"{kind}://two") is None


def test_what_is_wrong_is_said_on_the_page(
    inputs_page: InputsPage, forwarder: Forwarder, aws_account: AwsAccount
) -> None:
    page = inputs_page.choose("GuardDuty")
    form = page.add().fill(Name="eu", Account="hub")
    forwarder.splunkd.state.confs.remove("aws_siem_bridge_aws_account", "hub")
    assert "Account: there is no AWS account 'hub' in this app; there is default" in form.refused()
    form.set("Account", "default")
    form.set("Poll interval (s)", "0")
    assert form.invalid() == "Poll interval (s): a number from 1 to 86400"
    form.set("Poll interval (s)", "60")
    aws_account.deny("eu-west-1", "guardduty")
    for regions, says in (
        ("europe", "Regions: europe: a region is called as eu-west-1"),
        ("eu-west-9", "Regions: there is no region eu-west-9 in the partition aws"),
        ("eu-west-1", "policy has to allow guardduty:ListDetectors"),
    ):
        form.set("Regions", regions)
        assert says in form.refused()
        form.shoot(f"inputs-refused-{regions}")
    assert forwarder.stored("aws_guardduty://eu") is None
    form.cancel()
    form = page.choose("WAF detections").add().set("Name", "waf").set("Queue", "https://sqs/x")
    assert form.invalid().startswith("A queue's URL is https://sqs.<region>.amazonaws.com/")
    form.set("Queue", f"https://sqs.us-east-1.amazonaws.com/{aws_account.id}/nowhere")
    assert "Check the queue's URL, its policy" in form.refused()
    form.cancel()
    forwarder.splunkd.state.server_roles = ("search_head", "shc_member")
    form = page.choose("Assets").add().set("Name", "all")
    assert "this is a member of a search head cluster" in form.refused()
    form.shoot("inputs-refused-in-a-cluster")


def test_groups_are_folded_and_hold_what_is_seldom_changed(inputs_page: InputsPage) -> None:
    form: Form = inputs_page.choose("GuardDuty").add()
    form.expect_labels(["Name", "Account", "Regions", "Index", "Start date", "Poll interval (s)"])
    form.expand("Which events", "How it reads", "Source and host", "Health and checkpoints").shoot("inputs-unfolded")
    form.expect_values({"Least severity": "0", "Daily ceiling (MiB)": "1024", "Safety window (s)": "600", "Host": ""})
    described: Any = inputs_page.page.get_by_text("sourcetype=aws:siem_bridge:health").locator("visible=true")
    form.cancel()
    described.first.wait_for()
