"""Contained users, roles, Identity Center users and buckets: their rights are read from AWS, not from the result."""

from __future__ import annotations

import itertools
import json
from typing import Any, Callable, Dict, List, Tuple

import pytest

import aws_siem_bridge
from response.actions.contain import Chosen, Containment
from response.actions.contain_bucket import BucketContainment
from response.cli import principals as cli_principals
from response.core.denials import BUCKET_SID, CONTAINED_POLICY
from response.core.principal import Principal
from response.core.result import ActionResult
from response.errors import BadTarget, NoSavedState, StillRunning
from response.handlers import contain_principal, release_principal, revoke_credentials
from tests.response.faults import cases, seen
from tests.response.server_room import REGION, Fault, ServerRoom

_numbers = itertools.count(1)
EVERYBODY = Chosen(everybody=True)
TRUST = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}]}  # fmt: skip


class Subject:
    """Somebody or something with rights. ``state`` is what it may do, as AWS says; the same again after a release."""

    #: What can never be put back is left out of it.
    kind = ""

    def __init__(self, room: ServerRoom) -> None:
        self.room, self.number = room, next(_numbers)
        self.incident, self.name = f"incident-{self.number}", f"{self.kind or 'x'}-{self.number}"
        self.iam = room.account.client("iam")
        self.way: Any = Containment(room.area, room.area, room.bucket, (REGION,))
        self.make()

    def make(self) -> None: ...

    def state(self) -> Any: ...

    @property
    def principal(self) -> Principal:
        return Principal(self.room.account.id, self.kind, self.name)

    def contain(self, **how: Any) -> ActionResult:
        return again(lambda: self.way.contain(self.principal, self.incident, EVERYBODY, **how))

    def release(self, **how: Any) -> ActionResult:
        return again(lambda: self.way.release(self.principal, self.incident, **how))

    def contained(self) -> bool:
        raise NotImplementedError


def again(act: Callable[[], ActionResult]) -> ActionResult:
    for _ in range(10):
        try:
            return act()
        except StillRunning:
            continue
    raise AssertionError("it never ends")


class User(Subject):
    kind = "user"

    def make(self) -> None:
        self.iam.create_user(UserName=self.name)
        self.iam.create_login_profile(UserName=self.name, Password="Correct-horse-1")
        self.key = self.iam.create_access_key(UserName=self.name)["AccessKey"]["AccessKeyId"]

    def state(self) -> Any:
        keys = self.iam.list_access_keys(UserName=self.name)["AccessKeyMetadata"]
        policies = self.iam.list_user_policies(UserName=self.name)["PolicyNames"]
        return {each["AccessKeyId"]: each["Status"] for each in keys}, policies

    def contained(self) -> bool:
        return self.state() == ({self.key: "Inactive"}, [CONTAINED_POLICY]) and not self.signs_in()

    def signs_in(self) -> bool:
        try:
            return bool(self.iam.get_login_profile(UserName=self.name))
        except self.iam.exceptions.NoSuchEntityException:
            return False


class Role(Subject):
    kind = "role"

    def make(self) -> None:
        self.iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=json.dumps(TRUST))

    def state(self) -> Any:
        return self.iam.list_role_policies(RoleName=self.name)["PolicyNames"]

    def contained(self) -> bool:
        return bool(self.state() == [CONTAINED_POLICY])


