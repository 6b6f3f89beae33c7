"""The security group of a VPC that isolated instances are in: found or made, and emptied of rules.

Needs ``ec2:DescribeSecurityGroups``, ``CreateSecurityGroup``, ``CreateTags``, ``RevokeSecurityGroupIngress``,
``RevokeSecurityGroupEgress``, ``AuthorizeSecurityGroupEgress``, ``DescribeSecurityGroupRules``.
"""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, Iterable, Iterator, List, Tuple

from aws_bridge.accounts.area import EC2, Area
from aws_bridge.errors import CallRejected

#: Tag of a group of ours -> ``hard`` or ``soft``; its name says the same.
TAG = "aws-siem-bridge:quarantine"
HARD, SOFT = "hard", "soft"
#: Beginning of the kind of a group that an instance is in for an instant, while its flows are cut.
CUT = "cut"
_DUPLICATE = "InvalidGroup.Duplicate"
#: A rule that was taken away before, or is there before.
_AS_WANTED = ("InvalidPermission.NotFound", "InvalidSecurityGroupRuleId.NotFound", "InvalidPermission.Duplicate")
_HTTPS = 443

#: One way out that a soft group leaves open: ``sg-...`` or ``pl-...``, reached at port 443.
WaysOut = Tuple[str, ...]


class QuarantineGroups:
    """The quarantine groups of one account and region."""

    def __init__(self, area: Area) -> None:
        self._area = area

    def ensure(self, vpc: str, kind: str, ways_out: WaysOut = ()) -> str:
        """Return the id of the group of a VPC, with exactly the rules it should have. Raises `CallProblem`.

        ``hard`` has no rule at all, ``soft`` leads out to ``ways_out`` at port 443. A rule that somebody added is
        taken away: AWS itself adds one for all of IPv4, and one for all of IPv6 in a VPC that has it.
        """
        id = self._found(vpc, kind) or self._made(vpc, kind)
        wanted = set(ways_out)
        surplus: Dict[bool, List[str]] = {True: [], False: []}
        for rule in self._rules(id):
            reaches = _reaches(rule)
            if rule["IsEgress"] and reaches in wanted:
                wanted.discard(reaches)
            else:
                surplus[rule["IsEgress"]].append(rule["SecurityGroupRuleId"])
        self._revoke(id, surplus)
        if wanted:
            permissions = [_way_out(each) for each in sorted(wanted)]
            self._set("AuthorizeSecurityGroupEgress", GroupId=id, IpPermissions=permissions)
        return id

    def opened(self, vpc: str, instance: str) -> str:
        """Return the id of a group of one instance's own that lets everything through, for an instant."""
        kind = f"{CUT}-{instance}"
        id = self._found(vpc, kind) or self._made(vpc, kind)
        everything = {"IpProtocol": "-1"}
        for operation in ("AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress"):
            # One by one: AWS adds the one for IPv4 to a new group itself, and refuses both together then.
            for ranges in ({"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}, {"Ipv6Ranges": [{"CidrIpv6": "::/0"}]}):
                self._set(operation, GroupId=id, IpPermissions=[{**everything, **ranges}])
        return id

    def emptied(self, id: str) -> None:
        """Take every rule of a group away. Raises `CallProblem`."""
        surplus: Dict[bool, List[str]] = {True: [], False: []}
        for rule in self._rules(id):
            surplus[rule["IsEgress"]].append(rule["SecurityGroupRuleId"])
        self._revoke(id, surplus)

    def closed(self, id: str, ways_out: WaysOut = ()) -> bool:
        """Return whether a group lets nothing in, and nothing out but to ``ways_out``: read, not remembered."""
        return all(rule["IsEgress"] and _reaches(rule) in ways_out for rule in self._rules(id))

    def ids(self, vpcs: Iterable[str], kind: str = "") -> FrozenSet[str]:
        """Return the ids of all groups of ours in these VPCs, or of the ``hard`` or ``soft`` ones."""
        of_kind = {"Name": f"tag:{TAG}", "Values": [kind]} if kind else {"Name": "tag-key", "Values": [TAG]}
        filters = [{"Name": "vpc-id", "Values": sorted(vpcs)}, of_kind]
        return frozenset(each["GroupId"] for each in self._groups(filters))

    def _found(self, vpc: str, kind: str) -> str:
        filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": [_name(kind)]}]
        return next((each["GroupId"] for each in self._groups(filters)), "")

    def _groups(self, filters: List[Dict[str, Any]]) -> Iterator[Dict[str, Any]]:
        return self._area.each("ec2", "DescribeSecurityGroups", "SecurityGroups", EC2, Filters=filters)

    def _made(self, vpc: str, kind: str) -> str:
        tags = [{"Key": TAG, "Value": kind}]
        try:
            answer = self._call(
                "CreateSecurityGroup",
                GroupName=_name(kind),
                Description="Isolated instances. Made by aws-siem-bridge; rules added here are taken away again.",
                VpcId=vpc,
                TagSpecifications=[{"ResourceType": "security-group", "Tags": tags}],
            )
            return str(answer["GroupId"])
        except CallRejected as exc:
            # Another response made it between the two questions.
            found = self._found(vpc, kind) if _DUPLICATE in str(exc) else ""
            if not found:
                raise
            return found

    def _rules(self, id: str) -> List[Dict[str, Any]]:
        filters = [{"Name": "group-id", "Values": [id]}]
        return list(self._area.each("ec2", "DescribeSecurityGroupRules", "SecurityGroupRules", EC2, Filters=filters))

    def _revoke(self, id: str, surplus: Dict[bool, List[str]]) -> None:
        for egress, ids in surplus.items():
            if ids:
                name = "RevokeSecurityGroupEgress" if egress else "RevokeSecurityGroupIngress"
                self._set(name, GroupId=id, SecurityGroupRuleIds=ids)

    def _set(self, operation: str, **given: Any) -> None:
        """Change rules; that it is so already is no failure: the answer to the first attempt may be lost."""
        try:
            self._call(operation, **given)
        except CallRejected as exc:
            if not any(code in str(exc) for code in _AS_WANTED):
                raise

    def _call(self, operation: str, **given: Any) -> Dict[str, Any]:
        return self._area.ask("ec2", operation, **given)


def _name(kind: str) -> str:
    return f"aws-siem-bridge-quarantine-{kind}"


def _reaches(rule: Dict[str, Any]) -> str:
    """Return the group or prefix list that a rule leads to at port 443; nothing for any other rule."""
    if rule.get("IpProtocol") != "tcp" or (rule.get("FromPort"), rule.get("ToPort")) != (_HTTPS, _HTTPS):
        return ""
    return str((rule.get("ReferencedGroupInfo") or {}).get("GroupId") or rule.get("PrefixListId") or "")


def _way_out(to: str) -> Dict[str, Any]:
    permission: Dict[str, Any] = {"IpProtocol": "tcp", "FromPort": _HTTPS, "ToPort": _HTTPS}
    if to.startswith("pl-"):
        return {**permission, "PrefixListIds": [{"PrefixListId": to}]}
    return {**permission, "UserIdGroupPairs": [{"GroupId": to}]}
