"""What AWS itself knows of an instance and what is around it. Nothing on the instance is asked, so it needs no agent.

Needs ``ec2:DescribeInstances``, ``DescribeInstanceStatus``, ``DescribeInstanceAttribute``,
``DescribeNetworkInterfaces``, ``DescribeSecurityGroups``, ``DescribeSecurityGroupRules``, ``DescribeRouteTables``,
``DescribeNetworkAcls``, ``DescribeSubnets``, ``DescribeVpcEndpoints``, ``DescribeVolumes``, ``DescribeImages``,
``DescribeTags``, ``DescribeIamInstanceProfileAssociations``, ``GetConsoleOutput``, ``GetConsoleScreenshot``;
``iam:GetInstanceProfile``, ``GetRole``, ``ListAttachedRolePolicies``, ``GetPolicy``, ``GetPolicyVersion``,
``ListRolePolicies``, ``GetRolePolicy``.
"""

from __future__ import annotations

import base64
from typing import Any, Callable, Dict, List, NamedTuple, Sequence

from aws_bridge.accounts.area import EC2, IAM, Area
from aws_bridge.accounts.session import WIRE_BODY
from aws_bridge.errors import CallRejected
from response.core.evidence import NotThere
from response.core.target import Target

#: EC2 has no console of this instance, or none yet.
_NO_CONSOLE = ("UnsupportedOperation", "IncorrectState", "IncorrectInstanceState")
#: Values of one filter. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Filter.html
_MOST_VALUES = 200


class Question(NamedTuple):
    """One item of the context: the file it goes to, and what answers it with JSON, text or bytes."""

    item: str
    file: str
    ask: Callable[[], Any]