class CenterUser(Subject):
    kind = "identity_center_user"

    def make(self) -> None:
        self.name = f"kim{self.number}@example.com"
        self.sso, self.store = (
            self.room.account.client("sso-admin", REGION),
            self.room.account.client("identitystore", REGION),
        )
        (instance,) = self.sso.list_instances()["Instances"]
        self.arn, self.store_id = instance["InstanceArn"], instance["IdentityStoreId"]
        self.id = self.store.create_user(
            IdentityStoreId=self.store_id,
            UserName=self.name,
            DisplayName="Kim",
            Name={"GivenName": "K", "FamilyName": "K"},
        )["UserId"]
        group = self.store.create_group(IdentityStoreId=self.store_id, DisplayName=f"admins-{self.number}")["GroupId"]
        member = {"UserId": self.id}
        self.store.create_group_membership(IdentityStoreId=self.store_id, GroupId=group, MemberId=member)
        self.permissions = self.sso.create_permission_set(Name=f"Admin{self.number}", InstanceArn=self.arn)
        self.permission_set = self.permissions["PermissionSet"]["PermissionSetArn"]
        for account in ("111122223333", "444455556666"):
            self.sso.create_account_assignment(
                InstanceArn=self.arn, TargetId=account, TargetType="AWS_ACCOUNT", PrincipalType="USER",
                PermissionSetArn=self.permission_set, PrincipalId=self.id,
            )  # fmt: skip
        self.state()  # until AWS is done with them

    def state(self) -> Any:
        accounts: List[str] = []
        for account in ("111122223333", "444455556666"):
            for _ in range(2):  # what is in progress ends meanwhile
                found = self.sso.list_account_assignments(
                    InstanceArn=self.arn, AccountId=account, PermissionSetArn=self.permission_set
                )["AccountAssignments"]
            accounts += [each["AccountId"] for each in found if each["PrincipalId"] == self.id]
        given = {"IdentityStoreId": self.store_id, "MemberId": {"UserId": self.id}}
        groups = self.store.list_group_memberships_for_member(**given)["GroupMemberships"]
        return sorted(accounts), [each["GroupId"] for each in groups]

    def contained(self) -> bool:
        return bool(self.state() == ([], []))


class Bucket(Subject):
    kind = ""

    def make(self) -> None:
        self.s3 = self.room.account.client("s3", REGION)
        self.name = f"data-{self.room.account.id}-{self.number}"
        self.s3.create_bucket(Bucket=self.name, CreateBucketConfiguration={"LocationConstraint": REGION})
        statement = {"Sid": "Web", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
                     "Resource": f"arn:aws:s3:::{self.name}/*"}  # fmt: skip
        self.s3.put_bucket_policy(
            Bucket=self.name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        )
        self.way = BucketContainment(self.room.area, self.room.area, self.room.bucket)
        self.responder = f"arn:aws:iam::{self.room.account.id}:role/responder"

    def contain(self, **how: Any) -> ActionResult:
        return self.way.contain(self.name, self.incident, [self.responder], **how)

    def release(self, **how: Any) -> ActionResult:
        return self.way.release(self.name, self.incident, **how)

    def state(self) -> Any:
        policy = json.loads(self.s3.get_bucket_policy(Bucket=self.name)["Policy"])
        try:
            public = self.s3.get_public_access_block(Bucket=self.name)["PublicAccessBlockConfiguration"]
        except self.s3.exceptions.ClientError:
            public = {}
        return [each.get("Sid") for each in policy["Statement"]], public

    def contained(self) -> bool:
        sids, public = self.state()
        return bool(sids == ["Web", BUCKET_SID] and len(public) == 4 and all(public.values()))


SUBJECTS = (User, Role, CenterUser, Bucket)


@pytest.mark.parametrize("make", SUBJECTS)
def test_rights_are_taken_and_given_back_exactly(room, make):
    subject = make(room)
    before = subject.state()
    assert subject.contain(dry_run=True).result == "planned" and subject.state() == before
    result = subject.contain()
    assert result.result in ("done", "already_done"), result.says
    assert subject.contained()
    assert subject.contain().result == "already_done"
    assert subject.release(dry_run=True).result == "planned" and subject.contained()
    released = subject.release()
    assert released.result in ("done", "already_done"), released.says
    assert subject.state() == before
    with pytest.raises(NoSavedState):
        subject.incident = "another"
        subject.release()


def test_a_password_is_said_to_be_lost_before_and_after(room):
    user = User(room)
    assert "cannot be read, so release cannot put it back" in " ".join(user.contain(dry_run=True).notes)
    user.contain()
    released = user.release()
    assert "set a new one (aws iam create-login-profile" in " ".join(released.notes)
    assert "but for 1 that cannot be put back" in released.says
    other = User(room)
    again(lambda: other.way.contain(other.principal, other.incident, Chosen(password=False)))
    assert other.signs_in() and other.state()[1] == [CONTAINED_POLICY]


def test_a_role_that_others_use_needs_consent(room):
    role = Role(room)
    result = role.way.contain(role.principal, role.incident, Chosen())
    assert result.result == "failed" and "consent to that first" in result.says and role.state() == []
    assert "ecs-tasks.amazonaws.com may assume it" in " ".join(result.notes)
    assert "choose it" in role.way.contain(role.principal, role.incident, Chosen(deny=False)).says


