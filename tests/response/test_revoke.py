"""Revoked credentials in the stand-in: what is possible with them is read from AWS, not from the result."""

from __future__ import annotations

import itertools
import json
from typing import Any, Dict, Tuple

import pytest
from botocore.exceptions import ClientError

from aws_bridge.errors import CallProblem
from response.actions.closing import Closing
from response.actions.isolate import Isolation
from response.actions.release import Release
from response.actions.revoke import Revocation, Selection
from response.aws.empty_profile import NAME
from response.aws.incidents import RELEASED, Incidents
from response.aws.saved_state import SavedStates
from response.core.cases import case_of_instance
from response.core.denials import REVOKED_POLICY
from response.core.principal import Principal, principal_of_arn
from response.core.result import ActionResult
from response.core.target import Target
from response.errors import BadTarget, StillRunning
from tests.response.faults import cases, seen
from tests.response.server_room import REGION, Fault, ServerRoom

_numbers = itertools.count(1)
NOW_S = 1_800_000_000.0
ALL = Selection(deny=True)


class Staff:
    """An instance with a role of its own, or a user with keys, and what they are at present."""

    def __init__(self, room: ServerRoom) -> None:
        self.room, self.iam = room, room.account.client("iam")
        self.number = next(_numbers)
        self.name = f"role-{self.number}"
        self.incident = f"incident-{self.number}"
        self.way = Revocation(room.area, room.area, room.bucket, (REGION,), lambda: NOW_S)

    def server(self) -> Target:
        target = self.room.server()
        self.profile = self.room.profile(target.instance, self.name)
        return target

    def user(self, keys: int = 2) -> Principal:
        self.iam.create_user(UserName=self.name)
        self.keys = [self.iam.create_access_key(UserName=self.name)["AccessKey"]["AccessKeyId"] for _ in range(keys)]
        return Principal(self.room.account.id, "user", self.name)

    def revoke(self, target: Target, chosen: Selection = ALL, **how: Any) -> ActionResult:
        """Revoke as the state machine does: again while AWS is at it."""
        for _ in range(10):
            try:
                return self.way.revoke_instance(target, self.incident, chosen, **how)
            except StillRunning:
                continue
        raise AssertionError("it never ends")

    def restore(self, target: Target, **how: Any) -> ActionResult:
        for _ in range(10):
            try:
                return self.way.restore_instance(target, self.incident, **how)
            except StillRunning:
                continue
        raise AssertionError("it never ends")

    def state(self, target: Target) -> Tuple[str, str, str]:
        """Return profile, metadata service and denial, as AWS says."""
        filters = [{"Name": "instance-id", "Values": [target.instance]}]
        found = self.room.ec2.describe_iam_instance_profile_associations(Filters=filters)
        profile = [each["IamInstanceProfile"]["Arn"] for each in found["IamInstanceProfileAssociations"]]
        described = self.room.ec2.describe_instances(InstanceIds=[target.instance])["Reservations"][0]["Instances"][0]
        return (*profile, described["MetadataOptions"]["HttpEndpoint"], self.denial())

    def denial(self) -> str:
        names = self.iam.list_role_policies(RoleName=self.name)["PolicyNames"]
        if REVOKED_POLICY not in names:
            return ""
        document = self.iam.get_role_policy(RoleName=self.name, PolicyName=REVOKED_POLICY)["PolicyDocument"]
        condition = document["Statement"][0].get("Condition", {}).get("DateLessThan", {})
        return str(condition.get("aws:TokenIssueTime", "of somebody else"))

    def keys_are(self) -> Dict[str, str]:
        found = self.iam.list_access_keys(UserName=self.name)["AccessKeyMetadata"]
        return {each["AccessKeyId"]: each["Status"] for each in found}


@pytest.fixture
def staff(room: ServerRoom) -> Staff:
    return Staff(room)


def empty(room: ServerRoom) -> str:
    return f"arn:aws:iam::{room.account.id}:instance-profile/{NAME}"


