"""Blocked addresses in the stand-in's WAF. What is in a set is read from AWS, not from the result."""

from __future__ import annotations

import itertools
import multiprocessing
import os
from typing import Any, Dict, List, Optional, Set

import pytest

import aws_siem_bridge
from aws_bridge.accounts.account import Account
from aws_bridge.accounts.area import Area
from aws_bridge.accounts.caller import Caller
from aws_bridge.accounts.session import AwsSession
from aws_bridge.errors import CallProblem
from response.actions import block
from response.actions.block import Blocking, places
from response.aws.blocks import Blocks
from response.aws.incidents import Incidents
from response.aws.ip_sets import CLOUDFRONT, MOST_ADDRESSES, REGIONAL, IpSets
from response.core.addresses import Rules, network_of, networks_of, sort_out
from response.core.budget import Budget
from response.core.result import ActionResult
from response.core.web_acl import use_of
from response.errors import BadRequest, BadTarget
from response.handlers import block_ip as block_handler
from response.handlers.sweep_blocks import swept
from tests.response.faults import cases, seen
from tests.response.server_room import REGION, Fault, ServerRoom

_numbers = itertools.count(1)
NOW_S = 1_800_000_000.0
HOUR_S = 3600


def visibility(name: str) -> Dict[str, Any]:
    return {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": name}


class Gate:
    """Sets of their own, a table, and perhaps a web ACL before a load balancer that blocks by them."""

    def __init__(self, room: ServerRoom, scope: str = REGIONAL, rules: bool = True) -> None:
        self.room, self.scope = room, scope
        self.number = next(_numbers)
        self.waf = room.account.client("wafv2", "us-east-1" if scope == CLOUDFRONT else REGION)
        self.names = {4: f"blocked-v4-{self.number}", 6: f"blocked-v6-{self.number}"}
        self.table = f"blocks-{self.number}"
        room.account.client("dynamodb", REGION).create_table(
            TableName=self.table, KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        )  # fmt: skip
        self.now_s = NOW_S
        if rules:
            self.acl = self.web_acl([self.rule(4), self.rule(6)])
            self.stand_before(self.acl)

    def set(self, version: int, *addresses: str) -> str:
        """Make a set by hand; return its ARN."""
        made = self.waf.create_ip_set(
            Name=self.names[version], Scope=self.scope, IPAddressVersion=f"IPV{version}", Addresses=list(addresses)
        )
        return str(made["Summary"]["ARN"])

    def rule(self, version: int, action: str = "Block", arn: str = "") -> Dict[str, Any]:
        return {
            "Name": f"{action.lower()}-v{version}", "Priority": version, "Action": {action: {}},
            "Statement": {"IPSetReferenceStatement": {"ARN": arn or self.set(version)}},
            "VisibilityConfig": visibility(f"v{version}"),
        }  # fmt: skip

    def web_acl(self, rules: List[Dict[str, Any]]) -> str:
        name = f"acl-{self.number}-{next(_numbers)}"
        made = self.waf.create_web_acl(
            Name=name, Scope=self.scope, DefaultAction={"Allow": {}}, Rules=rules, VisibilityConfig=visibility(name)
        )
        return str(made["Summary"]["ARN"])

    def stand_before(self, acl: str) -> None:
        if self.scope == CLOUDFRONT:
            origin = {"Id": "shop", "DomainName": "shop.example.com", "CustomOriginConfig": {
                "HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"}}  # fmt: skip
            behaviour = {"TargetOriginId": "shop", "ViewerProtocolPolicy": "https-only",
                         "ForwardedValues": {"QueryString": False, "Cookies": {"Forward": "none"}}}  # fmt: skip
            self.room.account.client("cloudfront").create_distribution(
                DistributionConfig={
                    "CallerReference": acl, "Comment": "", "Enabled": True, "WebACLId": acl,
                    "Origins": {"Quantity": 1, "Items": [origin]}, "DefaultCacheBehavior": behaviour,
                }
            )  # fmt: skip
            return
        balancer = f"arn:aws:elasticloadbalancing:{REGION}:{self.room.account.id}:loadbalancer/app/shop/{self.number}"
        self.waf.associate_web_acl(WebACLArn=acl, ResourceArn=balancer)

    def blocking(self, **how: Any) -> Blocking:
        area = self.room.area
        sets = IpSets(area, self.scope, sleep=lambda _: None)
        return Blocking(area, sets, Blocks(area, self.table), names=self.names, clock=lambda: self.now_s, **how)

    def block(self, *addresses: str, **how: Any) -> ActionResult:
        return self.blocking().block(addresses, f"incident-{self.number}", **how)

    def unblock(self, *addresses: str, **how: Any) -> ActionResult:
        return self.blocking().unblock(addresses, f"incident-{self.number}", **how)

    def blocked(self) -> Set[str]:
        """Return what is in both sets, as AWS says."""
        return set(self.in_set(4)) | set(self.in_set(6))

    def in_set(self, version: int) -> List[str]:
        found = self.find(version)
        if not found:
            return []
        given = {"Name": found["Name"], "Scope": self.scope, "Id": found["Id"]}
        return [str(network_of(each)) for each in self.waf.get_ip_set(**given)["IPSet"]["Addresses"]]

    def find(self, version: int) -> Optional[Dict[str, Any]]:
        sets = self.waf.list_ip_sets(Scope=self.scope, Limit=100)["IPSets"]
        return next((each for each in sets if each["Name"] == self.names[version]), None)

    def put(self, version: int, *addresses: str) -> None:
        """Change a set by hand."""
        found = self.find(version)
        given = {"Name": found["Name"], "Scope": self.scope, "Id": found["Id"]}
        token = self.waf.get_ip_set(**given)["LockToken"]
        self.waf.update_ip_set(**given, LockToken=token, Addresses=list(addresses))

    def noted(self) -> Set[str]:
        """Return the addresses that the table has."""
        items = self.room.account.client("dynamodb", REGION).scan(TableName=self.table)["Items"]
        return {each["address"]["S"] for each in items}


@pytest.fixture
def gate(room: ServerRoom) -> Gate:
    return Gate(room)


@pytest.mark.parametrize("scope", [REGIONAL, CLOUDFRONT])
def test_addresses_of_both_versions_are_blocked_until_their_time_is_over(room, scope):
    gate = Gate(room, scope)
    result = gate.block("203.0.113.7", "2001:db8:1::/64", hours=2)
    assert result.result == "done", result.says
    assert "2 addresses blocked until 2027-01-15 10:00 UTC by web ACL acl-" in result.says
    assert gate.blocked() == {"203.0.113.7/32", "2001:db8:1::/64"}
    assert gate.block("203.0.113.7", hours=3).result == "already_done"
    # The table is that of the incidents, and these are none.
    assert list(Incidents(room.area, gate.table).all()) == []
    gate.now_s += 2.5 * HOUR_S
    assert places(Blocks(room.area, gate.table), gate.now_s) == [(room.account.id, REGION, scope)]
    ((swept),) = gate.blocking().sweep()
    assert (swept.result, swept.incident) == ("done", f"incident-{gate.number}")
    # The second block of the first address was for longer.
    assert gate.blocked() == {"203.0.113.7/32"} and gate.noted() == {"203.0.113.7/32"}
    gate.now_s += HOUR_S
    gate.blocking().sweep()
    assert gate.blocked() == set() and gate.noted() == set()
    assert gate.blocking().sweep() == []


def test_a_sweep_without_time_for_all_takes_some_out_and_says_what_is_left(gate, monkeypatch):
    monkeypatch.setattr(block, "_AT_ONCE", 2)
    gate.block("203.0.113.7", "203.0.113.8", "203.0.113.9", hours=1)
    gate.now_s += 2 * HOUR_S
    ticks = itertools.count()
    left, swept = gate.blocking().sweep(Budget(0, lambda: next(ticks)))
    assert (left.result, swept.result, len(gate.blocked())) == ("partial", "done", 1)
    assert left.says.startswith("1 addresses whose time is over are still blocked")
    ((swept),) = gate.blocking().sweep()
    assert swept.result == "done" and gate.blocked() == set() == gate.noted()


def test_a_block_without_an_end_stays_until_it_is_taken_out(gate):
    gate.block("203.0.113.7")
    gate.now_s += 10**9
    assert gate.blocking().sweep() == [] and gate.blocked() == {"203.0.113.7/32"}
    assert gate.unblock("203.0.113.7").result == "done"
    assert gate.blocked() == set() and gate.noted() == set()
    assert gate.unblock("203.0.113.7").result == "already_done"


def test_a_dry_run_says_what_would_change_and_changes_nothing(room, gate):
    room.session.made.clear()
    result = gate.block("203.0.113.7", dry_run=True)
    assert (result.result, [each.result for each in result.outcomes]) == ("planned", ["planned"])
    assert "1 address would be blocked" in result.says
    assert gate.unblock("203.0.113.7", dry_run=True).result == "planned"
    assert all(name.startswith(("Describe", "List", "Get")) for _, name in room.session.made)
    assert gate.blocked() == set() and gate.noted() == set()
    other = Gate(room, rules=False)
    assert "would be made; no rule can use it yet" in str(other.block("203.0.113.7", dry_run=True).notes)
    assert other.find(4) is None


def test_what_others_blocked_is_never_taken_out(gate):
    gate.put(4, "203.0.113.7/32")
    result = gate.block("203.0.113.7", "203.0.113.8", hours=1)
    assert result.result == "done" and "203.0.113.7/32 was blocked by somebody else" in " ".join(result.notes)
    gate.now_s += 2 * HOUR_S
    gate.blocking().sweep()
    assert gate.blocked() == {"203.0.113.7/32"}
    refused = gate.unblock("203.0.113.7")
    assert refused.result == "refused" and "by hand" in refused.says and gate.blocked() == {"203.0.113.7/32"}


def test_what_somebody_took_out_since_is_not_put_back(gate):
    gate.block("203.0.113.7", hours=1)
    gate.put(4)
    gate.now_s += 2 * HOUR_S
    ((swept),) = gate.blocking().sweep()
    assert swept.result == "already_done" and gate.blocked() == set() and gate.noted() == set()


def stored_only(room: ServerRoom, kind: str) -> Gate:
    gate = Gate(room, rules=kind == "apart")
    if kind == "counted":
        gate.stand_before(gate.web_acl([gate.rule(4, "Count")]))
    elif kind == "before nothing":
        gate.web_acl([gate.rule(4)])
    elif kind == "with more":
        set_ = {"IPSetReferenceStatement": {"ARN": gate.set(4)}}
        geo = {"GeoMatchStatement": {"CountryCodes": ["KR"]}}
        rule = {**gate.rule(6), "Name": "korean", "Statement": {"AndStatement": {"Statements": [set_, geo]}}}
        gate.stand_before(gate.web_acl([rule]))
    return gate


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("no rule", "no web ACL that stands before anything blocks by the set"),
        ("counted", "the rule count-v4 does not block: its action is Count"),
        ("before nothing", "blocks by the set and stands before nothing"),
        ("with more", "the rule korean asks for more than that an address is in the set"),
    ],
)
def test_what_no_rule_blocks_is_stored_and_not_enforced(room, kind, says):
    gate = stored_only(room, kind)
    result = gate.block("203.0.113.7")
    assert result.result == "failed" and "1 address stored but not enforced" in result.says
    assert says in " ".join((result.says, *result.notes)) and gate.blocked() == {"203.0.113.7/32"}


