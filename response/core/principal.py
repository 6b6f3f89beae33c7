"""Whose rights are taken away: a user or role of IAM, or a user of Identity Center. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Mapping

from response.core.target import Subject
from response.errors import BadTarget

USER, ROLE, IDENTITY_CENTER_USER = "user", "role", "identity_center_user"
KINDS = (USER, ROLE, IDENTITY_CENTER_USER)
#: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_NAME = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)
#: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
_KEY = re.compile(r"(?:AKIA|ASIA)[A-Z2-7]{12,124}", re.ASCII)
_ARN = re.compile(r"arn:(aws[a-z-]*):(iam|sts)::(\d{12}):(user|role|assumed-role)/([\w+=,.@/-]+)", re.ASCII)
#: Roles that nobody but AWS can change.
_SERVICE_LINKED, _SSO = "AWSServiceRoleFor", "AWSReservedSSO_"


@dataclass(frozen=True)
class Principal:
    """One principal of one account. Raises `BadTarget` for what AWS never gives out."""

    account: str
    kind: str
    name: str = ""
    #: The id of the access key that was seen, of a user or of a role's session.
    access_key: str = ""

    def __post_init__(self) -> None:
        Subject(self.account, "", self.name)
        if self.kind not in KINDS:
            raise BadTarget(f"{self.kind[:40]!r} is no kind of principal: {', '.join(KINDS)}")
        if self.name and not _NAME.fullmatch(self.name):
            raise BadTarget(f"{self.name[:80]!r} is no name of a {self.kind}")
        if self.access_key and not _KEY.fullmatch(self.access_key):
            raise BadTarget(f"{self.access_key[:20]!r} is no id of an access key")
        if not self.name and not (self.access_key.startswith("AKIA") and self.kind == USER):
            raise BadTarget(f"which {self.kind}? Only of a user's key (AKIA...) AWS says whose it is; give the name")

    @property
    def subject(self) -> Subject:
        """What results and saved states are named by."""
        return Subject(self.account, "", f"{self.kind}-{self.name}")

    @property
    def unchangeable(self) -> str:
        """Return why AWS lets nobody change this role, or nothing."""
        if self.kind == ROLE and self.name.startswith(_SERVICE_LINKED):
            return "it is a service's own role, which only the service changes"
        if self.kind == ROLE and self.name.startswith(_SSO):
            return "it is a role of Identity Center, which only Identity Center changes: contain its user"
        return ""

    def is_asking(self, arn: str) -> bool:
        """Whether the caller with this ARN (of `sts:GetCallerIdentity`) is the principal: it would lock itself out."""
        found = _ARN.fullmatch(arn)
        if not found or found[3] != self.account:
            return False
        if found[4] == "assumed-role":
            return self.kind == ROLE and found[5].split("/")[0] == self.name
        return self.kind == found[4] and found[5].rsplit("/", 1)[-1] == self.name

    def __str__(self) -> str:
        return f"{self.kind} {self.name or self.access_key} (account {self.account})"


def principal_of(account: str, given: Mapping[str, Any]) -> Principal:
    """Return the principal of a step's event: ``{"kind", "name", "access_key"}``. Raises `BadTarget`."""
    if not isinstance(given, Mapping):
        raise BadTarget("there is no principal: {'kind', 'name', 'access_key'} is needed")
    texts = {name: str(given.get(name) or "") for name in ("kind", "name", "access_key")}
    return Principal(account, **texts)


def principal_of_arn(arn: str) -> Principal:
    """Return the user or role of an ARN, also of a session's. Raises `BadTarget`."""
    found = _ARN.fullmatch(arn)
    if not found:
        raise BadTarget(f"{arn[:120]!r} is no ARN of a user, a role or a role's session")
    parts = found[5].split("/")
    if found[4] == "assumed-role":
        return Principal(found[3], ROLE, parts[0])
    return Principal(found[3], found[4], parts[-1])