def test_an_instance_gets_no_keys_any_more_and_what_it_had_is_void_until_it_is_restored(room, staff):
    target = staff.server()
    before = staff.state(target)
    assert before == (staff.profile, "enabled", "")
    result = staff.revoke(target)
    # Called again while AWS is at it, it finds what it changed itself.
    assert result.result in ("done", "already_done") and len(result.outcomes) == 3, result
    assert staff.state(target) == (empty(room), "disabled", "2027-01-15T08:00:00Z")
    assert "`aws login` sessions it is not known" in " ".join(result.notes)
    assert staff.revoke(target).result == "already_done"
    assert staff.restore(target, dry_run=True).result == "planned"
    assert staff.state(target) == (empty(room), "disabled", "2027-01-15T08:00:00Z")
    assert staff.restore(target).result in ("done", "already_done")
    assert staff.state(target) == before
    assert staff.restore(target).result == "already_done"


@pytest.mark.parametrize("order", ["isolated first", "revoked first"])
def test_release_gives_back_network_and_credentials_whatever_came_first(room, staff, order):
    target = staff.server()
    states = SavedStates(room.area, room.bucket)
    before, groups = staff.state(target), room.groups_of(target)

    def isolate() -> None:
        assert Isolation(room.area, states).isolate(target, staff.incident).result == "done"

    if order == "isolated first":
        isolate()
    staff.revoke(target)
    if order == "revoked first":
        isolate()
    assert staff.state(target)[:2] == (empty(room), "disabled") and not room.is_open(target)
    release = Release(room.area, states)
    for _ in range(5):
        try:
            released = release.release(target, staff.incident)
            break
        except StillRunning:
            continue
    assert released.result == "done", released
    assert staff.state(target) == before and room.groups_of(target) == groups
    assert release.release(target, staff.incident).result == "already_done"


def test_an_incident_that_revoked_and_isolated_nothing_is_over_when_credentials_are_back(room, staff):
    target = staff.server()
    before, table = staff.state(target), f"incidents-of-revoking-{staff.number}"
    room.account.client("dynamodb", REGION).create_table(
        TableName=table, KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
    )  # fmt: skip
    incidents = Incidents(room.area, table)
    staff.incident = incidents.open(case_of_instance(target), "sid-1", lambda _: "{}").id
    staff.revoke(target)
    closing = Closing(room.area, SavedStates(room.area, room.bucket), incidents)
    with pytest.raises(StillRunning):
        closing.close(target)
    assert incidents.find(target).state != RELEASED
    for _ in range(5):
        try:
            assert closing.close(target).result in ("done", "already_done")
            break
        except StillRunning:
            continue
    assert staff.state(target) == before and incidents.find(target).state == RELEASED


def test_release_refuses_when_somebody_switched_the_metadata_service_off_since(room, staff):
    target, states = staff.server(), SavedStates(room.area, room.bucket)
    Isolation(room.area, states).isolate(target, staff.incident)
    room.ec2.modify_instance_metadata_options(InstanceId=target.instance, HttpEndpoint="disabled")
    released = Release(room.area, states).release(target, staff.incident)
    assert released.result == "refused" and "metadata" in " ".join(released.notes)


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (Selection(), (True, "disabled", "")),
        (Selection(profile=False), (False, "disabled", "")),
        (Selection(metadata=False, deny=True), (True, "enabled", "2027-01-15T08:00:00Z")),
    ],
)
def test_each_part_is_chosen(room, staff, chosen, expected):
    target = staff.server()
    result = staff.revoke(target, chosen)
    assert result.result in ("done", "already_done")
    profile, *rest = staff.state(target)
    assert (profile == empty(room), *rest) == expected
    if not chosen.deny:
        assert "keys that were issued already stay valid" in " ".join(result.notes)


def test_a_profile_that_ec2_does_not_know_yet_is_waited_for(room, staff, monkeypatch):
    target, call, refused = staff.server(), room.session.call, []

    def not_yet(service: str, operation: str, method: Any, given: Dict[str, Any]) -> Any:
        if operation == "ReplaceIamInstanceProfileAssociation" and not refused:
            refused.append(operation)
            error = {"Code": "InvalidParameterValue", "Message": "Invalid IAM Instance Profile ARN"}
            raise ClientError({"Error": error, "ResponseMetadata": {"HTTPStatusCode": 400}}, operation)  # type: ignore[typeddict-item]
        return call(service, operation, method, given)

    monkeypatch.setattr(room.session, "call", not_yet)
    with pytest.raises(StillRunning, match="profile"):
        staff.way.revoke_instance(target, staff.incident, Selection(metadata=False))
    assert staff.revoke(target, Selection(metadata=False)).result in ("done", "already_done")
    assert refused and staff.state(target)[0] == empty(room)


