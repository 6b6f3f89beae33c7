"""How to get into one account of AWS: whose credentials come first, and which roles are assumed with them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Mapping, Tuple

from aws_bridge.errors import BadAccount

#: Partition -> the region whose STS is asked when no region is given.
#: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
PARTITIONS: Mapping[str, str] = {
    "aws": "us-east-1",
    "aws-cn": "cn-north-1",
    "aws-us-gov": "us-gov-west-1",
    "aws-iso": "us-iso-east-1",
    "aws-iso-b": "us-isob-east-1",
    "aws-eusc": "eusc-de-east-1",
}
_ROLE_ARN = re.compile(r"arn:(aws[a-z-]*):iam::(\d{12}):role/[\w+=,.@/-]{1,576}", re.ASCII)
#: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
_LONGEST_SESSION_POLICY = 2_048
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)


@dataclass(frozen=True)
class Role:
    """A role to assume. Raises `BadAccount` for what AWS would never accept."""

    arn: str
    #: What the role's trust policy asks for, so that nobody else's account can be entered by mistake; empty for none.
    external_id: str = ""
    #: A policy that the session is limited to, as JSON: what it does not allow the session may not, whatever the role
    #: may. Empty for none. https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session
    session_policy: str = ""

    def __post_init__(self) -> None:
        if len(self.session_policy) > _LONGEST_SESSION_POLICY:
            raise BadAccount(f"a session policy has at most {_LONGEST_SESSION_POLICY:,} characters")
        if not _ROLE_ARN.fullmatch(self.arn):
            raise BadAccount(f"{self.arn!r} is no ARN of a role: arn:aws:iam::<12 digits>:role/<name>")
        if self.external_id and not _EXTERNAL_ID.fullmatch(self.external_id):
            raise BadAccount("an external id has 2 to 1224 letters, digits and characters of +=,.@:/-")

    @property
    def partition(self) -> str:
        """The partition in its ARN."""
        return self.arn.split(":")[1]

    @property
    def account_id(self) -> str:
        """The account it belongs to, 12 digits."""
        return self.arn.split(":")[4]


@dataclass(frozen=True)
class Account:
    """One account. Without an access key the credentials are those of the machine: its role, or what is set up there.

    Raises `BadAccount` for contradictions.
    """

    #: What a person calls it.
    name: str
    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)
    #: Assumed one after the other: the first with the credentials above, each next one with those of the one before.
    roles: Tuple[Role, ...] = ()
    partition: str = "aws"
    #: Whose STS is asked: a regional endpoint, so that a network without a way out needs no other.
    #: https://docs.aws.amazon.com/sdkref/latest/guide/feature-sts-regionalized-endpoints.html
    sts_region: str = ""
    #: Service -> URL of a private endpoint; ``{region}`` in it is replaced.
    endpoints: Mapping[str, str] = field(default_factory=dict)
    #: URL of a proxy, with user and password if it wants them.
    proxy: str = field(default="", repr=False)
    #: PEM file of the authorities that a private endpoint or a proxy is signed by.
    ca_file: str = ""

    def __post_init__(self) -> None:
        if bool(self.access_key_id) != bool(self.secret_access_key):
            raise BadAccount(f"account {self.name!r}: an access key id and its secret belong together; one is missing")
        if self.partition not in PARTITIONS:
            raise BadAccount(
                f"account {self.name!r}: no partition {self.partition!r}; there is {', '.join(PARTITIONS)}"
            )
        for role in self.roles:
            if role.partition != self.partition:
                raise BadAccount(
                    f"account {self.name!r}: the role {role.arn} is of the partition {role.partition}, the account of "
                    f"{self.partition}; credentials of one do not work in another"
                )

    @property
    def home_region(self) -> str:
        """Where STS and services without regions are asked."""
        return self.sts_region or PARTITIONS[self.partition]

    def member(self, account_id: str, name: str, role_name: str, external_id: str = "") -> Account:
        """Return a member of the organisation, entered by a role of this name with this account's credentials."""
        role = Role(f"arn:{self.partition}:iam::{account_id}:role/{role_name.lstrip('/')}", external_id)
        return replace(self, name=name, roles=(*self.roles, role))
