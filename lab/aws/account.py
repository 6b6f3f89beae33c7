"""One account of the stand-in, for one test: what is in it, what goes wrong in it, and what should have been read.

A test takes a fresh account instead of clearing the stand-in, which others use at the same time.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence

from lab.aws.accounts import access_key_of
from lab.aws.faults import Fault

if TYPE_CHECKING:
    from lab.aws.stand_in import AwsStandIn, Call

REGION = "us-east-1"


class AwsAccount:
    """An account. ``product`` is guardduty, securityhub, securityhub_v2, inspector2, macie2, accessanalyzer or shield.

    Times are ISO 8601 with milliseconds. ``changes`` are dotted paths of a finding, as the wire has it, with their new
    values: ``{"service.archived": True}``. Raises ValueError for what the stand-in cannot do, such as a finding that
    AWS's description of it does not allow.
    """

    def __init__(self, aws: AwsStandIn, account_id: str) -> None:
        self.aws = aws
        self.id = account_id
        self.access_key = access_key_of(account_id)

    def environment(self, region: str = REGION) -> Dict[str, str]:
        """Return the variables that lead an AWS SDK or a child process into this account."""
        return {**self.aws.environment(self.access_key), "AWS_DEFAULT_REGION": region, "AWS_REGION": region}

    def client(self, service: str, region: str = REGION) -> Any:
        """Return a boto3 client with the shipped descriptions. It tries everything once."""
        return self.aws.client(service, self.access_key, region=region, attempts=1)

    def another(self) -> AwsAccount:
        """Return one more fresh account."""
        return self.aws.account()

    def role(self, name: str = "audit") -> str:
        """Return the ARN of a role here, which anybody can assume until `trust` says otherwise."""
        return f"arn:aws:iam::{self.id}:role/{name}"

    def enable(self, product: str, *regions: str, detector_id: str = "") -> Dict[str, str]:
        """Switch a product on; return region -> detector id, or ARN of the hub or analyzer."""
        return self._tell("enable", product=product, regions=regions, detector_id=detector_id)

    def add(
        self,
        product: str,
        region: str = REGION,
        *,
        count: int = 1,
        at: Optional[str] = None,
        step_ms: int = 0,
        changes: Optional[Mapping[str, Any]] = None,
        findings: Optional[Sequence[Mapping[str, Any]]] = None,
    ) -> List[str]:
        """Let ``count`` findings appear, or these; return their ids. The first is of ``at``."""
        given = {"count": count, "at": at, "step_ms": step_ms, "changes": changes, "findings": findings}
        return self._tell("add", product=product, region=region, **given)

    def update(
        self,
        product: str,
        region: str,
        ids: Sequence[str],
        *,
        at: Optional[str] = None,
        step_ms: int = 0,
        changes: Optional[Mapping[str, Any]] = None,
    ) -> None:
        """Let findings have a new version, of ``at``: their times move, what they count grows."""
        self._tell("update", product=product, region=region, ids=ids, at=at, step_ms=step_ms, changes=changes)

    def remove(self, product: str, region: str, ids: Sequence[str]) -> None:
        """Let findings be gone."""
        self._tell("remove", product=product, region=region, ids=ids)

    def versions(self) -> List[Dict[str, Any]]:
        """Return every version that findings of this account ever had: what a reader should have got, oldest first.

        Each has ``product``, ``account``, ``region``, ``id`` and ``finding``.
        """
        return self._tell("versions")

    def administer(self, product: str, members: Sequence[AwsAccount], *regions: str) -> None:
        """Become the administrator of others: lists of this account show theirs, too."""
        self._tell("administer", product=product, members=[member.id for member in members], regions=regions)

    def dismiss(self, product: str, members: Sequence[AwsAccount], *regions: str) -> None:
        """Take back `administer`."""
        self._tell("dismiss", product=product, members=[member.id for member in members], regions=regions)

    def aggregate(self, product: str, home: str, linked: Sequence[str]) -> str:
        """Let a home region of Security Hub show its linked regions' findings; return the aggregator's ARN."""
        return self._tell("aggregate", product=product, home=home, linked=linked)

    def organization(self, *members: Mapping[str, Any]) -> None:
        """Become the manager of an organisation.

        Of each member: ``member`` (an account's id), ``name``, and if need be ``unit``, ``tags``, ``suspended``.
        """
        self._tell("organization", members=members)

    def config(self, region: str, *resources: Mapping[str, Any]) -> None:
        """Let AWS Config's aggregator of this account in a region know these resources, as Config records them."""
        self._tell("config", region=region, resources=resources)

    def trust(self, role: str, *by: AwsAccount, external_id: str = "") -> None:
        """Let a role of this account be assumed by others alone, with this external id; other roles by nobody.

        Until this is said, every role can be assumed by everybody.
        """
        self._tell("trust", role=role, by=[account.id for account in by], external_id=external_id)

    def choose_ids(self, region: str, *ids: str) -> None:
        """Let the next instance, interface (of an instance) and VPC that are made in a region have these ids."""
        self._tell("choose_ids", region=region, ids=ids)

    def managed(self, region: str, instance: str, **how: Any) -> str:
        """Let an instance have an agent of SSM, or another state; return the folder that is its root.

        ``how``: ``ping``, ``platform``, ``shell``, ``path``, ``hold``, see `lab.aws.services.ssm_agent.Host`.
        """
        return self._tell("ssm_manage", region=region, instance=instance, how=how)

    def deliver_commands(self, region: str) -> int:
        """Let commands of SSM that are held reach their agents; return how many there were."""
        return self._tell("ssm_deliver", region=region)

    def expire_commands(self, region: str) -> None:
        """Let the time pass in which pending commands of SSM have to begin."""
        self._tell("ssm_expire", region=region)

    def commands(self, region: str) -> List[Dict[str, Any]]:
        """Return the commands of SSM that were sent: ``id``, ``document``, ``comment``, ``parameters``, ``status``."""
        return self._tell("ssm_commands", region=region)

    def fault(self, fault: Fault) -> None:
        """Let requests go wrong in this account and no other."""
        self.aws.fault(replace(fault, account=self.id))

    def serve_functions(self, url: str) -> None:
        """Let the Lambda functions of this account be answered at a URL, by Lambda's own interface."""
        self._tell("serve_functions", url=url)

    def scale_time(self, factor: float) -> None:
        """Let waits, retries and questions of state machines last so many times as long as they say."""
        self._tell("scale_time", factor=factor)

    def fail_state(self, execution: str, state: str, kind: str, times: int = -1) -> None:
        """Let a state of an execution be throttled, denied, a timeout or half_done, so often; -1 is always."""
        self._tell("fail_state", execution=execution, state=state, kind=kind, times=times)

    def deny(self, region: str, service: str = "") -> None:
        """Let a service control policy deny everything in a region, or one service there (``guardduty``, ...)."""
        self._tell("deny", region=region, service=service)

    def allow(self, region: str, service: str = "") -> None:
        """Take back `deny`."""
        self._tell("allow", region=region, service=service)

    def opt_in(self, *regions: str) -> None:
        """Enable regions that must be asked for, such as me-central-1."""
        self._tell("opt_in", regions=regions)

    def expire_sessions(self) -> int:
        """End the sessions that AssumeRole gave for roles of this account so far; return how many there were."""
        return self._tell("expire_sessions")

    def session_secrets(self) -> List[str]:
        """Return secret keys and tokens of all sessions for roles of this account: what is to be in no log."""
        return self._tell("session_secrets")

    def speed(self, factor: float) -> None:
        """Let AWS's limits of requests a second be so many times higher here."""
        self._tell("speed", factor=factor)

    def repeat_token(self, operation: str, *, region: str = "", times: int = 1, length: int = 1) -> None:
        """Let lists give a token of ``length`` replies ago again: 1 is the one just used. ``times`` -1: for ever."""
        self._tell("repeat_token", operation=operation, region=region, times=times, length=length)

    def be_stale(self, product: str, region: str, times: int) -> None:
        """Let lists show each finding as it was before its last change, for so many more requests."""
        self._tell("be_stale", product=product, region=region, times=times)

    def lose_events(self, product: str, count: int) -> None:
        """Let the next ``count`` events of a product never reach EventBridge, as best effort allows."""
        self._tell("lose_events", product=product, count=count)

    def emit(
        self,
        source: str,
        detail_type: str,
        detail: Mapping[str, Any],
        region: str = REGION,
        resources: Sequence[str] = (),
    ) -> str:
        """Let a service of AWS send an event in this account; return its id."""
        given = {"source": source, "detail_type": detail_type, "detail": detail, "resources": resources}
        return self._tell("emit", region=region, **given)

    def meanwhile(self, operation: str, after: int, region: str = "") -> AwsAccount:
        """Return this account for commands that run later: when ``after`` more replies of an operation are out."""
        return _Meanwhile(self, operation, after, region)

    def calls(self) -> List[Call]:
        """Return what was called in this account, with whichever key."""
        return self.aws.calls(account=self.id)

    def rule_to_queue(self, *regions: str, queue_region: str = REGION) -> str:
        """Lay EventBridge rules of all security sources in regions to one bus and one queue; return the queue's URL."""
        sqs, central = self.client("sqs", queue_region), self.client("events", queue_region)
        url = sqs.create_queue(QueueName=f"security-events-{self.id}")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        central.create_event_bus(Name="security")
        bus = f"arn:aws:events:{queue_region}:{self.id}:event-bus/security"
        pattern = json.dumps({"source": [{"prefix": "aws."}]})
        central.put_rule(Name="to-queue", EventBusName="security", EventPattern=pattern)
        central.put_targets(Rule="to-queue", EventBusName="security", Targets=[{"Id": "queue", "Arn": arn}])
        for region in regions:
            events = self.client("events", region)
            events.put_rule(Name="security", EventPattern=pattern)
            events.put_targets(Rule="security", Targets=[{"Id": "bus", "Arn": bus}])
        return url

    def _tell(self, command: str, **given: Any) -> Any:
        return self.aws.command(command, account=self.id, **given)


class _Meanwhile(AwsAccount):
    """An account whose commands wait."""

    def __init__(self, account: AwsAccount, operation: str, after: int, region: str) -> None:
        super().__init__(account.aws, account.id)
        self._when = {"operation": operation, "after": after, "region": region}

    def _tell(self, command: str, **given: Any) -> Any:
        given["account"] = self.id
        return super()._tell("meanwhile", do=command, given=given, **self._when)