def spoil(subject: Subject) -> None:
    """Change as somebody else what containment changed."""
    other = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    if isinstance(subject, User):
        subject.iam.put_user_policy(
            UserName=subject.name, PolicyName=CONTAINED_POLICY, PolicyDocument=json.dumps(other)
        )
    elif isinstance(subject, Role):
        subject.iam.put_role_policy(
            RoleName=subject.name, PolicyName=CONTAINED_POLICY, PolicyDocument=json.dumps(other)
        )
    elif isinstance(subject, Bucket):
        other["Statement"][0].update(Principal="*", Resource=f"arn:aws:s3:::{subject.name}/*")  # type: ignore[index]
        subject.s3.put_bucket_policy(Bucket=subject.name, Policy=json.dumps(other))


@pytest.mark.parametrize("make", [User, Role, Bucket])
def test_a_release_refuses_when_somebody_changed_it_since(room, make):
    subject = make(room)
    subject.contain()
    spoil(subject)
    state = subject.state()
    result = subject.release()
    assert result.result == "refused" and "changed by somebody else" in result.says
    assert subject.state() == state


def test_what_the_bucket_goes_on_doing_is_said(room):
    bucket = Bucket(room)
    rule = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
    bucket.s3.put_bucket_lifecycle_configuration(Bucket=bucket.name, LifecycleConfiguration={"Rules": [rule]})
    notes = " ".join(bucket.contain().notes)
    assert "keeps no versions" in notes and "the lifecycle rule old goes on deleting" in notes
    bucket.s3.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"})
    other = Bucket(room)
    other.s3.put_bucket_versioning(Bucket=other.name, VersioningConfiguration={"Status": "Enabled"})
    no_markers = {"Status": "Disabled"}
    to = {"Role": f"arn:aws:iam::{room.account.id}:role/r", "Rules": [
        {"ID": "1", "Status": "Enabled", "Priority": 1, "Filter": {"Prefix": ""}, "DeleteMarkerReplication": no_markers,
         "Destination": {"Bucket": f"arn:aws:s3:::{other.name}"}}]}  # fmt: skip
    bucket.s3.put_bucket_replication(Bucket=bucket.name, ReplicationConfiguration=to)
    assert f"replicated to arn:aws:s3:::{other.name}" in " ".join(bucket.contain().notes)
    for responders, name in (([], bucket.name), (["*"], bucket.name), ([bucket.responder], room.bucket)):
        with pytest.raises(BadTarget):
            bucket.way.contain(name, bucket.incident, responders)


READING: Dict[type, Tuple[str, ...]] = {
    User: ("sts:GetCallerIdentity", "iam:GetUser", "iam:ListAccessKeys", "iam:GetLoginProfile", "iam:GetUserPolicy"),
    Role: ("iam:GetRole", "iam:ListInstanceProfilesForRole", "lambda:ListFunctions", "iam:GetRolePolicy"),
    CenterUser: ("sso-admin:ListInstances", "identitystore:GetUserId", "sso-admin:ListAccountAssignmentsForPrincipal",
                 "identitystore:ListGroupMembershipsForMember", "sso-admin:ListAccountAssignments",
                 "identitystore:GetGroupMembershipId"),
    Bucket: ("s3:GetPublicAccessBlock", "s3:GetBucketPolicy", "s3:GetBucketVersioning",
             "s3:GetBucketLifecycleConfiguration", "s3:GetBucketReplication", "s3:GetObject"),
}  # fmt: skip
CHANGING: Dict[type, Tuple[str, ...]] = {
    User: ("iam:UpdateAccessKey", "iam:DeleteLoginProfile", "iam:PutUserPolicy", "iam:DeleteUserPolicy"),
    Role: ("iam:PutRolePolicy", "iam:DeleteRolePolicy"),
    CenterUser: ("sso-admin:DeleteAccountAssignment", "sso-admin:CreateAccountAssignment",
                 "identitystore:DeleteGroupMembership", "identitystore:CreateGroupMembership"),
    Bucket: ("s3:PutPublicAccessBlock", "s3:DeletePublicAccessBlock", "s3:PutBucketPolicy", "s3:PutObject"),
}  # fmt: skip
#: Calls that every one of them makes; their faults are tried with the bucket and the user.
COMMON = {"s3:GetObject", "s3:PutObject", "sts:GetCallerIdentity"}


@pytest.mark.parametrize("make", SUBJECTS)
def test_every_call_has_a_case(room, make):
    subject = make(room)
    room.session.made.clear()
    subject.contain()
    subject.release()
    made = {f"{service}:{call}" for service, call in room.session.made}
    assert made | COMMON == {*READING[make], *CHANGING[make], *COMMON}


