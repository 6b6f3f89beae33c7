"""The tab Event collectors in the browser, and the input that chooses one: no token anywhere."""

from __future__ import annotations

from typing import Callable

from lab.aws import AwsAccount
from lab.splunkd.hec import HecReceiver, Token

from .configuration import ConfigurationPage, InputsPage, assert_nowhere
from .conftest import Forwarder

SECRET = "0f9a7c5e-1111-4222-8333-444455556666"


def test_a_collector_is_added_changed_chosen_by_an_input_and_deleted(
    forwarder: Forwarder, visit: Callable[..., ConfigurationPage], aws_account: AwsAccount
) -> None:
    page = visit(forwarder.splunkd).open("Event collectors")
    page.page.get_by_text("No event collector yet, and none is needed").wait_for()
    form = page.add()
    assert "indexer acknowledgement" in form.helps()["Token"]
    form.fill(Name="main", URL="splunk:8088", Token=SECRET)
    assert form.invalid() == "A collector's URL is https://<host>:8088, without user name and question mark."
    with HecReceiver(Token(SECRET, use_ack=False)) as receiver:
        form.fill(URL=receiver.url, Index="findings").shoot("collectors-filled-in")
        said = form.refused()
        form.shoot("collectors-refused")
        assert "useACK = 1" in said and "Nothing was saved" in said and forwarder.splunkd.state.passwords() == []
        receiver.tokens[0].use_ack = True
        form.save()
        page.expect_rows({"main": [receiver.url, "findings", "Verified"]})
        page.shoot("collectors-listed")
        # Loaded anew: a token that is left alone stays.
        page.open("Event collectors")
        form = page.edit("main")
        form.expect_values({"Index": "findings", "Send again after (s)": "300", "Verify the certificate": True})
        form.fill(Index="").save()
        page.expect_rows({"main": [receiver.url, "Verified"]})
        assert_nowhere(page, SECRET)

        aws_account.enable("guardduty", "eu-west-1")
        inputs = visit(forwarder.splunkd, kind=InputsPage).load().choose("GuardDuty")
        form = inputs.add().expand("Delivery")
        form.fill(Name="eu", Regions="eu-west-1", Delivery="hec", Event_collector="main")
        form.shoot("inputs-event-collector")
        form.save()
    stored = forwarder.stored("aws_guardduty://eu")
    assert (stored["delivery"], stored["hec"]) == ("hec", "main")
    assert "is used by inputs: aws_guardduty://eu" in page.delete("main")
    forwarder.splunkd.state.confs.remove("inputs", "aws_guardduty://eu")
    page.open("Event collectors")
    assert page.delete("main") == ""
    assert "A collector that an input sends to cannot be deleted" in page.asked
    page.expect_rows({})
    assert forwarder.splunkd.state.passwords() == []
