"""How an instance reaches SSM and S3, and whose flows no change of groups cuts.

Facts behind it: an interface endpoint answers to all of its VPC, a gateway endpoint to the subnets alone whose route
table it is in, and leads to buckets of its own region; some paths are tracked whatever the groups are.
https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html#automatic-tracking
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import FrozenSet, Iterable, Tuple

INTERFACE, GATEWAY, NAT, INTERNET, OTHER, NONE = (
    "interface endpoint", "gateway endpoint", "NAT gateway", "internet gateway", "another route", "none",
)  # fmt: skip
#: Paths that are always tracked, and that cannot be seen from the instance's VPC.
_UNSEEN = "Global Accelerator, Network Load Balancers, connections by PrivateLink into it and Lambda interfaces"


@dataclass(frozen=True)
class Reach:
    """The ways of one VPC's interfaces."""

    ssm: str = NONE
    s3: str = NONE
    #: Security groups and prefix lists that a soft isolation leaves open.
    leads: Tuple[str, ...] = ()
    #: Kinds of paths whose flows AWS tracks whatever the groups are.
    tracked: FrozenSet[str] = frozenset()

    @property
    def says(self) -> str:
        """The ways in words."""
        return f"way to SSM: {self.ssm}; way to S3: {self.s3}"


def may_capture(reaches: Iterable[Reach]) -> bool:
    """Whether there is a way to SSM at all."""
    return any(each.ssm != NONE for each in reaches)


def tracked_paths(reaches: Iterable[Reach]) -> str:
    """Return the kinds of paths whose flows no change of groups cuts, in words."""
    seen = sorted({kind for each in reaches for kind in each.tracked})
    return f"{', '.join(seen) or 'none seen here'}; not looked at: {_UNSEEN}"
