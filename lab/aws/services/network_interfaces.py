"""Security groups of interfaces as EC2 has them; moto gives every interface those of the instance as well.

Each interface has groups of its own; an instance's are those of its primary one. What AWS refuses is refused.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-eni.html
"""

from __future__ import annotations

from typing import Any, List, Optional


def install() -> None:
    """Change moto's EC2."""
    from moto.ec2.exceptions import (
        DependencyViolationError,
        EC2ClientError,
        InvalidParameterCombination,
        InvalidSecurityGroupNotFoundError,
    )
    from moto.ec2.models import EC2Backend
    from moto.ec2.models.elastic_network_interfaces import NetworkInterface

    modify, delete = EC2Backend.modify_network_interface_attribute, EC2Backend.delete_security_group
    NetworkInterface.group_set = property(lambda self: self._group_set)

    def modify_interface(self: Any, eni_id: str, group_ids: List[str], *args: Any, **kwargs: Any) -> None:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyNetworkInterfaceAttribute.html."""
        interface = self.get_network_interface(eni_id)
        for id in group_ids:
            group = self.get_security_group_from_id(id)
            if group is None:
                raise InvalidSecurityGroupNotFoundError(id)
            if group.vpc_id != interface.subnet.vpc_id:
                text = f"Security group {id} and subnet {interface.subnet.id} belong to different networks."
                raise EC2ClientError("InvalidParameter", text)
        modify(self, eni_id, group_ids, *args, **kwargs)
        if group_ids and interface.instance and int(interface.device_index or 0) == 0:
            interface.instance.security_groups = list(interface._group_set)  # noqa: SLF001

    def modify_instance(self: Any, instance_id: str, new_group_id_list: List[str]) -> Any:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceAttribute.html."""
        instance = self.get_instance(instance_id)
        if not new_group_id_list:
            raise InvalidParameterCombination("No attributes specified.")
        if len(instance.nics) > 1:
            text = f"There are multiple interfaces attached to instance '{instance_id}'."
            raise EC2ClientError(
                "InvalidInstanceID", f"{text} Please specify an interface ID for the operation instead."
            )
        modify_interface(self, instance.nics[0].id, new_group_id_list)
        return instance

    def delete_group(self: Any, name: Optional[str] = None, group_id: Optional[str] = None) -> Any:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSecurityGroup.html."""
        group = self.get_security_group_by_name_or_id(group_id or name)
        if group and any(group in each._group_set for each in self.enis.values()):  # noqa: SLF001
            raise DependencyViolationError(f"resource {group.id} has a dependent object")
        return delete(self, name, group_id)

    EC2Backend.modify_network_interface_attribute = modify_interface
    EC2Backend.modify_instance_security_groups = modify_instance
    EC2Backend.delete_security_group = delete_group