def test_the_denial_alone_is_refused_for_an_instance(staff):
    target = staff.server()
    before = staff.state(target)
    result = staff.revoke(target, Selection(profile=False, metadata=False, deny=True))
    assert result.result == "refused" and "a denial alone helps for minutes" in result.says
    assert staff.state(target) == before
    # With the metadata service off already it is none.
    staff.revoke(target, Selection(profile=False))
    assert staff.revoke(target, Selection(profile=False, metadata=False, deny=True)).result == "done"


def test_a_dry_run_changes_nothing(room, staff):
    target = staff.server()
    before = staff.state(target)
    room.session.made.clear()
    result = staff.revoke(target, dry_run=True)
    assert (result.result, len(result.outcomes)) == ("planned", 3)
    assert all(name.startswith(("Describe", "List", "Get")) for _, name in room.session.made)
    assert staff.state(target) == before


def test_others_who_use_the_role_are_named_and_nothing_is_denied_before_somebody_agrees(room, staff):
    target, other = staff.server(), room.server()
    profile = {"Arn": staff.profile}
    room.ec2.associate_iam_instance_profile(InstanceId=other.instance, IamInstanceProfile=profile)
    code = {"ZipFile": b"PK\x05\x06" + b"\0" * 18}
    role = f"arn:aws:iam::{room.account.id}:role/{staff.name}"
    lambda_ = room.account.client("lambda", REGION)
    services = [f"{each}.amazonaws.com" for each in ("ec2", "lambda", "ecs-tasks")]
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": services}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    staff.iam.update_assume_role_policy(RoleName=staff.name, PolicyDocument=document)
    lambda_.create_function(FunctionName="thumbnails", Role=role, Code=code, Runtime="python3.13", Handler="x.y")
    result = staff.revoke(target)
    assert result.result == "failed" and "others use it (3, in the notes)" in result.says
    notes = " ".join(result.notes)
    for named in (
        f"the instance {other.instance} in {REGION}",
        "the function thumbnails",
        "ecs-tasks.amazonaws.com may",
    ):
        assert named in notes
    # What harms nobody else is done all the same.
    assert staff.state(target) == (empty(room), "disabled", "")
    assert staff.revoke(target, Selection(deny=True, everybody=True)).result == "done"
    assert staff.denial()


def test_a_restore_refuses_when_somebody_changed_it_since(room, staff):
    target = staff.server()
    staff.revoke(target)
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]}
    staff.iam.put_role_policy(RoleName=staff.name, PolicyName=REVOKED_POLICY, PolicyDocument=json.dumps(policy))
    result = staff.restore(target)
    assert result.result == "refused" and f"role_policy of {staff.name}" in " ".join(result.notes)
    assert staff.state(target)[:2] == (empty(room), "disabled")


def test_a_role_that_somebody_gave_rights_to_is_not_the_empty_one(room, staff):
    target = staff.server()
    staff.revoke(target, Selection(metadata=False))
    staff.restore(target)
    staff.iam.put_role_policy(RoleName=NAME, PolicyName="x", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}))  # fmt: skip
    try:
        with pytest.raises(CallProblem, match="must have none"):
            Staff(room).revoke(target, Selection(metadata=False))
    finally:
        staff.iam.delete_role_policy(RoleName=NAME, PolicyName="x")
    assert staff.state(target)[0] == staff.profile


def test_keys_of_a_user_are_switched_off_and_on_again(room, staff):
    user = staff.user()
    staff.iam.update_access_key(UserName=user.name, AccessKeyId=staff.keys[1], Status="Inactive")
    result = staff.way.revoke_principal(user, staff.incident, Selection(deny=True))
    assert result.result == "done", result.says
    assert set(staff.keys_are().values()) == {"Inactive"}
    assert REVOKED_POLICY in staff.iam.list_user_policies(UserName=user.name)["PolicyNames"]
    # A key that was made meanwhile is switched off by the next run, and belongs to the same saved state.
    staff.iam.delete_access_key(UserName=user.name, AccessKeyId=staff.keys[1])
    new = staff.iam.create_access_key(UserName=user.name)["AccessKey"]["AccessKeyId"]
    assert staff.way.revoke_principal(user, staff.incident, Selection(deny=True)).result == "done"
    assert staff.keys_are()[new] == "Inactive"


