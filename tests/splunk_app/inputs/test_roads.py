"""Administrators, aggregation regions and two Security Hubs at once: nothing comes twice, nothing is missing."""

from __future__ import annotations

from collections import Counter
from typing import Any, Dict, Iterable, List, Set

import pytest

from lab.aws import AwsAccount
from lab.splunkd import SplunkdStandIn
from tests.splunk_app.inputs.conftest import HEALTH, QUICK, of
from tests.splunk_app.inputs.test_failures import now

EU, US, UK = "eu-west-1", "us-east-1", "eu-west-2"
SOURCETYPES = {
    "guardduty": "aws:cloudwatch:guardduty",
    "securityhub": "aws:securityhub:finding",
    "securityhub_v2": "aws:siem_bridge:securityhub:ocsf",
}
LISTS = {"guardduty": "ListFindings", "securityhub": "GetFindings", "securityhub_v2": "GetFindingsV2"}
INPUTS = {
    "guardduty": ("aws_guardduty", {}),
    "securityhub": ("aws_security_hub", {"product": "cspm"}),
    "securityhub_v2": ("aws_security_hub", {"product": "ocsf"}),
}


def written(events: List[Dict[str, Any]], product: str) -> Counter[str]:
    return Counter(each["version_key"] for each in of(events, SOURCETYPES[product]))


def regions_read(account: AwsAccount, product: str) -> Set[str]:
    """Return where findings were listed with the credentials of an account."""
    return {call.region for call in account.calls() if call.name == LISTS[product]}


def notices(events: List[Dict[str, Any]], what: str) -> List[Dict[str, Any]]:
    return [each for each in of(events, HEALTH) if each.get("what") == what]


@pytest.fixture
def organisation(splunkd: SplunkdStandIn, aws_account: AwsAccount) -> List[AwsAccount]:
    """Return two members of the organisation that the account ``hub`` manages and the input reads."""
    members = [aws_account.another(), aws_account.another()]
    aws_account.organization(*({"member": each.id, "name": f"m{number}"} for number, each in enumerate(members)))
    splunkd.state.set_stanza("aws_siem_bridge_aws_account", "hub", {"organisation_role": "siem"})
    return members


def switch_on(product: str, accounts: Iterable[AwsAccount], *regions: str) -> None:
    for account in accounts:
        account.enable(product, *regions)
        account.speed(50)


def test_members_of_an_administrator_are_not_polled_until_it_shows_them_no_more(
    input_of, aws_account: AwsAccount, organisation: List[AwsAccount]
):
    enrolled, other = organisation
    switch_on("guardduty", (aws_account, enrolled, other), EU, US)
    aws_account.administer("guardduty", [enrolled], EU)
    accounts = (aws_account, enrolled, other)
    for account in accounts:
        for region in (EU, US):
            account.add("guardduty", region, count=3, at=now())
    running = input_of("aws_guardduty").run(
        "org", account="hub", regions=f"{EU},{US}", start_date="1d", look_again_s=2, checkpoints="file", **QUICK
    )
    running.wait_for(lambda events: len(written(events, "guardduty")) == 18)
    running.wait_for(lambda events: len(of(events, HEALTH)) >= 5)
    assert regions_read(enrolled, "guardduty") == {US}
    (told,) = notices(running.events, "shows the findings of others")
    assert told["accounts"] == [enrolled.id] and told["regions"] == [] and told["account"] == aws_account.id
    assert "administrator of 1 accounts" in told["error"] and "(1 polls rest)" in told["error"]

    late = aws_account.another()
    late.enable("guardduty", EU)
    late.add("guardduty", EU, count=2, at=now())
    aws_account.organization({"member": late.id, "name": "late"})
    running.wait_for(lambda events: len(written(events, "guardduty")) == 20)

    aws_account.dismiss("guardduty", [enrolled], EU)
    enrolled.add("guardduty", EU, count=4, at=now())
    running.wait_for(lambda events: len(written(events, "guardduty")) == 24)
    assert running.stop() == 0 and running.stderr == ""
    assert regions_read(enrolled, "guardduty") == {EU, US}
    found = written(running.events, "guardduty")
    assert set(found.values()) == {1}
    assert len(found) == sum(len(account.versions()) for account in (*accounts, late))
    assert {each["status"] for each in of(running.events, HEALTH)} <= {"ok", "notice", "failing"}
    # The new account has no detector in the other region.
    assert {each["account"] for each in of(running.events, HEALTH) if each["status"] == "failing"} == {late.id}