class Context:
    """Asks about one instance."""

    def __init__(self, area: Area, target: Target) -> None:
        self._area = area
        self._target = target
        self._id = target.instance

    def questions(self) -> Sequence[Question]:
        """Return the items, in the order in which they vanish: what a terminated instance takes along comes first."""
        return (
            Question("console screenshot", "console_screenshot.jpg", self.screenshot),
            Question("console output", "console_output.txt", self.console),
            Question("instance", "instance.json", self.instance),
            Question("status", "status.json", self.status),
            Question("user data", "user_data.bin", self.user_data),
            Question("tags", "tags.json", self.tags),
            Question("network interfaces", "network_interfaces.json", self.interfaces),
            Question("volumes", "volumes.json", self.volumes),
            Question("security groups", "security_groups.json", self.groups),
            Question("route tables", "route_tables.json", self.routes),
            Question("network ACLs", "network_acls.json", self.acls),
            Question("subnets", "subnets.json", self.subnets),
            Question("VPC endpoints", "vpc_endpoints.json", self.endpoints),
            Question("image", "image.json", self.image),
            Question("role", "role.json", self.role),
        )

    def instance(self) -> Any:
        """Return what DescribeInstances says."""
        for reservation in self._ask("DescribeInstances", InstanceIds=[self._id]).get("Reservations") or ():
            for each in reservation["Instances"]:
                return {**each, "OwnerId": reservation.get("OwnerId"), "Requester": reservation.get("RequesterId")}
        raise NotThere("EC2 no longer knows the instance")

    def status(self) -> Any:
        """Return the checks of its health and events that AWS planned for it."""
        asked = {"InstanceIds": [self._id], "IncludeAllInstances": True}
        return self._ask("DescribeInstanceStatus", **asked).get("InstanceStatuses") or []

    def user_data(self) -> bytes:
        """Return the user data as the instance gets it."""
        answer = self._ask("DescribeInstanceAttribute", InstanceId=self._id, Attribute="userData")
        value = (answer.get("UserData") or {}).get("Value")
        if not value:
            raise NotThere("the instance has no user data")
        return base64.b64decode(value)

    def tags(self) -> Any:
        """Return the tags of the instance, its interfaces and its volumes."""
        ids = [self._id, *(each["NetworkInterfaceId"] for each in self.interfaces())]
        ids += [each["VolumeId"] for each in self.volumes()]
        return self._each("DescribeTags", "Tags", **_filter("resource-id", ids))

    def interfaces(self) -> List[Dict[str, Any]]:
        """Return the attached interfaces."""
        given = _filter("attachment.instance-id", [self._id])
        return self._each("DescribeNetworkInterfaces", "NetworkInterfaces", **given)

    def volumes(self) -> List[Dict[str, Any]]:
        """Return the attached EBS volumes."""
        return self._each("DescribeVolumes", "Volumes", **_filter("attachment.instance-id", [self._id]))

    def groups(self) -> Any:
        """Return the security groups of the interfaces, each with its rules and their descriptions."""
        ids = sorted({group["GroupId"] for each in self.interfaces() for group in each["Groups"]})
        found = self._each("DescribeSecurityGroups", "SecurityGroups", **_filter("group-id", ids))
        rules = self._each("DescribeSecurityGroupRules", "SecurityGroupRules", **_filter("group-id", ids))
        return {"groups": found, "rules": rules}

    def routes(self) -> Any:
        """Return all route tables of its VPCs: the main one holds where a subnet has none of its own."""
        return self._each("DescribeRouteTables", "RouteTables", **self._in_vpcs())

    def acls(self) -> Any:
        """Return the network ACLs of its subnets."""
        return self._each("DescribeNetworkAcls", "NetworkAcls", **_filter("association.subnet-id", self._subnets()))

    def subnets(self) -> Any:
        """Return its subnets."""
        return self._each("DescribeSubnets", "Subnets", **_filter("subnet-id", self._subnets()))

    def endpoints(self) -> Any:
        """Return the endpoints of its VPCs, which are ways out that no route to the internet is needed for."""
        return self._each("DescribeVpcEndpoints", "VpcEndpoints", **self._in_vpcs())

    def image(self) -> Any:
        """Return the image it was started from."""
        id = self.instance().get("ImageId", "")
        try:
            found = self._ask("DescribeImages", ImageIds=[id]).get("Images") or ()
        except CallRejected as exc:
            if "InvalidAMIID" not in str(exc):
                raise
            found = ()
        if not found:
            raise NotThere(f"the image {id} was deregistered, or is no longer shared with the account")
        return found[0]

    def console(self) -> bytes:
        """Return the console's output: what is there now, where the instance type has that."""
        try:
            answer = self._ask("GetConsoleOutput", InstanceId=self._id, Latest=True)
        except CallRejected as exc:
            # Only instances of the Nitro system give the latest; others what they had at the last start or stop.
            if not any(code in str(exc) for code in _NO_CONSOLE):
                raise
            answer = self._ask("GetConsoleOutput", InstanceId=self._id)
        return str(answer.get("Output") or "").encode("utf-8", "surrogatepass")

    def screenshot(self) -> bytes:
        """Return a JPEG of the console."""
        try:
            answer = self._ask("GetConsoleScreenshot", InstanceId=self._id, WakeUp=True)
        except CallRejected as exc:
            if any(code in str(exc) for code in _NO_CONSOLE):
                raise NotThere(f"there is no screen to take: {exc}") from exc
            raise
        return base64.b64decode(answer.get("ImageData") or "")

    def role(self) -> Any:
        """Return the profile, its role, and all its policies, managed and inline."""
        given = _filter("instance-id", [self._id])
        name = "DescribeIamInstanceProfileAssociations"
        associations = self._each(name, "IamInstanceProfileAssociations", **given)
        if not associations:
            raise NotThere("the instance has no role")
        profile_name = associations[0]["IamInstanceProfile"]["Arn"].rpartition("/")[2]
        profile = self._iam("GetInstanceProfile", InstanceProfileName=profile_name)["InstanceProfile"]
        roles = [self._role(each["RoleName"]) for each in profile.get("Roles") or ()]
        return {"associations": associations, "profile": profile, "roles": roles}

    def _role(self, name: str) -> Dict[str, Any]:
        attached = list(self._area.each("iam", "ListAttachedRolePolicies", "AttachedPolicies", IAM, RoleName=name))
        inline = [
            self._iam("GetRolePolicy", RoleName=name, PolicyName=each)
            for each in self._area.each("iam", "ListRolePolicies", "PolicyNames", IAM, RoleName=name)
        ]
        managed = [self._managed(each["PolicyArn"]) for each in attached]
        return {"role": self._iam("GetRole", RoleName=name)["Role"], "managed": managed, "inline": inline}

    def _managed(self, arn: str) -> Dict[str, Any]:
        policy = self._iam("GetPolicy", PolicyArn=arn)["Policy"]
        version = self._iam("GetPolicyVersion", PolicyArn=arn, VersionId=policy["DefaultVersionId"])
        return {"policy": policy, "version": version["PolicyVersion"]}

    def _subnets(self) -> List[str]:
        return sorted({each["SubnetId"] for each in self.interfaces()})

    def _in_vpcs(self) -> Dict[str, Any]:
        return _filter("vpc-id", sorted({each["VpcId"] for each in self.interfaces()}))

    def _ask(self, operation: str, **given: Any) -> Dict[str, Any]:
        return self._area.ask("ec2", operation, **given)

    def _iam(self, operation: str, **given: Any) -> Dict[str, Any]:
        answer = self._area.ask("iam", operation, **given)
        return {name: value for name, value in answer.items() if name not in ("ResponseMetadata", WIRE_BODY)}

    def _each(self, operation: str, member: str, **given: Any) -> List[Dict[str, Any]]:
        values = given["Filters"][0]["Values"]
        if not values:
            return []
        found: List[Dict[str, Any]] = []
        for start in range(0, len(values), _MOST_VALUES):
            part = _filter(given["Filters"][0]["Name"], values[start : start + _MOST_VALUES])
            found += self._area.each("ec2", operation, member, EC2, **part)
        return found


def _filter(name: str, values: Sequence[str]) -> Dict[str, Any]:
    return {"Filters": [{"Name": name, "Values": list(values)}]}