@pytest.mark.parametrize(
    "make, call, kind, times",
    seen("containment", [(make, *case) for make in SUBJECTS for case in cases(READING[make], CHANGING[make])]),
)
def test_a_failure_is_never_called_contained_and_never_called_released(room, make, call, kind, times):
    subject = make(room)
    before = subject.state()

    def faulty(act: Callable[[], ActionResult]) -> str:
        return room.said_with(Fault(call, kind, times), act)

    said = faulty(subject.contain)
    came = room.session.failed
    assert (said in ("done", "already_done")) <= subject.contained(), said
    assert subject.contain().result in ("done", "already_done") and subject.contained()
    said = faulty(subject.release)
    came += room.session.failed
    assert (said in ("done", "already_done")) <= (subject.state() == before), said
    assert subject.release().result in ("done", "already_done") and subject.state() == before
    assert came, "the fault never came"


def test_the_functions_take_rights_only_when_event_and_parameter_say_so(room):
    user, name = User(room), f"/response/contain-{next(_numbers)}"
    known = {"PARAMETER": name, "BUCKET": room.bucket}
    settings = {"AWS_REGION": REGION, **{f"AWS_SIEM_BRIDGE_{key}": value for key, value in known.items()}}
    principal = {"kind": "user", "name": user.name, "access_key": ""}
    event = {"incident": user.incident, "account": room.account.id, "region": "", "principal": principal,
             "dry_run": False, "options": {"password": "no"}}  # fmt: skip
    assert contain_principal.do(event, settings)["result"] == "planned"
    room.account.client("ssm", REGION).put_parameter(Name=name, Type="String", Value='{"mode": "live"}')
    assert contain_principal.do({**event, "dry_run": True}, settings)["result"] == "planned"
    answer = contain_principal.do(event, settings)
    assert (answer["result"], answer["target"], user.signs_in()) == ("done", f"user-{user.name}", True)
    assert user.state() == ({user.key: "Inactive"}, [CONTAINED_POLICY])
    assert release_principal.do(event, settings)["result"] == "done"
    assert revoke_credentials.do({**event, "incident": "x"}, settings)["result"] == "done"
    assert user.state()[0] == {user.key: "Inactive"}
    target = room.server()
    by_instance = {**event, "instance": target.instance, "region": REGION, "options": {"profile": "no"}}
    with pytest.raises(StillRunning):
        revoke_credentials.do(by_instance, settings)


def test_a_responder_contains_and_releases_at_the_command_line(room, capsys, monkeypatch):
    monkeypatch.setattr(cli_principals, "WAIT_S", 0.0)
    where = ["--region", REGION, "--bucket", room.bucket]

    def respond(*argv: str) -> Tuple[int, str, str]:
        status = aws_siem_bridge.main(["respond", *argv, *where])
        return (status, *capsys.readouterr())

    user, bucket, target = User(room), Bucket(room), room.server()
    status, out, _ = respond("contain", f"user/{user.name}", "--no-password")
    assert status == 0 and "is without rights, read back" in out and user.state()[0] != {user.key: "Active"}
    status, out, _ = respond("release-principal", f"user/{user.name}")
    assert status == 0 and user.state() == ({user.key: "Active"}, [])
    status, out, _ = respond("revoke", user.key)
    assert status == 0 and user.state()[0] == {user.key: "Inactive"}
    status, out, _ = respond("release-principal", f"arn:aws:iam::{room.account.id}:user/{user.name}")
    assert status == 0 and user.state()[0] == {user.key: "Active"}
    status, out, _ = respond("contain-bucket", bucket.name, "--responder", bucket.responder)
    assert status == 0 and bucket.contained()
    status, out, _ = respond("release-bucket", bucket.name)
    assert status == 0 and not bucket.contained()
    status, out, _ = respond("revoke", target.instance)
    assert status == 0 and "is without new credentials" in out
    status, out, err = respond("release", target.instance)
    assert status == 0 and "is as it was" in out, err
    for argv, says in (
        (("contain", "kim"), "which kind is 'kim'"),
        (("contain", "arn:aws:iam::999988887777:user/kim"), "of another account"),
    ):
        status, _, err = respond(*argv)
        assert status == 2 and says in err
    status, _, err = respond("release-principal", f"user/{user.name}")
    assert status == 1 and "is left to put back" in err
