"""Runs an event source mapping of an SQS queue, by Lambda's rules, on what `lab.aws` keeps of it as state.

Messages that failed are left alone: they are seen again when the queue's visibility timeout is over.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
"""

from __future__ import annotations

import io
import json
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Dict, List, Optional, Tuple, Type

from lab.aws import AwsStandIn, Queues
from lab.lambda_runtime.batches import PARTIAL, event_of, failed_ids, split_to_fit
from lab.lambda_runtime.environment import Answer
from lab.lambda_runtime.errors import MappingRefused
from lab.lambda_runtime.function import Environments, Function

#: Lambda begins with so many batches at once where no maximum is given.
FIRST_CONCURRENCY = 5
SQS_BATCH = 10
#: How long one look into the queue waits for a message; a mapping that was switched off is noticed as late.
LOOK_S = 1
IDLE_S = 0.1
#: Access key of Lambda itself, which asks the queue for messages with the function's role.
POLLER_KEY = "lambda-poller"


@dataclass(frozen=True)
class Invocation:
    """One batch and what came of it."""

    message_ids: Tuple[str, ...]
    answer: Answer
    failed_ids: Tuple[str, ...]


def create_mapping(
    aws: AwsStandIn,
    function: Function,
    queues: Queues,
    *,
    batch_size: int = 10,
    window_s: int = 0,
    maximum_concurrency: int = 0,
    response_types: Tuple[str, ...] = (PARTIAL,),
) -> str:
    """Create the function and its mapping in the stand-in, and return the mapping's UUID.

    Raises MappingRefused where AWS would refuse: a batch over 10 without a window, a maximum concurrency of 1, a queue
    whose messages come back before the function must have ended.
    """
    if batch_size > SQS_BATCH and window_s < 1:
        raise MappingRefused(f"a batch of {batch_size} messages needs a batching window of at least one second")
    if maximum_concurrency and not 2 <= maximum_concurrency <= 1000:
        raise MappingRefused(f"a maximum concurrency of {maximum_concurrency}: it is 2 to 1,000, or none")
    client = aws.client("lambda")
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:  # moto wants one; what runs is the function's folder
        archive.writestr("empty", "")
    client.create_function(
        FunctionName=function.name,
        Runtime="python3.13",
        Handler=function.handler,
        Role=_role(aws),
        Timeout=function.timeout_s,
        MemorySize=function.memory_mb,
        Code={"ZipFile": code.getvalue()},
    )
    scaling: Dict[str, Any] = (
        {"ScalingConfig": {"MaximumConcurrency": maximum_concurrency}} if maximum_concurrency else {}
    )
    try:
        made = client.create_event_source_mapping(
            EventSourceArn=queues.arn,
            FunctionName=function.name,
            BatchSize=batch_size,
            MaximumBatchingWindowInSeconds=window_s,
            FunctionResponseTypes=list(response_types),
            **scaling,
        )
    except client.exceptions.InvalidParameterValueException as error:
        raise MappingRefused(error.response["Error"]["Message"]) from error
    return made["UUID"]


def _role(aws: AwsStandIn) -> str:
    """Return a role that Lambda may assume; nobody checks what it may do."""
    iam = aws.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    try:
        policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        return iam.create_role(RoleName="lab-function", AssumeRolePolicyDocument=policy)["Role"]["Arn"]
    except iam.exceptions.EntityAlreadyExistsException:
        return iam.get_role(RoleName="lab-function")["Role"]["Arn"]


class Poller:
    """Runs one mapping until `stop`; a context manager. ``environments`` stay the caller's."""

    def __init__(self, aws: AwsStandIn, mapping: str, environments: Environments) -> None:
        self._lambda, self._sqs = aws.client("lambda", POLLER_KEY), aws.client("sqs", POLLER_KEY)
        self._mapping, self._environments = mapping, environments
        facts = self._lambda.get_event_source_mapping(UUID=mapping)
        self._queue_arn = facts["EventSourceArn"]
        self._url = self._sqs.get_queue_url(QueueName=self._queue_arn.rpartition(":")[2])["QueueUrl"]
        wanted = facts.get("ScalingConfig", {}).get("MaximumConcurrency") or FIRST_CONCURRENCY
        self.concurrency = min(wanted, environments.most)
        #: Every batch, in the order in which they ended.
        self.invocations: List[Invocation] = []
        self._stopped = threading.Event()
        self._room = threading.Semaphore(self.concurrency)
        self._pool = ThreadPoolExecutor(self.concurrency)
        self._error: Optional[BaseException] = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self) -> Poller:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Receive nothing more and wait for the batches under way. Raises what the poller itself ran into."""
        self._stopped.set()
        self._thread.join()
        self._pool.shutdown(wait=True)
        if self._error:
            raise self._error

    @property
    def state(self) -> Dict[str, Any]:
        """The mapping, as ``GetEventSourceMapping`` has it."""
        return self._lambda.get_event_source_mapping(UUID=self._mapping)

    def _run(self) -> None:
        try:
            while not self._stopped.is_set():
                facts = self.state
                if facts["State"] not in ("Enabled", "Updating"):
                    time.sleep(IDLE_S)
                    continue
                if not self._room.acquire(timeout=LOOK_S):
                    continue
                groups = split_to_fit(self._collect(facts), self._queue_arn)
                if not groups:
                    self._room.release()
                for place, group in enumerate(groups):
                    if place:
                        self._room.acquire()
                    self._pool.submit(self._work, group, facts.get("FunctionResponseTypes", ()))
        except BaseException as error:
            self._error = error

    def _collect(self, facts: Dict[str, Any]) -> List[Dict[str, Any]]:
        """Return the messages of one batch: full, or what there is when the batching window ends."""
        size, window_s = facts["BatchSize"], facts.get("MaximumBatchingWindowInSeconds") or 0
        messages = self._receive(min(size, SQS_BATCH), LOOK_S)
        until = time.monotonic() + window_s
        while messages and len(messages) < size and time.monotonic() < until and not self._stopped.is_set():
            messages += self._receive(min(size - len(messages), SQS_BATCH), min(LOOK_S, window_s))
        return messages

    def _receive(self, most: int, wait_s: int) -> List[Dict[str, Any]]:
        return self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=most,
            WaitTimeSeconds=wait_s,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        ).get("Messages", [])

    def _work(self, messages: List[Dict[str, Any]], response_types: List[str]) -> None:
        try:
            answer = self._environments.invoke(event_of(messages, self._queue_arn))
            ids = tuple(message["MessageId"] for message in messages)
            failed = failed_ids(answer, ids, response_types)
            self._delete([message for message in messages if message["MessageId"] not in failed])
            self.invocations.append(Invocation(ids, answer, tuple(id for id in ids if id in failed)))
        except BaseException as error:
            self._error = error
            self._stopped.set()
        finally:
            self._room.release()

    def _delete(self, messages: List[Dict[str, Any]]) -> None:
        for start in range(0, len(messages), SQS_BATCH):
            entries = [
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, message in enumerate(messages[start : start + SQS_BATCH])
            ]
            self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)
