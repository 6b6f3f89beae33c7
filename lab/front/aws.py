"""What stands before an engine on AWS: requests must be signed, and Serverless offers less than a domain.

An `AwsFront` is an HTTP server before the embedded engine. With ``service="es"`` it is the front of an OpenSearch
Service domain: it verifies the signature of every request over the bytes it received and passes the request on. With
``service="aoss"`` it also behaves like OpenSearch Serverless:

- a request without ``x-amz-content-sha256``, or with a signed ``content-length``, is refused
- ``GET /``, scroll, ``_cat``, ``_cluster``, ``_nodes`` answer 404; a point in time works

Not verified on AWS, where this project has no account: the wording and status of refusals, how the real front reads a
path (see `lab.front.sigv4`), the body of Serverless's 404, whether ``GET /`` still is one there, that Serverless gives
documents of time series collections ids of its own, and that a policy and not a role decides what is allowed.
"""

from __future__ import annotations

import json
import re
import time
from typing import Dict, Iterable

from lab.front.server import LocalServer, Received, Reply, forward
from lab.front.sigv4 import Credentials, Refusal, verify

#: What Serverless does not have. https://docs.aws.amazon.com/opensearch-service/latest/developerguide/serverless-genref.html
NOT_ON_SERVERLESS = re.compile(r"/?|/_(cat|cluster|nodes)(/.*)?|/_search/scroll(/.*)?|/_all/.*")


class AwsFront(LocalServer):
    """The front of a domain (``es``) or of a Serverless collection (``aoss``) before the engine at ``upstream``."""

    def __init__(
        self, upstream: str, credentials: Iterable[Credentials], service: str = "es", region: str = "us-east-1"
    ) -> None:
        self.upstream = upstream
        self.service = service
        self.region = region
        #: By access key id. Remove one and add another, and the credentials have been rotated.
        self.credentials: Dict[str, Credentials] = {each.access_key_id: each for each in credentials}
        #: Seconds by which this front's clock is ahead of the machine's.
        self.clock_ahead_s = 0.0
        super().__init__()

    def answer(self, received: Received) -> Reply:
        """Check and pass on."""
        try:
            verify(received, self.credentials, self.region, self.service, time.time() + self.clock_ahead_s)
            if self.service == "aoss":
                _check_serverless_headers(received)
        except Refusal as refusal:
            return _refused(refusal)
        if self.service == "aoss" and _is_not_on_serverless(received):
            return Reply(404, b'{"status": 404, "error": {"reason": "Not Found", "type": "Not Found"}}')
        return forward(self.upstream, received, drop=("x-amz-", "authorization"))


def _check_serverless_headers(received: Received) -> None:
    signed = received.headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    if "x-amz-content-sha256" not in signed:
        raise Refusal("AccessDeniedException", "x-amz-content-sha256 must be sent and signed")
    if "content-length" in signed:
        raise Refusal("AccessDeniedException", "content-length must not be signed")


def _is_not_on_serverless(received: Received) -> bool:
    path, _, query = received.target.partition("?")
    asks_for_scroll = any(part.startswith("scroll=") for part in query.split("&"))
    return asks_for_scroll or NOT_ON_SERVERLESS.fullmatch(path) is not None


def _refused(refusal: Refusal) -> Reply:
    headers = (("Content-Type", "application/json"), ("x-amzn-ErrorType", refusal.kind))
    return Reply(403, json.dumps({"message": str(refusal)}).encode(), headers)
