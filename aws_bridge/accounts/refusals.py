"""What AWS's refusal of one call means, and who can change it. Pure.

Codes: https://docs.aws.amazon.com/IAM/latest/UserGuide/CommonErrors.html and the pages of the services.
"""

from __future__ import annotations

import re
from typing import Dict, Type

from aws_bridge.clients import code_and_status, said
from aws_bridge.errors import (
    CallProblem,
    CallRejected,
    Denied,
    Expired,
    NotSignedIn,
    RegionDisabled,
    ServiceOff,
    Throttled,
    Unavailable,
)

_THROTTLED = (
    "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException",
    "RequestLimitExceeded", "TooManyRequestsException", "BandwidthLimitExceeded", "PriorRequestNotComplete", "SlowDown",
    # Security Hub's word for it: https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetFindings.html
    "LimitExceededException",
)  # fmt: skip
_EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired")
_DENIED = (
    "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedException", "Forbidden",
    "NotAuthorized",
)  # fmt: skip
#: What a region answers that is not switched on: it does not know the credentials. So does any region when they are
#: wrong, and only another region can tell the two apart.
_NOT_KNOWN_HERE = (
    "UnrecognizedClientException", "UnrecognizedClient", "InvalidClientTokenId", "AuthFailure", "InvalidToken",
    "InvalidTokenException",
)  # fmt: skip
_REGION = ("OptInRequired", "RegionDisabledException", "SubscriptionRequiredException")
_NOT_SIGNED = (
    "SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature", "MissingAuthenticationToken",
    "MissingAuthenticationTokenException", "InvalidAccessKeyId",
)  # fmt: skip
_NOT_AUTHORISED = re.compile(r"not authorized to perform:? ([a-z0-9-]+:[A-Za-z0-9*]+)")
#: https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetFindings.html: InvalidAccessException
_OFF = "InvalidAccessException"
#: How services that have no code of their own for it say in a refusal that they are not switched on: Macie, Inspector,
#: Security Hub. A policy's refusal names the action instead.
_OFF_IN_WORDS = re.compile(
    r"\b(is|are) not (enabled|subscribed)\b|\bnot subscribed to\b|\bInvoking account does not have access\b",
    re.IGNORECASE,
)
ASSUME_ROLE = "AssumeRole"
_MORE: Dict[Type[CallProblem], str] = {
    Throttled: "AWS allows fewer calls here; it goes on later by itself. Others may be using up the account's limit",
    Unavailable: "Check proxy, endpoints and the way out of this network, if it stays: an input tries again by itself",
    Expired: "If it stays: take new credentials, and compare this machine's clock with AWS's. An input tries again by "
    "itself",
    NotSignedIn: "Check the access key: it may be deleted, switched off, or of another partition",
    RegionDisabled: "Switch the region on in the account, or take it off the input's list",
    ServiceOff: "Switch the service on there, or take the region off the input's list",
    CallRejected: "AWS does not take the request as it is; check the input's settings",
}


def refusal(exc: BaseException, call: str, where: str, *, known_elsewhere: bool) -> CallProblem:
    """Return what the exception of a botocore client means.

    ``call`` is ``service:Operation``, ``where`` names account and region. ``known_elsewhere``: another region has
    accepted the same credentials, so one that does not know them is switched off.
    """
    kind = _kind(exc, known_elsewhere)
    text = said(exc)
    if getattr(exc, "operation_name", "") == ASSUME_ROLE:  # the call itself was never made
        call = "sts:AssumeRole"
        if kind is Denied:
            more = (
                "The role's trust policy has to name who assumes it, with the same external id if it asks for one; the "
                "policy of who assumes it has to allow sts:AssumeRole on it. Compare ARN and external id with both"
            )
            return Denied(f"{call} for {where}: {text}. {more}", call=call, missing=call)
    if kind is not Denied:
        return kind(f"{call} in {where}: {text}. {_MORE[kind]}", call=call, code=code_and_status(exc)[0])
    named = _NOT_AUTHORISED.search(text)
    missing = named[1] if named else call
    return Denied(
        f"{call} in {where}: {text}. The account's policy has to allow {missing}; so have a permission boundary and "
        "the organisation's service control policies, where there are any",
        call=call,
        missing=missing,
    )


def _kind(exc: BaseException, known_elsewhere: bool) -> Type[CallProblem]:
    code, status = code_and_status(exc)
    code = code.rsplit("#", 1)[-1]
    if not code and not status:
        return _of_no_answer(exc)
    if code in _THROTTLED or status == 429:
        return Throttled
    if code in _EXPIRED:
        return Expired
    if code == _OFF:
        return ServiceOff
    if code in _REGION:
        return RegionDisabled
    if code in _NOT_KNOWN_HERE:
        return RegionDisabled if known_elsewhere else NotSignedIn
    if code in _NOT_SIGNED:
        return NotSignedIn
    if code in _DENIED or status in (401, 403):
        text = said(exc)
        off = _OFF_IN_WORDS.search(text) and not _NOT_AUTHORISED.search(text)
        return ServiceOff if off else Denied
    return Unavailable if status >= 500 else CallRejected


def _of_no_answer(exc: BaseException) -> Type[CallProblem]:
    from botocore import exceptions

    if isinstance(exc, (exceptions.NoCredentialsError, exceptions.PartialCredentialsError)):
        return NotSignedIn
    if isinstance(exc, exceptions.CredentialRetrievalError):
        return Unavailable
    if isinstance(exc, (exceptions.ParamValidationError, exceptions.NoRegionError, exceptions.UnknownServiceError)):
        return CallRejected
    return Unavailable