def test_a_rule_group_blocks_as_well_and_an_allow_before_it_is_told(room):
    gate = Gate(room, rules=False)
    group = gate.waf.create_rule_group(
        Name=f"group-{gate.number}", Scope=REGIONAL, Capacity=10, Rules=[gate.rule(4)], VisibilityConfig=visibility("g")
    )["Summary"]["ARN"]
    office = gate.waf.create_ip_set(
        Name=f"office-{gate.number}", Scope=REGIONAL, IPAddressVersion="IPV4", Addresses=[]
    )["Summary"]["ARN"]
    reference = {"RuleGroupReferenceStatement": {"ARN": group}}
    by_group = {"Name": "ours", "Priority": 9, "OverrideAction": {"None": {}}, "Statement": reference,
                "VisibilityConfig": visibility("ours")}  # fmt: skip
    gate.stand_before(gate.web_acl([{**gate.rule(4, "Allow", office), "Priority": 1}, by_group]))
    result = gate.block("203.0.113.7")
    assert result.result == "done", result.says
    assert "what allow-v4 allows is let in before the block" in " ".join(result.notes)


def test_statements_that_use_a_set_in_other_ways():
    reference = {"IPSetReferenceStatement": {"ARN": "ours"}}
    other = {"IPSetReferenceStatement": {"ARN": "other"}}
    for statement, blocks in (
        ({"OrStatement": {"Statements": [other, reference]}}, True),
        ({"NotStatement": {"Statement": reference}}, False),
        ({"RateBasedStatement": {"Limit": 100, "ScopeDownStatement": reference}}, False),
        ({"ManagedRuleGroupStatement": {"Name": "x", "ScopeDownStatement": reference}}, False),
    ):
        rule = {"Name": "r", "Priority": 1, "Action": {"Block": {}}, "Statement": statement}
        found = use_of({"Rules": [rule]}, "ours", {})
        assert (found.blocking == ("r",), bool(found.otherwise)) == (blocks, not blocks), statement
    group = {"Rules": [{"Name": "r", "Action": {"Block": {}}, "Statement": reference}]}
    for how, blocks in (
        ({"RuleActionOverrides": [{"Name": "r", "ActionToUse": {"Count": {}}}]}, False),
        ({"ExcludedRules": [{"Name": "r"}]}, False),
        ({}, True),
    ):
        manager = {"Name": "fm", "Priority": 1, "OverrideAction": {"None": {}},
                   "FirewallManagerStatement": {"RuleGroupReferenceStatement": {"ARN": "g", **how}}}  # fmt: skip
        acl = {"PreProcessFirewallManagerRuleGroups": [manager]}
        assert bool(use_of(acl, "ours", {"g": group}).blocking) == blocks, how


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("10.1.2.3", "private"), ("192.168.0.0/24", "private"), ("100.64.3.1", "shared by carriers"),
        ("169.254.169.254", "link-local"), ("127.0.0.1", "the machine itself"), ("224.0.0.5", "multicast"),
        ("0.0.0.0/0", "wider than /24"), ("203.0.112.0/23", "wider than /24"), ("::/0", "wider than /48"),
        ("2001:db8::/47", "wider than /48"), ("fe80::1", "link-local"), ("fd00::1", "private"), ("::1", "reserved"),
        ("::ffff:10.0.0.1", "private"), ("198.51.100.9", "meets the trusted 198.51.100.0/25"),
        ("192.0.2.1", "meets 192.0.2.1/32, the office"), ("203.0.113.7/24", "is no address and no network"),
        ("203.0.113.7; rm -rf /", "is no address and no network"), ("", "is no address"), ("fe80::1%eth0", "is no"),
        ("203.0.113.007", "is no address and no network"),
    ],
)  # fmt: skip
def test_what_must_not_be_blocked(text, says):
    own = ((network_of("192.0.2.1"), "the office"),)
    rules = Rules(networks_of(["198.51.100.0/25"]), own)
    networks, (refusal,) = sort_out([text], rules)
    assert networks == [] and says in refusal


