"""One asset: flat fields that a lookup can hold, and what of it matters for security.

Values are texts, numbers, booleans and lists of texts. Times are ISO 8601 in UTC. Which tags say who owns an asset is
the user's choice, as every organisation has its own: `TagNames`.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Sequence, Tuple

#: Fields of `Asset.fields` that say how an asset is exposed: a change in them is one that somebody should see.
EXPOSURE = ("public", "open_to_world")


class TagNames(NamedTuple):
    """Names of tags, in any casing, the first that an asset has."""

    owner: Sequence[str] = ("owner", "contact")
    team: Sequence[str] = ("team", "squad", "department")
    service: Sequence[str] = ("service", "application", "app", "project")
    environment: Sequence[str] = ("environment", "env", "stage")


USUAL_TAGS = TagNames()


class Where(NamedTuple):
    """Account (12 digits) and region; ``global`` for what has none."""

    account: str
    region: str


@dataclass(frozen=True)
class Asset:
    """One asset. ``kind``: such as ``ec2_instance``; ``id``: unique among those of its kind in account and region."""

    kind: str
    id: str
    where: Where
    fields: Mapping[str, Any]
    arn: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Return what tells it from every other asset, for as long as it exists."""
        return f"{self.where.account}:{self.where.region}:{self.kind}:{self.id}"

    def event(self, names: TagNames = USUAL_TAGS) -> Dict[str, Any]:
        """Return it as it is written: what is short first, the tags last."""
        known = {name.lower(): value for name, value in self.tags.items()}
        owners = {
            what: next((known[name] for name in wanted if name in known), "")
            for what, wanted in names._asdict().items()
        }
        given = {**owners, **self.fields}
        return {
            "asset_key": self.key,
            "kind": self.kind,
            "id": self.id,
            **({"arn": self.arn} if self.arn else {}),
            "account": self.where.account,
            "region": self.where.region,
            **{name: value for name, value in given.items() if value not in ("", None, [], ())},
            **({"tags": dict(self.tags)} if self.tags else {}),
        }

    @property
    def digest(self) -> str:
        """Return what is equal for as long as nothing about it changes."""
        text = json.dumps([self.fields, sorted(self.tags.items())], sort_keys=True, default=str)
        return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()

    @property
    def exposure(self) -> Dict[str, Any]:
        """Return the fields of `EXPOSURE` that it has."""
        return {name: self.fields[name] for name in EXPOSURE if self.fields.get(name)}


def tags_of(tags: Any, name: str = "Key", value: str = "Value") -> Dict[str, str]:
    """Return AWS's list of tags, or its object, as name -> value."""
    if isinstance(tags, Mapping):
        return {str(key): str(text) for key, text in tags.items()}
    return {str(tag.get(name, "")): str(tag.get(value, "")) for tag in tags or () if isinstance(tag, Mapping)}


def capitalised(value: Any) -> Any:
    """Return a JSON value with the names of members as EC2's API writes them: ``vpcId`` becomes ``VpcId``."""
    if isinstance(value, Mapping):
        return {str(name)[:1].upper() + str(name)[1:]: capitalised(each) for name, each in value.items()}
    return [capitalised(each) for each in value] if isinstance(value, list) else value


def iso(value: Any) -> str:
    """Return a time, botocore's or Config's text, as text; empty for what is none."""
    if isinstance(value, str):
        return f"{value[:19]}Z" if re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", value) else ""
    return value.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else ""


def texts(values: Iterable[Any]) -> List[str]:
    """Return the texts among values, each once, sorted: AWS's order changes from call to call."""
    return sorted({str(value) for value in values if value})


def opened(permissions: Any) -> List[str]:
    """Return what rules of a security group open to everybody: ``tcp/22``, ``udp/1000-2000``, ``all``."""
    found = []
    for rule in permissions or ():
        # Config has the addresses of IPv4 under a name of its own, and texts under EC2's.
        ranges = [*(rule.get("Ipv4Ranges") or ()), *(rule.get("IpRanges") or ())]
        world = {"0.0.0.0/0", "::/0"} & {
            *(each if isinstance(each, str) else each.get("CidrIp") for each in ranges),
            *(each.get("CidrIpv6") for each in rule.get("Ipv6Ranges") or ()),
        }
        if world:
            found.append(_ports(rule))
    return texts(found)


def _ports(rule: Mapping[str, Any]) -> str:
    protocol, first, last = str(rule.get("IpProtocol", "-1")), rule.get("FromPort"), rule.get("ToPort")
    if protocol == "-1":
        return "all"
    if first is None or (first, last) in ((0, 65535), (-1, -1)):
        return protocol
    return f"{protocol}/{first}" if first == last else f"{protocol}/{first}-{last}"


def split_arn(arn: str) -> Tuple[str, str]:
    """Return account and resource of an ARN; empty texts for what is none."""
    parts = arn.split(":", 5)
    return (parts[4], parts[5]) if len(parts) == 6 else ("", "")
