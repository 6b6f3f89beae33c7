"""Who makes the calls that CloudTrail records: each kind of ``userIdentity``, with its address and its tool.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
"""

from __future__ import annotations

import hashlib
from typing import Any, Callable, Dict

from lab.story import cast
from lab.story.clock import iso

HOUR_S = 3600
#: Credentials of an instance role are valid for about six hours.
INSTANCE_KEY_S = 6 * HOUR_S

SSM_AGENT = "aws-sdk-go/1.55.5 (go1.24.6; linux; amd64) amazon-ssm-agent/3.3.3050.0"
JAVA = "[aws-sdk-java/2.34.0 Linux/6.1.153 OpenJDK_64-Bit_Server_VM/21.0.8+9-LTS cfg/retry-mode/standard]"
BOTO = "Boto3/1.40.55 md/Botocore#1.40.55 ua/2.1 os/linux#6.1.153 lang/python#3.12.11"
TERRAFORM = "APN/1.0 HashiCorp/1.0 Terraform/1.13.4 (+https://www.terraform.io) aws-sdk-go-v2/1.39.2 ua/2.1 os/linux"


class Caller:
    """One identity. ``at(time_s)`` is its userIdentity then: sessions are renewed, keys with them."""

    def __init__(
        self, account: str, address: str, agent: str, build: Callable[[int], Dict[str, Any]], period_s: int = HOUR_S
    ) -> None:
        self.account = account
        self.address = address
        self.agent = agent
        #: The console marks the calls it makes for its user.
        self.console = False
        self._build = build
        self._period_s = period_s
        self._slot = -1
        self._identity: Dict[str, Any] = {}

    def at(self, time_s: int) -> Dict[str, Any]:
        """Return the userIdentity of a call at ``time_s``; the same object as long as it is the same session."""
        slot = time_s // self._period_s
        if slot != self._slot:
            self._slot = slot
            self._identity = self._build(slot * self._period_s)
        return self._identity

    @property
    def arn(self) -> str:
        """The ARN as it is named in refusals."""
        return self._identity.get("arn", "")


def role_session(
    role: cast.Role,
    name: str,
    address: str,
    agent: str,
    *,
    invoked_by: str = "",
    instance: bool = False,
    mfa: bool = False,
) -> Caller:
    """Return a session of an assumed role: a server, a service acting for the account, a person through SSO."""
    period_s = INSTANCE_KEY_S if instance else HOUR_S

    def build(since_s: int) -> Dict[str, Any]:
        context: Dict[str, Any] = {
            "sessionIssuer": {
                "type": "Role",
                "principalId": role.id,
                "arn": role.arn,
                "accountId": role.account,
                "userName": role.name,
            },
            "attributes": {"creationDate": iso(since_s), "mfaAuthenticated": str(mfa).lower()},
        }
        if instance:
            context["ec2RoleDelivery"] = "2.0"
        identity: Dict[str, Any] = {
            "type": "AssumedRole",
            "principalId": f"{role.id}:{name}",
            "arn": f"arn:aws:sts::{role.account}:assumed-role/{role.name}/{name}",
            "accountId": role.account,
            "accessKeyId": session_key(role.arn + name, since_s),
            "sessionContext": context,
        }
        if invoked_by:
            identity["invokedBy"] = invoked_by
        return identity

    if invoked_by:
        return Caller(role.account, invoked_by, invoked_by, build, period_s)
    return Caller(role.account, address, agent, build, period_s)


def instance_session(instance: cast.Instance, agent: str, address: str = "") -> Caller:
    """Return the instance role's session, as the instance (or whoever stole its credentials) uses it."""
    return role_session(instance.role, instance.id, address or instance.public_ip, agent, instance=True)


def iam_user(person: cast.Person, console: bool = False) -> Caller:
    """Return an IAM user, with an access key or signed in to the console."""
    identity: Dict[str, Any] = {
        "type": "IAMUser",
        "principalId": cast.aws_id("AIDA", person.name if person.name.isascii() else "SEOYEON"),
        "arn": f"arn:aws:iam::{person.account}:user/{person.name}",
        "accountId": person.account,
        "accessKeyId": cast.aws_id("AKIA", person.name if person.name.isascii() else "SEOYEON"),
        "userName": person.name,
    }

    def build(since_s: int) -> Dict[str, Any]:
        if not console:
            return identity
        attributes = {"creationDate": iso(since_s), "mfaAuthenticated": "true"}
        return {
            **identity,
            "accessKeyId": session_key(person.name, since_s),
            "sessionContext": {"sessionIssuer": {}, "webIdFederationData": {}, "attributes": attributes},
        }

    caller = Caller(person.account, person.address, person.user_agent, build)
    caller.console = console
    return caller


def aws_service(name: str, account: str = cast.PRODUCTION) -> Caller:
    """Return an AWS service that acts by itself, such as ``lambda.amazonaws.com``."""
    return Caller(account, name, name, lambda _: {"type": "AWSService", "invokedBy": name})


def service_event(name: str, account: str = cast.PRODUCTION) -> Caller:
    """Return the identity of an event that a service reports about itself: it has no type."""
    return Caller(account, name, name, lambda _: {"accountId": account, "invokedBy": name})


def root_user(person: cast.Person) -> Caller:
    """Return the account's root user, as ``person`` uses it."""
    account = person.account

    def build(since_s: int) -> Dict[str, Any]:
        return {
            "type": "Root",
            "principalId": account,
            "arn": f"arn:aws:iam::{account}:root",
            "accountId": account,
            "accessKeyId": session_key(account, since_s),
            "sessionContext": {"attributes": {"creationDate": iso(since_s), "mfaAuthenticated": "true"}},
        }

    return Caller(account, person.address, person.user_agent, build)


def other_account(account: str, name: str, seen_by: str, address: str) -> Caller:
    """Return a caller of another account, of whom the event tells little."""
    principal = f"{cast.aws_id('AIDA', name)}"
    return Caller(
        seen_by, address, JAVA, lambda _: {"type": "AWSAccount", "principalId": principal, "accountId": account}
    )


def web_identity(provider: str, subject: str, address: str, account: str) -> Caller:
    """Return a caller known by a token of an OpenID Connect provider."""
    identity = {
        "type": "WebIdentityUser",
        "principalId": f"arn:aws:iam::{account}:oidc-provider/{provider}:sts.amazonaws.com:{subject}",
        "userName": subject,
        "identityProvider": f"arn:aws:iam::{account}:oidc-provider/{provider}",
    }
    return Caller(account, address, BOTO, lambda _: identity)


def session_key(who: str, since_s: int) -> str:
    """Return the access key id of a session: the same for the same session, another one after its renewal."""
    digest = hashlib.sha256(f"{who}{since_s}".encode()).hexdigest()
    return cast.aws_id("ASIA", digest.translate(_HEX_TO_LETTERS)[:9])


_HEX_TO_LETTERS = str.maketrans("0123456789", "GHIJKLMNOP")
