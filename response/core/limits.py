"""What the owner of the accounts allows: whom a response may touch by itself, and how many in an hour.

Whoever can make a finding can make us isolate, so these rules hold on the AWS side for every road that leads here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, FrozenSet, List, Mapping, Tuple

from response.core.instance import Instance
from response.core.target import Target
from response.errors import BadSettings

#: Nothing is changed until somebody says so.
DRY_RUN, LIVE = "dry-run", "live"
#: An instance with this tag, of any value but ``false``, is isolated only after a person agreed.
PROTECTED_TAG = "aws-siem-bridge:protected"
#: Tags of nodes of a cluster: https://docs.aws.amazon.com/eks/latest/userguide/eks-using-tags.html
_NODE_TAGS = ("eks:cluster-name", "aws:eks:cluster-name", "alpha.eksctl.io/nodegroup-name")
_NODE_PREFIX = "kubernetes.io/cluster/"
_ECS_TAG = "AmazonECSManaged"
MOST_AN_HOUR = MOST_AN_ALERT = 5
_KNOWN = {"mode", "accounts", "regions", "never", "most_an_hour", "most_an_alert", "protected_tag"}


@dataclass(frozen=True)
class Limits:
    """The rules. Raises `BadSettings` for what contradicts itself."""

    mode: str = DRY_RUN
    #: Accounts and regions in which anything may be done; empty for all that the roles reach.
    accounts: FrozenSet[str] = frozenset()
    regions: FrozenSet[str] = frozenset()
    #: Instances that are never isolated without a person.
    never: FrozenSet[str] = frozenset()
    most_an_hour: int = MOST_AN_HOUR
    most_an_alert: int = MOST_AN_ALERT
    protected_tag: str = PROTECTED_TAG

    def __post_init__(self) -> None:
        if self.mode not in (DRY_RUN, LIVE):
            raise BadSettings(f"mode {self.mode!r} is neither {DRY_RUN} nor {LIVE}")
        for name in ("most_an_hour", "most_an_alert"):
            if getattr(self, name) < 0:
                raise BadSettings(f"{name} is {getattr(self, name)}: a number from 0 is needed")

    def outside(self, target: Target) -> str:
        """Return why a target is none of ours, or nothing."""
        if self.accounts and target.account not in self.accounts:
            return f"account {target.account} is not among those that a response may act in"
        if self.regions and target.region not in self.regions:
            return f"region {target.region} is not among those that a response may act in"
        return ""

    def asks_for(self, instance: Instance) -> List[str]:
        """Return why a person has to agree first. A tag never exempts in silence: an attacker can set it, too."""
        found = []
        if instance.target.instance in self.never:
            found.append(f"{instance.target.instance} is on the list of instances that are never isolated unasked")
        if instance.tag(self.protected_tag).lower() not in ("", "false"):
            found.append(f"it has the tag {self.protected_tag}={instance.tag(self.protected_tag)}")
        cluster = node_of(instance)
        if cluster:
            found.append(f"it is a node of {cluster}: other workloads run on it")
        return found


def node_of(instance: Instance) -> str:
    """Return which cluster an instance is a node of, or nothing."""
    for name, value in instance.tags:
        if name in _NODE_TAGS:
            return f"the EKS cluster {value}"
        if name.startswith(_NODE_PREFIX):
            return f"the Kubernetes cluster {name[len(_NODE_PREFIX) :]}"
        if name == _ECS_TAG:
            return "an ECS cluster"
    return ""


def limits_of(known: Mapping[str, Any]) -> Limits:
    """Return the limits of the parameter's JSON. Raises `BadSettings` for a name it does not know, or a wrong value."""
    unknown = sorted(set(known) - _KNOWN)
    if unknown:
        raise BadSettings(f"no setting {', '.join(unknown)}; there is {', '.join(sorted(_KNOWN))}")
    given = dict(known)
    for name in ("accounts", "regions", "never"):
        if name in given:
            given[name] = frozenset(_texts(name, given[name]))
    for name in ("most_an_hour", "most_an_alert"):
        if name in given and (isinstance(given[name], bool) or not isinstance(given[name], int)):
            raise BadSettings(f"{name} is {given[name]!r}: a number is needed")
    return Limits(**given)


def _texts(name: str, value: Any) -> Tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise BadSettings(f"{name} is {value!r}: a list of texts is needed")
    return tuple(value)
