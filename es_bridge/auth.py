"""Headers that prove who sends a request. One small class a kind; `botocore` is imported for SigV4 only."""

from __future__ import annotations

import base64
import hashlib
from typing import Any, Dict, Mapping, Optional, Tuple

from es_bridge.config import Auth
from es_bridge.errors import ConfigError


class Authenticator:
    """No authentication, and the contract of the others."""

    #: Whether `refresh` may turn a refused request into an accepted one.
    refreshable = False

    def headers(self, method: str, url: str, headers: Mapping[str, str], body: Optional[bytes]) -> Dict[str, str]:
        """Return the headers to add to a request whose URL and body are exactly those sent."""
        return {}

    def refresh(self) -> None:
        """Fetch new credentials, after the cluster refused the present ones."""

    def secrets(self) -> Tuple[str, ...]:
        """Return what is used now and is not in the cluster's settings."""
        return ()


class FixedHeader(Authenticator):
    """Basic, API key and bearer: the same header on every request."""

    def __init__(self, value: str) -> None:
        self._value = value

    def headers(self, method: str, url: str, headers: Mapping[str, str], body: Optional[bytes]) -> Dict[str, str]:
        return {"Authorization": self._value}


class SigV4(Authenticator):
    """AWS Signature Version 4 by botocore, over the very bytes that are sent.

    https://docs.aws.amazon.com/opensearch-service/latest/developerguide/request-signing.html
    Serverless (service ``aoss``) wants ``x-amz-content-sha256`` among the signed headers.
    """

    refreshable = True

    def __init__(self, auth: Auth) -> None:
        try:
            import botocore.auth
            import botocore.awsrequest
            import botocore.credentials
            import botocore.session
        except ImportError as exc:
            raise ConfigError(
                "auth kind sigv4 needs the Python package botocore: pip install '.[sigv4]' in the clone"
            ) from exc
        self._auth = auth
        self._botocore: Any = botocore
        self._used: Any = None
        self._credentials: Any = self._load()

    def _load(self) -> Any:
        if self._auth.access_key_id:
            return self._botocore.credentials.Credentials(
                self._auth.access_key_id, self._auth.secret_access_key, self._auth.session_token or None
            )
        try:
            session = self._botocore.session.Session(profile=self._auth.profile or None)
            credentials = session.get_credentials()
        except Exception as exc:
            raise ConfigError(f"the AWS credential chain failed: {type(exc).__name__}: {exc}") from exc
        if credentials is None:
            raise ConfigError(
                "the AWS credential chain found no credentials: give this host an instance or task role, a profile, "
                "or keys in the cluster's settings"
            )
        return credentials

    def headers(self, method: str, url: str, headers: Mapping[str, str], body: Optional[bytes]) -> Dict[str, str]:
        # Content-Length and the like are left out of the signature: a proxy may change them, Serverless refuses them.
        signed = {"x-amz-content-sha256": hashlib.sha256(body or b"").hexdigest()}
        request = self._botocore.awsrequest.AWSRequest(method=method, url=url, data=body or b"", headers=signed)
        self._used = frozen = self._credentials.get_frozen_credentials()
        self._botocore.auth.SigV4Auth(frozen, self._auth.service, self._auth.region).add_auth(request)
        return dict(request.headers.items())

    def refresh(self) -> None:
        self._credentials = self._load()

    def secrets(self) -> Tuple[str, ...]:
        return (self._used.secret_key, self._used.token or "") if self._used else ()


def authenticator(auth: Auth) -> Authenticator:
    """Return what authenticates requests as ``auth`` says."""
    if auth.kind == "basic":
        token = base64.b64encode(f"{auth.username}:{auth.password}".encode()).decode()
        return FixedHeader("Basic " + token)
    if auth.kind == "api_key":
        key = auth.api_key
        if ":" in key:
            key = base64.b64encode(key.encode()).decode()
        return FixedHeader("ApiKey " + key)
    if auth.kind == "bearer":
        return FixedHeader("Bearer " + auth.bearer_token)
    if auth.kind == "sigv4":
        return SigV4(auth)
    return Authenticator()
