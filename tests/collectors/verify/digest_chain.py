"""The two chains of digests as CloudTrail writes them, signed with a key of its own, in a folder like a bucket."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Dict, List

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

BUCKET = "trail-logs"
START = datetime(2026, 11, 21, tzinfo=timezone.utc)
KEY = rsa.generate_private_key(65537, 2048)
PREVIOUS = tuple(
    f"previousDigest{part}" for part in ("S3Bucket", "S3Object", "HashValue", "HashAlgorithm", "Signature")
)
FINGERPRINT = "31e8b5433410dfb61a9dc45cc65b22ff"


def public_keys() -> Dict[str, Any]:
    """Return what ``aws cloudtrail list-public-keys`` prints for the chain's key."""
    der = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    value = base64.b64encode(der).decode()
    return {
        "PublicKeyList": [{"Value": value, "Fingerprint": FINGERPRINT, "ValidityStartTime": "2026-11-01T00:00:00Z"}]
    }


class DigestChain:
    """Writes digests hour by hour into ``folder``, each with two log files."""

    def __init__(
        self, folder: Path, account: str = "111122223333", region: str = "us-east-1", prefix: str = ""
    ) -> None:
        self.folder = folder
        self.account = account
        self.region = region
        self.prefix = prefix
        self.digests: List[str] = []
        self.logs: List[str] = []
        self.signatures: Dict[str, str] = {}
        self._hour = 0
        self.backfills: List[str] = []
        self._previous: Dict[str, Any] = dict.fromkeys(PREVIOUS)
        self._previous_backfill: Dict[str, Any] = dict.fromkeys(PREVIOUS)

    def write(self, hours: int) -> DigestChain:
        """Write the digests of the next ``hours`` hours."""
        for _ in range(hours):
            start = START + timedelta(hours=self._hour)
            self._hour += 1
            self._previous = self._digest(start, start + timedelta(hours=1), self._previous)
        return self

    def write_backfill(self, *hours: int) -> DigestChain:
        """Write backfill digests about these hours, in this order: the chain of those follows the order of writing."""
        for hour in hours:
            start = START + timedelta(hours=hour)
            self._previous_backfill = self._digest(
                start, start + timedelta(hours=1), self._previous_backfill, "_backfill", (25, 40)
            )
        return self

    def stop_backfill(self) -> DigestChain:
        """Begin a new chain of backfill digests, as after StartLogging."""
        self._previous_backfill = dict.fromkeys(PREVIOUS)
        return self

    def stop(self, hours: int) -> DigestChain:
        """Leave out hours, as StopLogging and StartLogging do: what follows is a new chain."""
        self._hour += hours
        self._previous = dict.fromkeys(self._previous)
        return self

    def path(self, key: str) -> Path:
        return self.folder / key

    def put(self, key: str, content: bytes) -> None:
        path = self.path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(content, mtime=0))

    def _digest(
        self, start: datetime, end: datetime, previous: Dict[str, Any], suffix: str = "", minutes: Any = (5, 10)
    ) -> Dict[str, Any]:
        base = f"{self.prefix}AWSLogs/{self.account}"
        logs = []
        for minute in minutes:
            at = start + timedelta(minutes=minute)
            content = json.dumps({"Records": [{"eventID": f"{self.region} {at}"}]}).encode()
            name = f"{self.account}_CloudTrail_{self.region}_{at:%Y%m%dT%H%MZ}_a1B2c3D4e5F6g7H8.json.gz"
            key = f"{base}/CloudTrail/{self.region}/{at:%Y/%m/%d}/{name}"
            self.put(key, content)
            self.logs.append(key)
            logs.append(
                {
                    "s3Bucket": BUCKET,
                    "s3Object": key,
                    "hashValue": hashlib.sha256(content).hexdigest(),
                    "hashAlgorithm": "SHA-256",
                    "newestEventTime": f"{at:%Y-%m-%dT%H:%M:%SZ}",
                    "oldestEventTime": f"{at:%Y-%m-%dT%H:%M:%SZ}",
                }
            )
        name = (
            f"{self.account}_CloudTrail-Digest_{self.region}_org_trail_us-east-1_{end:%Y%m%dT%H%M%SZ}{suffix}.json.gz"
        )
        key = f"{base}/CloudTrail-Digest/{self.region}/{end:%Y/%m/%d}/{name}"
        digest = {
            "awsAccountId": self.account,
            "digestStartTime": f"{start:%Y-%m-%dT%H:%M:%SZ}",
            "digestEndTime": f"{end:%Y-%m-%dT%H:%M:%SZ}",
            "digestS3Bucket": BUCKET,
            "digestS3Object": key,
            "digestPublicKeyFingerprint": FINGERPRINT,
            "digestSignatureAlgorithm": "SHA256withRSA",
            "newestEventTime": None,
            "oldestEventTime": None,
            **previous,
            "logFiles": logs,
        }
        content = json.dumps(digest).encode()
        signature = sign(digest, content)
        self.put(key, content)
        (self.backfills if suffix else self.digests).append(key)
        self.signatures[key] = signature
        return {
            "previousDigestS3Bucket": BUCKET,
            "previousDigestS3Object": key,
            "previousDigestHashValue": hashlib.sha256(content).hexdigest(),
            "previousDigestHashAlgorithm": "SHA-256",
            "previousDigestSignature": signature,
        }


def sign(digest: Dict[str, Any], content: bytes, key: Any = KEY) -> str:
    """Return the signature AWS would give, by the text of its documentation."""
    text = (
        f"{digest['digestEndTime']}\n{digest['digestS3Bucket']}/{digest['digestS3Object']}\n"
        f"{hashlib.sha256(content).hexdigest()}\n{digest['previousDigestSignature'] or 'null'}"
    )
    return key.sign(text.encode(), PKCS1v15(), SHA256()).hex()
