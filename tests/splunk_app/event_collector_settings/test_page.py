"""What the tab Event collectors lets in, and how inputs then send to one: the built app's handler and scripts."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any, Dict, Iterator, Optional, Tuple

import pytest
import trustme
from event_collector_settings import collectors
from splunk_host import secrets

from lab.aws import AwsAccount
from lab.splunkd import ModularInput, SplunkdStandIn, User
from lab.splunkd.hec import HecReceiver, Token

from ..page_requests import PageRequests, error, ok

pytestmark = pytest.mark.splunk_python

PAGE = "hec"
SECRET = "0f9a7c5e-1111-4222-8333-444455556666"
NO_TEST = {"test_on_save": "0"}


class Collectors(PageRequests):
    """The page, on a forwarder."""

    def __init__(self, splunkd: SplunkdStandIn, machine: AwsAccount, python: str) -> None:
        super().__init__(splunkd)
        self._machine, self._python = machine, python

    def add(self, name: str, url: str, **form: str) -> Tuple[int, Any]:
        return self.send(PAGE, form={"name": name, "url": url, "token": SECRET, **form})

    def edit(self, name: str, **form: str) -> Tuple[int, Any]:
        return self.send(PAGE, name, form)

    def stored(self, name: str) -> Dict[str, str]:
        return (self.splunkd.state.stanzas(collectors.HEC_CONF) or {})[name]

    def secrets(self, name: str) -> Optional[Dict[str, str]]:
        return secrets.unpack(collectors.COLLECTORS.realm, name, self.splunkd.state.passwords())

    def used_by_an_input(self, name: str) -> str:
        """Return what an input with this collector says when it is to be saved; empty if it can be."""
        script = ModularInput(self.splunkd, "aws_guardduty", self._python, self._machine.environment("us-east-1"))
        return script.validate("prod", regions="eu-west-1", delivery="hec", hec=name)


@pytest.fixture
def page(built_app: Path, tmp_path: Path, splunk_python: str, aws_account: AwsAccount) -> Iterator[Collectors]:
    aws_account.enable("guardduty", "eu-west-1")
    environment = aws_account.environment("us-east-1")
    stand_in = SplunkdStandIn(built_app, splunk_home=tmp_path, python=splunk_python, environment=environment)
    with stand_in as splunkd:
        yield Collectors(splunkd, aws_account, splunk_python)


@pytest.fixture
def receiver() -> Iterator[HecReceiver]:
    with HecReceiver(Token(SECRET)) as running:
        yield running


def test_a_collector_is_tried_kept_changed_and_used(page: Collectors, receiver: HecReceiver) -> None:
    ok(page.add("main", receiver.url, index="findings"))
    assert page.stored("main")["token"] == "******" and page.secrets("main") == {"token": SECRET}
    assert "test_on_save" not in page.stored("main") and not receiver.events
    assert page.used_by_an_input("main") == ""
    listed = page.listed(PAGE, **{"--cred--": "1"})["main"]
    assert (listed["token"], listed["verify_tls"], listed["test_on_save"]) == ("******", "1", "1")
    ok(page.edit("main", token="******", resend_after_s="60"))
    assert page.secrets("main") == {"token": SECRET}
    # A token is not sent to another address than the one it was entered for.
    with HecReceiver(Token(SECRET)) as other:
        for token in ({}, {"token": "******"}):
            assert "Token: enter it again" in error(page.edit("main", url=other.url, **token))
        assert other.requests == 0
        ok(page.edit("main", url=other.url, token=SECRET))
    assert SECRET not in "".join(page.said)


@pytest.mark.parametrize(
    ("token", "says"),
    [
        (Token(SECRET, use_ack=False), "has no indexer acknowledgement. Switch it on (useACK = 1"),
        (Token("another"), "Invalid token. Is the token that of this collector, and enabled?"),
        (None, "Is this the collector's port (8088), and HEC enabled?. Nothing was saved. To save a collector that is"),
    ],
    ids=["no acknowledgement", "another token", "nobody there"],
)
def test_what_takes_no_events_is_not_saved(
    page: Collectors, receiver: HecReceiver, token: Optional[Token], says: str
) -> None:
    receiver.tokens = [token] if token else []
    if token is None:
        receiver.kill()
    said = error(page.add("main", receiver.url))
    assert says in said and "Nothing was saved" in said and SECRET not in said
    assert ("switch off Test the connection on save" in said) is (token is None)
    assert page.listed(PAGE) == {} and page.secrets("main") is None
    ok(page.add("main", receiver.url, **NO_TEST))


def test_a_certificate_is_verified_unless_somebody_says_otherwise(page: Collectors, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ours.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with HecReceiver(Token(SECRET), tls=context) as receiver:
        said = error(page.add("main", receiver.url))
        assert "is not signed by an authority this machine trusts: give it in CA file" in said
        assert receiver.requests == 0
        ok(page.add("main", receiver.url, ca_file=str(tmp_path / "ours.pem")))
        ok(page.add("any", receiver.url, verify_tls="0"))
        assert page.used_by_an_input("main") == page.used_by_an_input("any") == ""
        assert "the CA file /no/such.pem cannot be used" in error(page.edit("main", ca_file="/no/such.pem"))


def test_what_makes_no_sense_is_said_in_the_words_of_the_page(page: Collectors) -> None:
    cases = (
        ({"url": "https://splunk:8088 https://other:8088"}, "is no URL of an event collector"),
        ({"url": "ftp://splunk:8088"}, "'ftp://splunk:8088' is no URL of an event collector"),
        ({"url": "https://kim:pw@splunk:8088"}, "the URL of an event collector has no user name"),
        ({"index": "Main Index"}, "Index: 'Main Index' is no name of an index"),
        ({"resend_after_s": "1"}, "Send again after (s): 1 is not from 10 to 3600"),
        ({"resend_after_s": "soon"}, "Send again after (s): soon is not from 10 to 3600"),
        ({"verify_tls": "maybe"}, "Verify the certificate: 'maybe' is neither true nor false"),
        ({"index": "x\n[evil]"}, "Index holds a line end"),
        ({"name": "a.b"}, "Name 'a.b' cannot be used"),
    )
    for given, says in cases:
        form = {"name": "main", "url": "https://splunk:8088", "token": SECRET, **NO_TEST, **given}
        said = error(page.send(PAGE, form=form))
        assert says in said and "kim:pw" not in said and "Traceback" not in said, said
    assert page.listed(PAGE) == {}


def test_a_collector_that_an_input_uses_is_not_deleted(page: Collectors, receiver: HecReceiver) -> None:
    ok(page.add("main", receiver.url))
    page.splunkd.state.set_stanza("inputs", "aws_guardduty://eu", {"delivery": "hec", "hec": "main"})
    page.splunkd.state.set_stanza("inputs", "aws_guardduty://us", {"delivery": "stdout", "hec": "main"})
    said = error(page.send(PAGE, "main", method="DELETE"))
    assert "is used by inputs: aws_guardduty://eu. Give them another" in said and page.stored("main")
    page.splunkd.state.confs.remove("inputs", "aws_guardduty://eu")
    ok(page.send(PAGE, "main", method="DELETE"))
    assert page.listed(PAGE) == {} and page.secrets("main") is None


def test_a_token_in_the_file_is_not_read_and_opening_the_page_moves_it(page: Collectors, receiver: HecReceiver) -> None:
    page.splunkd.state.set_stanza(collectors.HEC_CONF, "main", {"url": receiver.url, "token": SECRET})
    said = page.used_by_an_input("main")
    assert "token is in clear text in aws_siem_bridge_hec.conf" in said and SECRET not in said
    assert page.listed(PAGE)["main"]["token"] == "******"
    assert page.secrets("main") == {"token": SECRET} and page.used_by_an_input("main") == ""


def test_users_without_the_capability_are_refused(page: Collectors) -> None:
    key = page.splunkd.state.session(User("kim", ("power",)))
    assert page.send(PAGE, form={"name": "main", "url": "https://x:8088", "token": SECRET}, key=key)[0] == 403
    assert page.listed(PAGE) == {}