@pytest.mark.parametrize(
    ("product", "is_listed"),
    [("securityhub", True), ("securityhub_v2", True), ("securityhub_v2", False)],
    ids=["securityhub", "securityhub_v2", "securityhub_v2 of accounts by id"],
)
def test_linked_regions_come_with_the_aggregation_region_and_others_are_polled(
    input_of,
    splunkd: SplunkdStandIn,
    aws_account: AwsAccount,
    organisation: List[AwsAccount],
    product: str,
    is_listed: bool,
):
    accounts = (aws_account, *organisation)
    strangers: List[AwsAccount] = []
    if not is_listed:
        # One of them is in no organisation: the administrator does not show its findings.
        strangers = [aws_account.another()]
        ids = ",".join(each.id for each in (*accounts, *strangers))
        role = {"organisation_role": "siem", "organisation_accounts": ids}
        splunkd.state.set_stanza("aws_siem_bridge_aws_account", "hub", role)
    switch_on(product, (*accounts, *strangers), EU, US, UK)
    aws_account.aggregate(product, EU, [US])
    # Security Hub's delegated administrator sees the whole organisation; that of CSPM only who is enrolled, by region.
    for region in (EU, US, UK) if product == "securityhub_v2" else (EU, US):
        aws_account.administer(product, organisation, region)
    for account in (*accounts, *strangers):
        for region in (EU, US, UK):
            account.add(product, region, count=2, at=now())
    kind, settings = INPUTS[product]
    running = input_of(kind).run(
        "org", account="hub", regions=f"{EU},{US},{UK}", start_date="1d", checkpoints="file", sweep_every_s=0,
        **settings, **QUICK,
    )  # fmt: skip
    running.wait_for(lambda events: len(written(events, product)) == 18 + 6 * len(strangers))
    assert running.stop() == 0 and running.stderr == ""
    assert set(written(running.events, product).values()) == {1}
    alone = set() if product == "securityhub_v2" else {UK}
    probed = {EU, US, UK} if product == "securityhub_v2" else set()
    assert regions_read(aws_account, product) == {EU, UK} | probed
    for member in organisation:
        assert regions_read(member, product) - probed == alone
        if probed:
            assert sum(call.name == LISTS[product] for call in member.calls()) == len(probed)  # whether it is one
    told = {each["region"]: each for each in notices(running.events, "shows the findings of others")}
    assert told[EU]["regions"] == [US] and set(told[EU]["accounts"]) == {each.id for each in organisation}


@pytest.mark.parametrize(
    ("product", "read", "rests"),
    [("cspm_first", "securityhub", "securityhub_v2"), ("ocsf_first", "securityhub_v2", "securityhub")],
)
def test_of_two_security_hubs_in_one_account_one_is_read_and_that_is_said(
    input_of, aws_account: AwsAccount, product: str, read: str, rests: str
):
    for hub in (read, rests):
        switch_on(hub, [aws_account], EU)
        aws_account.add(hub, EU, count=3, at=now())
    switch_on(rests, [aws_account], US)
    running = input_of("aws_security_hub").run("prod", product=product, regions=f"{EU},{US}", start_date="1d", **QUICK)
    running.wait_for(lambda events: len(written(events, read)) == 3)
    running.wait_for(lambda events: notices(events, "one Security Hub of two is read"))
    assert running.stop() == 0
    assert not written(running.events, rests)
    (told,) = notices(running.events, "one Security Hub of two is read")
    assert told["account"] == aws_account.id and f"is on as well in {EU}; in {US}" in told["error"]


def test_the_hub_that_is_on_is_read_where_the_other_is_not(input_of, aws_account: AwsAccount):
    switch_on("securityhub_v2", [aws_account], EU)
    aws_account.add("securityhub_v2", EU, count=3, at=now())
    running = input_of("aws_security_hub").run("prod", regions=EU, start_date="1d", **QUICK)
    running.wait_for(lambda events: len(written(events, "securityhub_v2")) == 3 and of(events, HEALTH))
    assert running.stop() == 0
    assert {each.get("what") for each in of(running.events, HEALTH)} <= {None, "back-fill"}
