"""The lookups of accounts and assets: events in, the shipped scheduled searches, rows out, and joined to events."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any, Dict, List

import pytest

pytest.importorskip("yaml", reason="the table is read with Python 3.11")

from collectors.assets.asset import Asset, Where
from collectors.assets.changes import REFRESH_S, Seen
from savedsearches.runner.conf_files import read_conf
from savedsearches.runner.knowledge import Knowledge, read_knowledge
from savedsearches.runner.lookups import Lookup, shipped_lookups
from savedsearches.runner.macros import shipped_macros
from savedsearches.runner.moment import Moment
from savedsearches.runner.run import run_to_list
from savedsearches.runner.session import Session
from splunk_app.knowledge.mapping import read_table
from tests.splunk_app.knowledge.test_events import as_event, raw_events

APP = Path(__file__).resolve().parents[3] / "splunk_app" / "package"
#: Those that build lookups, in the order they run.
SEARCHES = {
    name: settings
    for name, settings in read_conf(APP / "default" / "savedsearches.conf").items()
    if name.startswith("aws_build_")
}
BUILT = ("aws_accounts", "aws_assets", "aws_es_assets", "aws_es_identities")
MACROS = shipped_macros(APP)
DATASETS = {dataset.name: dataset for dataset in read_table()}
NOW_S = 1_796_016_000
HOUR, DAY = 3600, 86_400
HUB, SHOP = "000000000042", "111122223333"
#: https://docs.splunk.com/Documentation/ES/latest/Admin/Formatassetoridentitylist
ES_ASSETS = (
    "ip,mac,nt_host,dns,owner,priority,lat,long,city,country,bunit,category,pci_domain,is_expected,should_timesync,"
    "should_update,requires_av"
)
ES_IDENTITIES = (
    "identity,prefix,nick,first,last,suffix,email,phone,managedBy,priority,bunit,category,watchlist,startDate,endDate,"
    "work_city,work_country,work_lat,work_long"
)


class Splunk:
    """A search head: events of inventories, and the lookups as they are from run to run."""

    def __init__(self) -> None:
        self.knowledge = read_knowledge(APP / "default")
        self.lookups: Dict[str, Lookup] = shipped_lookups(APP)
        self.events: List[Dict[str, Any]] = [{"_time": 0, "index": "other", "_raw": "", "source": "other"}]
        self.seen: Dict[str, Seen] = {}

    def inventory(self, *assets: Asset, at_s: int, unit: str = "one", complete: bool = True) -> None:
        """Take an inventory of one account and region, as the input does."""
        seen = self.seen.setdefault(unit, Seen())
        for change in seen.compare({"all": assets}, {"all"} if complete else set(), at_s):
            event = as_event(DATASETS["asset"], dict(change.event))
            event.update({"_time": at_s, "_indextime": at_s, "index": "aws"})
            self.events.append(self.knowledge.apply(event))

    def run(self, name: str, now_s: int) -> None:
        """Run a scheduled search over the range that it says."""
        settings = SEARCHES[name]
        assert settings["dispatch.earliest_time"].endswith(("h", "m")) and settings["dispatch.latest_time"] == "now"
        amount, unit = int(settings["dispatch.earliest_time"][:-1]), settings["dispatch.earliest_time"][-1]
        moment = Moment(float(now_s), now_s + amount * {"h": HOUR, "m": 60}[unit], float(now_s))
        run_to_list(settings["search"], Session(moment, self.events, self.lookups, MACROS))

    def assets(self, now_s: int) -> Dict[str, str]:
        """Build the lookup of assets and return key -> ids of what is found by it."""
        self.run("aws_build_assets_lookup", now_s)
        found: Dict[str, List[str]] = {}
        for row in self.lookups["aws_assets"].rows:
            found.setdefault(str(row["key"]), []).append(str(row["id"]))
        return {key: ",".join(sorted(ids)) for key, ids in found.items()}

    def rows(self, name: str) -> List[Dict[str, Any]]:
        return sorted(self.lookups[name].rows, key=lambda row: json.dumps(row, sort_keys=True, default=str))


@pytest.fixture
def splunk() -> Splunk:
    return Splunk()


def instance(id: str, ip: str = "", eni: str = "", account: str = SHOP, vpc: str = "vpc-1", **more: Any) -> Asset:
    tags = more.pop("tags", {})
    fields = {
        "name": f"name of {id}", "ip": [ip] if ip else [], "eni": [eni] if eni else [], "vpc": vpc, "public": False,
        "mac": [f"02:{id[-2:]}"], **more,
    }  # fmt: skip
    arn = f"arn:aws:ec2:eu-west-1:{account}:instance/{id}"
    return Asset("ec2_instance", id, Where(account, "eu-west-1"), fields, arn, tags)


def account(id: str, name: str, **more: Any) -> Asset:
    tags = more.pop("tags", {})
    return Asset("account", id, Where(id, "global"), {"name": name, **more}, tags=tags)


def test_an_instance_is_found_by_all_that_it_is_called(splunk: Splunk) -> None:
    more = {"public_ip": ["198.51.100.7"], "dns": ["ip-10-0-0-5.internal"], "tags": {"Team": "pay", "Env": "prod"}}
    more["security_groups"] = ["sg-1", "sg-2"]
    splunk.inventory(instance("i-a", "10.0.0.5", "eni-1", **more), at_s=NOW_S - HOUR)
    found = splunk.assets(NOW_S)
    arn = f"arn:aws:ec2:eu-west-1:{SHOP}:instance/i-a"
    keys = {"i-a", arn, "10.0.0.5", "198.51.100.7", "eni-1", "ip-10-0-0-5.internal", "02:-a"}
    assert found == dict.fromkeys(keys, "i-a")
    (row,) = [row for row in splunk.rows("aws_assets") if row["key"] == "eni-1"]
    assert row["security_groups"] == ["sg-1", "sg-2"] and row["seen"] == NOW_S - HOUR
    wanted = {"key_type": "eni", "kind": "ec2_instance", "account": SHOP, "team": "pay", "environment": "prod"}
    assert wanted.items() <= row.items()


def test_a_second_run_changes_nothing(splunk: Splunk) -> None:
    splunk.inventory(instance("i-a", "10.0.0.5", "eni-1"), instance("i-b", "10.0.0.6"), at_s=NOW_S - HOUR)
    splunk.inventory(account(SHOP, "shop", account_state="ACTIVE"), at_s=NOW_S - HOUR, unit="organization")
    user = Asset("iam_user", "mary", Where(SHOP, "global"), {"name": "mary"}, f"arn:aws:iam::{SHOP}:user/mary")
    splunk.inventory(user, at_s=NOW_S - HOUR, unit="users")
    results = []
    for now_s in (NOW_S, NOW_S + 900):
        for name in SEARCHES:
            splunk.run(name, now_s)
        results.append({name: splunk.rows(name) for name in BUILT})
    assert results[0] == results[1] and all(results[0].values())


def test_an_address_that_moved_is_the_newest_holders(splunk: Splunk) -> None:
    splunk.inventory(instance("i-a", "10.0.0.5", "eni-1"), instance("i-b", "10.0.0.6"), at_s=NOW_S - 30 * HOUR)
    assert splunk.assets(NOW_S - 29 * HOUR)["10.0.0.5"] == "i-a"
    splunk.inventory(instance("i-a", ""), instance("i-b", "10.0.0.5", "eni-1"), at_s=NOW_S - HOUR)
    found = splunk.assets(NOW_S)
    assert (found["10.0.0.5"], found["eni-1"], found["i-a"]) == ("i-b", "i-b", "i-a")
    assert "10.0.0.6" not in found


def test_an_address_whose_old_holder_was_not_heard_of_is_the_newest_holders(splunk: Splunk) -> None:
    """The list of instances was denied in between, or the holders are in the inventories of two inputs."""
    splunk.inventory(instance("i-a", "10.0.0.5"), at_s=NOW_S - 2 * HOUR)
    splunk.inventory(instance("i-b", "10.0.0.5"), at_s=NOW_S - HOUR, unit="other")
    assert splunk.assets(NOW_S)["10.0.0.5"] == "i-b"


def test_one_address_in_two_networks_is_two_and_the_account_or_network_tells_which(splunk: Splunk) -> None:
    splunk.inventory(instance("i-a", "172.31.0.5"), at_s=NOW_S - HOUR)
    splunk.inventory(instance("i-b", "172.31.0.5", vpc="vpc-2", account=HUB), at_s=NOW_S - HOUR, unit="hub")
    assert splunk.assets(NOW_S)["172.31.0.5"] == "i-a,i-b"
    for given, id in ((f'account="{HUB}"', "i-b"), ('vpc="vpc-1"', "i-a")):
        name = given.partition("=")[0]
        search = f'| makeresults | eval ip="172.31.0.5", {given} | lookup aws_assets key AS ip, {name} OUTPUT id'
        assert run_to_list(search, Session(Moment(0.0), lookups=splunk.lookups))[0]["id"] == id


def test_an_interface_is_its_instance_where_it_has_one(splunk: Splunk) -> None:
    def interface(id: str, ip: str, **more: Any) -> Asset:
        fields = {"ip": [ip], "public_ip": ["198.51.100.7"], "vpc": "vpc-1", "mac": "02:ff", "dns": "x", **more}
        return Asset("network_interface", id, Where(SHOP, "eu-west-1"), fields)

    of_it = interface("eni-1", "10.0.0.5", attached_to="i-a")
    splunk.inventory(instance("i-a", "10.0.0.5", "eni-1"), at_s=NOW_S - 3 * HOUR)
    splunk.inventory(of_it, interface("eni-2", "10.0.0.9", ipv6=["2001:db8::9"]), at_s=NOW_S - HOUR, unit="interfaces")
    found = splunk.assets(NOW_S)
    assert (found["10.0.0.5"], found["eni-1"]) == ("i-a", "i-a")
    assert (found["10.0.0.9"], found["eni-2"], found["2001:db8::9"]) == ("eni-2", "eni-2", "eni-2")


def test_what_is_gone_goes_at_once_and_what_is_silent_after_days(splunk: Splunk) -> None:
    start_s = NOW_S - 20 * DAY
    splunk.inventory(instance("i-a", "10.0.0.5"), instance("i-b", "10.0.0.6"), at_s=start_s)
    splunk.inventory(instance("i-c", "10.9.0.1"), at_s=start_s, unit="silent from now on")
    assert {"i-a", "i-b", "i-c"} <= set(splunk.assets(start_s + 60))
    splunk.inventory(instance("i-a", "10.0.0.5"), at_s=start_s + HOUR)
    assert {"i-b", "10.0.0.6"}.isdisjoint(splunk.assets(start_s + HOUR + 60))
    for day in range(1, 9):  # what nothing changes about is written once a day
        assert day * DAY >= day * REFRESH_S
        splunk.inventory(instance("i-a", "10.0.0.5"), at_s=start_s + day * DAY + HOUR)
        found = splunk.assets(start_s + day * DAY + HOUR + 60)
        assert "i-a" in found and ("i-c" in found) is (day < 7), day


def test_no_event_at_all_leaves_the_last_table(splunk: Splunk) -> None:
    """An input that is dead, or a macro that names the wrong index: the last that was known is better than nothing."""
    splunk.inventory(instance("i-a", "10.0.0.5"), at_s=NOW_S - 20 * DAY)
    splunk.assets(NOW_S - 20 * DAY + 60)
    assert "i-a" in splunk.assets(NOW_S)


def test_columns_are_those_of_the_collections(splunk: Splunk) -> None:
    """The KV store takes what a search writes for a number unless a type is given: a lookup by text finds no number."""
    collections = read_conf(APP / "default" / "collections.conf")
    transforms = read_conf(APP / "default" / "transforms.conf")
    several = {"ip", "public_ip", "dns", "mac", "eni", "security_groups", "open_to_world"}
    for name in ("aws_accounts", "aws_assets"):
        columns = splunk.lookups[name].fields_list
        types = {key[6:]: value for key, value in collections[name].items() if key.startswith("field.")}
        assert set(types) == set(columns) - several and transforms[name]["collection"] == name
        assert {column for column, kind in types.items() if kind == "number"} == {"seen"}
        assert SEARCHES[f"aws_build_{name[4:]}_lookup"]["search"].split("| table ")[-1].split("\n")[0].split() == list(
            columns
        )
    # Automatic lookups are done on indexers.
    assert (collections["aws_accounts"]["replicate"], collections["aws_assets"]["replicate"]) == ("true", "false")


@pytest.fixture
def organization(splunk: Splunk) -> Splunk:
    shop = account(SHOP, "shop", ou="Root/Prod", account_state="ACTIVE", email="s@example.com", tags={"Owner": "kim"})
    hub = account(HUB, "hub", ou="Root", account_state="ACTIVE", tags={"Environment": "prod"})
    splunk.inventory(shop, hub, at_s=NOW_S - HOUR, unit="organization")
    splunk.inventory(account(SHOP, "shop-alias"), at_s=NOW_S - 60, unit="itself")
    splunk.run("aws_build_accounts_lookup", NOW_S)
    return splunk


def test_accounts_are_what_the_organization_says(organization: Splunk) -> None:
    rows = organization.rows("aws_accounts")
    assert [(row["account"], row["account_name"], row.get("account_ou"), row.get("account_owner")) for row in rows] == [
        (HUB, "hub", "Root", None), (SHOP, "shop", "Root/Prod", "kim"),
    ]  # fmt: skip


def test_an_account_that_left_is_known_while_its_findings_are(organization: Splunk) -> None:
    organization.inventory(
        account(HUB, "hub", ou="Root", account_state="ACTIVE"), at_s=NOW_S + DAY, unit="organization"
    )
    for after_s, names in ((2 * DAY, {"shop", "hub"}), (92 * DAY, {"hub"})):
        if after_s > 90 * DAY:
            organization.inventory(
                account(HUB, "hub", ou="X", account_state="ACTIVE"), at_s=NOW_S + 91 * DAY, unit="new"
            )
        organization.run("aws_build_accounts_lookup", NOW_S + after_s)
        assert {row["account_name"] for row in organization.rows("aws_accounts")} == names


@pytest.mark.parametrize("dataset", [name for name, each in DATASETS.items() if each.sourcetype])
def test_every_event_of_an_input_says_whose_account_it_is(splunk: Splunk, dataset: str) -> None:
    knowledge: Knowledge = splunk.knowledge
    events = [as_event(DATASETS[dataset], body) for body in raw_events(dataset)]
    numbers = [knowledge.apply(event).get("vendor_account") for event in events]
    assert any(numbers)
    for event, number in zip(events, numbers):
        if not number:  # of another cloud, through a connector; of WAF Classic, which names no account
            continue
        names = {"name": "shop", "ou": "Root/Prod", "owner": "kim", "environment": "prod"}
        row = {"account": number, **{f"account_{column}": value for column, value in names.items()}}
        knowledge.lookups["aws_accounts"].replace([row])
        found = knowledge.apply(event)
        assert row.items() <= {**found, "account": number}.items()
        knowledge.lookups["aws_accounts"].replace([])
        assert "account_name" not in knowledge.apply(event)


@pytest.mark.parametrize("kind", ["health", "count"])
def test_what_the_inputs_say_of_themselves_too(organization: Splunk, kind: str) -> None:
    organization.knowledge.lookups = organization.lookups
    event = {"_raw": json.dumps({"account": SHOP}), "source": f"aws_siem_bridge:{kind}:x", "sourcetype": "x"}
    assert organization.knowledge.apply(event)["account_name"] == "shop"


def test_rows_of_the_command_have_the_same_columns(organization: Splunk) -> None:
    session = Session(Moment(0.0), lookups=organization.lookups, macros=MACROS)
    for macro in ("aws_cim_cloudtrail", "aws_cim_vpc_flow", "aws_cim_dns", "aws_cim_waf"):
        search = f'| makeresults | eval recipientAccountId="{SHOP}", account_id="{SHOP}" | eval \'cloud.account.id\'='
        (row,) = run_to_list(f'{search}"{SHOP}" | `{macro}`', session)
        assert (row["account_name"], row["account_ou"], row["account_owner"]) == ("shop", "Root/Prod", "kim"), macro


def test_enterprise_security_gets_its_columns(splunk: Splunk) -> None:
    public = {"public": True, "public_ip": ["198.51.100.7"], "dns": ["a.internal", "a.example"]}
    tags = {"Environment": "production", "Team": "pay", "Service": "shop", "Owner": "kim"}
    splunk.inventory(
        instance("i-a", "10.0.0.5", "eni-1", tags=tags, **public), instance("i-b", "10.0.0.6", tags={"env": "dev"}),
        Asset("s3_bucket", "b", Where(SHOP, "eu-west-1"), {"name": "b"}),
        *(
            Asset(kind, name, Where(owner, "global"), {"name": name, "created": "2026-01-01T00:00:00Z"},
                  f"arn:aws:iam::{owner}:{kind[4:]}/{name}")
            for kind, name, owner in (("iam_user", "mary", SHOP), ("iam_role", "ci", SHOP), ("iam_role", "ci", HUB))
        ), at_s=NOW_S - HOUR,
    )  # fmt: skip
    for name in SEARCHES:
        splunk.run(name, NOW_S)
    assets = {row["nt_host"]: row for row in splunk.rows("aws_es_assets")}
    assert set(assets) == {"i-a|name of i-a", "i-b|name of i-b"}
    wanted = {
        "ip": "10.0.0.5|198.51.100.7", "dns": "a.example|a.internal", "mac": "02:-a", "owner": "kim", "bunit": "pay",
        "priority": "critical", "category": f"aws|ec2_instance|{SHOP}|production|shop|public",
    }  # fmt: skip
    found = assets["i-a|name of i-a"]
    assert {**found, "dns": "|".join(sorted(found["dns"].split("|")))}.items() >= wanted.items()
    assert assets["i-b|name of i-b"]["priority"] == "low"
    identities = {row["identity"]: row for row in splunk.rows("aws_es_identities")}
    # A name that two accounts have is nobody's: only the ARN tells them apart.
    roles = {f"arn:aws:iam::{owner}:role/ci" for owner in (SHOP, HUB)}
    assert set(identities) == {f"mary|arn:aws:iam::{SHOP}:user/mary", *roles}
    assert all(row["startDate"] == "2026-01-01T00:00:00Z" for row in identities.values())
    for name, columns in (("aws_es_assets", ES_ASSETS), ("aws_es_identities", ES_IDENTITIES)):
        table = SEARCHES[f"aws_build_{name[4:]}_lookup"]["search"].partition("| table ")[2].partition("\n")[0]
        assert table.split() == next(csv.reader([columns]))


def test_searches_are_switched_off_as_shipped_and_none_runs_with_another() -> None:
    assert len(SEARCHES) == len(BUILT) and all(settings["disabled"] == "1" for settings in SEARCHES.values())
    minutes = [settings["cron_schedule"].split("-")[0] for settings in SEARCHES.values()]
    assert len(set(minutes)) == len(minutes)