def test_wider_networks_are_a_setting_and_an_address_twice_is_one():
    given = ["203.0.112.0/22", "203.0.112.0/22", "::ffff:198.51.100.1"]
    networks, refused = sort_out(given, Rules(widest_v4=22))
    assert (list(map(str, networks)), refused) == (["203.0.112.0/22", "198.51.100.1/32"], [])
    with pytest.raises(BadTarget):
        network_of("x")


def test_the_accounts_own_address_is_refused_and_the_others_are_blocked(room, gate):
    own = room.ec2.allocate_address(Domain="vpc")["PublicIp"]
    result = gate.block(own, "203.0.113.7")
    assert result.result == "failed" and f"{own}/32, an address of this account" in result.says
    assert gate.blocked() == {"203.0.113.7/32"}
    assert gate.block(own).result == "refused"


def test_a_set_that_is_full_takes_what_fits_and_says_what_does_not(gate):
    there = [f"198.{18 + n // 65536}.{n // 256 % 256}.{n % 256}/32" for n in range(MOST_ADDRESSES - 1)]
    gate.put(4, *there)
    result = gate.block("203.0.113.7", "203.0.113.8")
    assert result.result == "failed" and "1 of 2 addresses are NOT blocked: the set is full" in result.says
    assert [each.result for each in result.outcomes] == ["done", "failed"]
    assert len(gate.in_set(4)) == MOST_ADDRESSES and gate.noted() == {"203.0.113.7/32"}


