"""Reads an instance whole. Needs

``ec2:DescribeInstances``, ``DescribeNetworkInterfaces``, ``DescribeInstanceAttribute``,
``DescribeIamInstanceProfileAssociations``, ``DescribeAddresses``, ``autoscaling:DescribeAutoScalingInstances``,
``DescribeAutoScalingGroups``, ``elasticloadbalancing:DescribeTargetGroups``, ``DescribeTargetHealth``,
``DescribeLoadBalancers``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Dict, List, Optional, Set, Tuple

from aws_bridge.accounts.area import EC2, MARKER, Area
from aws_bridge.errors import CallProblem, CallRejected
from response.core.instance import Instance, Interface, Registration, Scaling, Volume
from response.core.target import Target
from response.errors import BadTarget

#: EC2 has no instance of this id here. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
_UNKNOWN = ("InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed")


class Instances:
    """Reads the instances of one account and region."""

    def __init__(self, area: Area) -> None:
        self._area = area

    def brief(self, target: Target) -> Instance:
        """Return what one question tells: state, tags, image. Raises as `read`."""
        return Instance(**_plain(target, self._instance(target)))

    def network(self, target: Target) -> Instance:
        """Return what `brief` does, with the interfaces. Raises as `read`."""
        found = self.brief(target)
        return found if found.gone else replace(found, interfaces=self.interfaces(target))

    def read(self, target: Target) -> Instance:
        """Return everything about an instance.

        What isolation cannot do without is an error: the instance and its interfaces. What else cannot be read is in
        ``unread``, so that a missing permission for load balancers does not keep an instance open.
        Raises `BadTarget` when there is no such instance here, `CallProblem` when AWS refuses to say.
        """
        found = self._instance(target)
        unread: List[Tuple[str, str]] = []

        def ask(field: str, otherwise: Any, question: Callable[..., Any], *given: Any) -> Any:
            try:
                return question(*given)
            except CallProblem as exc:
                unread.append((field, str(exc)))
                return otherwise

        known = _plain(target, found)
        state = known["state"]
        if state in ("shutting-down", "terminated"):
            return Instance(**known)
        known["interfaces"] = self.interfaces(target)
        id = target.instance
        for field, otherwise, question, given in (
            ("termination_protected", False, self._attribute, (id, "disableApiTermination")),
            ("stop_protected", False, self._attribute, (id, "disableApiStop")),
            ("on_shutdown", "stop", self._attribute, (id, "instanceInitiatedShutdownBehavior")),
            ("elastic_ips", (), self._elastic_ips, (id,)),
            ("scaling", None, self._scaling, (id,)),
        ):
            known[field] = ask(field, otherwise, question, *given)
        known["association"], known["profile"] = ask("profile", ("", ""), self._profile, id)
        addresses = {ip for each in known["interfaces"] for ip in (*each.ipv4, *each.ipv6)}
        vpcs = {each.vpc for each in known["interfaces"]}
        registrations: List[Registration] = []
        ask("registrations", None, self._target_groups, registrations, id, vpcs, addresses)
        ask("registrations", None, self._classic, registrations, id)
        known["registrations"] = tuple(sorted(registrations, key=lambda each: (each.group, each.id, each.port)))
        return Instance(**known, unread=tuple(unread))

    def interfaces(self, target: Target) -> Tuple[Interface, ...]:
        """Return the interfaces that are attached now, the primary one first."""
        filters = [{"Name": "attachment.instance-id", "Values": [target.instance]}]
        found = self._area.each("ec2", "DescribeNetworkInterfaces", "NetworkInterfaces", EC2, Filters=filters)
        return tuple(sorted(map(_interface, found), key=lambda each: (each.index, each.id)))

    def _instance(self, target: Target) -> Dict[str, Any]:
        try:
            for reservation in self._area.ask("ec2", "DescribeInstances", InstanceIds=[target.instance])[
                "Reservations"
            ]:
                for each in reservation["Instances"]:
                    if reservation.get("OwnerId", target.account) != target.account:
                        raise BadTarget(f"{target.instance} belongs to another account than {target.account}")
                    return dict(each)
        except CallRejected as exc:
            if not any(code in str(exc) for code in _UNKNOWN):
                raise
        raise BadTarget(
            f"there is no instance {target}. An instance that was terminated is forgotten after about an hour; compare "
            "account and region with the finding"
        )

    def _attribute(self, id: str, name: str) -> Any:
        answer = self._area.ask("ec2", "DescribeInstanceAttribute", InstanceId=id, Attribute=name)
        return (answer.get(name[0].upper() + name[1:]) or {}).get("Value") or False

    def _profile(self, id: str) -> Tuple[str, str]:
        filters = [{"Name": "instance-id", "Values": [id]}, {"Name": "state", "Values": ["associated", "associating"]}]
        name = "DescribeIamInstanceProfileAssociations"
        for each in self._area.each("ec2", name, "IamInstanceProfileAssociations", EC2, Filters=filters):
            return each["AssociationId"], each["IamInstanceProfile"]["Arn"]
        return "", ""

    def _elastic_ips(self, id: str) -> Tuple[str, ...]:
        filters = [{"Name": "instance-id", "Values": [id]}]
        found = self._area.ask("ec2", "DescribeAddresses", Filters=filters).get("Addresses") or ()
        return tuple(sorted(each["PublicIp"] for each in found))

    def _scaling(self, id: str) -> Optional[Scaling]:
        found = self._area.ask("autoscaling", "DescribeAutoScalingInstances", InstanceIds=[id])["AutoScalingInstances"]
        if not found:
            return None
        name = found[0]["AutoScalingGroupName"]
        groups = self._area.ask("autoscaling", "DescribeAutoScalingGroups", AutoScalingGroupNames=[name])
        group = groups["AutoScalingGroups"][0]
        return Scaling(name, found[0]["LifecycleState"], int(group["DesiredCapacity"]), int(group["MinSize"]))

    def _target_groups(self, into: List[Registration], id: str, vpcs: Set[str], addresses: Set[str]) -> None:
        for group in self._area.each("elbv2", "DescribeTargetGroups", "TargetGroups", MARKER):
            if group.get("VpcId", "") not in vpcs and group.get("TargetType") != "ip":
                continue
            arn = group["TargetGroupArn"]
            for each in self._area.ask("elbv2", "DescribeTargetHealth", TargetGroupArn=arn)["TargetHealthDescriptions"]:
                entry = each["Target"]
                draining = (each.get("TargetHealth") or {}).get("State") == "draining"
                if (entry["Id"] == id or entry["Id"] in addresses) and not draining:
                    zone = entry.get("AvailabilityZone") or ""
                    into.append(Registration(arn, entry["Id"], int(entry.get("Port") or 0), zone))

    def _classic(self, into: List[Registration], id: str) -> None:
        found = self._area.each("elb", "DescribeLoadBalancers", "LoadBalancerDescriptions", MARKER)
        for each in found:
            if any(one["InstanceId"] == id for one in each.get("Instances") or ()):
                into.append(Registration(each["LoadBalancerName"], id))


def _plain(target: Target, found: Dict[str, Any]) -> Dict[str, Any]:
    return {
        "target": target,
        "state": found["State"]["Name"],
        "vpc": found.get("VpcId", ""),
        "image": found.get("ImageId", ""),
        "platform": "windows" if str(found.get("Platform", "")).lower() == "windows" else "linux",
        "spot": found.get("InstanceLifecycle") == "spot",
        "tags": tuple(sorted((each["Key"], each["Value"]) for each in found.get("Tags") or ())),
        "metadata": (found.get("MetadataOptions") or {}).get("HttpEndpoint") or "enabled",
        "volumes": tuple(
            Volume(each["Ebs"]["VolumeId"], each["DeviceName"], bool(each["Ebs"].get("DeleteOnTermination")))
            for each in found.get("BlockDeviceMappings") or ()
            if "Ebs" in each
        ),
    }


def _interface(found: Dict[str, Any]) -> Interface:
    return Interface(
        id=found["NetworkInterfaceId"],
        vpc=found["VpcId"],
        subnet=found["SubnetId"],
        groups=tuple(sorted(each["GroupId"] for each in found["Groups"])),
        index=int((found.get("Attachment") or {}).get("DeviceIndex") or 0),
        ipv4=tuple(each["PrivateIpAddress"] for each in found.get("PrivateIpAddresses") or ()),
        ipv6=tuple(each["Ipv6Address"] for each in found.get("Ipv6Addresses") or ()),
        public_ip=(found.get("Association") or {}).get("PublicIp", ""),
        type=found.get("InterfaceType") or "interface",
        requester_managed=bool(found.get("RequesterManaged")),
    )
