"""The tab AWS accounts in the browser: filled in, tried on AWS, changed, copied, deleted; no secret anywhere."""

from __future__ import annotations

from lab.aws import AwsAccount

from .configuration import ConfigurationPage, assert_nowhere
from .conftest import Forwarder

SECRET = "never-to-be-seen/" + "s" * 40


def test_an_account_is_added_changed_copied_and_deleted(
    accounts_page: ConfigurationPage, forwarder: Forwarder, aws_account: AwsAccount
) -> None:
    page, other = accounts_page, aws_account.another()
    page.page.get_by_text("No account yet. Inputs that are to use this machine's own role need none").wait_for()
    page.shoot("accounts-none")
    form = page.add()
    form.expect_labels(["Name", "Sign in with", "Role ARN", "External id", "Test the connection on save"])
    assert "heavy forwarder whose inputs read it" in form.helps()["Name"]
    form.fill(Name="prod", Sign_in_with="Access key")
    assert form.invalid() == "Field Access key id is required"
    form.fill(Access_key_id=other.access_key, Secret_access_key=SECRET, Role_ARN="role/reader")
    assert form.invalid().startswith("A role's ARN is arn:aws:iam::<12 digits>:role/<name>")
    member = aws_account.another()
    member.trust("reader", other, external_id="right")
    form.fill(Role_ARN=member.role("reader"), External_id="wrong").shoot("accounts-filled-in")
    said = form.refused()
    form.shoot("accounts-refused-external-id")
    assert member.role("reader") in said and "the same external id" in said and "Nothing was saved" in said
    assert forwarder.splunkd.state.passwords() == []
    form.fill(External_id="right").save()
    page.expect_rows({"prod": ["Access key", member.role("reader")]})
    assert other.access_key in page.expand("prod")
    page.shoot("accounts-listed")
    assert_nowhere(page, SECRET)

    # Loaded anew: a secret that is left alone stays.
    page.open("AWS accounts")
    form = page.edit("prod").expand("Role by way of another", "Organisation", "Partition and network")
    form.shoot("accounts-edit")
    form.expect_values({"Sign in with": "Access key", "External id": "right"})
    assert form.text("Name").is_disabled()
    form.fill(STS_region="eu-west-9")
    assert "STS region: there is no region eu-west-9" in form.refused()
    form.fill(STS_region="eu-west-1").save()
    assert forwarder.secrets("prod") == {"secret_access_key": SECRET}

    form = page.clone("prod").fill(Name="copy", Sign_in_with="Role of this machine")
    form.set("Role ARN", "").set("External id", "").save()
    page.expect_rows({"prod": ["Access key", member.role("reader")], "copy": ["Role of this machine"]})
    forwarder.use("copy", "aws_guardduty://eu")
    said = page.delete("copy")
    page.shoot("accounts-refused-delete")
    assert "is used by inputs: aws_guardduty://eu" in said
    page.open("AWS accounts")
    assert page.delete("prod") == ""
    assert "An account that an input uses cannot be deleted" in page.asked
    page.expect_listed("copy")
    assert forwarder.splunkd.state.passwords() == []
    assert_nowhere(page, SECRET)