def _one_of_ten(environment: Dict[str, str], barrier: Any, account: str, table: str, names: Any, number: int) -> str:
    os.environ.update(environment)
    area = Area(Caller(AwsSession(Account("shop")), wait_s=lambda _: 0.1), account, REGION)
    barrier.wait(120)
    blocking = Blocking(area, IpSets(area, REGIONAL), Blocks(area, table), names=names)
    return blocking.block([f"203.0.113.{number}", f"2001:db8::{number}"], f"incident-{number}", hours=1).result


def test_ten_processes_at_once_lose_no_address(room, gate):
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, context.Pool(10) as pool:
        barrier = manager.Barrier(10)
        environment = room.account.environment(REGION)
        given = [(environment, barrier, room.account.id, gate.table, gate.names, each) for each in range(1, 11)]
        results = pool.starmap(_one_of_ten, given)
    assert results == ["done"] * 10
    expected = {f"203.0.113.{each}/32" for each in range(1, 11)}
    assert gate.blocked() == gate.noted() == expected | {str(network_of(f"2001:db8::{each}")) for each in range(1, 11)}


def test_an_address_blocked_anew_while_it_is_swept_stays_blocked(gate, monkeypatch):
    gate.block("203.0.113.7", hours=1)
    gate.now_s += 2 * HOUR_S
    change, once = IpSets.change, []

    def meanwhile(self: IpSets, *args: Any, **how: Any):
        if how.get("remove") and not once:
            once.append(True)
            assert gate.block("203.0.113.7", hours=5).result == "already_done"
        return change(self, *args, **how)

    monkeypatch.setattr(IpSets, "change", meanwhile)
    ((swept),) = gate.blocking().sweep()
    assert swept.result == "failed" and "blocked anew meanwhile" in swept.says
    assert gate.blocked() == gate.noted() == {"203.0.113.7/32"}


