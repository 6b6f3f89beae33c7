"""An instance as it is at one moment: everything that isolation changes and release puts back."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Dict, FrozenSet, Mapping, Optional, Tuple

from response.core.target import Target
from response.errors import StateDiffers


@dataclass(frozen=True)
class Interface:
    """A network interface."""

    id: str
    vpc: str
    subnet: str
    #: Ids of its security groups, sorted.
    groups: Tuple[str, ...]
    #: 0 is the primary one.
    index: int = 0
    ipv4: Tuple[str, ...] = ()
    ipv6: Tuple[str, ...] = ()
    public_ip: str = ""
    #: ``interface``, ``efa``, ``trunk``, ``branch`` ...
    type: str = "interface"
    #: Made by an AWS service, which may refuse that others change it.
    requester_managed: bool = False


@dataclass(frozen=True)
class Volume:
    """An attached EBS volume."""

    id: str
    device: str
    delete_on_termination: bool


@dataclass(frozen=True)
class Scaling:
    """The membership in an Auto Scaling group."""

    group: str
    #: ``InService``, ``Standby`` ...
    state: str
    desired: int
    minimum: int


@dataclass(frozen=True)
class Registration:
    """An entry of a target group, by instance or by address; or of a classic load balancer, whose name is ``group``."""

    group: str
    id: str
    #: 0 for a classic load balancer.
    port: int = 0
    zone: str = ""


@dataclass(frozen=True)
class Instance:
    """One instance. What could not be read is in ``unread``: field -> why; isolation leaves it as it is."""

    target: Target
    #: ``pending``, ``running``, ``stopping``, ``stopped``, ``shutting-down``, ``terminated``.
    state: str
    vpc: str = ""
    image: str = ""
    #: ``linux`` or ``windows``.
    platform: str = "linux"
    spot: bool = False
    interfaces: Tuple[Interface, ...] = ()
    volumes: Tuple[Volume, ...] = ()
    tags: Tuple[Tuple[str, str], ...] = ()
    #: ARN of the instance profile, and the id of its association; empty without one.
    profile: str = ""
    association: str = ""
    #: ``enabled`` or ``disabled``.
    metadata: str = "enabled"
    termination_protected: bool = False
    stop_protected: bool = False
    #: ``stop`` or ``terminate``.
    on_shutdown: str = "stop"
    scaling: Optional[Scaling] = None
    registrations: Tuple[Registration, ...] = ()
    elastic_ips: Tuple[str, ...] = ()
    unread: Tuple[Tuple[str, str], ...] = ()

    @property
    def gone(self) -> bool:
        """Whether nothing can be done about it any more."""
        return self.state in ("shutting-down", "terminated")

    @property
    def vpcs(self) -> Tuple[str, ...]:
        """The VPCs of its interfaces: they may be several."""
        return tuple(sorted({each.vpc for each in self.interfaces}))

    @property
    def unknown(self) -> FrozenSet[str]:
        """The fields that could not be read: what they hold means nothing."""
        return frozenset(field for field, _ in self.unread)

    def tag(self, name: str) -> str:
        """Return the value of a tag, or nothing."""
        return dict(self.tags).get(name, "")


def to_json(instance: Instance) -> Dict[str, Any]:
    """Return an instance as JSON's objects and lists."""
    return asdict(instance)


def from_json(known: Mapping[str, Any]) -> Instance:
    """Return the instance of `to_json`. Raises `StateDiffers` for anything else."""
    try:
        given = {name: known[name] for name in (each.name for each in fields(Instance)) if name in known}
        given["target"] = Target(**given["target"])
        given["interfaces"] = tuple(
            Interface(**{**each, **{name: tuple(each[name]) for name in ("groups", "ipv4", "ipv6")}})
            for each in given["interfaces"]
        )
        given["volumes"] = tuple(Volume(**each) for each in given["volumes"])
        given["registrations"] = tuple(Registration(**each) for each in given["registrations"])
        given["scaling"] = Scaling(**given["scaling"]) if given["scaling"] else None
        given["tags"] = tuple((name, value) for name, value in given["tags"])
        given["unread"] = tuple((name, value) for name, value in given["unread"])
        given["elastic_ips"] = tuple(given["elastic_ips"])
        return Instance(**given)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise StateDiffers(f"the saved state is no record of an instance: {exc!r}") from exc
