"""CloudTrail: an ordinary day's API calls, and the attacker's among them.

The mix follows a real account's files: mostly reads by services and servers, S3 data events, key use, health reports
of agents, some people at work, a few changes, three to four per cent refusals and errors.
"""

from __future__ import annotations

import random
from itertools import accumulate
from typing import Any, Callable, Dict, Iterator, List, Tuple

from lab.story import attack, cast
from lab.story.callers import (
    BOTO,
    JAVA,
    SSM_AGENT,
    TERRAFORM,
    Caller,
    aws_service,
    iam_user,
    instance_session,
    other_account,
    role_session,
    root_user,
    service_event,
    web_identity,
)
from lab.story.clock import american
from lab.story.cloudtrail_record import RecordMaker, not_authorized, object_request, object_resources
from lab.story.labelled import LabelledRecord

Shape = Callable[[int], Dict[str, Any]]

DEPLOY_POLICY = """{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "ReadImages",
      "Effect": "Allow",
      "Action": ["ecr:GetAuthorizationToken", "ecr:BatchGetImage"],
      "Resource": "*",
      "Condition": {"StringEquals": {"aws:PrincipalTag/team": "shop \\"web\\""}}
    }
  ]
}"""


def attack_records(seed: int, start_ms: int, end_ms: int) -> List[LabelledRecord]:
    """Return the attacker's records in the order of time."""
    make = RecordMaker(random.Random(f"{seed}:cloudtrail:attack"))
    thief = instance_session(cast.WEB_1, cast.ATTACKER_AGENT, cast.ATTACKER_CLOUD_IP)
    found = []
    for time_ms, step, call in sorted(attack.calls(start_ms, end_ms), key=lambda timed: timed.time_ms):
        time_s = max(-(-start_ms // 1000), time_ms // 1000)
        found.append(LabelledRecord(time_s, step, _stolen_call(make, thief, time_s, call)))
    return found


def _stolen_call(make: RecordMaker, thief: Caller, time_s: int, call: attack.Call) -> Dict[str, Any]:
    thief.at(time_s)
    message = ""
    if call.error:
        action = call.action or f"{call.service}:{call.name}"
        message = not_authorized(thief.arn, action, call.resource)
        if call.error == attack.UNAUTHORIZED:
            message = (
                f"You are not authorized to perform this operation. {message}. Encoded authorization failure message: "
                + make.session_token()
            )
    resources = None
    additional = None
    if call.service == "s3":
        additional = make.s3_additional(0, max(0, call.bytes_out))
        if call.name == "GetObject":
            bucket = cast.BACKUPS if call.error else cast.CUSTOMERS
            resources = object_resources(bucket, call.request["key"])
        elif call.resource:
            resources = [{"accountId": cast.PRODUCTION, "type": "AWS::S3::Bucket", "ARN": call.resource}]
    elif call.resource.startswith("arn:") and not call.error:
        resources = [{"accountId": cast.PRODUCTION, "ARN": call.resource}]
    return make.record(
        thief,
        time_s,
        call.service,
        call.name,
        call.request,
        call.response,
        read_only=call.read_only,
        error=call.error,
        message=message,
        resources=resources,
        additional=additional,
        data_event=call.bytes_out >= 0,
    )


class Background:
    """The ordinary calls. ``records(times)`` makes one for each moment."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(f"{seed}:cloudtrail:background")
        self._make = RecordMaker(self._rng)
        people = [
            role_session(cast.Role(person.sso_role, person.account), person.name, person.address, person.user_agent)
            for person in cast.PEOPLE
            if person.sso_role
        ]
        self._users = [iam_user(person) for person in cast.PEOPLE if not person.sso_role]
        self._console_users = [iam_user(person, console=True) for person in cast.PEOPLE[:2] + cast.PEOPLE[4:5]]
        self._people = people + self._users + self._console_users
        self._servers = [instance_session(instance, BOTO) for instance in cast.INSTANCES]
        self._web = [instance_session(instance, JAVA) for instance in (cast.WEB_1, cast.WEB_2)]
        self._web_inside = [
            instance_session(instance, JAVA, instance.private_ip) for instance in (cast.WEB_1, cast.WEB_2)
        ]
        self._batch = instance_session(cast.BATCH, BOTO)
        self._agents = [instance_session(instance, SSM_AGENT) for instance in cast.INSTANCES]
        self._deploy = role_session(cast.DEPLOY_ROLE, "GitHubActions", "192.0.2.140", TERRAFORM)
        self._audit = role_session(cast.AUDIT_ROLE, "prowler", "192.0.2.60", BOTO)
        self._config = role_session(cast.CONFIG_ROLE, "AWSConfig-Describe", "", "", invoked_by="config.amazonaws.com")
        self._inspector = role_session(
            cast.INSPECTOR_ROLE, "MandoService-4719190630289683262", "", "", invoked_by="inspector2.amazonaws.com"
        )
        self._autoscaling = role_session(
            cast.AUTOSCALING_ROLE, "AutoScaling", "", "", invoked_by="autoscaling.amazonaws.com"
        )
        self._secrets = role_session(cast.WEB_ROLE, cast.WEB_1.id, "", "", invoked_by="secretsmanager.amazonaws.com")
        self._mailer = role_session(cast.LAMBDA_ROLE, "order-mailer", cast.NAT_IP, BOTO)
        self._services = [
            aws_service(name)
            for name in (
                "ec2.amazonaws.com",
                "lambda.amazonaws.com",
                "config.amazonaws.com",
                "cloudtrail.amazonaws.com",
            )
        ]
        self._supplier = other_account(cast.SUPPLIER, "ordersync", cast.PRODUCTION, "192.0.2.200")
        self._github = web_identity(
            "token.actions.githubusercontent.com",
            "repo:example/shop:ref:refs/heads/main",
            "192.0.2.140",
            cast.PRODUCTION,
        )
        self._root = root_user(cast.PEOPLE[0])
        self._ec2_itself = service_event("ec2.amazonaws.com")
        self._kms_itself = service_event("kms.amazonaws.com")
        shapes: List[Tuple[float, Shape]] = [
            (85, self._get_object),
            (50, self._put_object),
            (18, self._list_objects),
            (10, self._get_object_refused),
            (6, self._get_object_other_account),
            (90, self._decrypt),
            (160, self._generate_data_key),
            (95, self._bucket_acl),
            (55, self._assume_role_by_service),
            (25, self._assume_role),
            (8, self._assume_role_with_web_identity),
            (20, self._get_caller_identity),
            (80, self._update_instance_information),
            (45, self._get_parameter),
            (95, self._describe_instances),
            (60, self._describe_network),
            (8, self._ec2_refused),
            (5, self._run_instances),
            (4, self._terminate_instances),
            (4, self._authorize_ingress),
            (8, self._create_tags),
            (35, self._target_health),
            (35, self._create_log_stream),
            (28, self._get_metric_data),
            (16, self._lambda_reads),
            (4, self._update_function_code),
            (16, self._describe_table),
            (24, self._iam_reads),
            (5, self._iam_refused),
            (2, self._create_policy_version),
            (1.5, self._put_bucket_policy),
            (22, self._get_secret_value),
            (12, self._trail_reads),
            (6, self._list_findings),
            (9, self._throttled),
            (5, self._console_login),
            (1, self._console_login_failed),
            (0.3, self._root_at_work),
            (2, self._snapshot_event),
            (0.5, self._rotate_key_event),
        ]
        self._shapes = [shape for _, shape in shapes]
        self._weights = list(accumulate(weight for weight, _ in shapes))

    def records(self, times_s: List[int]) -> Iterator[Dict[str, Any]]:
        """Yield one record for each of ``times_s``, in their order."""
        chosen = self._rng.choices(self._shapes, cum_weights=self._weights, k=len(times_s))
        for time_s, shape in zip(times_s, chosen):
            yield shape(time_s)

    # S3

    def _get_object(self, time_s: int) -> Dict[str, Any]:
        bucket = cast.ASSETS if self._rng.random() < 0.5 else cast.ORDERS
        key = self._rng.choice(bucket.keys)
        return self._object_call(self._rng.choice(self._web_inside), time_s, "GetObject", bucket, key)

    def _put_object(self, time_s: int) -> Dict[str, Any]:
        bucket = cast.CUSTOMERS if self._rng.random() < 0.02 else cast.ORDERS
        key = self._rng.choice(bucket.keys)
        return self._object_call(self._batch, time_s, "PutObject", bucket, key, read_only=False)

    def _get_object_other_account(self, time_s: int) -> Dict[str, Any]:
        key = self._rng.choice(cast.ORDERS.keys)
        return self._object_call(self._supplier, time_s, "GetObject", cast.ORDERS, key, shared=True)

    def _get_object_refused(self, time_s: int) -> Dict[str, Any]:
        caller = self._rng.choice(self._users)
        caller.at(time_s)
        key = self._rng.choice(cast.BACKUPS.keys)
        message = not_authorized(caller.arn, "s3:GetObject", f"arn:aws:s3:::{cast.BACKUPS.name}/{key}")
        return self._object_call(caller, time_s, "GetObject", cast.BACKUPS, key, error="AccessDenied", message=message)

    def _object_call(
        self, caller: Caller, time_s: int, name: str, bucket: cast.Bucket, key: str, **more: Any
    ) -> Dict[str, Any]:
        size = self._rng.randrange(200, 400_000)
        writes = name == "PutObject"
        request = object_request(bucket, key)
        response = None
        if writes:
            request["x-amz-server-side-encryption"] = "aws:kms"
            response = {
                "x-amz-server-side-encryption": "aws:kms",
                "x-amz-server-side-encryption-aws-kms-key-id": cast.DATA_KEY_ARN,
            }
        return self._make.record(
            caller,
            time_s,
            "s3",
            name,
            request,
            response,
            resources=object_resources(bucket, key),
            additional=self._make.s3_additional(size if writes else 0, 0 if writes or "error" in more else size),
            data_event=True,
            endpoint=cast.S3_ENDPOINT if caller.address.startswith("10.") else "",
            **more,
        )

    def _list_objects(self, time_s: int) -> Dict[str, Any]:
        request = {
            "list-type": "2",
            "bucketName": cast.ORDERS.name,
            "prefix": f"orders/2026/{self._rng.randrange(1, 12):02d}/",
            "Host": f"{cast.ORDERS.name}.s3.{cast.REGION}.amazonaws.com",
        }
        bucket = {"accountId": cast.PRODUCTION, "type": "AWS::S3::Bucket", "ARN": f"arn:aws:s3:::{cast.ORDERS.name}"}
        return self._make.record(
            self._batch,
            time_s,
            "s3",
            "ListObjects",
            request,
            resources=[{"type": "AWS::S3::Object", "ARNPrefix": f"arn:aws:s3:::{cast.ORDERS.name}/"}, bucket],
            additional=self._make.s3_additional(0, self._rng.randrange(500, 90_000)),
            data_event=True,
        )

    def _bucket_acl(self, time_s: int) -> Dict[str, Any]:
        bucket = self._rng.choice((cast.LOGS, cast.ORDERS, cast.ASSETS))
        request = {"bucketName": bucket.name, "Host": f"{bucket.name}.s3.{cast.REGION}.amazonaws.com", "acl": ""}
        return self._make.record(
            self._services[3],
            time_s,
            "s3",
            "GetBucketAcl",
            request,
            resources=[{"accountId": bucket.account, "type": "AWS::S3::Bucket", "ARN": f"arn:aws:s3:::{bucket.name}"}],
            additional=self._make.s3_additional(0, 552),
            shared=True,
        )

    # KMS, STS, Systems Manager, Secrets Manager

    def _decrypt(self, time_s: int) -> Dict[str, Any]:
        return self._key_call(
            self._secrets,
            time_s,
            "Decrypt",
            {
                "encryptionAlgorithm": "SYMMETRIC_DEFAULT",
                "encryptionContext": {"SecretARN": cast.DATABASE_SECRET_ARN, "SecretVersionId": self._make.uuid()},
            },
        )

    def _generate_data_key(self, time_s: int) -> Dict[str, Any]:
        context = {"aws:s3:arn": f"arn:aws:s3:::{cast.ORDERS.name}/{self._rng.choice(cast.ORDERS.keys)}"}
        request = {"keySpec": "AES_256", "encryptionContext": context, "keyId": cast.DATA_KEY_ARN}
        return self._key_call(self._rng.choice(self._services), time_s, "GenerateDataKey", request)

    def _key_call(self, caller: Caller, time_s: int, name: str, request: Dict[str, Any]) -> Dict[str, Any]:
        key = {"accountId": cast.PRODUCTION, "type": "AWS::KMS::Key", "ARN": cast.DATA_KEY_ARN}
        return self._make.record(caller, time_s, "kms", name, request, resources=[key])

    def _assume_role_by_service(self, time_s: int) -> Dict[str, Any]:
        caller, role, session = self._rng.choice(
            (
                (self._services[0], cast.WEB_ROLE, self._rng.choice(cast.INSTANCES).id),
                (self._services[1], cast.LAMBDA_ROLE, "order-mailer"),
                (self._services[2], cast.CONFIG_ROLE, "AWSConfig-Describe"),
            )
        )
        return self._assumed(caller, time_s, role, session, shared=True)

    def _assume_role(self, time_s: int) -> Dict[str, Any]:
        return self._assumed(self._rng.choice(self._people), time_s, cast.AUDIT_ROLE, f"session-{time_s}")

    def _assumed(
        self, caller: Caller, time_s: int, role: cast.Role, session: str, shared: bool = False
    ) -> Dict[str, Any]:
        return self._make.record(
            caller,
            time_s,
            "sts",
            "AssumeRole",
            {"roleArn": role.arn, "roleSessionName": session, "durationSeconds": 3600},
            self._assumed_response(time_s, role, session),
            resources=[{"accountId": role.account, "type": "AWS::IAM::Role", "ARN": role.arn}],
            shared=shared,
        )

    def _assumed_response(self, time_s: int, role: cast.Role, session: str) -> Dict[str, Any]:
        return {
            "credentials": {
                "accessKeyId": cast.aws_id("ASIA", session[-9:]),
                "sessionToken": self._make.session_token(),
                "expiration": american(time_s + 3600),
            },
            "assumedRoleUser": {
                "assumedRoleId": f"{role.id}:{session}",
                "arn": f"arn:aws:sts::{role.account}:assumed-role/{role.name}/{session}",
            },
        }

    def _assume_role_with_web_identity(self, time_s: int) -> Dict[str, Any]:
        response = self._assumed_response(time_s, cast.DEPLOY_ROLE, "GitHubActions")
        response["subjectFromWebIdentityToken"] = "repo:example/shop:ref:refs/heads/main"
        return self._make.record(
            self._github,
            time_s,
            "sts",
            "AssumeRoleWithWebIdentity",
            {"roleArn": cast.DEPLOY_ROLE.arn, "roleSessionName": "GitHubActions"},
            response,
            resources=[{"accountId": cast.PRODUCTION, "type": "AWS::IAM::Role", "ARN": cast.DEPLOY_ROLE.arn}],
        )

    def _get_caller_identity(self, time_s: int) -> Dict[str, Any]:
        return self._make.record(self._rng.choice(self._people), time_s, "sts", "GetCallerIdentity")

    def _update_instance_information(self, time_s: int) -> Dict[str, Any]:
        number = self._rng.randrange(len(cast.INSTANCES))
        request = {
            "instanceId": cast.INSTANCES[number].id,
            "agentVersion": "3.3.3050.0",
            "agentStatus": "Active",
            "platformType": "Linux",
            "platformName": "Amazon Linux",
            "platformVersion": "2023",
            "agentName": "amazon-ssm-agent",
        }
        return self._make.record(
            self._agents[number], time_s, "ssm", "UpdateInstanceInformation", request, read_only=False
        )

    def _get_parameter(self, time_s: int) -> Dict[str, Any]:
        name = self._rng.choice(("/shop/web/feature-flags", "/shop/web/jdbc-url", "/shop/batch/schedule"))
        arn = f"arn:aws:ssm:{cast.REGION}:{cast.PRODUCTION}:parameter{name}"
        return self._make.record(
            self._rng.choice(self._servers),
            time_s,
            "ssm",
            "GetParameter",
            {"name": name, "withDecryption": self._rng.random() < 0.5},
            resources=[{"accountId": cast.PRODUCTION, "ARN": arn}],
        )

    def _get_secret_value(self, time_s: int) -> Dict[str, Any]:
        request = {"secretId": cast.DATABASE_SECRET_ARN}
        if self._rng.random() < 0.12:
            caller = self._mailer
            caller.at(time_s)
            message = not_authorized(caller.arn, "secretsmanager:GetSecretValue", cast.DATABASE_SECRET_ARN)
            return self._make.record(
                caller, time_s, "secretsmanager", "GetSecretValue", error="AccessDenied", message=message
            )
        return self._make.record(self._rng.choice(self._web), time_s, "secretsmanager", "GetSecretValue", request)

    # EC2

    def _describe_instances(self, time_s: int) -> Dict[str, Any]:
        caller = self._rng.choice((self._config, self._inspector, self._autoscaling, self._rng.choice(self._people)))
        chosen = self._rng.sample(cast.INSTANCES, self._rng.randrange(0, 4))
        states = [{"value": "running"}, {"value": "pending"}]
        request = {
            "instancesSet": {"items": [{"instanceId": instance.id} for instance in chosen]} if chosen else {},
            "filterSet": {"items": [{"name": "instance-state-name", "valueSet": {"items": states}}]},
        }
        return self._make.record(caller, time_s, "ec2", "DescribeInstances", request)

    def _describe_network(self, time_s: int) -> Dict[str, Any]:
        name, request = self._rng.choice(
            (
                ("DescribeSecurityGroups", {"securityGroupSet": {}, "securityGroupIdSet": {}, "filterSet": {}}),
                ("DescribeSubnets", {"subnetSet": {"items": [{"subnetId": cast.WEB_1.subnet}]}, "filterSet": {}}),
                (
                    "DescribeRouteTables",
                    {
                        "routeTableIdSet": {},
                        "filterSet": {"items": [{"name": "vpc-id", "valueSet": {"items": [{"value": cast.VPC}]}}]},
                    },
                ),
                (
                    "DescribeNatGateways",
                    {"DescribeNatGatewaysRequest": {"NatGatewayId": {"tag": 1, "content": "nat-0a1b2c3d"}}},
                ),
                (
                    "DescribeNetworkInterfaces",
                    {"networkInterfaceIdSet": {"items": [{"networkInterfaceId": cast.WEB_1.eni}]}},
                ),
            )
        )
        caller = self._rng.choice((self._config, self._deploy, self._audit, self._rng.choice(self._people)))
        return self._make.record(caller, time_s, "ec2", name, request)

    def _ec2_refused(self, time_s: int) -> Dict[str, Any]:
        caller = self._rng.choice(self._people)
        caller.at(time_s)
        action = self._rng.choice(("CreateSnapshot", "StopInstances", "ModifyInstanceAttribute"))
        instance = self._rng.choice(cast.INSTANCES)
        arn = f"arn:aws:ec2:{cast.REGION}:{cast.PRODUCTION}:instance/{instance.id}"
        message = (
            "You are not authorized to perform this operation. "
            + not_authorized(caller.arn, f"ec2:{action}", arn)
            + ". Encoded authorization failure message: "
            + self._make.session_token()
        )
        return self._make.record(
            caller,
            time_s,
            "ec2",
            action,
            {"instancesSet": {"items": [{"instanceId": instance.id}]}, "force": False},
            error="Client.UnauthorizedOperation",
            message=message,
            read_only=False,
        )

    def _run_instances(self, time_s: int) -> Dict[str, Any]:
        make = self._make
        image, launch_ms, token = "ami-0a1b2c3d4e5f60777", time_s * 1000, make.uuid()
        tags = {
            "items": [{"key": "aws:autoscaling:groupName", "value": "shop-web"}, {"key": "용도", "value": "웹 서버"}]
        }
        count = self._rng.randrange(1, 4)
        group = {"items": [{"groupId": cast.WEB_SECURITY_GROUP}]}
        started = []
        for number in range(count):
            address = f"10.20.11.{self._rng.randrange(50, 250)}"
            started.append(
                {
                    "instanceId": make.hex_id("i"),
                    "imageId": image,
                    "instanceState": {"code": 0, "name": "pending"},
                    "privateDnsName": f"ip-{address.replace('.', '-')}.{cast.REGION}.compute.internal",
                    "amiLaunchIndex": number,
                    "productCodes": {},
                    "instanceType": "m7g.large",
                    "launchTime": launch_ms,
                    "placement": {"availabilityZone": cast.REGION + "a", "tenancy": "default"},
                    "monitoring": {"state": "disabled"},
                    "subnetId": cast.WEB_1.subnet,
                    "vpcId": cast.VPC,
                    "privateIpAddress": address,
                    "stateReason": {"code": "pending", "message": "pending"},
                    "architecture": "arm64",
                    "rootDeviceType": "ebs",
                    "rootDeviceName": "/dev/xvda",
                    "blockDeviceMapping": {},
                    "virtualizationType": "hvm",
                    "hypervisor": "xen",
                    "tagSet": tags,
                    "clientToken": token,
                    "groupSet": group,
                    "sourceDestCheck": True,
                    "networkInterfaceSet": {
                        "items": [
                            {
                                "networkInterfaceId": make.hex_id("eni"),
                                "subnetId": cast.WEB_1.subnet,
                                "vpcId": cast.VPC,
                                "ownerId": cast.PRODUCTION,
                                "status": "in-use",
                                "privateIpAddress": address,
                                "sourceDestCheck": True,
                                "groupSet": group,
                                "privateIpAddressesSet": {"item": [{"privateIpAddress": address, "primary": True}]},
                                "ipv6AddressesSet": {},
                                "tagSet": {},
                            }
                        ]
                    },
                    "ebsOptimized": True,
                    "enaSupport": True,
                    "cpuOptions": {"coreCount": 2, "threadsPerCore": 1},
                    "metadataOptions": {"state": "pending", "httpTokens": "optional", "httpPutResponseHopLimit": 2},
                }
            )
        request = {
            "instancesSet": {"items": [{"imageId": image, "minCount": count, "maxCount": count}]},
            "instanceType": "m7g.large",
            "blockDeviceMapping": {},
            "monitoring": {"enabled": False},
            "subnetId": cast.WEB_1.subnet,
            "disableApiTermination": False,
            "clientToken": token,
            "iamInstanceProfile": {"name": "shop-web"},
            "tagSpecificationSet": {"items": [{"resourceType": "instance", "tags": tags["items"]}]},
        }
        response = {
            "requestId": make.uuid(),
            "reservationId": make.hex_id("r"),
            "ownerId": cast.PRODUCTION,
            "groupSet": {},
            "instancesSet": {"items": started},
            "requesterId": cast.PRODUCTION,
        }
        return make.record(self._autoscaling, time_s, "ec2", "RunInstances", request, response, read_only=False)

    def _terminate_instances(self, time_s: int) -> Dict[str, Any]:
        instances = [self._make.hex_id("i") for _ in range(self._rng.randrange(1, 4))]
        ended = [
            {
                "instanceId": instance,
                "currentState": {"code": 32, "name": "shutting-down"},
                "previousState": {"code": 16, "name": "running"},
            }
            for instance in instances
        ]
        return self._make.record(
            self._autoscaling,
            time_s,
            "ec2",
            "TerminateInstances",
            {"instancesSet": {"items": [{"instanceId": instance} for instance in instances]}},
            {"requestId": self._make.uuid(), "instancesSet": {"items": ended}},
            read_only=False,
        )

    def _authorize_ingress(self, time_s: int) -> Dict[str, Any]:
        rule = {"cidrIp": f"192.0.2.{self._rng.randrange(1, 255)}/32", "description": "office"}
        permission = {
            "ipProtocol": "tcp",
            "fromPort": 443,
            "toPort": 443,
            "groups": {},
            "ipRanges": {"items": [rule]},
            "ipv6Ranges": {},
            "prefixListIds": {},
        }
        created = {
            "groupOwnerId": cast.PRODUCTION,
            "groupId": cast.WEB_SECURITY_GROUP,
            "securityGroupRuleId": self._make.hex_id("sgr"),
            "isEgress": False,
            "ipProtocol": "tcp",
            "fromPort": 443,
            "toPort": 443,
            "cidrIpv4": rule["cidrIp"],
        }
        return self._make.record(
            self._deploy,
            time_s,
            "ec2",
            "AuthorizeSecurityGroupIngress",
            {"groupId": cast.WEB_SECURITY_GROUP, "ipPermissions": {"items": [permission]}},
            {"requestId": self._make.uuid(), "_return": True, "securityGroupRuleSet": {"items": [created]}},
            read_only=False,
        )

    def _create_tags(self, time_s: int) -> Dict[str, Any]:
        tags = [{"key": "Name", "value": "shop-web"}, {"key": "배포", "value": f"{time_s % 500}차"}]
        request = {"resourcesSet": {"items": [{"resourceId": self._make.hex_id("i")}]}, "tagSet": {"items": tags}}
        response = {"requestId": self._make.uuid(), "_return": True}
        return self._make.record(self._deploy, time_s, "ec2", "CreateTags", request, response, read_only=False)

    def _target_health(self, time_s: int) -> Dict[str, Any]:
        group = f"arn:aws:elasticloadbalancing:{cast.REGION}:{cast.PRODUCTION}:targetgroup/shop-web/73e2d6bc24d8a067"
        caller = self._rng.choice((self._autoscaling, self._deploy))
        request = {"targetGroupArn": group}
        return self._make.record(caller, time_s, "elasticloadbalancing", "DescribeTargetHealth", request)

    def _snapshot_event(self, time_s: int) -> Dict[str, Any]:
        event = self._make.record(
            self._ec2_itself,
            time_s,
            "ec2",
            "SharedSnapshotVolumeCreated",
            read_only=False,
            event_type="AwsServiceEvent",
            shared=True,
        )
        event["serviceEventDetails"] = {"snapshotId": self._make.hex_id("snap")}
        return event

    # CloudWatch, Lambda, DynamoDB

    def _create_log_stream(self, time_s: int) -> Dict[str, Any]:
        request = {
            "logGroupName": "/aws/lambda/order-mailer",
            "logStreamName": f"2026/11/21/[$LATEST]{self._rng.getrandbits(128):032x}",
        }
        return self._make.record(self._mailer, time_s, "logs", "CreateLogStream", request, read_only=False)

    def _get_metric_data(self, time_s: int) -> Dict[str, Any]:
        queries = [
            {
                "id": f"q{number}",
                "metricStat": {
                    "metric": {
                        "namespace": "AWS/ApplicationELB",
                        "metricName": name,
                        "dimensions": [{"name": "LoadBalancer", "value": "app/shop-alb/50dc6c495c0c9188"}],
                    },
                    "period": 60,
                    "stat": "Sum",
                },
            }
            for number, name in enumerate(("RequestCount", "HTTPCode_Target_5XX_Count")[: self._rng.randrange(1, 3)])
        ]
        request = {"metricDataQueries": queries, "startTime": american(time_s - 3600), "endTime": american(time_s)}
        return self._make.record(self._rng.choice(self._people), time_s, "monitoring", "GetMetricData", request)

    def _lambda_reads(self, time_s: int) -> Dict[str, Any]:
        name, request = self._rng.choice(
            (
                ("ListFunctions20150331", {"maxItems": 50}),
                (
                    "GetFunction20150331v2",
                    {"functionName": f"arn:aws:lambda:{cast.REGION}:{cast.PRODUCTION}:function:order-mailer"},
                ),
            )
        )
        return self._make.record(self._rng.choice(self._people), time_s, "lambda", name, request)

    def _update_function_code(self, time_s: int) -> Dict[str, Any]:
        arn = f"arn:aws:lambda:{cast.REGION}:{cast.PRODUCTION}:function:order-mailer"
        response = {
            "functionName": "order-mailer",
            "functionArn": arn,
            "runtime": "python3.13",
            "role": cast.LAMBDA_ROLE.arn,
            "handler": "mailer.handle",
            "codeSize": self._rng.randrange(10_000, 9_000_000),
            "description": "주문 확인 메일",
            "timeout": 30,
            "memorySize": 256,
            "codeSha256": self._make.session_token()[20:64],
            "version": str(time_s % 900),
            "environment": {},
            "tracingConfig": {"mode": "PassThrough"},
        }
        request = {"functionName": arn, "publish": True, "dryRun": False}
        return self._make.record(
            self._deploy, time_s, "lambda", "UpdateFunctionCode20150331v2", request, response, read_only=False
        )

    def _describe_table(self, time_s: int) -> Dict[str, Any]:
        arn = f"arn:aws:dynamodb:{cast.REGION}:{cast.PRODUCTION}:table/carts"
        return self._make.record(
            self._rng.choice(self._web),
            time_s,
            "dynamodb",
            "DescribeTable",
            {"tableName": "carts"},
            resources=[{"accountId": cast.PRODUCTION, "type": "AWS::DynamoDB::Table", "ARN": arn}],
        )

    # IAM, policies, sign-in

    def _iam_reads(self, time_s: int) -> Dict[str, Any]:
        name, request = self._rng.choice(
            (
                ("ListRoles", None),
                ("GetRole", {"roleName": cast.WEB_ROLE.name}),
                ("ListAttachedRolePolicies", {"roleName": cast.BATCH_ROLE.name}),
                ("GetUser", {"userName": "서연.정"}),
                ("GetAccountSummary", None),
            )
        )
        return self._make.record(self._rng.choice((self._audit, self._deploy)), time_s, "iam", name, request)

    def _iam_refused(self, time_s: int) -> Dict[str, Any]:
        caller = self._rng.choice(self._people)
        caller.at(time_s)
        name = self._rng.choice(("ListUsers", "ListAccessKeys", "GetCredentialReport"))
        message = not_authorized(caller.arn, f"iam:{name}", f"arn:aws:iam::{caller.account}:user/")
        return self._make.record(caller, time_s, "iam", name, error="AccessDenied", message=message)

    def _create_policy_version(self, time_s: int) -> Dict[str, Any]:
        arn = f"arn:aws:iam::{cast.PRODUCTION}:policy/deploy"
        version = {"versionId": f"v{time_s % 90}", "isDefaultVersion": True, "createDate": american(time_s)}
        return self._make.record(
            self._deploy,
            time_s,
            "iam",
            "CreatePolicyVersion",
            {"policyArn": arn, "policyDocument": DEPLOY_POLICY, "setAsDefault": True},
            {"policyVersion": version},
            read_only=False,
        )

    def _put_bucket_policy(self, time_s: int) -> Dict[str, Any]:
        policy = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "주문 연동",
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{cast.SUPPLIER}:root"},
                    "Action": ["s3:GetObject", "s3:ListBucket"],
                    "Resource": [f"arn:aws:s3:::{cast.ORDERS.name}", f"arn:aws:s3:::{cast.ORDERS.name}/*"],
                    "Condition": {"Bool": {"aws:SecureTransport": "true"}},
                }
            ],
        }
        return self._make.record(
            self._deploy,
            time_s,
            "s3",
            "PutBucketPolicy",
            {
                "bucketPolicy": policy,
                "bucketName": cast.ORDERS.name,
                "Host": f"{cast.ORDERS.name}.s3.amazonaws.com",
                "policy": "",
            },
            read_only=False,
            resources=[
                {"accountId": cast.PRODUCTION, "type": "AWS::S3::Bucket", "ARN": f"arn:aws:s3:::{cast.ORDERS.name}"}
            ],
            additional=self._make.s3_additional(512, 0),
        )

    def _console_login(self, time_s: int) -> Dict[str, Any]:
        additional = {
            "LoginTo": f"https://{cast.REGION}.console.aws.amazon.com/console/home",
            "MobileVersion": "No",
            "MFAUsed": "Yes",
        }
        return self._sign_in(self._rng.choice(self._users), time_s, {"ConsoleLogin": "Success"}, additional)

    def _console_login_failed(self, time_s: int) -> Dict[str, Any]:
        additional = {"LoginTo": "https://console.aws.amazon.com/", "MobileVersion": "No", "MFAUsed": "No"}
        return self._sign_in(
            self._rng.choice(self._users),
            time_s,
            {"ConsoleLogin": "Failure"},
            additional,
            message="Failed authentication",
        )

    def _root_at_work(self, time_s: int) -> Dict[str, Any]:
        if self._rng.random() < 0.5:
            additional = {"LoginTo": "https://console.aws.amazon.com/", "MobileVersion": "No", "MFAUsed": "Yes"}
            return self._sign_in(self._root, time_s, {"ConsoleLogin": "Success"}, additional)
        return self._make.record(self._root, time_s, "iam", "GetAccountSummary")

    def _sign_in(
        self, caller: Caller, time_s: int, response: Dict[str, Any], additional: Dict[str, Any], message: str = ""
    ) -> Dict[str, Any]:
        return self._make.record(
            caller,
            time_s,
            "signin",
            "ConsoleLogin",
            None,
            response,
            additional=additional,
            message=message,
            read_only=False,
            event_type="AwsConsoleSignIn",
        )

    # CloudTrail, GuardDuty, errors of every day

    def _trail_reads(self, time_s: int) -> Dict[str, Any]:
        name, request = self._rng.choice(
            (
                ("DescribeTrails", {"trailNameList": [], "includeShadowTrails": True}),
                ("GetTrailStatus", {"name": cast.TRAIL_ARN}),
                ("LookupEvents", {"maxResults": 50, "startTime": american(time_s - 900), "endTime": american(time_s)}),
            )
        )
        return self._make.record(self._audit, time_s, "cloudtrail", name, request)

    def _list_findings(self, time_s: int) -> Dict[str, Any]:
        criterion = {"criterion": {"severity": {"gte": 4}, "service.archived": {"eq": ["false"]}}}
        request = {"detectorId": "12abc34d567e8fa901bc2d34e56789f0", "findingCriteria": criterion, "maxResults": 50}
        return self._make.record(self._audit, time_s, "guardduty", "ListFindings", request)

    def _throttled(self, time_s: int) -> Dict[str, Any]:
        service, name, error, message = self._rng.choice(
            (
                ("ssm", "DescribeParameters", "ThrottlingException", "Rate exceeded"),
                ("ec2", "DescribeVolumes", "Client.RequestLimitExceeded", "Request limit exceeded."),
                ("s3", "GetBucketPolicy", "NoSuchBucketPolicy", "The bucket policy does not exist"),
                (
                    "ec2",
                    "DescribeSecurityGroups",
                    "Client.InvalidGroup.NotFound",
                    "The security group 'sg-0dead' does not exist",
                ),
            )
        )
        return self._make.record(self._audit, time_s, service, name, error=error, message=message)

    def _rotate_key_event(self, time_s: int) -> Dict[str, Any]:
        event = self._make.record(
            self._kms_itself,
            time_s,
            "kms",
            "RotateKey",
            read_only=False,
            event_type="AwsServiceEvent",
            resources=[{"accountId": cast.PRODUCTION, "type": "AWS::KMS::Key", "ARN": cast.DATA_KEY_ARN}],
        )
        event["serviceEventDetails"] = {"keyId": cast.DATA_KEY_ARN.rpartition("/")[2], "keyOrigin": "AWS_KMS"}
        return event
