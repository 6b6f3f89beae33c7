"""What the page AWS accounts lets in, and how inputs then get into AWS: the built app's handler and scripts."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

import pytest
from aws_account_settings import accounts
from aws_account_settings.labels import as_on_the_page
from splunk_host import secrets

from es_bridge.errors import ConfigError
from lab.aws import AwsAccount, AwsStandIn, Fault
from lab.splunkd import ModularInput, SplunkdStandIn, User

from ..page_requests import PageRequests, error, ok

pytestmark = pytest.mark.splunk_python

PAGE = "aws_account"
SECRET = "never-to-be-seen-" + "s" * 300
KEY = {"sign_in": "access_key", "secret_access_key": SECRET}
NO_TEST = {"test_on_save": "0"}


class Accounts(PageRequests):
    """The page, on a machine with the role of an AWS account."""

    def __init__(self, splunkd: SplunkdStandIn, machine: AwsAccount, python: str) -> None:
        super().__init__(splunkd)
        self.machine = machine
        self._python = python

    def add(self, name: str, **form: str) -> Tuple[int, Any]:
        return self.send(PAGE, form={"name": name, "sign_in": "machine", "partition": "aws", **form})

    def edit(self, name: str, **form: str) -> Tuple[int, Any]:
        return self.send(PAGE, name, form)

    def delete(self, name: str) -> Tuple[int, Any]:
        return self.send(PAGE, name, method="DELETE")

    def stored(self, name: str) -> Dict[str, str]:
        return (self.splunkd.state.stanzas(accounts.ACCOUNT_CONF) or {})[name]

    def secrets(self, name: str) -> Optional[Dict[str, str]]:
        return secrets.unpack(accounts.ACCOUNTS.realm, name, self.splunkd.state.passwords())

    def used_by_an_input(self, name: str) -> str:
        """Return what an input with this account says when it is to be saved; empty if it can be."""
        environment = self.machine.environment("us-east-1")
        return ModularInput(self.splunkd, "aws_guardduty", self._python, environment).validate(
            "prod", account=name, regions="eu-west-1"
        )


@pytest.fixture
def page(built_app: Path, tmp_path: Path, splunk_python: str, aws_account: AwsAccount) -> Iterator[Accounts]:
    environment = aws_account.environment("us-east-1")
    stand_in = SplunkdStandIn(built_app, splunk_home=tmp_path, python=splunk_python, environment=environment)
    with stand_in as splunkd:
        yield Accounts(splunkd, aws_account, splunk_python)


def signed_in_as(account: AwsAccount) -> List[str]:
    """Return the access keys with which it was asked who somebody is, in this account."""
    return [call.access_key for call in account.calls() if call.name == "GetCallerIdentity"]


def test_an_access_key_is_tried_and_its_secret_is_in_the_store_alone(page: Accounts, aws_account: AwsAccount) -> None:
    other = aws_account.another()
    ok(page.add("prod", **KEY, access_key_id=other.access_key, test_on_save="1"))
    assert page.stored("prod")["secret_access_key"] == "******"
    assert page.secrets("prod") == {"secret_access_key": SECRET}
    assert "test_on_save" not in page.stored("prod")
    assert signed_in_as(other) == [other.access_key] and signed_in_as(aws_account) == []
    # What a browser sends back of a secret it has never seen: nothing, or six asterisks.
    ok(page.edit("prod", sts_region="eu-west-1"))
    ok(page.edit("prod", secret_access_key="******", test_on_save="1"))
    assert page.secrets("prod") == {"secret_access_key": SECRET}
    other.enable("guardduty", "eu-west-1")
    assert page.used_by_an_input("prod") == ""
    listed = page.listed(PAGE, **{"--cred--": "1"})["prod"]
    assert (listed["secret_access_key"], listed["sign_in"], listed["test_on_save"]) == ("******", "access_key", "1")
    # A key that is not used any more is not kept.
    ok(page.edit("prod", sign_in="machine"))
    assert page.secrets("prod") is None and page.stored("prod")["access_key_id"] == ""
    assert not any(SECRET[:12] in text for text in page.said)


def test_a_chain_of_roles_is_entered_and_a_wrong_external_id_is_said(page: Accounts, aws_account: AwsAccount) -> None:
    hub, member = aws_account.another(), aws_account.another()
    hub.trust("hub", aws_account, external_id="first")
    member.trust("reader", hub, external_id="second")
    chain = {
        "first_role_arn": hub.role("hub"),
        "first_external_id": "first",
        "role_arn": member.role("reader"),
        "external_id": "second",
    }
    for wrong, arn in (("external_id", chain["role_arn"]), ("first_external_id", chain["first_role_arn"])):
        said = error(page.add("prod", **{**chain, wrong: "another"}))
        assert (
            "sts:AssumeRole" in said and arn in said and "the same external id" in said and "Nothing was saved" in said
        )
    assert "switch off Test the connection on save" in said
    assert page.listed(PAGE) == {}
    ok(page.add("prod", **chain))
    assert len(signed_in_as(member)) == 1


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"role_arn": "arn:aws:iam::12:role/x"}, "is no ARN of a role: arn:aws:iam::<12 digits>:role/<name>"),
        ({"role_arn": "arn:aws-cn:iam::123456789012:role/x"}, "is of the partition aws-cn, the account of aws"),
        ({"first_role_arn": "arn:aws:iam::123456789012:role/x"}, "First role ARN is assumed before Role ARN, which is"),
        ({"role_arn": "arn:aws:iam::123456789012:role/x", "external_id": "a b"}, "an external id has 2 to 1224"),
        ({"sign_in": "access_key"}, "signing in with an access key needs Access key id"),
        ({"sign_in": "access_key", "access_key_id": "AKIAX"}, "belong together; one is missing"),
        ({"sign_in": "sso"}, "Sign in with = sso is neither"),
        ({"partition": "aws-moon"}, "no partition 'aws-moon'"),
        ({"sts_region": "Ireland"}, "STS region: 'Ireland' is no region such as eu-west-1"),
        ({"organisation_accounts": "123456789012"}, "are entered by Role in every member: name it"),
        ({"organisation_role": "r", "organisation_accounts": "12"}, "Only these accounts: 12: an account's id has 12"),
        ({"organisation_role": "a role"}, "is no ARN of a role"),
        ({"endpoints": "sts:https://x"}, "endpoints: 'sts:https://x' is not <service>=https://<host>"),
        ({"proxy": "proxy.example:3128"}, "proxy is no URL such as http://proxy.example:3128"),
        (
            {"proxy": "http://kim:pw@proxy:1"},
            "proxy holds a user name; those go into Proxy user name and Proxy password",
        ),
        ({"proxy": "http://proxy:1", "proxy_password": "pw"}, "Proxy password needs Proxy user name"),
    ],
)
def test_what_makes_no_sense_is_said_in_the_words_of_the_page(given: Dict[str, str], says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        accounts.settings_of("prod", given)
    assert says in as_on_the_page(str(refused.value)) and "'prod'" in str(refused.value)


def test_what_aws_does_not_have_and_a_file_cannot_hold_is_refused(page: Accounts) -> None:
    for given, says in (
        ({"sts_region": "eu-west-9"}, "STS region: there is no region eu-west-9 in the partition aws"),
        ({"sts_region": "cn-north-1"}, "STS region: cn-north-1 is of the partition aws-cn"),
        ({"ca_file": "/no/such.pem", "endpoints": "sts=https://127.0.0.1:1"}, "/no/such.pem"),
        ({"external_id": "x\n[evil]"}, "External id holds a line end"),
        ({"role_arn": "arn:aws:iam::12:role/x"}, "AWS account 'prod': 'arn:aws:iam::12:role/x' is no ARN of a role"),
    ):
        said = error(page.add("prod", **given))
        assert says in said and "Traceback" not in said
    assert page.listed(PAGE) == {}


def test_keys_that_aws_does_not_accept_are_said(page: Accounts, aws_account: AwsAccount) -> None:
    other = aws_account.another()
    key = {**KEY, "access_key_id": other.access_key}
    for code, says in (
        ("InvalidClientTokenId", "Check the access key: it may be deleted, switched off"),
        ("ExpiredToken", "take new credentials, and compare this machine's clock with AWS's"),
    ):
        other.fault(Fault(code, "GetCallerIdentity", times=1))
        assert says in error(page.add("prod", **key))
    ok(page.add("prod", **key))


def test_no_way_to_aws_is_said_and_can_be_saved_all_the_same(page: Accounts) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        proxy = {
            "proxy": f"http://127.0.0.1:{taken.getsockname()[1]}",
            "proxy_username": "kim",
            "proxy_password": SECRET,
        }
        nowhere = {"endpoints": f"sts=http://127.0.0.1:{taken.getsockname()[1]}"}
        said = error(page.add("prod", **nowhere))
        assert "Check proxy, endpoints and the way out of this network" in said and "Nothing was saved" in said
        ok(page.add("prod", **nowhere, **NO_TEST))
        said = error(page.add("behind", **proxy, endpoints="sts=http://sts.example"))
        assert "Check proxy" in said
        ok(page.add("behind", **proxy, **NO_TEST))
    assert page.secrets("behind") == {"proxy_password": SECRET}
    assert not any(SECRET[:12] in text for text in page.said)


def test_an_organisation_is_listed_and_one_member_entered(page: Accounts, aws_account: AwsAccount) -> None:
    form = {"organisation_role": "reader", "organisation_external_id": "x1"}
    member = aws_account.another()
    member.trust("reader", aws_account, external_id="x1")
    aws_account.fault(Fault("AccessDeniedException", "ListAccounts", times=1))
    assert "has to allow organizations:ListAccounts" in error(page.add("prod", **form))
    aws_account.organization({"member": member.id, "name": "payments"})
    assert member.role("reader") in error(page.add("prod", **{**form, "organisation_external_id": "x2"}))
    ok(page.add("prod", **form))
    ok(page.add("some", **form, organisation_accounts=member.id))


def test_an_account_that_an_input_uses_is_not_deleted(page: Accounts) -> None:
    ok(page.add("prod", **NO_TEST))
    ok(page.add("other", **NO_TEST))
    page.splunkd.state.set_stanza("inputs", "aws_guardduty://eu", {"account": "prod", "regions": "eu-west-1"})
    page.splunkd.state.set_stanza("inputs", "script://./bin/x.sh", {"account": "other"})
    said = error(page.delete("prod"))
    assert "is used by inputs: aws_guardduty://eu. Delete them first" in said
    assert page.stored("prod")
    ok(page.delete("other"))
    page.splunkd.state.confs.remove("inputs", "aws_guardduty://eu")
    ok(page.delete("prod"))
    assert page.listed(PAGE) == {}


def test_a_secret_in_the_file_is_not_read_and_opening_the_page_moves_it(
    page: Accounts, aws_account: AwsAccount
) -> None:
    other = aws_account.another()
    other.enable("guardduty", "eu-west-1")
    by_hand = {"access_key_id": other.access_key, "secret_access_key": SECRET}
    page.splunkd.state.set_stanza(accounts.ACCOUNT_CONF, "by-hand", by_hand)
    said = page.used_by_an_input("by-hand")
    assert "secret_access_key is in clear text in aws_siem_bridge_aws_account.conf" in said and SECRET not in said
    assert page.listed(PAGE)["by-hand"]["sign_in"] == "access_key"
    assert page.stored("by-hand")["secret_access_key"] == "******"
    assert page.secrets("by-hand") == {"secret_access_key": SECRET}
    assert page.used_by_an_input("by-hand") == ""


def test_names_that_splunk_takes_and_users_without_the_capability_are_refused(page: Accounts) -> None:
    for name in ("default", "a b", "eu.prod", "-x"):
        status, _ = page.add(name, **NO_TEST)
        assert status >= 400, name
    key = page.splunkd.state.session(User("kim", ("power",)))
    assert page.send(PAGE, form={"name": "prod"}, key=key)[0] == 403
    assert page.listed(PAGE) == {}


def test_a_key_of_one_sign_in_is_left_alone_by_another() -> None:
    both = {"sign_in": "machine", "access_key_id": "AKIAX", "secret_access_key": "******"}
    assert accounts.settings_of("prod", both).account.access_key_id == ""
    with pytest.raises(ConfigError, match="AWS account 'prod': proxy_username and proxy_password are for a proxy"):
        accounts.settings_of("prod", {"proxy_username": "kim"})
    behind = {"proxy": "http://proxy:3128", "proxy_username": "a b", "proxy_password": "p/w:"}
    assert accounts.settings_of("prod", behind).account.proxy == "http://a%20b:p%2Fw%3A@proxy:3128"


def test_the_machine_needs_no_account(aws: AwsStandIn) -> None:
    assert accounts.read(None, "").account.name == accounts.read(None, "default").account.name == "default"  # type: ignore[arg-type]
