"""What is written of an inventory: what is new, what changed and how, what went, and all of it once a day."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Sequence

import pytest

from collectors.assets.asset import Asset, TagNames, Where, opened
from collectors.assets.changes import REFRESH_S, Seen

WHERE = Where("111122223333", "eu-west-1")


def bucket(name: str = "b", public: bool = False, **tags: str) -> Asset:
    return Asset("s3_bucket", name, WHERE, {"name": name, "public": public}, f"arn:aws:s3:::{name}", tags)


def group(*ports: str) -> Asset:
    return Asset("security_group", "sg-1", WHERE, {"name": "web", "open_to_world": sorted(ports)})


def compared(seen: Seen, assets: Sequence[Asset], now_s: int, complete: bool = True) -> List[Dict[str, Any]]:
    found = seen.compare({"all": assets}, {"all"} if complete else set(), now_s)
    assert [change.what for change in found] == [change.event["change"] for change in found]
    return [dict(change.event) for change in found]


def test_the_first_inventory_is_no_news_and_the_second_says_what_is() -> None:
    seen = Seen()
    assert [each["change"] for each in compared(seen, [bucket("a")], 0)] == ["present"]
    assert compared(seen, [bucket("a")], 60) == []
    (new,) = compared(seen, [bucket("a"), bucket("b", public=True)], 120)
    assert (new["change"], new["id"], new["became_public"]) == ("appeared", "b", True)


def test_a_change_says_what_about_the_exposure_is_different() -> None:
    seen = Seen()
    compared(seen, [bucket(), group("tcp/22")], 0)
    (public,) = compared(seen, [bucket(public=True), group("tcp/22")], 1)
    assert (public["change"], public["became_public"]) == ("changed", True)
    (ports,) = compared(seen, [bucket(public=True), group("tcp/3389")], 2)
    assert (ports["opened"], ports["closed"]) == (["tcp/3389"], ["tcp/22"])
    (private,) = compared(seen, [bucket(public=False), group("tcp/3389")], 3)
    assert private["change"] == "changed" and "became_public" not in private
    (tagged,) = compared(seen, [bucket(Owner="kim"), group("tcp/3389")], 4)
    assert (tagged["change"], tagged["owner"]) == ("changed", "kim")


def test_what_is_not_listed_is_gone_only_where_the_list_is_complete() -> None:
    seen = Seen()
    compared(seen, [bucket("a"), bucket("b")], 0)
    assert compared(seen, [bucket("a")], 1, complete=False) == []
    (gone,) = compared(seen, [bucket("a")], 2)
    assert gone == {
        "asset_key": "111122223333:eu-west-1:s3_bucket:b", "kind": "s3_bucket", "id": "b", "account": "111122223333",
        "region": "eu-west-1", "change": "gone",
    }  # fmt: skip
    assert compared(seen, [bucket("a")], 3) == []
    (again,) = compared(seen, [bucket("a"), bucket("b")], 4)
    assert again["change"] == "appeared"


def test_everything_is_written_once_a_day_and_a_restart_goes_on(tmp_path: Any) -> None:
    seen = Seen()
    compared(seen, [bucket()], 0)
    seen = Seen.of_json(json.loads(json.dumps(seen.as_json())))
    assert compared(seen, [bucket()], REFRESH_S - 1) == []
    assert [each["change"] for each in compared(seen, [bucket()], REFRESH_S)] == ["present"]
    assert compared(seen, [bucket()], REFRESH_S + 1) == []


def test_an_inventory_that_never_came_to_an_end_makes_no_news_of_the_first_that_does() -> None:
    seen = Seen()
    compared(seen, [], 0, complete=False)
    assert [each["change"] for each in compared(seen, [bucket()], 1)] == ["present"]


@pytest.mark.parametrize(
    ("rule", "shown"),
    [
        ({"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}, ["tcp/22"]),
        ({"IpProtocol": "udp", "FromPort": 1, "ToPort": 9, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}, ["udp/1-9"]),
        ({"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}, ["all"]),
        ({"IpProtocol": "tcp", "FromPort": 0, "ToPort": 65535, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}, ["tcp"]),
        ({"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}, ["icmp"]),
        ({"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}, []),
        ({"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "UserIdGroupPairs": [{"GroupId": "sg-2"}]}, []),
    ],
)
def test_what_a_rule_opens_to_everybody(rule: Dict[str, Any], shown: List[str]) -> None:
    assert opened([rule]) == shown


def test_owners_are_read_from_tags_in_any_casing_by_names_of_the_users_choice() -> None:
    event = bucket(OWNER="kim", Stage="prod", cost="1").event()
    assert (event["owner"], event["environment"], event["tags"]["cost"]) == ("kim", "prod", "1")
    assert "team" not in event
    assert bucket(cost="1").event(TagNames(team=("cost",)))["team"] == "1"
