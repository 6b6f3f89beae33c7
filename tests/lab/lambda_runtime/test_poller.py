"""The poller keeps to the rules of an event source mapping of an SQS queue, on the stand-in and the real runtime."""

from __future__ import annotations

import json
import time
from typing import Any, Callable, Dict, Iterable, List

import pytest

from lab.aws import Layout, Queues
from lab.lambda_runtime import Environments, MappingRefused, Poller, create_mapping

RunFunction = Callable[..., Environments]
#: Does what each body says: fail, return an unknown id, raise, write itself down.
HANDLER = """
import json
def handler(event, context):
    failures = []
    for record in event["Records"]:
        body = json.loads(record["body"])
        print("SAW", json.dumps(body), flush=True)
        if body.get("raise"):
            raise RuntimeError("as asked")
        if body.get("fail"):
            failures.append({"itemIdentifier": record["messageId"]})
        if body.get("unknown"):
            failures.append({"itemIdentifier": "no such message"})
    return {"batchItemFailures": failures}
"""
DEADLINE_S = 60


def send(layout: Layout, queues: Queues, bodies: Iterable[Dict[str, Any]]) -> None:
    for body in bodies:
        layout.sqs.send_message(QueueUrl=queues.url, MessageBody=json.dumps(body))


def wait_until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not what():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.05)


def seen(environments: Environments) -> List[str]:
    return [line[4:] for line in environments.log().splitlines() if line.startswith("SAW ")]


def test_successes_are_deleted_and_failures_come_back_until_the_dead_letter_queue(
    layout: Layout, run_function: RunFunction
) -> None:
    queues = layout.queue("partial", visibility_s=3, max_receives=2)
    environments = run_function(HANDLER, name="partial", timeout_s=3)
    send(layout, queues, [{"n": 1}, {"n": 2, "fail": True}, {"n": 3}])
    with Poller(layout.aws, create_mapping(layout.aws, environments.function, queues), environments):
        # The other queue first: on its way between the two a message is counted in neither.
        wait_until(lambda: layout.waiting(queues.dlq_url) == 1 and layout.waiting(queues.url) == 0)
    lines = seen(environments)
    assert [sum(f'"n": {n}' in line for line in lines) for n in (1, 2, 3)] == [1, 2, 1]


@pytest.mark.parametrize("fault", ["raise", "unknown"])
def test_an_exception_or_an_unknown_id_fails_the_whole_batch(
    layout: Layout, run_function: RunFunction, fault: str
) -> None:
    queues = layout.queue(f"whole-{fault}", visibility_s=3, max_receives=1)
    environments = run_function(HANDLER, name=f"whole-{fault}", timeout_s=3)
    send(layout, queues, [{"n": 1}, {"n": 2, fault: True}])
    with Poller(layout.aws, create_mapping(layout.aws, environments.function, queues), environments) as poller:
        wait_until(lambda: layout.waiting(queues.dlq_url) == 2)
    assert {len(each.message_ids) for each in poller.invocations} == {2}, "they were not one batch"


def test_a_larger_batch_is_collected_in_its_window(layout: Layout, run_function: RunFunction) -> None:
    queues = layout.queue("window")
    environments = run_function(HANDLER, name="window")
    send(layout, queues, [{"n": number} for number in range(25)])
    mapping = create_mapping(layout.aws, environments.function, queues, batch_size=100, window_s=2)
    with Poller(layout.aws, mapping, environments) as poller:
        wait_until(lambda: layout.waiting(queues.url) == 0)
    assert [len(each.message_ids) for each in poller.invocations] == [25]


def test_no_more_batches_at_once_than_the_maximum_concurrency(layout: Layout, run_function: RunFunction) -> None:
    queues = layout.queue("concurrency")
    environments = run_function(
        "import time\ndef handler(event, context):\n    time.sleep(0.2)\n", name="concurrency", most=5
    )
    send(layout, queues, [{} for _ in range(12)])
    mapping = create_mapping(layout.aws, environments.function, queues, batch_size=1, maximum_concurrency=2)
    most = 0
    with Poller(layout.aws, mapping, environments) as poller:
        while layout.waiting(queues.url):
            most = max(most, len(environments.busy()))
    assert len(poller.invocations) == 12
    assert (most, environments.started) == (2, 2)


def test_nothing_is_received_while_the_mapping_is_disabled(layout: Layout, run_function: RunFunction) -> None:
    queues = layout.queue("switched")
    environments = run_function(HANDLER, name="switched")
    client = layout.aws.client("lambda")
    mapping = create_mapping(layout.aws, environments.function, queues)
    assert client.update_event_source_mapping(UUID=mapping, Enabled=False)["State"] == "Disabling"
    assert client.get_event_source_mapping(UUID=mapping)["State"] == "Disabled"
    send(layout, queues, [{"n": 1}])
    with Poller(layout.aws, mapping, environments) as poller:
        looked = len(layout.aws.calls("lambda-poller"))
        wait_until(lambda: len(layout.aws.calls("lambda-poller")) > looked + 5)
        assert (layout.waiting(queues.url), poller.invocations) == (1, [])
        assert client.update_event_source_mapping(UUID=mapping, Enabled=True)["State"] == "Enabling"
        wait_until(lambda: layout.waiting(queues.url) == 0)
    assert len(seen(environments)) == 1


def test_a_mapping_keeps_tags_as_a_resource(layout: Layout, run_function: RunFunction) -> None:
    queues = layout.queue("tagged")
    function = run_function(HANDLER, name="tagged").function
    client = layout.aws.client("lambda")
    mapping = create_mapping(layout.aws, function, queues)
    arn = client.get_event_source_mapping(UUID=mapping)["EventSourceMappingArn"]
    client.tag_resource(Resource=arn, Tags={"why": "outage"})
    assert client.list_tags(Resource=arn)["Tags"] == {"why": "outage"}
    (listed,) = client.list_event_source_mappings(FunctionName=function.name)["EventSourceMappings"]
    assert (listed["UUID"], listed["EventSourceArn"]) == (mapping, queues.arn)


def test_mappings_that_aws_refuses(layout: Layout, run_function: RunFunction) -> None:
    function = run_function(HANDLER, name="refused", timeout_s=60).function
    queues = layout.queue("refused", visibility_s=59)
    with pytest.raises(MappingRefused, match="visibility timeout: 59 seconds is less than Function timeout: 60"):
        create_mapping(layout.aws, function, queues)
    with pytest.raises(MappingRefused, match="needs a batching window"):
        create_mapping(layout.aws, function, queues, batch_size=11)
    with pytest.raises(MappingRefused, match="maximum concurrency of 1"):
        create_mapping(layout.aws, function, queues, maximum_concurrency=1)


def test_an_unknown_mapping_is_said_in_lambdas_words(layout: Layout) -> None:
    client = layout.aws.client("lambda")
    for call in (client.get_event_source_mapping, client.update_event_source_mapping):
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            call(UUID="00000000-0000-0000-0000-000000000000")
