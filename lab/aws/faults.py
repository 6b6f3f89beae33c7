"""Faults on demand: the answers AWS gives when it does not do what was asked.

Their codes, statuses and texts: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass, field
from typing import Any, Dict, List, Optional, Tuple
from xml.sax.saxutils import escape

from lab.aws.operations import Operation

#: Code -> (HTTP status, text).
KNOWN: Dict[str, Tuple[int, str]] = {
    "SlowDown": (503, "Please reduce your request rate."),
    "ServiceUnavailable": (503, "Service is unable to handle request."),
    "InternalError": (500, "We encountered an internal error. Please try again."),
    "AccessDenied": (403, "Access Denied"),
    "AccessDeniedException": (403, "User is not authorized to perform this operation"),
    "ThrottlingException": (400, "Rate exceeded"),
    "NoSuchKey": (404, "The specified key does not exist."),
    "InvalidObjectState": (403, "The operation is not valid for the object's storage class"),
    "KMS.DisabledException": (400, "The key is disabled."),
    "ExpiredToken": (400, "The provided token has expired."),
    "ExpiredTokenException": (403, "The security token included in the request is expired"),
    "RequestExpired": (400, "Request has expired."),
    "UnrecognizedClientException": (403, "The security token included in the request is invalid."),
    "InvalidClientTokenId": (403, "The security token included in the request is invalid."),
    "AuthFailure": (401, "AWS was not able to validate the provided access credentials"),
    "UnauthorizedOperation": (403, "You are not authorized to perform this operation."),
    "TooManyRequestsException": (429, "Too Many Requests"),
    "InternalServerException": (500, "We encountered an internal error. Please try again."),
}
#: Codes whose text names who was denied what.
DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
BY_A_CONTROL_POLICY = "with an explicit deny in a service control policy"
BY_NO_POLICY = "because no identity-based policy allows the action"
#: No code of AWS: what it says when the caller may read the object but not decrypt with its key. The code is
#: AccessDenied there, and only the text tells of the key.
KMS_DENIED = "KmsDenied"
_KMS_TEXT = (
    "User: arn:aws:sts::123456789012:assumed-role/loader/session is not authorized to perform: kms:Decrypt on "
    "resource: arn:aws:kms:us-east-1:123456789012:key/0f1e2d3c because no identity-based policy allows the "
    "kms:Decrypt action"
)
#: No code of AWS: the connection ends in the middle of the body.
CUT = "Cut"
#: No code of AWS: the body stops coming in the middle, and the connection stays open until the client closes it.
STALL = "Stall"
#: Services that answer with XML, as queries do.
QUERY_SERVICES = ("sns", "sts", "iam", "elasticloadbalancing", "rds", "cloudformation")


@dataclass
class Fault:
    """The next ``times`` requests of an operation go wrong; later ones are served."""

    #: A code of `KNOWN`, `KMS_DENIED`, `CUT` or `STALL`.
    code: str
    #: Empty for any.
    operation: str = "GetObject"
    #: ``bucket/key`` or the name of a queue; empty for any.
    resource: str = ""
    #: Negative for as long as nobody clears it.
    times: int = 1
    #: Of `CUT` and `STALL`: so many bytes of the body are sent; -1 for half of it.
    after_bytes: int = -1
    #: Of one account or region only; empty for any.
    account: str = ""
    region: str = ""

    def __post_init__(self) -> None:
        if self.code not in (*KNOWN, KMS_DENIED, CUT, STALL):
            raise ValueError(f"no fault {self.code!r}: there is {', '.join([*KNOWN, KMS_DENIED, CUT, STALL])}")

    def as_json(self) -> Dict[str, Any]:
        """Return it as what travels to the stand-in's process."""
        return asdict(self)


@dataclass
class Faults:
    """The faults that are set, oldest first."""

    _set: List[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault) -> None:
        """Set one more."""
        with self._lock:
            self._set.append(fault)

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._set.clear()

    def next_for(self, operation: Operation) -> Optional[Fault]:
        """Return the fault that this request meets, and count it."""
        with self._lock:
            for fault in self._set:
                if (
                    fault.operation in ("", operation.name)
                    and fault.resource in ("", operation.resource)
                    and fault.account in ("", operation.account)
                    and fault.region in ("", operation.region)
                ):
                    fault.times -= 1
                    if not fault.times:
                        self._set.remove(fault)
                    return fault
        return None


def in_the_words_of(service: str, *, expired: bool = False, denied: bool = False) -> str:
    """Return the code for a session that is over, for what a policy denies, else for a region that is not enabled."""
    if service == "ec2":
        return "RequestExpired" if expired else "UnauthorizedOperation" if denied else "AuthFailure"
    if service == "s3" or service in QUERY_SERVICES:
        return "ExpiredToken" if expired else "AccessDenied" if denied else "InvalidClientTokenId"
    if expired:
        return "ExpiredTokenException"
    return "AccessDeniedException" if denied else "UnrecognizedClientException"


def denial(operation: Operation, reason: str) -> str:
    """Return how IAM says no: by whom, to what action, why.

    S3 says no more than that. https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    """
    if operation.service == "s3":
        return ""
    who = f"arn:aws:iam::{operation.account}:user/reader"
    return f"User: {who} is not authorized to perform: {operation.service}:{operation.name} {reason}"


def refusal(service: str, code: str, request_id: str, text: str = "") -> Tuple[int, List[Tuple[str, str]], bytes]:
    """Return status, headers and body of an error as the service writes it, with a text of its own or the usual one."""
    status, usual = (403, _KMS_TEXT) if code == KMS_DENIED else KNOWN[code]
    text = text or usual
    code = "AccessDenied" if code == KMS_DENIED else code
    if service in ("s3", "ec2", *QUERY_SERVICES):
        inner = f"<Code>{code}</Code><Message>{escape(text)}</Message>"
        if service == "ec2":
            error = f"<Response><Errors><Error>{inner}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
        elif service == "s3":
            error = f"<Error>{inner}<RequestId>{request_id}</RequestId></Error>"
        else:
            error = f"<ErrorResponse><Error>{inner}<RequestId>{request_id}</RequestId></Error></ErrorResponse>"
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n{error}'.encode()
        kind = "application/xml"
    else:
        body = json.dumps({"__type": code, "message": text}).encode()
        kind = "application/x-amz-json-1.0"
    headers = [("Content-Type", kind), ("x-amz-request-id", request_id), ("x-amzn-ErrorType", code)]
    return status, [*headers, ("Content-Length", str(len(body)))], body