READING = ("ec2:DescribeAddresses", "wafv2:ListIPSets", "wafv2:GetIPSet", "wafv2:ListWebACLs", "wafv2:GetWebACL",
           "wafv2:ListResourcesForWebACL", "dynamodb:GetItem", "dynamodb:Scan")  # fmt: skip
CHANGING = ("wafv2:UpdateIPSet", "dynamodb:UpdateItem", "dynamodb:DeleteItem")
#: Made in the tests of scopes, rule groups and missing sets.
ELSEWHERE = ("wafv2:CreateIPSet", "wafv2:GetRuleGroup", "cloudfront:ListDistributions")


def test_every_call_has_a_case(room, gate):
    room.session.made.clear()
    gate.put(4, "198.51.100.1/32")
    gate.block("203.0.113.7", "198.51.100.1", hours=1)
    gate.unblock("203.0.113.7")
    gate.block("203.0.113.7", hours=1)
    gate.now_s += 2 * HOUR_S
    gate.blocking().sweep()
    made = {f"{service}:{call}" for service, call in room.session.made}
    # Web ACLs of other tests of this account have rule groups.
    assert made - set(ELSEWHERE) == {*READING, *CHANGING}


@pytest.fixture(scope="module")
def shared(room: ServerRoom) -> Gate:
    # Those of the tests before would be read again and again.
    for scope, region in ((REGIONAL, REGION), (CLOUDFRONT, "us-east-1")):
        waf = room.account.client("wafv2", region)
        for each in waf.list_web_acls(Scope=scope, Limit=100)["WebACLs"]:
            given = {name: each[name] for name in ("Name", "Id", "LockToken")}
            waf.delete_web_acl(**given, Scope=scope)
    return Gate(room)


