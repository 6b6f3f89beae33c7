"""What was blocked by us, since when and until when: a table of DynamoDB, written before the address is.

Tags of an IP set would not do: 50 of them for 10,000 addresses, and no condition. One item an address and set,
``block|<account>|<region>|<scope>|<set>|<address>``; an address that others put into a set has none and is never taken
out. The incident is ``because``: items with ``incident`` are incidents (`response.aws.incidents`).

Needs ``dynamodb:GetItem``, ``UpdateItem``, ``DeleteItem`` and ``Scan`` on the table.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, NamedTuple, Optional

from aws_bridge.accounts.area import DYNAMODB, Area
from response.aws.conditional import was_so
from response.aws.ip_sets import IpSet
from response.core.addresses import Network, network_of

#: States of a block: in force, being taken out.
ACTIVE, ENDING = "active", "ending"
_PREFIX = "block|"


class Block(NamedTuple):
    """One address in one set."""

    account: str
    region: str
    set: IpSet
    network: Network
    incident: str
    #: Epoch seconds, 0 for never.
    expires_s: int = 0

    @property
    def key(self) -> str:
        """Its key in the table."""
        return f"{_PREFIX}{self.account}|{self.region}|{self.set.scope}|{self.set.name}|{self.network}"


class Blocks:
    """The blocks of one table."""

    def __init__(self, area: Area, table: str) -> None:
        """``area``: where the table is."""
        self._area = area
        self._table = table

    def keep(self, block: Block, now_s: float) -> None:
        """Note that an address is to be blocked, or for how long from now on. Raises `CallProblem`."""
        set_ = block.set
        names = ("state", "account", "region", "scope", "set", "set_id", "set_arn", "address", "because", "expires")
        values = (ACTIVE, block.account, block.region, set_.scope, set_.name, set_.id, set_.arn, str(block.network),
                  block.incident)  # fmt: skip
        texts: Dict[str, Any] = {f":{name}": {"S": value} for name, value in zip(names, values)}
        texts.update({":expires": {"N": str(block.expires_s)}, ":now": {"N": str(int(now_s))}})
        update = ", ".join(f"#{name} = :{name}" for name in names)
        self._call(
            "UpdateItem", Key={"pk": {"S": block.key}},
            UpdateExpression=f"SET {update}, #since = if_not_exists(#since, :now)",
            ExpressionAttributeNames={f"#{name}": name for name in (*names, "since")}, ExpressionAttributeValues=texts,
        )  # fmt: skip

    def find(self, block: Block) -> Optional[Block]:
        """Return what is noted of a block's address and set, or nothing."""
        item = self._call("GetItem", Key={"pk": {"S": block.key}}, ConsistentRead=True).get("Item")
        return _block(item) if item else None

    def end(self, block: Block) -> bool:
        """Note that an address is being taken out; False when it was blocked anew meanwhile."""
        condition = "attribute_exists(#pk) AND #expires = :expires"
        given = {
            "UpdateExpression": "SET #state = :ending",
            "ExpressionAttributeNames": {"#pk": "pk", "#expires": "expires", "#state": "state"},
            "ExpressionAttributeValues": {":expires": {"N": str(block.expires_s)}, ":ending": {"S": ENDING}},
        }
        return self._if("UpdateItem", block, condition, given)

    def forget(self, block: Block) -> bool:
        """Take the note away; False when the address was blocked anew meanwhile, so that it has to be put back."""
        given = {
            "ExpressionAttributeNames": {"#state": "state"},
            "ExpressionAttributeValues": {":ending": {"S": ENDING}},
        }
        return self._if("DeleteItem", block, "attribute_not_exists(#state) OR #state = :ending", given)

    def expired(self, now_s: float) -> Iterator[Block]:
        """Return the blocks whose time is over, and those whose end broke off."""
        condition = "begins_with(#pk, :block) AND ((#expires > :never AND #expires <= :now) OR #state = :ending)"
        given = {
            "FilterExpression": condition,
            "ExpressionAttributeNames": {"#pk": "pk", "#expires": "expires", "#state": "state"},
            "ExpressionAttributeValues": {
                ":block": {"S": _PREFIX}, ":never": {"N": "0"}, ":now": {"N": str(int(now_s))},
                ":ending": {"S": ENDING},
            },
        }  # fmt: skip
        found = self._area.each(
            "dynamodb", "Scan", "Items", DYNAMODB, TableName=self._table, ConsistentRead=True, **given
        )
        return map(_block, found)

    def _if(self, operation: str, block: Block, condition: str, given: Dict[str, Any]) -> bool:
        key = {"pk": {"S": block.key}}
        return was_so(lambda: self._call(operation, Key=key, ConditionExpression=condition, **given))

    def _call(self, operation: str, **given: Any) -> Dict[str, Any]:
        return self._area.ask("dynamodb", operation, TableName=self._table, **given)


def _block(item: Dict[str, Any]) -> Block:
    def text(name: str) -> str:
        return str(item[name]["S"])

    set_ = IpSet(text("set"), text("set_id"), text("set_arn"), text("scope"))
    expires_s = int(item["expires"]["N"])
    return Block(text("account"), text("region"), set_, network_of(text("address")), text("because"), expires_s)
