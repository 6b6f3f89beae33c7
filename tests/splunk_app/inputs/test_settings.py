"""What splunkd asks an input before it runs one: its scheme, and whether settings are right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from aws_inputs import settings
from aws_inputs.kinds import EVENTS, GUARDDUTY, KINDS, SECURITY_HUB, WAF, kind_of

from es_bridge.errors import ConfigError
from lab.aws import AwsAccount
from lab.splunkd import SplunkdStandIn
from lab.splunkd.conf import read_conf

pytestmark = pytest.mark.splunk_python

NOW_MS = 1_796_040_000_000
PACKAGE = Path(__file__).resolve().parents[3] / "splunk_app" / "package"


def test_the_spec_and_the_defaults_name_what_the_schemes_name():
    spec = (PACKAGE / "README" / "inputs.conf.spec").read_text("utf-8")
    stanzas = dict(re.findall(r"^\[(\w+)://<name>\]\n(.*?)(?=^\[|\Z)", spec, re.MULTILINE | re.DOTALL))
    assert set(stanzas) == set(KINDS) == set(read_conf(PACKAGE / "default" / "inputs.conf"))
    for kind in KINDS.values():
        found = dict(re.findall(r"^(\w+) = .*\n\* (.*)$", stanzas[kind.name], re.MULTILINE))
        assert found == {each.name: each.description for each in kind.settings}, kind.name
        for each in kind.settings:
            if each.default:
                assert f"* {each.description}\n* Default: {each.default}\n" in stanzas[kind.name]
        assert (PACKAGE / "bin" / f"{kind.name}.py").is_file()


def test_no_input_is_shipped_ready_to_run():
    assert not [name for name in read_conf(PACKAGE / "default" / "inputs.conf") if "://" in name]


@pytest.mark.parametrize(
    ("kind", "given", "says"),
    [
        (GUARDDUTY, {"regions": "eu-west-1, europe"}, "regions: europe: a region is called as eu-west-1"),
        (GUARDDUTY, {"start_date": "yesterday"}, "start_date: 'yesterday' is neither a day"),
        (GUARDDUTY, {"start_date": "2999-01-01"}, "is in the future"),
        (GUARDDUTY, {"least_severity": "high"}, "least_severity: 'high' is no number"),
        (GUARDDUTY, {"least_severity": "11", "archived": "maybe"}, "from 0 to 10; archived: 'maybe' is neither"),
        (GUARDDUTY, {"poll_interval_s": "0"}, "poll_interval_s: 0 is not from 1 to 86400"),
        (SECURITY_HUB, {"product": "v2"}, "product: 'v2' is none of cspm_first, ocsf_first, cspm, ocsf"),
        (SECURITY_HUB, {"backfill_by": "export"}, "export_bucket: '' is no name of a bucket"),
        (
            SECURITY_HUB,
            {"backfill_by": "export", "export_bucket": "b-1", "export_key_arns": "arn:aws:kms:eu-west-1:1:key/mrk-1"},
            "of a key of one region (no mrk-)",
        ),
        (EVENTS, {"reconcile": "guardduty"}, "reconcile: guardduty: there is inspector, macie, accessanalyzer, none"),
        (EVENTS, {}, "queue_url: it is missing"),
        (WAF, {"sample_percent": "0"}, "queue_url: it is missing: URL of the SQS queue.; sample_percent: 0 is not"),
        (EVENTS, {"queue_url": "https://sqs/x"}, "is no URL of a queue"),
        (EVENTS, {"queue_url": "https://vpce-1.example/123456789012/q"}, "does not say its region"),
        (EVENTS, {"queue_url": "https://vpce-1.example/123456789012/q", "region": "x y"}, "'x y' is no region"),
        (
            EVENTS,
            {"queue_url": "https://sqs.eu-west-1.amazonaws.com/123456789012/q", "datasets": "guardduty, waf"},
            "datasets: waf: there is accessanalyzer, event, guardduty",
        ),
    ],
)
def test_what_is_wrong_is_said_with_what_to_change(kind, given, says):
    with pytest.raises(ConfigError) as failed:
        settings.read(kind, f"{kind.name}://x", given, NOW_MS)
    assert says in str(failed.value)


def test_what_is_right_has_defaults():
    found = settings.read(GUARDDUTY, "aws_guardduty://x", {"index": "default", "host": "$decideOnStartup"}, NOW_MS)
    assert (found.regions, found.backfill_from_ms, found["archived"], found.index, found.host) == (
        None,
        0,
        True,
        "",
        "",
    )
    given = {"regions": "us-east-1,eu-west-1", "start_date": "2d", "index": "aws", "host": "h", "archived": "0"}
    found = settings.read(GUARDDUTY, "aws_guardduty://x", given, NOW_MS)
    assert found.regions == ("eu-west-1", "us-east-1") and found.backfill_from_ms == NOW_MS - 2 * 86_400_000
    assert (found.index, found.host, found["archived"]) == ("aws", "h", False)
    queue = {"queue_url": "https://sqs.eu-west-1.amazonaws.com/123456789012/q"}
    assert settings.queue_region(settings.read(EVENTS, "x", queue, NOW_MS)) == "eu-west-1"
    assert kind_of("aws_guardduty://x") is GUARDDUTY and kind_of("other://x") is None


def test_schemes_are_what_splunkd_reads(input_of):
    for kind in KINDS.values():
        scheme = input_of(kind.name).scheme()
        assert scheme.findtext("streaming_mode") == "xml" and scheme.findtext("use_single_instance") == "false"
        arguments = scheme.findall("endpoint/args/arg")
        assert [each.get("name") for each in arguments] == [each.name for each in kind.settings]
        assert {each.findtext("data_type") for each in arguments} <= {"string", "number", "boolean"}


def test_settings_are_checked_on_save_with_aws(input_of, splunkd: SplunkdStandIn, aws_account: AwsAccount):
    guardduty = input_of("aws_guardduty")
    assert guardduty.validate("prod", regions="eu-west-1") == ""
    assert "regions: <x>: a region is called" in guardduty.validate("prod", regions="<x>")
    assert "there is no AWS account 'other'" in guardduty.validate("prod", account="other")
    splunkd.state.set_stanza("aws_siem_bridge_aws_account", "member", {"role_arn": "arn:aws:iam::1:role/x"})
    assert "is no ARN of a role" in guardduty.validate("prod", account="member")
    events = input_of("aws_security_events_sqs")
    url = f"https://sqs.us-east-1.amazonaws.com/{aws_account.id}/nowhere"
    said = events.validate("prod", queue_url=url)
    assert "cannot receive messages" in said and "Check the queue's URL" in said


@pytest.mark.parametrize("role", ["shc_member", "shc_captain"])
def test_a_member_of_a_search_head_cluster_refuses(input_of, splunkd: SplunkdStandIn, role: str):
    splunkd.state.server_roles = ("search_head", role)
    guardduty = input_of("aws_guardduty")
    assert "on a heavy forwarder" in guardduty.validate("prod", regions="eu-west-1")
    running = guardduty.run("prod", regions="eu-west-1")
    assert running.process.wait(60) == 1
    running.finish()
    assert running.events == [] and "this is a member of a search head cluster" in running.stderr