def test_one_key_of_which_nobody_knows_whose_it_is(room, staff):
    staff.user()
    seen = Principal(room.account.id, "user", "", staff.keys[0])
    result = staff.way.revoke_principal(seen, staff.incident, Selection())
    assert result.result == "done" and result.target.name == f"user-{staff.name}"
    assert staff.keys_are() == {staff.keys[0]: "Inactive", staff.keys[1]: "Active"}
    assert "sessions that were begun with the key stay valid" in " ".join(result.notes)
    with pytest.raises(BadTarget, match="belongs to no user|does not say"):
        staff.way.revoke_principal(Principal(room.account.id, "user", "", "AKIAIOSFODNN7EXAMPLE"), "x", Selection())


def test_sessions_of_a_role_without_an_instance(room, staff):
    staff.server()
    role = Principal(room.account.id, "role", staff.name, "ASIAIOSFODNN7EXAMPLE")
    result = staff.way.revoke_principal(role, staff.incident, Selection(deny=True))
    assert result.result == "failed" and "others use it (1" in result.says and not staff.denial()
    result = staff.way.revoke_principal(role, staff.incident, Selection(deny=True, everybody=True))
    assert result.result == "done" and staff.denial()
    assert "choose the denial" in staff.way.revoke_principal(role, "x", Selection()).says


@pytest.mark.parametrize(
    ("kind", "name", "says"),
    [
        ("role", "AWSServiceRoleForSupport", "a service's own role"),
        ("role", "AWSReservedSSO_Admin_0123456789abcdef", "a role of Identity Center"),
        ("role", "nobody", "none of that name"), ("user", "nobody", "none of that name"),
        ("identity_center_user", "kim@example.com", "use contain_principal"),
    ],
)  # fmt: skip
def test_principals_that_are_not_touched(room, staff, kind, name, says):
    if name.startswith("AWS"):
        trust = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
        staff.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    result = staff.way.revoke_principal(Principal(room.account.id, kind, name), staff.incident, ALL)
    assert result.result == "refused" and says in result.says


@pytest.mark.parametrize(
    ("arn", "is_it"),
    [
        ("arn:aws:sts::111122223333:assumed-role/responder/session", True),
        ("arn:aws:sts::111122223333:assumed-role/other/session", False),
        ("arn:aws:iam::111122223333:user/responder", False),
        ("arn:aws:sts::999988887777:assumed-role/responder/session", False),
    ],
)
def test_the_responder_does_not_lock_itself_out(arn, is_it):
    assert Principal("111122223333", "role", "responder").is_asking(arn) == is_it


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        ("arn:aws:sts::111122223333:assumed-role/web/i-0123456789abcdef0", ("role", "web")),
        ("arn:aws:iam::111122223333:role/service/web", ("role", "web")),
        ("arn:aws:iam::111122223333:user/people/kim", ("user", "kim")),
        ("arn:aws:iam::111122223333:root", None),
        ("arn:aws:iam::111122223333:user/kim;x", None),
    ],
)
def test_a_principal_by_its_arn(arn, expected):
    if expected is None:
        with pytest.raises(BadTarget):
            principal_of_arn(arn)
        return
    found = principal_of_arn(arn)
    assert (found.kind, found.name) == expected


@pytest.mark.parametrize(
    "given",
    [("1", "user", "kim", ""), ("111122223333", "group", "x", ""), ("111122223333", "user", "a b", ""),
     ("111122223333", "user", "", ""), ("111122223333", "role", "", "ASIAIOSFODNN7EXAMPLE"),
     ("111122223333", "user", "kim", "AKIA'--")],
)  # fmt: skip
def test_what_names_no_principal(given):
    with pytest.raises(BadTarget):
        Principal(*given)


