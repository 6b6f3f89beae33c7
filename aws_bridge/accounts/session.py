"""Signs in to one account, keeps the credentials fresh, and makes the clients of its services and regions."""

from __future__ import annotations

import logging
import threading
from typing import Any, Dict, Optional, Sequence, Tuple

from aws_bridge import service_models
from aws_bridge.accounts.account import Account
from aws_bridge.clients import CONNECT_TIMEOUT_S, READ_TIMEOUT_S

#: What CloudTrail shows of who assumed a role.
ROLE_SESSION_NAME = "aws-siem-bridge"
#: Member of a parsed answer that holds its body as AWS sent it.
WIRE_BODY = "aws_siem_bridge.wire_body"


class AwsSession:
    """Clients of one account, safe to use from several threads. Nobody is asked before the first call."""

    def __init__(
        self,
        account: Account,
        *,
        connections: int = 10,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        read_timeout_s: float = READ_TIMEOUT_S,
    ) -> None:
        """``connections``: how many calls a client makes at once. Seconds to connect, and of silence."""
        self.account = account
        self._timeouts_s = connect_timeout_s, read_timeout_s
        self._connections = connections
        self._lock = threading.Lock()
        self._clients: Dict[Tuple[str, str], Any] = {}
        self._signers: Dict[Tuple[str, str], Any] = {}
        self._session: Any = None
        self._generation = 0

    @property
    def generation(self) -> int:
        """Grows with each `renew`: what a failed call was made with."""
        return self._generation

    def renew(self, generation: int) -> None:
        """Forget the credentials that were refused, unless somebody else has done so since ``generation``."""
        with self._lock:
            if generation == self._generation:
                self._generation += 1
                self._clients.clear()
                self._signers.clear()
                self._session = None

    def client(self, service: str, region: str) -> Any:
        """Return a botocore client. What it raises, and what this raises, is for `refusals.refusal`."""
        with self._lock:
            found = self._clients.get((service, region))
            if found is None:
                found = self._clients[service, region] = self._create(self._signed_in(), service, region)
                found.meta.events.register("before-parse", _keep_body)
            return found

    def presigned_url(self, service: str, region: str, operation: str, expires_s: int, **parameters: Any) -> str:
        """Return an address that makes one call, for whoever has it, until it or the credentials are over.

        Signed for the region's own endpoint, where a VPC endpoint leads. Nobody is asked but for credentials.
        """
        with self._lock:
            found = self._signers.get((service, region))
            if found is None:
                found = self._create(self._signed_in(), service, region, signature_version="s3v4")
                self._signers[service, region] = found
        from botocore import xform_name

        url: str = found.generate_presigned_url(xform_name(operation), parameters, expires_s)
        return url

    def available_regions(self, service: str) -> Sequence[str]:
        """Return the regions of the account's partition that a service has, as botocore's own list says."""
        with self._lock:
            found: Sequence[str] = self._signed_in().get_available_regions(service, self.account.partition)
            return found

    def partition_regions(self, partition: str) -> Sequence[str]:
        """Return all regions of a partition, as botocore's own list says."""
        with self._lock:
            found: Sequence[str] = self._signed_in().get_available_regions("ec2", partition)
            return found

    def _signed_in(self) -> Any:
        """Return botocore's session, with the account's credentials."""
        if self._session is None:
            import botocore.session

            if logging.getLogger("botocore").level == logging.NOTSET:
                # Below INFO it logs the replies of STS whole, with the credentials in them; INFO itself would let it
                # say where it found credentials in a log that asks for warnings only, such as a Lambda function's.
                logging.getLogger("botocore").setLevel(logging.WARNING)
            session = botocore.session.Session()
            service_models.use(session)
            session.set_config_variable("sts_regional_endpoints", "regional")
            # What its clients are made with: there is no public way to hand it credentials that renew themselves.
            session._credentials = self._credentials(session)  # noqa: SLF001
            self._session = session
        return self._session

    def _credentials(self, session: Any) -> Any:
        from botocore.credentials import (
            AssumeRoleCredentialFetcher,
            Credentials,
            DeferredRefreshableCredentials,
        )
        from botocore.exceptions import NoCredentialsError

        account = self.account
        credentials: Any = (
            Credentials(account.access_key_id, account.secret_access_key)
            if account.access_key_id
            else session.get_credentials()
        )
        if credentials is None:
            raise NoCredentialsError

        def sts(service: str, **keys: Any) -> Any:
            return self._create(session, service, account.home_region, **keys)

        for role in account.roles:
            extra = {"RoleSessionName": ROLE_SESSION_NAME}
            if role.external_id:
                extra["ExternalId"] = role.external_id
            if role.session_policy:
                extra["Policy"] = role.session_policy
            fetcher = AssumeRoleCredentialFetcher(sts, credentials, role.arn, extra_args=extra)
            # Fetched at the first use, and again when less than 15 minutes of them are left.
            credentials = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
        return credentials

    def _create(
        self, session: Any, service: str, region: str, *, signature_version: Optional[str] = None, **keys: Any
    ) -> Any:
        from botocore.config import Config

        account = self.account
        config = Config(
            signature_version=signature_version,
            s3={"us_east_1_regional_endpoint": "regional"},
            # One attempt: `caller` waits, counts and says why.
            retries={"total_max_attempts": 1},
            connect_timeout=self._timeouts_s[0],
            read_timeout=self._timeouts_s[1],
            max_pool_connections=self._connections,
            proxies={"https": account.proxy, "http": account.proxy} if account.proxy else None,
            user_agent_extra="aws-siem-bridge",
        )
        endpoint: Optional[str] = account.endpoints.get(service)
        return session.create_client(
            service,
            region_name=region,
            endpoint_url=endpoint.replace("{region}", region) if endpoint else None,
            verify=account.ca_file or None,
            config=config,
            **keys,
        )


def _keep_body(response_dict: Dict[str, Any], customized_response_dict: Dict[str, Any], **_: Any) -> None:
    """Keep an answer as AWS wrote it: botocore drops the members that its own description does not have."""
    customized_response_dict[WIRE_BODY] = response_dict["body"]
