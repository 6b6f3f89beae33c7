"""What a sign-in says of itself: whether it was refused, and by which factors somebody proved who he is. Pure.

A refused sign-in has no errorCode. AWS writes what became of it as text under the event's own name: in
responseElements for the console (``{"ConsoleLogin": "Failure"}``, likewise SwitchRole, CheckMfa, PasswordUpdated), in
serviceEventDetails for IAM Identity Center (``{"CredentialVerification": "Failure"}``).
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-aws-console-sign-in-events.html,
https://docs.aws.amazon.com/singlesignon/latest/userguide/understanding-sign-in-events.html

============================  ================================================================================
field                         comes from
============================  ================================================================================
aws.signin.outcome            what became of it, as AWS writes it: ``Success``, ``Failure``; also for true, false
aws.signin.mfaUsed            additionalEventData.MFAUsed: ``Yes`` or ``No``
aws.signin.mfaIdentifier      additionalEventData.MFAIdentifier: the device's ARN
aws.signin.mfaType            additionalEventData.MfaType: the kind of device, such as ``Virtual MFA``
aws.signin.credentialType     additionalEventData.CredentialType: ``PASSWORD``, ``TOTP`` (Identity Center)
============================  ================================================================================
"""

from __future__ import annotations

from typing import Any, Dict, Mapping

SOURCES = frozenset(("signin.amazonaws.com", "sso.amazonaws.com"))
#: Members by these names say what became of an event wherever it comes from.
NAMES = frozenset(
    ("ConsoleLogin", "SwitchRole", "ExitRole", "RenewRole", "CheckMfa", "GetSigninToken", "PasswordUpdated")
    + ("PasswordRecoveryRequested", "PasswordRecoveryCompleted", "ChangePassword", "EmailUpdated")
    + ("CredentialChallenge", "CredentialVerification", "UserAuthentication")
)
#: Where AWS writes what became of an event.
ANSWERS = ("responseElements", "serviceEventDetails")
_REFUSED = ("failure", "failed", "fail", "denied", "rejected", "false")
_ENDS = ("success", "succeeded", "true", *_REFUSED)

#: Name of a member of additionalEventData in lower case (services differ in theirs) -> name of the field.
_FACTORS = {
    name.lower(): name
    for name in (
        "mfaUsed",
        "mfaIdentifier",
        "mfaType",
        "credentialType",
    )
}
#: Names of the fields, for the index template.
SIGNIN_FIELDS = tuple(sorted(("outcome", *_FACTORS.values())))


def is_signin(fields: Mapping[str, Any]) -> bool:
    """Return whether a decoded record is of somebody who signs in, or changes what he signs in with."""
    source = fields.get("eventSource")
    return (type(source) is str and source in SOURCES) or fields.get("eventType") == "AwsConsoleSignIn"


def ending(fields: Mapping[str, Any]) -> str:
    """Return what became of a sign-in, as AWS writes it; empty where the record does not say so.

    A member of the event's own name counts first; else any that says it failed, else any that says it succeeded.
    """
    name = fields.get("eventName")
    found = ""
    for answer in map(fields.get, ANSWERS):
        if type(answer) is not dict:
            continue
        for key, value in answer.items():
            is_its_own = type(name) is str and key.lower() == name.lower()
            if is_its_own and type(value) is bool:
                return "Success" if value else "Failure"
            if type(value) is not str or value.lower() not in _ENDS:
                continue
            if is_its_own:
                return value
            if value.lower() in ("true", "false"):  # of what, only the event's own name says
                continue
            if not found or (value.lower() in _REFUSED and found.lower() not in _REFUSED):
                found = value
    return found


def was_refused(fields: Mapping[str, Any]) -> bool:
    """Return whether a record without an error, which is no sign-in, says that it failed all the same."""
    get = fields.get
    for answer in (get("responseElements"), get("serviceEventDetails")):
        if answer and type(answer) is dict:
            name = get("eventName")
            values = [answer.get(name)] if type(name) is str else []
            if not NAMES.isdisjoint(answer):
                values += [answer[each] for each in NAMES.intersection(answer)]
            for value in values:
                if value is False or (type(value) is str and value.lower() in _REFUSED):
                    return True
    return False


def is_refusal(end: str) -> bool:
    """Return whether `ending` says that a sign-in was refused."""
    return end.lower() in _REFUSED


def signin_fields(fields: Mapping[str, Any]) -> Dict[str, str]:
    """Return the fields of the table above that a sign-in has."""
    found: Dict[str, str] = {}
    end = ending(fields)
    if end:
        found["outcome"] = end
    more = fields.get("additionalEventData")
    if type(more) is dict:
        for key, value in more.items():
            name = _FACTORS.get(key.lower())
            if name and value and type(value) is str:
                found.setdefault(name, value)
    return found