READING = (
    "ec2:DescribeInstances", "ec2:DescribeIamInstanceProfileAssociations", "iam:GetInstanceProfile", "iam:GetRole",
    "iam:ListInstanceProfilesForRole", "lambda:ListFunctions", "iam:ListRolePolicies", "iam:ListAttachedRolePolicies",
    "iam:GetRolePolicy", "s3:GetObject",
)  # fmt: skip
CHANGING = (
    "s3:PutObject", "ec2:ReplaceIamInstanceProfileAssociation", "ec2:ModifyInstanceMetadataOptions",
    "iam:PutRolePolicy", "iam:CreateRole", "iam:CreateInstanceProfile", "iam:AddRoleToInstanceProfile",
)  # fmt: skip
RESTORING = ("iam:DeleteRolePolicy",)
USERS = ("sts:GetCallerIdentity", "iam:GetUser", "iam:ListAccessKeys", "iam:GetUserPolicy", "iam:GetAccessKeyLastUsed")
USERS_CHANGING = ("iam:UpdateAccessKey", "iam:PutUserPolicy")


def forget_empty_profile(staff: Staff) -> None:
    for left in (
        lambda: staff.iam.remove_role_from_instance_profile(InstanceProfileName=NAME, RoleName=NAME),
        lambda: staff.iam.delete_instance_profile(InstanceProfileName=NAME),
        lambda: staff.iam.delete_role(RoleName=NAME),
    ):
        try:
            left()
        except staff.iam.exceptions.NoSuchEntityException:
            continue


def test_every_call_has_a_case(room, staff):
    forget_empty_profile(staff)
    room.session.made.clear()
    target = staff.server()
    staff.revoke(target)
    staff.restore(target)
    made = {f"{service}:{call}" for service, call in room.session.made}
    assert made == {*READING, *CHANGING, *RESTORING}
    room.session.made.clear()
    other = Staff(room)
    other.user()
    seen = Principal(room.account.id, "user", "", other.keys[0])
    other.way.revoke_principal(seen, other.incident, Selection(deny=True))
    made = {f"{service}:{call}" for service, call in room.session.made}
    assert made - {"s3:GetObject", "s3:PutObject"} == {*USERS, *USERS_CHANGING}


@pytest.fixture(scope="module")
def shared(room: ServerRoom) -> Tuple[Staff, Target]:
    staff = Staff(room)
    return staff, staff.server()


@pytest.mark.parametrize(
    "call, kind, times",
    seen("revoke_credentials", cases(READING, (*CHANGING, *RESTORING))),
)
def test_a_failure_is_never_called_revoked_and_never_called_restored(room, shared, call, kind, times):
    staff, target = shared
    staff.incident = f"incident-{next(_numbers)}"
    forget_empty_profile(staff)
    before = staff.state(target)

    def faulty(act: Any) -> str:
        return room.said_with(Fault(call, kind, times), lambda: act(target))

    revoked = (empty(room), "disabled", "2027-01-15T08:00:00Z")
    said = faulty(staff.revoke)
    came = room.session.failed
    assert (said in ("done", "already_done")) <= (staff.state(target) == revoked), said
    assert staff.revoke(target).result in ("done", "already_done")
    assert staff.state(target) == revoked
    said = faulty(staff.restore)
    came += room.session.failed
    assert (said in ("done", "already_done")) <= (staff.state(target) == before), said
    assert staff.restore(target).result in ("done", "already_done")
    assert staff.state(target) == before
    assert came, "the fault never came"


@pytest.mark.parametrize(
    "call, kind, times",
    seen("revoke_credentials of users", cases(USERS, USERS_CHANGING)),
)
def test_a_failure_with_a_user_is_never_called_revoked(room, call, kind, times):
    staff = Staff(room)
    staff.user(keys=1)
    seen = Principal(room.account.id, "user", "", staff.keys[0])
    chosen = Selection(deny=True)

    def revoked() -> bool:
        policies = staff.iam.list_user_policies(UserName=staff.name)["PolicyNames"]
        return staff.keys_are() == {staff.keys[0]: "Inactive"} and REVOKED_POLICY in policies

    room.session.fault, room.session.failed = Fault(call, kind, times), 0
    try:
        said = staff.way.revoke_principal(seen, staff.incident, chosen).result
    except (CallProblem, BadTarget):
        said = "error"
    finally:
        room.session.fault = None
    assert room.session.failed, "the fault never came"
    assert (said == "done") <= revoked(), said
    assert staff.way.revoke_principal(seen, staff.incident, chosen).result in ("done", "already_done")
    assert revoked()