@pytest.mark.parametrize(
    "call, kind, times",
    seen("block_ip", cases(READING, CHANGING)),
)
def test_a_failure_leaves_it_blocked_or_reported_as_not(room, shared, call, kind, times):
    gate, address = shared, "203.0.113.7"
    gate.put(4, "198.51.100.1/32")

    def faulty(act: Any) -> str:
        room.session.fault, room.session.failed = Fault(call, kind, times), 0
        try:
            return str(act().result)
        except CallProblem as exc:
            assert exc.call == call
            return "error"
        finally:
            room.session.fault = None

    came = 0
    said = faulty(lambda: gate.block(address, "198.51.100.1", hours=1))
    came += room.session.failed
    assert (said in ("done", "already_done")) <= (f"{address}/32" in gate.blocked()), said
    assert gate.block(address, hours=1).result in ("done", "already_done")
    assert gate.blocked() == {f"{address}/32", "198.51.100.1/32"}
    said = faulty(lambda: gate.unblock(address))
    came += room.session.failed
    assert (said in ("done", "already_done")) <= (f"{address}/32" not in gate.blocked()), said
    gate.unblock(address)
    assert gate.blocked() == {"198.51.100.1/32"} and gate.noted() == set()
    gate.block(address, hours=1)
    gate.now_s += 2 * HOUR_S

    def swept() -> Any:
        found = gate.blocking().sweep()
        return found[0] if found else ActionResult("", None, "", "failed", "")  # type: ignore[arg-type]

    said = faulty(swept)
    came += room.session.failed
    assert (said in ("done", "already_done")) <= (f"{address}/32" not in gate.blocked()), said
    gate.blocking().sweep()
    assert gate.blocked() == {"198.51.100.1/32"} and gate.noted() == set()
    assert came, "the fault never came"


@pytest.mark.parametrize("call, kind, times", seen("block_ip, rarely", cases(ELSEWHERE[1:], ELSEWHERE[:1])))
def test_a_failure_of_what_is_rarely_asked(room, call, kind, times):
    gate = Gate(room, CLOUDFRONT if call.startswith("cloudfront") else REGIONAL, rules=False)
    if call != "wafv2:CreateIPSet":
        gate.stand_before(gate.web_acl([gate.rule(4)]))
    if call == "wafv2:GetRuleGroup":
        group = gate.waf.create_rule_group(
            Name=f"group-{gate.number}", Scope=REGIONAL, Capacity=10, Rules=[], VisibilityConfig=visibility("g")
        )["Summary"]["ARN"]
        reference = {"RuleGroupReferenceStatement": {"ARN": group}}
        rule = {**gate.rule(4, arn="x"), "Statement": reference, "OverrideAction": {"None": {}}}
        gate.web_acl([{name: value for name, value in rule.items() if name != "Action"}])
    room.session.fault, room.session.failed = Fault(call, kind, times), 0
    try:
        result = gate.block("203.0.113.7")
        said, says = result.result, result.says
    except CallProblem as exc:
        said, says = "error", str(exc)
    finally:
        room.session.fault = None
    assert room.session.failed, "the fault never came"
    if said == "failed":
        assert gate.blocked() == {"203.0.113.7/32"} and "stored but not enforced" in says
    assert (said in ("done", "already_done")) <= ("203.0.113.7/32" in gate.blocked())
    gate.block("203.0.113.7")
    assert gate.blocked() == {"203.0.113.7/32"}


def test_the_stand_in_refuses_what_aws_refuses(gate):
    from botocore.exceptions import ClientError

    def code(act: Any) -> str:
        with pytest.raises(ClientError) as caught:
            act()
        return str(caught.value.response["Error"]["Code"])

    too_many = [f"198.{n // 65536 + 20}.{n // 256 % 256}.{n % 256}/32" for n in range(MOST_ADDRESSES + 1)]
    assert code(lambda: gate.put(4, *too_many)) == "WAFLimitsExceededException"
    assert code(lambda: gate.put(4, "2001:db8::/64")) == "WAFInvalidParameterException"
    assert code(lambda: gate.put(4, "0.0.0.0/0")) == "WAFInvalidParameterException"
    assert code(lambda: gate.set(4)) == "WAFDuplicateItemException"
    found = gate.find(4)
    given = {"Name": found["Name"], "Scope": REGIONAL, "Id": found["Id"], "LockToken": found["LockToken"]}
    assert code(lambda: gate.waf.delete_ip_set(**given)) == "WAFAssociatedItemException"
    gate.put(4, "203.0.113.9/32")
    assert code(lambda: gate.waf.update_ip_set(**given, Addresses=[])) == "WAFOptimisticLockException"


