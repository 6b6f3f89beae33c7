"""Clients of AWS, made when they are asked for, and AWS's refusals in words.

boto3 is imported on the first call: whoever loads local files needs none. Endpoint, region and credentials come from
where boto3 looks for them (environment with ``AWS_ENDPOINT_URL``, profile, role).
"""

from __future__ import annotations

import re
from typing import Any, Optional, Tuple, Type

from aws_bridge import service_models
from aws_bridge.errors import AwsError

#: Attempts at one call, the first included.
ATTEMPTS = 5
CONNECT_TIMEOUT_S = 5.0
#: Longest silence of a service. Above the 20 s that a queue may keep a long poll waiting.
READ_TIMEOUT_S = 60.0

#: What nobody else may read: signatures, tokens and keys in URLs or quoted requests, and access key ids.
#: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
_SECRETS = re.compile(
    r"(?i:(?P<name>x-amz-(?:signature|security-token|credential)|signature|aws_?secret_?access_?key|"
    r"aws_?access_?key_?id|session_?token)(?P<between>['\"]?\s*[=:>]\s*['\"]?)[^\s&'\"<,]+)"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{12,}|(?<=://)[^/@\s]+@"
)


def client(
    service: str,
    region: Optional[str] = None,
    *,
    retry_mode: str = "standard",
    attempts: int = ATTEMPTS,
    connect_timeout_s: float = CONNECT_TIMEOUT_S,
    read_timeout_s: float = READ_TIMEOUT_S,
    connections: int = 10,
) -> Any:
    """Return a boto3 client, safe to share between threads; ``connections`` is how many of them work at once.

    ``retry_mode`` ``adaptive`` also slows down before a service that throttles. Raises `AwsError` without boto3,
    and when no region is known.
    """
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ImportError as exc:
        raise AwsError("talking to AWS needs boto3: pip install '.[loader]' in the clone") from exc
    config = Config(
        region_name=region,
        retries={"mode": retry_mode, "total_max_attempts": attempts},
        connect_timeout=connect_timeout_s,
        read_timeout=read_timeout_s,
        max_pool_connections=connections,
        user_agent_extra="aws-siem-bridge",
    )
    try:
        # A session of its own: boto3's default one is not safe to make clients with in several threads.
        session = boto3.session.Session()
        service_models.use(session._session)
        return session.client(service, config=config)
    except (BotoCoreError, ValueError) as exc:  # ValueError: an endpoint in the environment that is no URL
        raise AwsError(f"no client for {service} can be made: {said(exc)}") from exc


def errors() -> Tuple[Type[Exception], ...]:
    """Return the exceptions a call of a client raises, for an ``except`` clause; needs boto3."""
    from botocore.exceptions import BotoCoreError, ClientError

    return (BotoCoreError, ClientError)


def code_and_status(exc: BaseException) -> Tuple[str, int]:
    """Return AWS's error code and the HTTP status; ``""`` and 0 when no service answered."""
    response = getattr(exc, "response", None)
    if not isinstance(response, dict):
        return "", 0
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0
    return str(response.get("Error", {}).get("Code") or ""), int(status)


def said(exc: BaseException) -> str:
    """Return what AWS, or the way there, said: code, status and message, without secrets."""
    code, status = code_and_status(exc)
    if not code:
        return without_secrets(str(exc) or type(exc).__name__)
    message = exc.response["Error"].get("Message") or "no explanation"  # type: ignore[attr-defined]
    return without_secrets(f"{code} (HTTP {status}): {message}")


def without_secrets(text: str) -> str:
    """Return ``text`` without what looks like a signature, a token, a key or a password in a URL; on one line."""

    def instead(found: re.Match[str]) -> str:
        if found["name"]:
            return f"{found['name']}{found['between']}(secret left out)"
        return "(secret left out)" + ("@" if found[0].endswith("@") else "")

    return " ".join(_SECRETS.sub(instead, text).split())
