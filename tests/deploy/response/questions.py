"""What AWS asks its policies about a call: actions, the ARNs they are asked on, and the condition keys of the request.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Tuple, Union

from lab.policies import Question
from tests.deploy.response.conftest import HOME, PREFIX, REGION, STACK, Called

#: botocore's name of a service -> AWS's in policies.
_SERVICES = {
    "sso-admin": "sso",
    "elbv2": "elasticloadbalancing",
    "elb": "elasticloadbalancing",
    "stepfunctions": "states",
}
#: AWS's operations whose permission has another name.
_ACTIONS = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "securityhub:GetFindingsV2": "securityhub:GetFindings",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:GetObjectLockConfiguration": "s3:GetBucketObjectLockConfiguration",
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:UploadPart": "s3:PutObject",
    "s3:CompleteMultipartUpload": "s3:PutObject",
    "s3:ListParts": "s3:ListMultipartUploadParts",
}
#: On what an operation is asked: name of a parameter -> ARN. What is not here is asked on everything (``*``).
Given = Mapping[str, Any]
Asked = Tuple[str, str, Dict[str, Union[str, List[str]]]]


class Keys(NamedTuple):
    """ARNs of the stacks' keys."""

    evidence: str
    signing: str
    copies: str


def questions(called: Called, account: str, keys: Keys) -> Iterator[Question]:
    """Yield what is asked about a call."""
    role = called.role or f"{STACK}-{called.function}"
    assert role in (f"{PREFIX}-{called.function}", f"{STACK}-{called.function}", f"{STACK}-upload")
    principal = f"arn:aws:sts::{account}:assumed-role/{role}/session"
    for action, resource, context in _asked(called, account, keys):
        policy = _key_policy(account) if action.startswith("kms:") else None
        resource = keys.signing if resource == SIGNING else resource
        yield Question(principal, action, resource, account, resource_policy=policy, context=context)


def _asked(called: Called, account: str, keys: Keys) -> Iterator[Asked]:
    if f"{called.service}:{called.operation}" in ("sts:GetCallerIdentity", "securityhub:BatchUpdateFindingsV2"):
        return  # the first needs no permission, the second is newer than the simulator
    name = f"{_SERVICES.get(called.service, called.service)}:{called.operation}"
    action = _ACTIONS.get(name, name)
    specific = _ON.get(f"{called.service}:{called.operation}")
    if specific:
        for resource, context in specific(called.given, account):
            yield action, resource, context
    else:
        yield action, "*", {}
    yield from _besides(called, account, keys)


