"""Headers that prove who sends a request. One small class a kind; `botocore` is imported for SigV4 only."""

from __future__ import annotations

import base64
import hashlib
import logging
from typing import Any, Dict, Mapping, Optional, Tuple
from urllib.parse import unquote, urlsplit

from es_bridge.config import Auth
from es_bridge.errors import ConfigError
from es_bridge.redaction import without_secrets

#: Between two requests of a search nobody waits longer for temporary credentials.
STS_CONNECT_TIMEOUT_S = 5.0
STS_READ_TIMEOUT_S = 10.0
STS_ATTEMPTS = 2
#: What CloudTrail shows of who assumed a role.
ROLE_SESSION_NAME = "aws-siem-bridge"


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

    def __init__(self, auth: Auth, proxy: str = "") -> None:
        try:
            import botocore.auth
            import botocore.awsrequest
            import botocore.config
            import botocore.credentials
            import botocore.exceptions
            import botocore.session
        except ImportError as exc:
            raise ConfigError(
                "auth kind sigv4 needs the Python package botocore: pip install '.[sigv4]' in the clone"
            ) from exc
        # Below INFO it logs the replies of STS whole, with the credentials in them; INFO itself would let it say where
        # it found credentials in a log that asks for warnings only, such as a Lambda function's.
        if logging.getLogger("botocore").level == logging.NOTSET:
            logging.getLogger("botocore").setLevel(logging.WARNING)
        self._auth = auth
        self._proxy = proxy
        self._botocore: Any = botocore
        self._used: Any = None
        #: Secrets that a role was assumed with.
        self._shown_to_sts: Tuple[str, ...] = ()
        self._credentials: Any = self._load()

    def _load(self) -> Any:
        try:
            session = self._botocore.session.Session(profile=self._auth.profile or None)
            if self._auth.access_key_id:
                credentials = self._botocore.credentials.Credentials(
                    self._auth.access_key_id, self._auth.secret_access_key, self._auth.session_token or None
                )
            else:
                credentials = session.get_credentials()
        except Exception as exc:
            raise ConfigError(f"the AWS credential chain failed: {type(exc).__name__}: {exc}") from exc
        if credentials is None:
            raise ConfigError(
                "the AWS credential chain found no credentials: give this host an instance or task role, a profile, "
                "or keys in the cluster's settings"
            )
        return self._assumed(session, credentials) if self._auth.role_arn else credentials

    def _assumed(self, session: Any, source: Any) -> Any:
        """Return credentials of the role, fetched with ``source`` at the first use and before they expire.

        botocore renews what has less than 15 minutes left, and goes on with it when that fails.
        """
        config = self._botocore.config.Config(
            connect_timeout=STS_CONNECT_TIMEOUT_S,
            read_timeout=STS_READ_TIMEOUT_S,
            retries={"total_max_attempts": STS_ATTEMPTS},
            proxies={"https": self._proxy, "http": self._proxy} if self._proxy else None,
        )

        def client(service: str, **credentials: Any) -> Any:
            self._shown_to_sts = (credentials["aws_secret_access_key"], credentials["aws_session_token"] or "")
            return session.create_client(service, region_name=self._auth.region, config=config, **credentials)

        fetcher = self._botocore.credentials.AssumeRoleCredentialFetcher(
            client, source, self._auth.role_arn, extra_args={"RoleSessionName": ROLE_SESSION_NAME}
        )
        return self._botocore.credentials.DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")

    def _frozen(self) -> Any:
        """Return the credentials to sign with now. Raises `ConfigError`."""
        exceptions = self._botocore.exceptions
        try:
            return self._credentials.get_frozen_credentials()
        except exceptions.ClientError as exc:
            error = exc.response.get("Error") or {}
            said = self._without_secrets(f"{error.get('Code')}: {error.get('Message')}")
            raise ConfigError(
                f"AWS does not let this Splunk or command assume the role {self._auth.role_arn}: {said}. The role's "
                "trust policy must name who assumes it, and that one needs sts:AssumeRole on the role"
            ) from None
        except (exceptions.HTTPClientError, exceptions.ConnectionError) as exc:
            said = self._without_secrets(f"{type(exc).__name__}: {exc}")
            raise ConfigError(
                f"AWS STS, which gives the credentials of a role, cannot be reached: {said}. Check the way there: an "
                "internet gateway, a VPC endpoint for STS, or the cluster's proxy"
            ) from None
        except exceptions.BotoCoreError as exc:
            said = self._without_secrets(f"{type(exc).__name__}: {exc}")
            raise ConfigError(f"the AWS credential chain failed: {said}") from None

    def headers(self, method: str, url: str, headers: Mapping[str, str], body: Optional[bytes]) -> Dict[str, str]:
        # Content-Length and the like are left out of the signature: a proxy may change them, Serverless refuses them.
        signed = {"x-amz-content-sha256": hashlib.sha256(body or b"").hexdigest()}
        request = self._botocore.awsrequest.AWSRequest(method=method, url=url, data=body or b"", headers=signed)
        self._used = frozen = self._frozen()
        self._botocore.auth.SigV4Auth(frozen, self._auth.service, self._auth.region).add_auth(request)
        return dict(request.headers.items())

    def refresh(self) -> None:
        self._credentials = self._load()

    def secrets(self) -> Tuple[str, ...]:
        return (self._used.secret_key, self._used.token or "") if self._used else ()

    def _without_secrets(self, text: str) -> str:
        return without_secrets(text, {*self._shown_to_sts, unquote(urlsplit(self._proxy).password or "")})


def authenticator(auth: Auth, proxy: str = "") -> Authenticator:
    """Return what authenticates requests as ``auth`` says. ``proxy``: a URL by which AWS STS is reached, too."""
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
        return SigV4(auth, proxy)
    return Authenticator()
