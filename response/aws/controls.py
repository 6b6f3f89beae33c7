"""What rights hang on, setting by setting: read as it is now, and set to what it should be.

Each kind of `response.core.change` that is here has a way to read it and a call to set it; a call can be made twice.
Permissions are in docs/contain.md, by action.
"""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, List, NamedTuple, Tuple
from urllib.parse import unquote

from aws_bridge.accounts.area import EC2, IAM, Area
from aws_bridge.errors import CallProblem, CallRejected
from response.core import change as kinds
from response.core.change import DONE, FAILED, THERE, Change, Outcome
from response.core.denials import normal
from response.core.reversal import GONE, PENDING, Key, key_of

Call = Tuple[str, str, Dict[str, Any]]
#: Nothing of that name: of IAM, S3, Identity Center.
_NONE = (
    "NoSuchEntity", "NoSuchBucketPolicy", "NoSuchPublicAccessBlockConfiguration", "ResourceNotFoundException",
)  # fmt: skip
#: AWS is still at the change before: https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_DeleteAccountAssignment.html
#: The last is of a profile that was made a moment ago, which EC2 does not know yet.
_BUSY = ("ConflictException", "ConcurrentModification", "Invalid IAM Instance Profile")
_IDENTITY_STORE = {"NextToken": "NextToken"}


class Controls:
    """The settings that one area reaches. IAM has no region; Identity Center is where it was set up."""

    def __init__(self, area: Area) -> None:
        self.area = area

    def value(self, change: Change) -> Any:
        """Return what the setting of a change is now: as `Change.before` has it, `GONE` or `PENDING`.

        Raises `CallProblem`.
        """
        return _KINDS[change.kind].read(self.area, change)

    def values(self, changes: List[Change]) -> Dict[Key, Any]:
        """Return what the settings of changes are now. Raises `CallProblem`."""
        return {key_of(each): self.value(each) for each in changes}

    def make(self, change: Change) -> Outcome:
        """Set what a change says; what AWS refuses is an outcome."""
        try:
            service, operation, given = _KINDS[change.kind].call(self.area, change)
            self.area.ask(service, operation, **given)
        except CallProblem as exc:
            return Outcome(change, FAILED, str(exc))
        return Outcome(change, DONE)

    def made(self, changes: List[Change]) -> List[Outcome]:
        """Make changes and read each back: what counts is what is there, since an answer can be lost.

        An outcome whose ``why`` is `PENDING` is one that AWS is still at.
        """
        return [self._judged(each, self.make(each)) for each in changes]

    def _judged(self, change: Change, outcome: Outcome) -> Outcome:
        try:
            value = self.value(change)
        except CallProblem as exc:
            return Outcome(change, FAILED, outcome.why or f"it could not be read back: {exc}")
        if value == change.after:
            return Outcome(change, DONE)
        busy = outcome.result == FAILED and any(code in outcome.why for code in _BUSY)
        if value == PENDING or busy or (outcome.result == DONE and change.kind in _SLOW):
            return Outcome(change, FAILED, PENDING)
        return Outcome(change, FAILED, outcome.why or "it was set, and it is as before")


class _Kind(NamedTuple):
    read: Callable[[Area, Change], Any]
    call: Callable[[Area, Change], Call]


def _ask(area: Area, otherwise: Any, service: str, operation: str, **given: Any) -> Any:
    """Return an answer, or ``otherwise`` where there is nothing of that name."""
    try:
        return area.ask(service, operation, **given)
    except CallRejected as exc:
        if not any(code in str(exc) for code in _NONE):
            raise
        return otherwise


def _with(change: Change, name: str) -> Any:
    return dict(change.with_)[name]


def _policy_read(service_kind: str) -> Callable[[Area, Change], Any]:
    def read(area: Area, change: Change) -> Any:
        given = {f"{service_kind}Name": change.resource, "PolicyName": _with(change, "policy")}
        found = _ask(area, None, "iam", f"Get{service_kind}Policy", **given)
        if found is None:
            return ""
        document = found["PolicyDocument"]
        return normal(json.loads(unquote(document)) if isinstance(document, str) else document)

    return read


def _policy_call(service_kind: str) -> Callable[[Area, Change], Call]:
    def call(area: Area, change: Change) -> Call:
        given = {f"{service_kind}Name": change.resource, "PolicyName": _with(change, "policy")}
        if not change.after:
            return "iam", f"Delete{service_kind}Policy", given
        return "iam", f"Put{service_kind}Policy", {**given, "PolicyDocument": change.after}

    return call


def _key_read(area: Area, change: Change) -> Any:
    for each in area.each("iam", "ListAccessKeys", "AccessKeyMetadata", IAM, UserName=_with(change, "user")):
        if each["AccessKeyId"] == change.resource:
            return each["Status"]
    return GONE


def _key_call(area: Area, change: Change) -> Call:
    given = {"UserName": _with(change, "user"), "AccessKeyId": change.resource, "Status": change.after}
    return "iam", "UpdateAccessKey", given


def _password_read(area: Area, change: Change) -> Any:
    return THERE if _ask(area, None, "iam", "GetLoginProfile", UserName=change.resource) else ""


def _password_call(area: Area, change: Change) -> Call:
    return "iam", "DeleteLoginProfile", {"UserName": change.resource}


def _profile_read(area: Area, change: Change) -> Any:
    found = association(area, change.resource)
    if found and found[2] == "associating":
        return PENDING
    return found[1] if found else ""