def _besides(called: Called, account: str, keys: Keys) -> Iterator[Asked]:
    """Yield what a call needs beside the action it is named after."""
    encrypted = called.given.get("Bucket", "").startswith(f"{STACK}-evidence")
    via_s3: Dict[str, Union[str, List[str]]] = {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}
    if encrypted and called.operation in ("PutObject", "CreateMultipartUpload", "UploadPart"):
        yield "kms:GenerateDataKey", keys.evidence, via_s3
    if encrypted and called.operation in ("GetObject", "UploadPart"):
        yield "kms:Decrypt", keys.evidence, via_s3
    if called.operation == "CreateSecurityGroup" and "TagSpecifications" in called.given:
        group = f"arn:aws:ec2:{REGION}:{account}:security-group/sg-0a1b2c3d4e5f60718"
        yield "ec2:CreateTags", group, {"ec2:CreateAction": "CreateSecurityGroup"}
    if encrypted and "ObjectLockMode" in called.given:
        yield "s3:PutObjectRetention", f"arn:aws:s3:::{called.given['Bucket']}/{called.given['Key']}", {}
    if called.operation in ("CreateSnapshots", "CreateImage", "CopySnapshot") and "TagSpecifications" in called.given:
        made = f"arn:aws:ec2:{REGION}::snapshot/snap-0a1b2c3d4e5f60718"
        yield "ec2:CreateTags", made, {"ec2:CreateAction": called.operation}
    if called.operation == "CreateVolume":
        yield "ec2:CreateTags", _ec2("volume", "vol-0a1b2c3d4e5f60718", account), {"ec2:CreateAction": "CreateVolume"}
    if called.operation == "CopySnapshot":
        via_ec2: Dict[str, Union[str, List[str]]] = {"kms:ViaService": f"ec2.{REGION}.amazonaws.com"}
        for action in ("DescribeKey", "CreateGrant", "Decrypt", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom"):
            yield f"kms:{action}", keys.copies, via_ec2
    if called.operation == "ReplaceIamInstanceProfileAssociation":
        role = f"arn:aws:iam::{account}:role/aws-siem-bridge-no-permissions"
        yield "iam:PassRole", role, {"iam:PassedToService": "ec2.amazonaws.com"}
    if called.operation == "CreateIPSet":
        yield "wafv2:TagResource", _ip_set(called.given, account), {}
    if called.operation == "AssociateIamInstanceProfile":
        yield "iam:PassRole", f"arn:aws:iam::{account}:role/web", {"iam:PassedToService": "ec2.amazonaws.com"}


def _ec2(kind: str, id: str, account: str) -> str:
    return f"arn:aws:ec2:{REGION}:{account}:{kind}/{id}"


def _instance(given: Given, account: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    yield _ec2("instance", given["InstanceId"], account), {}


def _interface(given: Given, account: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    yield _ec2("network-interface", given["NetworkInterfaceId"], account), {}
    for group in given["Groups"]:
        yield _ec2("security-group", group, account), {}


def _group(given: Given, account: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    # Our own groups have their tag from the moment they are made.
    tag = {"aws:ResourceTag/aws-siem-bridge:quarantine": "hard"}
    yield _ec2("security-group", given["GroupId"], account), tag


def _new_group(given: Given, account: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    yield _ec2("security-group", "sg-0a1b2c3d4e5f60718", account), {}
    yield _ec2("vpc", given["VpcId"], account), {}


def _targets(given: Given, account: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    yield given["TargetGroupArn"], {}


def _classic(given: Given, account: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    yield f"arn:aws:elasticloadbalancing:{REGION}:{account}:loadbalancer/{given['LoadBalancerName']}", {}


def _scaling(given: Given, account: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    name = given["AutoScalingGroupName"]
    yield (
        f"arn:aws:autoscaling:{REGION}:{account}:autoScalingGroup:*:autoScalingGroupName/{name}".replace(
            ":*:", ":7e0f2c6a-1111-4222-8333-444455556666:"
        ),
        {},
    )


def _object(given: Given, account: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    yield f"arn:aws:s3:::{given['Bucket']}/{given['Key']}", {}


def _bucket(given: Given, account: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    context = {"s3:prefix": given["Prefix"]} if "Prefix" in given else {}
    yield f"arn:aws:s3:::{given['Bucket']}", context


def _table(given: Given, account: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    yield f"arn:aws:dynamodb:{REGION}:{account}:table/{given['TableName']}", {}


def _item(given: Given, account: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    ((resource, _),) = _table(given, account)
    key = given["Item"]["pk"] if "Item" in given else given["Key"]["pk"]
    yield resource, {"dynamodb:LeadingKeys": [key["S"]]}


def _parameter(given: Given, account: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    yield f"arn:aws:ssm:{REGION}:{account}:parameter{given['Name']}", {}


def _machine(given: Given, account: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    yield given["stateMachineArn"], {}


def _execution(given: Given, account: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    yield given["executionArn"], {}


def _image(given: Given, account: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    yield _ec2("instance", given["InstanceId"], account), {}
    yield f"arn:aws:ec2:{REGION}::image/ami-0a1b2c3d4e5f60718", {}
    yield f"arn:aws:ec2:{REGION}::snapshot/snap-0a1b2c3d4e5f60718", {}


def _snapshots(given: Given, account: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    yield _ec2("instance", given["InstanceSpecification"]["InstanceId"], account), {}
    yield _ec2("volume", "vol-0a1b2c3d4e5f60718", account), {}
    yield f"arn:aws:ec2:{REGION}::snapshot/snap-0a1b2c3d4e5f60718", {}


def _snapshot(given: Given, account: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    id = given.get("SnapshotId") or given["SourceSnapshotId"]
    yield f"arn:aws:ec2:{REGION}::snapshot/{id}", {"aws:ResourceTag/aws-siem-bridge:evidence": "copy"}


def _locked(given: Given, account: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    # Ours have their tag from the moment they are made.
    tag = {"aws:ResourceTag/aws-siem-bridge:evidence": "original"}
    yield f"arn:aws:ec2:{REGION}::snapshot/{given['SnapshotId']}", tag


def _new_volume(given: Given, account: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    tags = {f"aws:RequestTag/{tag['Key']}": tag["Value"] for tag in given["TagSpecifications"][0]["Tags"]}
    encrypted = {"ec2:Encrypted": str(given["Encrypted"]).lower()}
    yield _ec2("volume", "vol-0a1b2c3d4e5f60718", account), {**tags, **encrypted}


def _volume(given: Given, account: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    tag = {"aws:ResourceTag/aws-siem-bridge:evidence": "capture-volume"}
    yield _ec2("volume", given["VolumeId"], account), tag
    if "InstanceId" in given:
        yield _ec2("instance", given["InstanceId"], account), {}


def _send(given: Given, account: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    yield f"arn:aws:ssm:{REGION}:{account}:document/{given['DocumentName']}", {}
    for id in given["InstanceIds"]:
        yield _ec2("instance", id, account), {}


def _key(given: Given, account: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    yield SIGNING, {}


def _profile(given: Given, account: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    yield f"arn:aws:iam::{account}:instance-profile/{given['InstanceProfileName']}", {}


def _role(given: Given, account: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    yield f"arn:aws:iam::{account}:role/{given['RoleName']}", {}


def _policy(given: Given, account: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    yield given["PolicyArn"], {}


def _ip_set(given: Given, account: str) -> str:
    scope, id = given["Scope"].lower().replace("cloudfront", "global"), given.get("Id", "0a1b2c3d")
    return f"arn:aws:wafv2:{REGION}:{account}:{scope}/ipset/{given['Name']}/{id}"


def _set(given: Given, account: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    yield _ip_set(given, account), {}


def _web_acl(given: Given, account: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    known = given.get("WebACLArn") or f"arn:aws:wafv2:{REGION}:{account}:regional/webacl/{given['Name']}/{given['Id']}"
    yield known, {}


def _rule_group(given: Given, account: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    yield given["ARN"], {}


def _user(given: Given, account: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    yield f"arn:aws:iam::{account}:user/{given['UserName']}", {}


def _secret(given: Given, account: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    yield HOME["ChannelsSecretArn"], {}  # the scene's own stands for it


def _topic(given: Given, account: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    yield given["TopicArn"].replace(account, "222233334444"), {}


def _account(given: Given, account: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    yield f"arn:aws:organizations::111122223333:account/o-a1b2c3d4e5/{given['AccountId']}", {}


def _function(given: Given, account: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    yield f"arn:aws:lambda:{REGION}:{account}:function:{given['FunctionName']}", {}


def _any_instance(given: Given, account: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    yield _ec2("instance", "i-0a1b2c3d4e5f60718", account), {}


USERS = ("GetUser", "ListAccessKeys", "UpdateAccessKey", "GetUserPolicy", "PutUserPolicy", "DeleteUserPolicy",
         "GetLoginProfile", "DeleteLoginProfile")  # fmt: skip
#: Stands for the stack's signing key, which the stand-in makes of another kind.
SIGNING = "signing"
_ON: Dict[str, Callable[[Given, str], Iterator[Tuple[str, Dict[str, Any]]]]] = {
    "ec2:ModifyInstanceAttribute": _instance,
    "ec2:ModifyInstanceMetadataOptions": _instance,
    "ec2:AssociateIamInstanceProfile": _instance,
    "ec2:ModifyNetworkInterfaceAttribute": _interface,
    "ec2:CreateSecurityGroup": _new_group,
    "ec2:RevokeSecurityGroupIngress": _group,
    "ec2:RevokeSecurityGroupEgress": _group,
    "ec2:AuthorizeSecurityGroupEgress": _group,
    "elbv2:RegisterTargets": _targets,
    "elbv2:DeregisterTargets": _targets,
    "elb:RegisterInstancesWithLoadBalancer": _classic,
    "elb:DeregisterInstancesFromLoadBalancer": _classic,
    "autoscaling:EnterStandby": _scaling,
    "autoscaling:ExitStandby": _scaling,
    "s3:PutObject": _object,
    "s3:GetObject": _object,
    "s3:HeadObject": _object,
    "s3:ListObjectsV2": _bucket,
    "dynamodb:GetItem": _item,
    "dynamodb:UpdateItem": _item,
    "dynamodb:PutItem": _item,
    "dynamodb:DeleteItem": _item,
    "dynamodb:Scan": _table,
    "dynamodb:Query": _table,
    "ssm:GetParameter": _parameter,
    "s3:GetObjectLockConfiguration": _bucket,
    "s3:CreateMultipartUpload": _object,
    "s3:UploadPart": _object,
    "s3:CompleteMultipartUpload": _object,
    "s3:AbortMultipartUpload": _object,
    "s3:ListParts": _object,
    "s3:DeleteObject": _object,
    "ec2:CreateImage": _image,
    "ec2:CreateSnapshots": _snapshots,
    "ec2:CopySnapshot": _snapshot,
    "ec2:ModifySnapshotAttribute": _snapshot,
    "ec2:DescribeSnapshotAttribute": _snapshot,
    "ec2:DeleteSnapshot": _snapshot,
    "ec2:LockSnapshot": _locked,
    "ec2:CreateVolume": _new_volume,
    **{f"ec2:{verb}Volume": _volume for verb in ("Attach", "Detach", "Delete")},
    "ec2:GetConsoleOutput": _instance,
    "ec2:GetConsoleScreenshot": _instance,
    "ssm:SendCommand": _send,
    "kms:Sign": _key,
    "kms:GetPublicKey": _key,
    **{f"iam:{verb}InstanceProfile": _profile for verb in ("Get", "Create", "AddRoleTo")},
    **{
        f"iam:{name}": _role
        for name in ("CreateRole", "PutRolePolicy", "DeleteRolePolicy", "ListInstanceProfilesForRole")
    },
    **{f"iam:{name}": _user for name in USERS},
    "secretsmanager:GetSecretValue": _secret,
    "sns:Publish": _topic,
    "organizations:DescribeAccount": _account,
    "lambda:Invoke": _function,
    "ec2:ReplaceIamInstanceProfileAssociation": _any_instance,
    "iam:GetRole": _role,
    "iam:ListAttachedRolePolicies": _role,
    "iam:ListRolePolicies": _role,
    "iam:GetRolePolicy": _role,
    "iam:GetPolicy": _policy,
    "iam:GetPolicyVersion": _policy,
    "wafv2:CreateIPSet": _set,
    "wafv2:GetIPSet": _set,
    "wafv2:UpdateIPSet": _set,
    "wafv2:GetWebACL": _web_acl,
    "wafv2:ListResourcesForWebACL": _web_acl,
    "wafv2:GetRuleGroup": _rule_group,
    "stepfunctions:StartExecution": _machine,
    "stepfunctions:DescribeExecution": _execution,
}


def _key_policy(account: str) -> Dict[str, Any]:
    """Return what AWS puts into a new key's policy: the account's policies decide."""
    owner = {"AWS": f"arn:aws:iam::{account}:root"}
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": owner, "Action": "kms:*", "Resource": "*"}],
    }
