"""Figures of the response: calls to AWS until an instance is cut off, and how fast evidence is kept.

    python -m benchmarks.response [--delay-ms 50] [--mib 256]

Calls are counted by which answer they needed: one after the other, as they are made. Each answer is held back by a
delay, the rest is the stand-in's own time. The way begins where the alert action's request reaches `start`; Splunk's
own start of the action and the execution's first state come before and between, and are named apart. Evidence is
uploaded, read back and hashed; the physical limit is one plain read and one plain upload of the same bytes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple

import psutil

from aws_bridge.accounts.account import Account
from aws_bridge.accounts.area import Area
from aws_bridge.accounts.caller import Caller
from aws_bridge.accounts.session import AwsSession
from benchmarks.process import PeakMemory
from es_bridge.backoff import Backoff
from lab.aws import AwsAccount, AwsStandIn
from lab.aws.watched_client import WatchedClient
from response.actions.isolate import Isolation
from response.actions.start import Start
from response.aws.evidence import EvidenceStore
from response.aws.executions import Executions
from response.aws.incidents import Incidents
from response.aws.quarantine import HARD, SOFT
from response.aws.saved_state import SavedStates
from response.core.limits import LIVE, Limits
from response.core.requests import Request
from response.core.target import Target

REGION = "eu-west-1"
BUCKET = "benchmark-evidence"
#: Interfaces of the instances.
INTERFACES = (1, 4)
#: The last call that is needed until nothing gets through, which reading back follows.
CLOSES = ("ec2", "ModifyNetworkInterfaceAttribute")


class Way(NamedTuple):
    """Calls and seconds until an instance is closed, and until that was read back."""

    interfaces: int
    soft_calls: int
    soft_s: float
    hard_calls: int
    hard_s: float
    all_calls: int
    all_s: float


class Delayed(AwsSession):
    """A session whose answers come later; it notes each call and when it was answered."""

    def __init__(self, account: Account, delay_s: float) -> None:
        super().__init__(account)
        self.delay_s = delay_s
        self.made: List[Any] = []

    def client(self, service: str, region: str) -> Any:
        return WatchedClient(super().client(service, region), partial(self._later, service))

    def _later(self, service: str, operation: str, method: Callable[..., Any], given: Dict[str, Any]) -> Any:
        time.sleep(self.delay_s)
        answer = method(**given)
        self.made.append((service, operation, time.monotonic()))
        return answer


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--delay-ms", type=float, default=50, help="added to each answer of AWS (default: 50)")
    parser.add_argument("--mib", type=int, default=256, help="size of the evidence (default: 256)")
    parser.add_argument("--rounds", type=int, default=3, help="of each; the median is shown (default: 3)")
    arguments = parser.parse_args()
    with AwsStandIn() as aws:
        account = aws.account()
        os.environ.update(account.environment(REGION))
        room = _Room(account, arguments.delay_ms / 1000)
        print(f"{arguments.delay_ms:g} ms added to each call\n")
        print(
            f"{'':14}{'soft: calls':>12}{'seconds':>9}{'hard: calls':>13}{'seconds':>9}{'read back':>11}{'seconds':>9}"
        )
        for interfaces in INTERFACES:
            found = [room.isolate(interfaces) for _ in range(arguments.rounds)]
            way = found[0]
            soft_s, hard_s, all_s = (
                statistics.median(getattr(each, name) for each in found) for name in ("soft_s", "hard_s", "all_s")
            )
            name = f"{interfaces} interface{'s'[: interfaces != 1]}"
            cells = f"{way.soft_calls:12}{soft_s:9.2f}{way.hard_calls:13}{hard_s:9.2f}"
            print(f"{name:14}{cells}{way.all_calls:11}{all_s:9.2f}")
        room.session.delay_s = 0.0
        _evidence(room, arguments.mib, arguments.rounds)
    return 0


class _Room:
    def __init__(self, account: AwsAccount, delay_s: float) -> None:
        self.account, self.number = account, 0
        self.session = Delayed(Account("benchmark"), delay_s)
        self.area = Area(Caller(self.session, wait_s=Backoff(0.2, 2.0).wait_s), account.id, REGION)
        self.ec2 = account.client("ec2", REGION)
        self.vpc = self.ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
        self.subnet = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.7.1.0/24")["Subnet"]["SubnetId"]
        for service in ("ssm", "ssmmessages"):
            self.ec2.create_vpc_endpoint(
                VpcId=self.vpc, ServiceName=f"com.amazonaws.{REGION}.{service}", VpcEndpointType="Interface",
                SubnetIds=[self.subnet],
            )  # fmt: skip
        account.client("s3", REGION).create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}, ObjectLockEnabledForBucket=True
        )
        account.client("dynamodb", REGION).create_table(
            TableName="incidents", KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}], BillingMode="PAY_PER_REQUEST",
        )  # fmt: skip
        waits = '{"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": true}}}'
        self.machine = account.client("stepfunctions", REGION).create_state_machine(
            name="respond", definition=waits, roleArn=f"arn:aws:iam::{account.id}:role/workflow"
        )["stateMachineArn"]

    def isolate(self, interfaces: int) -> Way:
        """Start a response to a new instance, and isolate it softly, then hard."""
        target = self._server(interfaces)
        self.number += 1
        row: Dict[str, Any] = {"instance": target.instance, "account": target.account, "region": target.region}
        limits = Limits(mode=LIVE, most_an_hour=10_000)
        desk = Start(
            limits, Incidents(self.area, "incidents"), Executions(self.area, self.machine), lambda _: self.area,
            self.account.id,
        )  # fmt: skip
        self.session.made.clear()
        began_s = time.monotonic()
        (started,) = desk.start(Request(f"sid-{self.number}", [row]))
        assert started.result == "started", started
        isolation = Isolation(self.area, SavedStates(self.area, BUCKET))
        ends = []
        for mode in (SOFT, HARD):
            assert isolation.isolate(target, started.incident, mode=mode).result == "done"
            last = max(index for index, each in enumerate(self.session.made) if each[:2] == CLOSES)
            ends.append((last + 1, self.session.made[last][2] - began_s))
        (soft_calls, soft_s), (hard_calls, hard_s) = ends
        return Way(
            interfaces, soft_calls, soft_s, hard_calls, hard_s, len(self.session.made), time.monotonic() - began_s
        )

    def _server(self, interfaces: int) -> Target:
        image = self.ec2.describe_images()["Images"][0]["ImageId"]
        made = self.ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, SubnetId=self.subnet)["Instances"][0]
        for index in range(1, interfaces):
            interface = self.ec2.create_network_interface(SubnetId=self.subnet)["NetworkInterface"]
            self.ec2.attach_network_interface(
                NetworkInterfaceId=interface["NetworkInterfaceId"], InstanceId=made["InstanceId"], DeviceIndex=index
            )
        return Target(self.account.id, REGION, made["InstanceId"])


def _evidence(room: _Room, mib: int, rounds: int) -> None:
    s3 = room.account.client("s3", REGION)
    with tempfile.TemporaryDirectory(prefix="benchmark_") as folder:
        volume = Path(folder) / "volume"
        with volume.open("wb") as file:
            for _ in range(mib):
                file.write(os.urandom(1 << 20))
        kept, plain, peak = [], [], 0.0
        children = [each.pid for each in psutil.Process().children(recursive=True)]
        for number in range(rounds):
            store = EvidenceStore(room.area, BUCKET, f"incidents/{number}/")
            memory, began_s = PeakMemory(os.getpid(), without=children), time.monotonic()
            stored = store.put_stream("volume", "volume.img", lambda: _read(volume))
            assert stored.bytes == mib << 20
            kept.append(time.monotonic() - began_s)
            peak = max(peak, memory.mib())
            began_s = time.monotonic()
            s3.upload_file(str(volume), BUCKET, f"plain/{number}")
            s3.get_object(Bucket=BUCKET, Key=f"plain/{number}")["Body"].read()
            plain.append(time.monotonic() - began_s)
    own, limit = (mib / statistics.median(each) for each in (kept, plain))
    print(f"\nevidence of {mib} MiB, kept and read back: {own:.0f} MiB/s; plain upload and read: {limit:.0f} MiB/s")
    print(f"ratio {own / limit:.2f}, peak {peak:.0f} MiB")


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            yield chunk


if __name__ == "__main__":
    sys.exit(main())