def association(area: Area, instance: str) -> Tuple[str, ...]:
    """Return id, profile's ARN and state of an instance's association, or nothing. Raises `CallProblem`."""
    filters = [
        {"Name": "instance-id", "Values": [instance]},
        {"Name": "state", "Values": ["associated", "associating"]},
    ]
    name = "DescribeIamInstanceProfileAssociations"
    for each in area.each("ec2", name, "IamInstanceProfileAssociations", EC2, Filters=filters):
        return each["AssociationId"], each["IamInstanceProfile"]["Arn"], each["State"]
    return ()


def _profile_call(area: Area, change: Change) -> Call:
    there = association(area, change.resource)
    profile = {"Arn": change.after}
    if there and not change.after:
        return "ec2", "DisassociateIamInstanceProfile", {"AssociationId": there[0]}
    if there:
        given = {"AssociationId": there[0], "IamInstanceProfile": profile}
        return "ec2", "ReplaceIamInstanceProfileAssociation", given
    return "ec2", "AssociateIamInstanceProfile", {"InstanceId": change.resource, "IamInstanceProfile": profile}


def _metadata_read(area: Area, change: Change) -> Any:
    for reservation in area.ask("ec2", "DescribeInstances", InstanceIds=[change.resource])["Reservations"]:
        for each in reservation["Instances"]:
            options = each.get("MetadataOptions") or {}
            return PENDING if options.get("State") == "pending" else options.get("HttpEndpoint") or "enabled"
    return GONE


def _metadata_call(area: Area, change: Change) -> Call:
    given = {"InstanceId": change.resource, "HttpEndpoint": change.after}
    return "ec2", "ModifyInstanceMetadataOptions", given


def _assignment(change: Change) -> Dict[str, Any]:
    return {
        "InstanceArn": _with(change, "instance"), "TargetId": _with(change, "account"), "TargetType": "AWS_ACCOUNT",
        "PermissionSetArn": _with(change, "permission_set"), "PrincipalType": "USER",
        "PrincipalId": _with(change, "user"),
    }  # fmt: skip


def _assignment_read(area: Area, change: Change) -> Any:
    given = {
        "InstanceArn": _with(change, "instance"), "AccountId": _with(change, "account"),
        "PermissionSetArn": _with(change, "permission_set"),
    }  # fmt: skip
    for each in area.each("sso-admin", "ListAccountAssignments", "AccountAssignments", EC2, **given):
        if (each["PrincipalType"], each["PrincipalId"]) == ("USER", _with(change, "user")):
            return THERE
    return ""


def _assignment_call(area: Area, change: Change) -> Call:
    verb = "Create" if change.after else "Delete"
    return "sso-admin", f"{verb}AccountAssignment", _assignment(change)


def _membership_id(area: Area, change: Change) -> str:
    given = {
        "IdentityStoreId": _with(change, "store"), "GroupId": _with(change, "group"),
        "MemberId": {"UserId": _with(change, "user")},
    }  # fmt: skip
    found = _ask(area, {}, "identitystore", "GetGroupMembershipId", **given)
    return str(found.get("MembershipId") or "")


def _membership_read(area: Area, change: Change) -> Any:
    return THERE if _membership_id(area, change) else ""


def _membership_call(area: Area, change: Change) -> Call:
    store = {"IdentityStoreId": _with(change, "store")}
    if change.after:
        given = {"GroupId": _with(change, "group"), "MemberId": {"UserId": _with(change, "user")}}
        return "identitystore", "CreateGroupMembership", {**store, **given}
    return "identitystore", "DeleteGroupMembership", {**store, "MembershipId": _membership_id(area, change)}


def _public_access_read(area: Area, change: Change) -> Any:
    found = _ask(area, None, "s3", "GetPublicAccessBlock", Bucket=change.resource)
    return normal(found["PublicAccessBlockConfiguration"]) if found else ""


def _public_access_call(area: Area, change: Change) -> Call:
    if not change.after:
        return "s3", "DeletePublicAccessBlock", {"Bucket": change.resource}
    given = {"Bucket": change.resource, "PublicAccessBlockConfiguration": json.loads(change.after)}
    return "s3", "PutPublicAccessBlock", given


def _bucket_policy_read(area: Area, change: Change) -> Any:
    found = _ask(area, None, "s3", "GetBucketPolicy", Bucket=change.resource)
    return normal(json.loads(found["Policy"])) if found else ""


def _bucket_policy_call(area: Area, change: Change) -> Call:
    if not change.after:
        return "s3", "DeleteBucketPolicy", {"Bucket": change.resource}
    return "s3", "PutBucketPolicy", {"Bucket": change.resource, "Policy": change.after}


#: AWS answers these before they are done.
_SLOW = (kinds.ASSIGNMENT, kinds.METADATA, kinds.PROFILE)
_KINDS: Dict[str, _Kind] = {
    kinds.USER_POLICY: _Kind(_policy_read("User"), _policy_call("User")),
    kinds.ROLE_POLICY: _Kind(_policy_read("Role"), _policy_call("Role")),
    kinds.KEY: _Kind(_key_read, _key_call),
    kinds.PASSWORD: _Kind(_password_read, _password_call),
    kinds.PROFILE: _Kind(_profile_read, _profile_call),
    kinds.METADATA: _Kind(_metadata_read, _metadata_call),
    kinds.ASSIGNMENT: _Kind(_assignment_read, _assignment_call),
    kinds.MEMBERSHIP: _Kind(_membership_read, _membership_call),
    kinds.PUBLIC_ACCESS: _Kind(_public_access_read, _public_access_call),
    kinds.BUCKET_POLICY: _Kind(_bucket_policy_read, _bucket_policy_call),
}