def settings(room: ServerRoom, gate: Gate, **more: str) -> Dict[str, str]:
    known = {"PARAMETER": f"/response/{gate.table}", "TABLE": gate.table, "SET_V4": gate.names[4],
             "SET_V6": gate.names[6], **more}  # fmt: skip
    return {"AWS_REGION": REGION, **{f"AWS_SIEM_BRIDGE_{name}": value for name, value in known.items()}}


def test_the_functions_block_only_when_event_and_parameter_say_so(room, gate):
    event = {"incident": "i-1", "account": room.account.id, "region": REGION, "addresses": ["203.0.113.7"],
             "options": {"hours": "0.00001"}, "dry_run": False}  # fmt: skip
    ssm, name = room.account.client("ssm", REGION), f"/response/{gate.table}"
    assert block_handler.run(event, settings(room, gate), "block_ip")["result"] == "planned"
    ssm.put_parameter(Name=name, Type="String", Value='{"mode": "live"}')
    unsaid = {key: value for key, value in event.items() if key != "dry_run"}
    assert block_handler.run(unsaid, settings(room, gate), "block_ip")["result"] == "planned"
    refused = block_handler.run(event, settings(room, gate, TRUSTED="203.0.113.0/24"), "block_ip")
    assert refused["result"] == "refused" and gate.blocked() == set()
    done = block_handler.run(event, settings(room, gate), "block_ip")
    assert (done["result"], done["target"], done["incident"]) == ("done", "203.0.113.7", "i-1")
    assert gate.blocked() == {"203.0.113.7/32"}
    ssm.put_parameter(Name=name, Type="String", Value='{"mode": "dry-run"}', Overwrite=True)
    assert [each["result"] for each in swept(settings(room, gate))] == ["planned"]
    ssm.put_parameter(Name=name, Type="String", Value='{"mode": "live"}', Overwrite=True)
    assert [each["result"] for each in swept(settings(room, gate))] == ["done"]
    assert gate.blocked() == set()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"addresses": "203.0.113.7"}, "addresses is no list of texts"), ({"addresses": []}, "addresses is no list"),
        ({"options": {"hours": "-1"}}, "hours is '-1'"), ({"options": {"hours": "nan"}}, "hours is 'nan'"),
        ({"options": {"scope": "world"}}, "the scope is 'WORLD'"), ({"incident": ""}, "the event has no incident"),
        ({"options": {"hours": ["1"]}}, "the option hours is no text"),
    ],
)  # fmt: skip
def test_a_step_that_cannot_be_meant_changes_nothing(room, shared, changes, says):
    event = {"incident": "i-1", "account": room.account.id, "region": REGION, "addresses": ["203.0.113.7"]}
    with pytest.raises(BadRequest, match=says):
        block_handler.run({**event, **changes}, settings(room, shared), "block_ip")


def test_a_responder_blocks_and_unblocks_at_the_command_line(room, gate, capsys):
    where = ["--region", REGION, "--table", gate.table, "--set-v4", gate.names[4], "--set-v6", gate.names[6]]

    def respond(*argv: str):
        status = aws_siem_bridge.main(["respond", *argv])
        return (status, *capsys.readouterr())

    status, out, err = respond("block-ip", "203.0.113.7", "2001:db8::7", *where, "--hours", "1")
    assert status == 0 and "2 addresses blocked until " in out
    assert gate.blocked() == {"203.0.113.7/32", "2001:db8::7/128"}
    status, out, _ = respond("unblock-ip", "203.0.113.7", *where, "--dry-run")
    assert status == 0 and "would be taken out" in out
    status, out, _ = respond("unblock-ip", "203.0.113.7", "2001:db8::7", *where, "--result", "json")
    assert status == 0 and gate.blocked() == set()
    status, out, _ = respond("block-ip", "10.0.0.1", *where)
    assert status == 1 and "10.0.0.1/32 is in 10.0.0.0/8, which is private" in out
    for argv, says in ((["x"], "'x' is no address"), (["203.0.113.7", "--hours", "-1"], "--hours is below 0")):
        status, _, err = respond("block-ip", *argv, *where)
        assert status == 2 and says in err
