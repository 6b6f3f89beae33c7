"""Which instance is meant. Ids are checked before any call: an attacker may have chosen the text of a row."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Optional

from response.errors import BadTarget

#: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html: 8 or 17 hexadecimal digits.
_INSTANCE = re.compile(r"i-(?:[0-9a-f]{8}|[0-9a-f]{17})", re.ASCII)
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d", re.ASCII)
_ARN = re.compile(r"arn:(aws[a-z-]*):ec2:([a-z0-9-]+):(\d{12}):instance/(i-[0-9a-f]+)", re.ASCII)


@dataclass(frozen=True)
class Target:
    """One EC2 instance. Raises `BadTarget` for what AWS never gives out."""

    account: str
    region: str
    instance: str

    def __post_init__(self) -> None:
        for what, value, pattern, shape in (
            ("instance id", self.instance, _INSTANCE, "i- and 8 or 17 hexadecimal digits"),
            ("account", self.account, _ACCOUNT, "12 digits"),
            ("region", self.region, _REGION, "a name like eu-west-1"),
        ):
            if not pattern.fullmatch(value):
                given = f"{value[:80]!r} is no {what}" if value else f"there is no {what}"
                raise BadTarget(f"{given}: {shape} is needed")

    @property
    def key(self) -> str:
        """What locks and records are named by: ``account|region|instance``."""
        return f"{self.account}|{self.region}|{self.instance}"

    @property
    def slug(self) -> str:
        """What the incident's name begins with."""
        return self.instance

    def __str__(self) -> str:
        return f"{self.instance} (account {self.account}, region {self.region})"


@dataclass(frozen=True)
class Subject:
    """What is no instance: addresses, a user, a role, a bucket, an incident. Raises `BadTarget` as `Target` does.

    ``region`` is empty for what has none.
    """

    account: str
    region: str
    name: str

    def __post_init__(self) -> None:
        for what, value, pattern, shape in (
            ("account", self.account, _ACCOUNT, "12 digits"),
            ("region", self.region or "eu-west-1", _REGION, "a name like eu-west-1"),
        ):
            if not pattern.fullmatch(value):
                given = f"{value[:80]!r} is no {what}" if value else f"there is no {what}"
                raise BadTarget(f"{given}: {shape} is needed")

    def __str__(self) -> str:
        return f"{self.name} (account {self.account}{f', region {self.region}' if self.region else ''})"


def target_of(instance: str, account: str = "", region: str = "", *, arn: str = "") -> Target:
    """Return the target that an ARN names, or that the three say.

    Raises `BadTarget` when something is missing or malformed, and when the ARN and the others contradict each other.
    """
    if not arn:
        return Target(account, region, instance)
    found: Optional[re.Match[str]] = _ARN.fullmatch(arn)
    if not found:
        raise BadTarget(f"{arn[:120]!r} is no ARN of an instance: arn:aws:ec2:<region>:<account>:instance/<id>")
    said = (("region", region, found[2]), ("account", account, found[3]), ("instance", instance, found[4]))
    for what, given, named in said:
        if given and given != named:
            raise BadTarget(f"the {what} {given[:80]!r} is another than the one in {arn}")
    return Target(found[3], found[2], found[4])
