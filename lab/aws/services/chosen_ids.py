"""Ids of an instance, its first interface and its VPC as a story has them; moto's are random.

Each holds for the next one of its kind that is made in an account and region.
"""

from __future__ import annotations

import threading
from typing import Any, Callable, Dict, List, Tuple

#: Account, region, beginning of the id -> the id.
_CHOSEN: Dict[Tuple[str, str, str], str] = {}
_local = threading.local()


def choose(account: str, region: str, ids: List[str]) -> None:
    """Let the next things that are made of these kinds have these ids."""
    from moto.ec2.models import ec2_backends

    ec2_backends[account][region]  # makes the default VPC now, if there is none yet: that one is not meant
    for id in ids:
        _CHOSEN[account, region, id.partition("-")[0]] = id


def install() -> None:
    """Change moto's EC2."""
    from moto.ec2.models import EC2Backend, elastic_network_interfaces, instances, vpcs

    def within(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            _local.place = (self.account_id, self.region_name)
            try:
                return method(self, *args, **kwargs)
            finally:
                _local.place = None

        return call

    def chosen(kind: str, random: Callable[[], str]) -> Callable[[], str]:
        def id() -> str:
            place = getattr(_local, "place", None)
            return (_CHOSEN.pop((*place, kind), "") if place else "") or random()

        return id

    EC2Backend.run_instances = within(EC2Backend.run_instances)
    EC2Backend.create_vpc = within(EC2Backend.create_vpc)
    instances.random_instance_id = chosen("i", instances.random_instance_id)
    elastic_network_interfaces.random_eni_id = chosen("eni", elastic_network_interfaces.random_eni_id)
    vpcs.random_vpc_id = chosen("vpc", vpcs.random_vpc_id)
