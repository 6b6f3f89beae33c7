"""What the owner of the accounts allows: whom a response may touch by itself, and how many in an hour.

Whoever can make a finding can make us isolate, so these rules hold on the AWS side for every road that leads here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, FrozenSet, List, Mapping, Tuple

from response.core.instance import Instance
from response.errors import BadSettings

#: Nothing is changed until somebody says so.
DRY_RUN, LIVE = "dry-run", "live"
#: An instance with this tag, of any value but ``false``, is cut off whole only after a person agreed.
PROTECTED_TAG = "aws-siem-bridge:protected"
#: Tags of nodes of a cluster: https://docs.aws.amazon.com/eks/latest/userguide/eks-using-tags.html
_NODE_TAGS = ("eks:cluster-name", "aws:eks:cluster-name", "alpha.eksctl.io/nodegroup-name")
_NODE_PREFIX = "kubernetes.io/cluster/"
_ECS_TAG = "AmazonECSManaged"
MOST_AN_HOUR = MOST_AN_ALERT = 5
#: What happens when nobody answers a question: it stays as it is, or the response goes on.
LEAVE, GO_ON = "leave", "go_on"
MINUTES_EACH = 15
_FLAGS = ("approve_hard", "soft_while_protected", "capture_first")
_NUMBERS = ("most_an_hour", "most_an_alert", "minutes_each")
_LISTS = ("accounts", "regions", "never")
_KNOWN = {"mode", "protected_tag", "approvers", "no_answer", *_FLAGS, *_NUMBERS, *_LISTS}


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
    #: Whether a person has to agree before every hard isolation. Soft isolation does not wait for that.
    approve_hard: bool = False
    #: Whether an instance with the protected tag is isolated softly while a person is asked about the rest.
    soft_while_protected: bool = True
    #: Whether an instance whose VPC has no endpoints for SSM stays open until it was captured.
    capture_first: bool = False
    #: Who is asked, one after the other, each for so many minutes; names that notifications know.
    approvers: Tuple[str, ...] = ()
    minutes_each: int = MINUTES_EACH
    no_answer: str = LEAVE

    def __post_init__(self) -> None:
        if self.mode not in (DRY_RUN, LIVE):
            raise BadSettings(f"mode {self.mode!r} is neither {DRY_RUN} nor {LIVE}")
        for name, least in (("most_an_hour", 0), ("most_an_alert", 0), ("minutes_each", 1)):
            if getattr(self, name) < least:
                raise BadSettings(f"{name} is {getattr(self, name)}: a number from {least} is needed")
        if self.no_answer not in (LEAVE, GO_ON):
            raise BadSettings(f"no_answer {self.no_answer!r} is neither {LEAVE} nor {GO_ON}")

    def outside(self, account: str, region: str) -> str:
        """Return why something is none of ours, or nothing. ``region`` is empty for what has none."""
        if self.accounts and account not in self.accounts:
            return f"account {account} is not among those that a response may act in"
        if self.regions and region and region not in self.regions:
            return f"region {region} is not among those that a response may act in"
        return ""

    def asks_for(self, instance: Instance) -> List[str]:
        """Return why a person has to agree before anything is done."""
        found = [] if self.soft_while_protected else self._protected(instance)
        if instance.target.instance in self.never:
            found.append(f"{instance.target.instance} is on the list of instances that are never isolated unasked")
        cluster = node_of(instance)
        if cluster:
            found.append(f"it is a node of {cluster}: other workloads run on it")
        return found

    def asks_before_hard(self, instance: Instance) -> List[str]:
        """Return why a person has to agree before hard isolation; soft isolation has been done by then.

        A tag never exempts in silence, nor does it keep an instance open: an attacker can set it, too.
        """
        found = self._protected(instance)
        if self.approve_hard:
            found.append("every hard isolation waits for a person here")
        return found

    def _protected(self, instance: Instance) -> List[str]:
        value = instance.tag(self.protected_tag)
        return [f"it has the tag {self.protected_tag}={value}"] if value.lower() not in ("", "false") else []


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
    for name in _LISTS:
        if name in given:
            given[name] = frozenset(_texts(name, given[name]))
    if "approvers" in given:
        given["approvers"] = _texts("approvers", given["approvers"])
    for name in _FLAGS:
        if not isinstance(given.get(name, False), bool):
            raise BadSettings(f"{name} is {given[name]!r}: true or false is needed")
    for name in _NUMBERS:
        if name in given and (isinstance(given[name], bool) or not isinstance(given[name], int)):
            raise BadSettings(f"{name} is {given[name]!r}: a number is needed")
    return Limits(**given)


def _texts(name: str, value: Any) -> Tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise BadSettings(f"{name} is {value!r}: a list of texts is needed")
    return tuple(value)
