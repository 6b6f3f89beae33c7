"""Who and what there is in the story: the facts that all its logs share.

A company runs a web shop in Seoul (ap-northeast-2): two Tomcat servers in private subnets behind a load balancer and a
web ACL, a bastion, a batch server, an organisation trail into a log-archive account. Everything is invented: addresses
are the documentation ranges of RFC 5737, account numbers are those of AWS's own examples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

REGION = "ap-northeast-2"
#: Where IAM, STS's global endpoint and the console's sign-in write their events.
GLOBAL_REGION = "us-east-1"

PRODUCTION = "111122223333"
DEVELOPMENT = "444455556666"
LOG_ARCHIVE = "777788889999"
#: A supplier who fetches order files across accounts.
SUPPLIER = "123456789012"


def aws_id(prefix: str, name: str) -> str:
    """Return an id such as ``AROAWEB77777777EXAMPLE``: AWS's form, and nobody's credential."""
    length = 20 if prefix in ("AKIA", "ASIA") else 21
    body = "".join(char for char in name.upper() if char.isalnum()).replace("0", "O").replace("1", "I")
    return prefix + body[: length - 11].ljust(length - 11, "7") + "EXAMPLE"


@dataclass(frozen=True)
class Role:
    """An IAM role."""

    name: str
    account: str
    path: str = "/"

    @property
    def id(self) -> str:
        return aws_id("AROA", self.name.replace("AWSServiceRoleFor", "").replace("AWSReservedSSO_", ""))

    @property
    def arn(self) -> str:
        return f"arn:aws:iam::{self.account}:role{self.path}{self.name}"


@dataclass(frozen=True)
class Instance:
    """An EC2 instance with one network interface."""

    id: str
    name: str
    role: Role
    private_ip: str
    eni: str
    subnet: str
    security_group: str
    #: Where its traffic to the internet comes from: its own address, or that of the NAT gateway.
    public_ip: str


@dataclass(frozen=True)
class Person:
    """Someone who works here, signing in as an IAM user or through single sign-on."""

    name: str
    account: str
    address: str
    user_agent: str
    #: The permission set's role, for people who come through single sign-on; None is an IAM user.
    sso_role: str = ""


@dataclass(frozen=True)
class Bucket:
    """An S3 bucket with some of its objects."""

    name: str
    account: str
    keys: Tuple[str, ...]


WEB_ROLE = Role("shop-web-role", PRODUCTION)
BATCH_ROLE = Role("shop-batch-role", PRODUCTION)
BASTION_ROLE = Role("bastion-role", PRODUCTION)
DEPLOY_ROLE = Role("github-deploy-role", PRODUCTION)
AUDIT_ROLE = Role("security-audit-role", PRODUCTION)
CONFIG_ROLE = Role("AWSServiceRoleForConfig", PRODUCTION, "/aws-service-role/config.amazonaws.com/")
AUTOSCALING_ROLE = Role("AWSServiceRoleForAutoScaling", PRODUCTION, "/aws-service-role/autoscaling.amazonaws.com/")
INSPECTOR_ROLE = Role("AWSServiceRoleForAmazonInspector2", PRODUCTION, "/aws-service-role/inspector2.amazonaws.com/")
LAMBDA_ROLE = Role("order-mailer-role", PRODUCTION, "/service-role/")

VPC = "vpc-0a1b2c3d4e5f60001"
NAT_IP = "198.51.100.10"
WEB_SECURITY_GROUP = "sg-0a1b2c3d4e5f60010"
BASTION_SECURITY_GROUP = "sg-0a1b2c3d4e5f60020"
S3_ENDPOINT = "vpce-0a1b2c3d4e5f60099"

WEB_1 = Instance(
    "i-0f1e2d3c4b5a60001",
    "shop-web-1",
    WEB_ROLE,
    "10.20.11.15",
    "eni-0f1e2d3c4b5a60001",
    "subnet-0a1b2c3d4e5f60011",
    WEB_SECURITY_GROUP,
    NAT_IP,
)
WEB_2 = Instance(
    "i-0f1e2d3c4b5a60002",
    "shop-web-2",
    WEB_ROLE,
    "10.20.12.15",
    "eni-0f1e2d3c4b5a60002",
    "subnet-0a1b2c3d4e5f60012",
    WEB_SECURITY_GROUP,
    NAT_IP,
)
BATCH = Instance(
    "i-0f1e2d3c4b5a60003",
    "shop-batch",
    BATCH_ROLE,
    "10.20.11.40",
    "eni-0f1e2d3c4b5a60003",
    "subnet-0a1b2c3d4e5f60011",
    WEB_SECURITY_GROUP,
    NAT_IP,
)
BASTION = Instance(
    "i-0f1e2d3c4b5a60004",
    "bastion",
    BASTION_ROLE,
    "10.20.1.8",
    "eni-0f1e2d3c4b5a60004",
    "subnet-0a1b2c3d4e5f60001",
    BASTION_SECURITY_GROUP,
    "198.51.100.20",
)
INSTANCES = (WEB_1, WEB_2, BATCH, BASTION)


@dataclass(frozen=True)
class Interface:
    """A network interface of something that AWS runs here: what a flow log says about it."""

    eni: str
    private_ip: str
    subnet: str


#: Where the VPC's servers send their DNS queries.
RESOLVER_IP = "10.20.0.2"
TIME_SERVICE_IP = "169.254.169.123"
LOAD_BALANCER = Interface("eni-0f1e2d3c4b5a60010", "10.20.1.50", "subnet-0a1b2c3d4e5f60001")
NAT_GATEWAY = Interface("eni-0f1e2d3c4b5a60011", "10.20.1.5", "subnet-0a1b2c3d4e5f60001")
DATABASE = Interface("eni-0f1e2d3c4b5a60012", "10.20.21.10", "subnet-0a1b2c3d4e5f60021")
#: Nothing uses it any more: its flow log says NODATA.
QUIET = Interface("eni-0f1e2d3c4b5a60013", "10.20.12.99", "subnet-0a1b2c3d4e5f60012")
DATABASE_HOST = f"shop-db.cabc1example.{REGION}.rds.amazonaws.com"
AVAILABILITY_ZONES = {
    "subnet-0a1b2c3d4e5f60001": "apne2-az1",
    "subnet-0a1b2c3d4e5f60011": "apne2-az1",
    "subnet-0a1b2c3d4e5f60012": "apne2-az3",
    "subnet-0a1b2c3d4e5f60021": "apne2-az3",
}
FLOW_LOG = "fl-0a1b2c3d4e5f60077"


@dataclass(frozen=True)
class OutsideHost:
    """A host on the internet that the servers here talk to: looked up in DNS, then met in the flow log."""

    name: str
    address: str
    port: int
    #: As VPC Flow Logs name it (pkt-dst-aws-service), empty for other hosts.
    aws_service: str = ""
    protocol: int = 6


OUTSIDE_HOSTS = (
    OutsideHost(f"s3.{REGION}.amazonaws.com", "198.51.100.130", 443, "S3"),
    OutsideHost(f"sts.{REGION}.amazonaws.com", "198.51.100.131", 443, "AMAZON"),
    OutsideHost(f"kms.{REGION}.amazonaws.com", "198.51.100.132", 443, "AMAZON"),
    OutsideHost(f"ssm.{REGION}.amazonaws.com", "198.51.100.133", 443, "AMAZON"),
    OutsideHost(f"logs.{REGION}.amazonaws.com", "198.51.100.134", 443, "AMAZON"),
    OutsideHost(f"dynamodb.{REGION}.amazonaws.com", "198.51.100.135", 443, "DYNAMODB"),
    OutsideHost("api.payments.example.org", "192.0.2.150", 443),
    OutsideHost("mirror.packages.example.com", "192.0.2.151", 80),
    OutsideHost("smtp.mail.example.com", "192.0.2.152", 587),
)
#: The shop's visitors come from here; see `lab.story.addresses`.
VISITORS = tuple(f"203.0.113.{number}" for number in range(128, 240)) + tuple(
    f"2001:db8:{block:x}::{host:x}" for block in (0x100, 0x200) for host in range(1, 40)
)
#: Machines that knock at every port of the internet, with nothing special in mind.
SCANNERS = tuple(f"203.0.113.{number}" for number in range(3, 30, 3))

_CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
)
_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Safari/605.1.15"
_CLI = "aws-cli/2.31.30 md/awscrt#0.28.2 ua/2.1 os/linux#6.1.0 lang/python#3.13.7 cfg/retry-mode#standard"

PEOPLE = (
    Person("jisoo.kim", PRODUCTION, "192.0.2.21", _CHROME, "AWSReservedSSO_Operator_1a2b3c4d5e6f7a8b"),
    Person("minjun.lee", PRODUCTION, "192.0.2.22", _MAC, "AWSReservedSSO_Operator_1a2b3c4d5e6f7a8b"),
    Person("haeun.park", DEVELOPMENT, "192.0.2.23", _CLI, "AWSReservedSSO_Developer_2b3c4d5e6f7a8b9c"),
    Person("seojun.choi", DEVELOPMENT, "192.0.2.24", _CHROME, "AWSReservedSSO_Developer_2b3c4d5e6f7a8b9c"),
    # Names and tools that are not ASCII are ordinary here.
    Person("서연.정", PRODUCTION, "2001:db8:20::25", "정산도우미/2.4 (사내 도구; 문의: 보안팀)"),
    Person("backup-operator", LOG_ARCHIVE, "192.0.2.26", _CLI),
)

ORDERS = Bucket(
    "shop-orders-111122223333",
    PRODUCTION,
    tuple(f"orders/2026/{month:02d}/order-{number:05d}.json" for month in range(1, 12) for number in range(1, 40)),
)
ASSETS = Bucket(
    "shop-assets-111122223333",
    PRODUCTION,
    tuple(f"img/product/{number:04d}.webp" for number in range(200)) + ("안내/이용약관 최종.pdf", "css/shop+print.css"),
)
#: What the attacker is after.
CUSTOMERS = Bucket(
    "shop-customer-exports-111122223333",
    PRODUCTION,
    tuple(f"export/2026-{month:02d}/customers-part-{part:02d}.parquet" for month in range(6, 12) for part in range(6)),
)
BACKUPS = Bucket(
    "shop-db-backups-111122223333", PRODUCTION, tuple(f"mysql/shop-{day:02d}.sql.gz" for day in range(1, 29))
)
LOGS = Bucket("org-log-archive-777788889999", LOG_ARCHIVE, ())

TRAIL_ARN = f"arn:aws:cloudtrail:{REGION}:{PRODUCTION}:trail/shop-trail"
DATA_KEY_ARN = f"arn:aws:kms:{REGION}:{PRODUCTION}:key/3f2c9a10-5b6d-4c7e-8f90-a1b2c3d4e5f6"
DATABASE_SECRET_ARN = f"arn:aws:secretsmanager:{REGION}:{PRODUCTION}:secret:shop/database-Xa1b2C"
WEB_ACL_ARN = f"arn:aws:wafv2:{REGION}:{PRODUCTION}:regional/webacl/shop-acl/0a9b8c7d-6e5f-4a3b-2c1d-0e9f8a7b6c5d"
DETECTOR = "12abc34d567e8fa901bc2d34e56789f0"
DETECTOR_ARN = f"arn:aws:guardduty:{REGION}:{PRODUCTION}:detector/{DETECTOR}"
LOAD_BALANCER_ARN = f"arn:aws:elasticloadbalancing:{REGION}:{PRODUCTION}:loadbalancer/app/shop-alb/50dc6c495c0c9188"
SITE = "shop.example.com"

#: Where the probes and the exploit come from.
ATTACKER_SCANNER_IP = "203.0.113.45"
#: Where the stolen credentials are used from.
ATTACKER_CLOUD_IP = "203.0.113.66"
#: The server that the exploit calls back: LDAP on 1389, the reverse shell on 4444.
CALLBACK_HOST = "cdn-update.example.net"
CALLBACK_IP = "203.0.113.77"
ATTACKER_AGENT = "Boto3/1.40.55 md/Botocore#1.40.55 ua/2.1 os/linux#6.12.38+kali-amd64 lang/python#3.13.7"
