"""The pages' handlers and the check of an input as they are installed: on Splunk's Pythons, with nothing else there."""

from __future__ import annotations

from pathlib import Path

from aws_inputs.kinds import KINDS

from lab.aws import AwsAccount
from lab.splunkd import ModularInput, SplunkdStandIn

from ..page_requests import PageRequests, error, ok

FORM = {"name": "eu", "account": "hub", "regions": "eu-west-1", "checkpoints": "kvstore", "delivery": "stdout"}


def test_an_account_and_an_input_are_saved_after_aws_was_asked(
    installed_app: Path, bare_python: str, aws_account: AwsAccount, tmp_path: Path
) -> None:
    environment = aws_account.environment("us-east-1")
    stand_in = SplunkdStandIn(installed_app, splunk_home=tmp_path, python=bare_python, environment=environment)
    member = aws_account.another()
    member.trust("reader", aws_account, external_id="x1")
    member.enable("guardduty", "eu-west-1")
    with stand_in as splunkd:
        page = PageRequests(splunkd)
        account = {"name": "hub", "sign_in": "machine", "partition": "aws", "role_arn": member.role("reader")}
        assert "the same external id" in error(page.send("aws_account", form={**account, "external_id": "x2"}))
        ok(page.send("aws_account", form={**account, "external_id": "x1"}))
        member.deny("eu-west-1", "guardduty")
        assert "has to allow guardduty:ListDetectors" in error(page.send("aws_guardduty", form=FORM))
        member.allow("eu-west-1", "guardduty")
        ok(page.send("aws_guardduty", form=FORM))
        for kind in KINDS:
            scheme = ModularInput(splunkd, kind, bare_python, environment).scheme()
            assert scheme.findtext("use_external_validation") == "true"
