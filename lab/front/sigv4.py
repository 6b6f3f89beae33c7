"""AWS Signature Version 4, from the verifier's side.

Written from AWS's description of the algorithm
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html) and from nothing else: it
checks what botocore signed, so it must not use botocore.

How AWS's front reads a path is not published. "The bytes received, encoded once more" and "decoded, then encoded twice"
give different signatures for a path such as ``/logs-*,aws:x``, unless the client percent-encodes exactly what AWS's
rules say. A request that only passes one of the two readings is refused here: it would work by luck.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Dict, List, Mapping, Tuple
from urllib.parse import quote, unquote_to_bytes

from lab.front.server import Received

ALGORITHM = "AWS4-HMAC-SHA256"
#: A signature this much older or younger than the server's clock is refused.
#: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
CLOCK_TOLERANCE_S = 300

_AUTHORIZATION = re.compile(
    rf"{ALGORITHM} Credential=(?P<key>[^/]+)/(?P<day>[0-9]{{8}})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request, *"
    r"SignedHeaders=(?P<headers>[a-z0-9;-]+), *Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True)
class Credentials:
    """One set of keys the verifier knows. ``expires_at`` is in epoch seconds."""

    access_key_id: str
    secret_access_key: str
    session_token: str = ""
    expires_at: float = float("inf")


class Refusal(Exception):
    """Why a signature is not accepted: AWS's error type, and its message."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def verify(
    received: Received, known: Mapping[str, Credentials], region: str, service: str, now_s: float
) -> Credentials:
    """Return the credentials that signed a request for ``region`` and ``service``, or raise `Refusal`."""
    headers = received.headers
    if "authorization" not in headers:
        raise Refusal("MissingAuthenticationTokenException", "Missing Authentication Token")
    parsed = _AUTHORIZATION.fullmatch(headers["authorization"])
    if parsed is None:
        raise Refusal("IncompleteSignatureException", "Authorization header is not in the form of Signature Version 4")
    credentials = known.get(parsed["key"])
    if credentials is None:
        raise Refusal("UnrecognizedClientException", "The security token included in the request is invalid")
    if now_s >= credentials.expires_at:
        raise Refusal("ExpiredTokenException", "The security token included in the request is expired")
    if headers.get("x-amz-security-token", "") != credentials.session_token:
        raise Refusal("UnrecognizedClientException", "The security token included in the request is invalid")
    if (parsed["region"], parsed["service"]) != (region, service):
        raise Refusal(
            "InvalidSignatureException",
            f"Credential should be scoped to a valid region and to service '{service}'",
        )
    _check_time(headers.get("x-amz-date", ""), parsed["day"], now_s)
    signed_names = parsed["headers"].split(";")
    _check_signed_headers(headers, signed_names)
    scope = f"{parsed['day']}/{region}/{service}/aws4_request"
    key = signing_key(credentials.secret_access_key, parsed["day"], region, service)
    for path in canonical_paths(received.target):
        request = canonical_request(received, path, signed_names)
        text = "\n".join([ALGORITHM, headers["x-amz-date"], scope, hashlib.sha256(request.encode()).hexdigest()])
        expected = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, parsed["signature"]):
            raise Refusal(
                "InvalidSignatureException",
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
                f"Access Key and signing method. The Canonical String for this request should have been\n'{request}'",
            )
    return credentials


def signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    """Return the key for one day, region and service: four HMACs, each keyed by the one before."""
    key = ("AWS4" + secret).encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def canonical_request(received: Received, path: str, signed_names: List[str]) -> str:
    """Return the text whose hash is signed."""
    query = received.target.partition("?")[2]
    lines = [received.method, path, canonical_query(query)]
    lines += [f"{name}:{' '.join(received.headers[name].split())}" for name in signed_names]
    lines += ["", ";".join(signed_names), hashlib.sha256(received.body).hexdigest()]
    return "\n".join(lines)


def canonical_paths(target: str) -> Tuple[str, str]:
    """Return the path of a request in both readings (see above)."""
    path = target.partition("?")[0] or "/"
    as_received = quote(path, safe="/-_.~")
    decoded = [unquote_to_bytes(segment) for segment in path.split("/")]
    twice = "/".join(quote(quote(segment, safe="-_.~"), safe="-_.~") for segment in decoded)
    return as_received, twice


def canonical_query(query: str) -> str:
    """Return a query with names and values encoded AWS's way, sorted by name, then value."""
    pairs: List[Tuple[str, str]] = []
    for part in filter(None, query.split("&")):
        name, _, value = part.partition("=")
        pairs.append(
            (quote(unquote_to_bytes(name), safe="-_.~"), quote(unquote_to_bytes(value), safe="-_.~")),
        )
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _check_time(stamp: str, day: str, now_s: float) -> None:
    try:
        signed_s = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        raise Refusal("IncompleteSignatureException", "X-Amz-Date is missing or malformed") from None
    if not stamp.startswith(day):
        raise Refusal("InvalidSignatureException", "Date in Credential scope does not match YYYYMMDD from X-Amz-Date")
    here = datetime.fromtimestamp(now_s, timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    if signed_s < now_s - CLOCK_TOLERANCE_S:
        raise Refusal("InvalidSignatureException", f"Signature expired: {stamp} is now earlier than {here} - 5 min.")
    if signed_s > now_s + CLOCK_TOLERANCE_S:
        raise Refusal("InvalidSignatureException", f"Signature not yet current: {stamp} is still later than {here}")


def _check_signed_headers(headers: Dict[str, str], signed_names: List[str]) -> None:
    if signed_names != sorted(signed_names) or any(name not in headers for name in signed_names):
        raise Refusal("IncompleteSignatureException", "SignedHeaders must be sorted and present in the request")
    needed = ["host", *(name for name in headers if name.startswith("x-amz-"))]
    unsigned = [name for name in needed if name not in signed_names]
    if unsigned:
        raise Refusal("IncompleteSignatureException", f"{', '.join(unsigned)} must be a 'SignedHeader'")
