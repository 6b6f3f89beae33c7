"""The public keys that CloudTrail signs its digests with: asked of AWS, region by region, or read from a file.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_ListPublicKeys.html: keys are DER, PKCS #1, and told
apart by fingerprint; each region has its own. Needs the package ``cryptography``, imported when a key is made.
"""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Mapping, Optional, Set

from aws_bridge.clients import client, errors, said
from collectors.errors import CollectorError
from collectors.verify.digest import Chain

#: When AWS began to sign, for a period without a beginning.
FIRST_DIGEST_S = 1_420_070_400
#: Digests of a period's last hour are signed after its end, and with a new key where that was changed in between.
SIGNED_WITHIN = timedelta(hours=2)

#: Region -> fingerprint -> DER.
Load = Callable[[str], Mapping[str, bytes]]


class PublicKeys:
    """Keys by fingerprint; ``load`` gives those of a region, once, and ``more``, once, those it may lack."""

    def __init__(self, load: Load, more: Optional[Load] = None) -> None:
        self._load = load
        self._more = more
        self._by_region: Dict[str, Dict[str, bytes]] = {}
        self._has_more: Set[str] = set()

    def verify(self, chain: Chain, fingerprint: str, signature: bytes, signed: bytes) -> Optional[bool]:
        """Return whether ``signature`` is that of ``signed``, None without a key of this fingerprint.

        Raises `CollectorError` when the keys cannot be had.
        """
        region = chain.region
        if region not in self._by_region:
            self._by_region[region] = dict(self._load(region))
        if fingerprint not in self._by_region[region] and self._more and region not in self._has_more:
            self._has_more.add(region)
            self._by_region[region].update(self._more(region))
        der = self._by_region[region].get(fingerprint)
        return None if der is None else _is_signature(der, signature, signed)


def keys_of_aws(since_ms: Optional[int], until_ms: Optional[int]) -> PublicKeys:
    """Return the keys that signed digests of a period, asked of CloudTrail when needed: cloudtrail:ListPublicKeys.

    A backfill digest is signed whenever what came late came: where a key is not among those of the period, all from its
    beginning until now are asked for, once.
    """
    start = datetime.fromtimestamp(FIRST_DIGEST_S if since_ms is None else since_ms / 1000, timezone.utc)
    now = datetime.now(timezone.utc)
    if until_ms is None:
        return PublicKeys(lambda region: _listed(region, start, now))
    end = datetime.fromtimestamp(until_ms / 1000, timezone.utc) + SIGNED_WITHIN
    more = (lambda region: _listed(region, start, now)) if end < now else None
    return PublicKeys(lambda region: _listed(region, start, end), more)


def _listed(region: str, start: datetime, end: datetime) -> Dict[str, bytes]:
    pages = client("cloudtrail", region).get_paginator("list_public_keys").paginate(StartTime=start, EndTime=end)
    try:
        return {key["Fingerprint"]: key["Value"] for page in pages for key in page["PublicKeyList"]}
    except errors() as exc:
        raise CollectorError(
            f"the public keys of CloudTrail in {region} cannot be read: {said(exc)}. The credentials need "
            "cloudtrail:ListPublicKeys; or save them elsewhere with 'aws cloudtrail list-public-keys' and give the "
            "file as --public-keys"
        ) from exc


def keys_of_file(path: Path) -> PublicKeys:
    """Return the keys in a file: what ``aws cloudtrail list-public-keys`` prints. Raises `CollectorError`."""
    try:
        keys = _decoded(json.loads(path.read_bytes())["PublicKeyList"])
    except OSError as exc:
        raise CollectorError(f"{path} cannot be read: {exc.strerror or exc}") from exc
    except (ValueError, KeyError, TypeError) as exc:
        raise CollectorError(
            f"{path} holds no public keys ({type(exc).__name__}: {exc}): save what "
            "'aws cloudtrail list-public-keys --start-time ... --region ...' prints"
        ) from exc
    return PublicKeys(lambda region: keys)


def _decoded(entries: Iterable[Mapping[str, Any]]) -> Dict[str, bytes]:
    keys = {entry["Fingerprint"]: base64.b64decode(entry["Value"], validate=True) for entry in entries}
    for der in keys.values():
        _public_key(der)
    return keys


def _is_signature(der: bytes, signature: bytes, signed: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        _public_key(der).verify(signature, signed, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def _public_key(der: bytes) -> Any:
    try:
        from cryptography.hazmat.primitives.serialization import load_der_public_key
    except ImportError as exc:
        raise CollectorError("verifying signatures needs the package cryptography: pip install cryptography") from exc
    return load_der_public_key(der)
