"""AWS behind one address: signatures are checked, roles are given out, and each answer can be decided by the test."""

from __future__ import annotations

import json
import re
import time
from datetime import datetime, timedelta, timezone
from typing import Dict, List, NamedTuple
from urllib.parse import parse_qs

from lab.front.server import LocalServer, Received, Reply
from lab.front.sigv4 import Credentials, Refusal, verify

KEYS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
_SCOPE = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request")
_XML = (("Content-Type", "text/xml"),)


class Asked(NamedTuple):
    """One request: by whom, where, of what."""

    key_id: str
    region: str
    service: str
    #: Action of a form, or method and path.
    what: str
    external_id: str = ""


def refused(code: str, status: int = 400, message: str = "no") -> Reply:
    """Return a refusal as the services that speak JSON write it."""
    return Reply(status, json.dumps({"message": message, "__type": code}).encode(),
                 (("Content-Type", "application/json"), ("x-amzn-ErrorType", code)))  # fmt: skip


class Cloud(LocalServer):
    """Whoever signs rightly is let in. ``replies``: what is said next, before the usual answer."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: Dict[str, Credentials] = {KEYS.access_key_id: KEYS}
        self.asked: List[Asked] = []
        self.replies: List[Reply] = []
        #: Regions that do not know anybody.
        self.off: List[str] = []
        #: Key ids that are over.
        self.expired: List[str] = []
        #: Role -> the external id that its trust policy asks for.
        self.external_ids: Dict[str, str] = {}
        self.usual = Reply(200, b'{"findingIds":["a"],"nextToken":"","aMemberOfTomorrow":{"someThing":1}}')

    def answer(self, received: Received) -> Reply:
        scope = _SCOPE.search(received.headers.get("authorization", ""))
        assert scope, received
        key_id, region, service = scope.groups()
        form = parse_qs(received.body.decode()) if service == "sts" else {}
        external_id = form.get("ExternalId", [""])[0]
        what = form["Action"][0] if form else f"{received.method} {received.target}"
        self.asked.append(Asked(key_id, region, service, what, external_id))
        if region in self.off:
            return refused("UnrecognizedClientException", 403, "The security token included in the request is invalid.")
        if key_id in self.expired:
            return refused("ExpiredTokenException", 403, "The security token included in the request is expired")
        try:
            verify(received, self.keys, region, service, time.time())
        except Refusal:
            return refused("InvalidSignatureException", 403)
        if service == "sts":
            return self._sts(form)
        return self.replies.pop(0) if self.replies else self.usual

    def _sts(self, form: Dict[str, List[str]]) -> Reply:
        if form["Action"] == ["GetCallerIdentity"]:
            body = "<GetCallerIdentityResult><Account>111122223333</Account></GetCallerIdentityResult>"
            return Reply(200, f"<GetCallerIdentityResponse>{body}</GetCallerIdentityResponse>".encode(), _XML)
        role = form["RoleArn"][0]
        if form.get("ExternalId", [""])[0] != self.external_ids.get(role, ""):
            error = f"User: x is not authorized to perform: sts:AssumeRole on resource: {role}"
            error = f"<Error><Code>AccessDenied</Code><Message>{error}</Message></Error>"
            return Reply(403, f"<ErrorResponse>{error}</ErrorResponse>".encode(), _XML)
        number = len(self.keys)
        made = Credentials(f"ASIAROLE{number}", f"secret{number}", f"token{number}")
        self.keys[made.access_key_id] = made
        cells = {
            "AccessKeyId": made.access_key_id,
            "SecretAccessKey": made.secret_access_key,
            "SessionToken": made.session_token,
            "Expiration": f"{datetime.now(timezone.utc) + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
        }
        xml = "".join(f"<{name}>{value}</{name}>" for name, value in cells.items())
        result = f"<AssumeRoleResult><Credentials>{xml}</Credentials></AssumeRoleResult>"
        return Reply(200, f"<AssumeRoleResponse>{result}</AssumeRoleResponse>".encode(), _XML)
