"""Figures of the modular inputs: findings and WAF detections through the process of the built app, against a raw read.

    python -m benchmarks.inputs [--findings 10000] [--lines 50000] [--rounds 3] [--app FOLDER]

GuardDuty's findings are polled from the stand-in for AWS, a web ACL's log lies in its S3, and the reader of standard
output is the stand-in for splunkd. The raw read makes the same requests to the same stand-in, one after the other, and
decodes nothing: pages of ids and of findings for the one, the packed object, unpacked, for the other.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional

import psutil

from benchmarks.process import PeakMemory, median
from lab.aws import AwsAccount, AwsStandIn
from lab.splunkd import ModularInput, RunningInput, SplunkdStandIn
from lab.splunkd.hec import HecReceiver, Token
from lab.splunkd.server import APP_DIR

REGION = "us-east-1"
GUARDDUTY, WAF = "aws:cloudwatch:guardduty", "aws:waf"
SAMPLES = Path(__file__).resolve().parents[1] / "tests" / "data" / "waf"
_TOKEN = "0f9a7c5e-1111-4222-8333-444455556666"
_PAGE = 50


class Run(NamedTuple):
    """One run of a case."""

    events: int
    seconds: float
    #: Of the reading process alone, its start included: what a busy machine changes least.
    cpu_s: float
    peak_mib: float = 0.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--findings", type=int, default=10_000, help="of GuardDuty; 0: none are read")
    parser.add_argument("--lines", type=int, default=50_000, help="of a web ACL's log, such as 1000000; 0: none")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--app", type=Path, default=APP_DIR, help="the built app's folder; the source tree if not given"
    )
    arguments = parser.parse_args()
    with AwsStandIn() as aws:
        if arguments.findings:
            _findings(aws, arguments)
        if arguments.lines:
            _waf(aws, arguments)
    return 0


def _findings(aws: AwsStandIn, arguments: argparse.Namespace) -> None:
    account = aws.account()
    (detector,) = account.enable("guardduty", REGION).values()
    account.add("guardduty", REGION, count=arguments.findings, at=_ago(10 * 86_400), step_ms=20)

    def ours(delivery: str) -> Run:
        settings = {"regions": REGION, "start_date": "30d", "poll_interval_s": 1, "checkpoints": "file"}
        return _input(account, arguments.app, "aws_guardduty", GUARDDUTY, arguments.findings, delivery, settings)

    cases: Dict[str, Callable[[], Run]] = {
        "raw read": lambda: _read_findings(account, detector),
        "ours, stdout": lambda: ours("stdout"),
        "ours, HEC until acknowledged": lambda: ours("hec"),
    }
    _compare("findings", cases, arguments.rounds)


def _waf(aws: AwsStandIn, arguments: argparse.Namespace) -> None:
    account = aws.account()
    lines = [line for path in sorted(SAMPLES.glob("*.jsonl")) for line in path.read_bytes().splitlines()]
    lines = (lines * (arguments.lines // len(lines) + 1))[: arguments.lines]
    s3, sqs = account.client("s3"), account.client("sqs")
    bucket, key = f"aws-waf-logs-{account.id}", "AWSLogs/a/WAFLogs/us-east-1/shop/x.log.gz"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key=key, Body=gzip.compress(b"\n".join(lines)))
    event = {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": bucket}, "object": {"key": key}}}
    found = [0]

    def ours(number: int) -> Run:
        url = sqs.create_queue(QueueName=f"waf{number}")["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"Records": [event]}))
        settings = {"queue_url": url, "region": REGION, "checkpoints": "file", "daily_ceiling_mib": 0}
        run = _input(account, arguments.app, "aws_waf_detections", WAF, found[0], "stdout", settings, end=len(lines))
        found[0] = run.events
        return run._replace(events=len(lines))

    numbers = iter(range(1, 1000))
    cases: Dict[str, Callable[[], Run]] = {
        "raw read": lambda: _read_object(account, bucket, key),
        "ours, stdout": lambda: ours(next(numbers)),
    }
    _compare("WAF records", cases, arguments.rounds)
    print(f"{found[0]:,} of {len(lines):,} records are detections, the others are counted")


def _input(
    account: AwsAccount,
    app: Path,
    kind: str,
    sourcetype: str,
    wanted: int,
    delivery: str,
    settings: Dict[str, Any],
    end: int = 0,
) -> Run:
    """Run an input until so many events are read or, ``end`` given, until it has told of as many records."""
    with tempfile.TemporaryDirectory() as folder, SplunkdStandIn(app, splunk_home=Path(folder)) as splunkd:
        collector: Optional[HecReceiver] = None
        if delivery == "hec":
            collector = HecReceiver(Token(_TOKEN))
            collector.start()
            splunkd.state.set_stanza("aws_siem_bridge_hec", "main", {"url": collector.url, "token": "******"})
            splunkd.state.set_secrets("aws_siem_bridge_hec", "main", {"token": _TOKEN})
            settings = {**settings, "delivery": "hec", "hec": "main"}
        source = ModularInput(splunkd, kind, sys.executable, account.environment(REGION))
        started = time.monotonic()
        running = source.run("figures", heartbeat_s=10, **settings)
        memory = PeakMemory(running.process.pid)
        place: Any = collector or running
        if end:
            running.wait_for(lambda events: _told(running) >= end, 900)
        else:
            place.wait_for(lambda events: len(events) >= wanted and _count(events, sourcetype) >= wanted, 900)
        seconds = time.monotonic() - started
        peak = memory.mib()
        times = psutil.Process(running.process.pid).cpu_times()
        running.stop(60)
        if collector:
            collector.stop()
        return Run(_count(place.events, sourcetype), seconds, times.user + times.system, peak)


def _count(events: List[Dict[str, Any]], sourcetype: str) -> int:
    return sum(event["sourcetype"] == sourcetype for event in events)


def _told(running: RunningInput) -> int:
    beats = [json.loads(each["_raw"]) for each in running.events if each["sourcetype"] == "aws:siem_bridge:health"]
    return sum(int(each.get("events", 0)) + int(each.get("dropped", 0)) for each in beats)


def _read_findings(account: AwsAccount, detector: str) -> Run:
    client = account.client("guardduty", REGION)
    started, cpu_s = time.monotonic(), time.process_time()
    token, events = "", 0
    while True:
        more = {"NextToken": token} if token else {}
        listed = client.list_findings(DetectorId=detector, MaxResults=_PAGE, **more)
        if listed["FindingIds"]:
            client.get_findings(DetectorId=detector, FindingIds=listed["FindingIds"])
            events += len(listed["FindingIds"])
        token = listed.get("NextToken") or ""
        if not token:
            return Run(events, time.monotonic() - started, time.process_time() - cpu_s)


def _read_object(account: AwsAccount, bucket: str, key: str) -> Run:
    started, cpu_s = time.monotonic(), time.process_time()
    body = account.client("s3").get_object(Bucket=bucket, Key=key)["Body"]
    unpack, lines = zlib.decompressobj(31), 1
    for piece in iter(lambda: body.read(1 << 16), b""):
        lines += unpack.decompress(piece).count(b"\n")
    return Run(lines, time.monotonic() - started, time.process_time() - cpu_s)


def _compare(what: str, cases: Dict[str, Callable[[], Run]], rounds: int) -> None:
    """Run each case in each round and print the medians. Raises `RuntimeError` where they read different numbers."""
    runs: Dict[str, List[Run]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, case in cases.items():
            runs[name].append(case())
    counted = {name: {run.events for run in each} for name, each in runs.items()}
    if len(set().union(*counted.values())) != 1:
        raise RuntimeError(f"the ways disagree: {counted}")
    raw = median([run.events / run.seconds for run in runs["raw read"]])
    print(f"\n{what}: {runs['raw read'][0].events:,}, {rounds} rounds")
    for name, each in runs.items():
        rate = median([run.events / run.seconds for run in each])
        peak = median([run.peak_mib for run in each])
        memory = f"{peak:8.0f} MiB" if peak else ""
        seconds, cpu_s = median([run.seconds for run in each]), median([run.cpu_s for run in each])
        print(f"{name:32}{seconds:10.2f} s{rate:12,.0f} /s{rate / raw:8.2f} of raw{cpu_s:10.2f} CPU s{memory}")


def _ago(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() - seconds))


if __name__ == "__main__":
    sys.exit(main())
