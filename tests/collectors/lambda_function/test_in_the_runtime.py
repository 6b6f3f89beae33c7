"""The loader's function as it is deployed, in Lambda's own runtime, behind a queue, before a real engine.

What is in its package is all it can import; what kills it is a real ``kill -9``; how long it may take is what the
runtime says. AWS is the lab's stand-in, the store the default engine, where need be with a slow, a hanging or a closed
door.
"""

from __future__ import annotations

import gzip
import itertools
import json
import os
import random
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, Callable, Iterator, List, NamedTuple

import pytest

from aws_bridge.object_ref import ObjectRef
from collectors.lambda_function.resume import NOT_OURS, STILL_OFF, SWITCHED_ON
from collectors.records.record import record_id
from lab.aws import AwsStandIn, Layout, Queues
from lab.engine import Engine
from lab.front.server import Handler, LocalServer, Received, Reply, forward
from lab.lambda_runtime import (
    Environments,
    Function,
    LambdaRuntimeUnavailable,
    Poller,
    create_mapping,
    lay_out_package,
)
from lab.lambda_runtime.environment import TIMED_OUT
from lab.story.files import write_story
from tests.account import BUCKET
from tests.collectors.corpus import log_file
from tests.collectors.one_store import FOR_EVER_DAYS, Store

pytestmark = pytest.mark.skipif(sys.version_info < (3, 11), reason="the stand-in for AWS needs Python 3.11")

PATIENCE_S = 120
#: Of the moments, so that a run can be repeated.
SEED = 20261128
KILLS = 20 if os.environ.get("AWS_SIEM_BRIDGE_FULL") else 6
DEAD_LETTERS = "dead-letters"
#: The first hours of 2019-03-01: the tests' own year in the store.
STORY_MS = (1_551_398_400_000, 1_551_405_600_000)
_numbers = itertools.count()


class Door(LocalServer):
    """Stands before the engine: lets so many documents through a second, hangs at one bulk request, or is closed."""

    def __init__(self, engine: str) -> None:
        self.engine = engine
        self.closed = False
        self.docs_per_s = 0
        #: Number of the bulk request that gets no answer, from 1.
        self.hang_at = 0
        self._bulks = 0
        self._narrow = threading.Lock()
        super().__init__()

    def serve(self, handler: Handler, received: Received) -> None:
        if "_bulk" in received.target:
            with self._narrow:
                self._bulks += 1
                if self._bulks == self.hang_at:
                    handler.close_connection = True
                    handler.connection.recv(1)  # returns when the client goes away
                    return
                if self.docs_per_s:
                    time.sleep(received.body.count(b"\n") / 2 / self.docs_per_s)
        super().serve(handler, received)

    def answer(self, received: Received) -> Reply:
        if self.closed:
            return Reply(503, b'{"error": {"type": "unavailable", "reason": "closed"}, "status": 503}')
        return forward(self.engine, received)


class Deployed(NamedTuple):
    """A loader with its queue and mapping."""

    layout: Layout
    queues: Queues
    environments: Environments
    mapping: str

    def put(self, key: str, content: bytes) -> None:
        self.layout.s3.put_object(Bucket=BUCKET, Key=key, Body=content)

    def poller(self) -> Poller:
        return Poller(self.layout.aws, self.mapping, self.environments)

    def said(self, event: str) -> List[Any]:
        """Return the function's own log lines of one kind."""
        lines = [line for line in self.environments.log().splitlines() if line.startswith('{"')]
        return [line for line in map(json.loads, lines) if line.get("event") == event]

    def until(self, what: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not what():
            assert time.monotonic() < deadline, self.environments.log()[-5000:]
            time.sleep(0.05)

    def until_empty(self) -> None:
        self.until(lambda: self.layout.waiting(self.queues.url) == 0)

    @property
    def dead(self) -> int:
        """Messages in the queue's dead-letter queue."""
        return self.layout.waiting(self.queues.dlq_url)

    @property
    def letters(self) -> List[str]:
        prefix = self.environments.function.name + "/"
        found = self.layout.s3.list_objects_v2(Bucket=DEAD_LETTERS, Prefix=prefix).get("Contents", [])
        return [each["Key"] for each in found]


@pytest.fixture(scope="module")
def layout() -> Iterator[Layout]:
    with AwsStandIn() as aws:
        made = Layout(aws)
        made.bucket(BUCKET)
        made.bucket(DEAD_LETTERS, must_encrypt=True)
        yield made


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lay_out_package(tmp_path_factory.mktemp("package"))


@pytest.fixture
def store(engine: Engine) -> Iterator[Store]:
    found = Store(engine.url)
    found.clear()
    yield found
    found.clear()
    found.transport.close()


@pytest.fixture
def door(engine: Engine) -> Iterator[Door]:
    with Door(engine.url) as found:
        yield found


@pytest.fixture
def deploy(layout: Layout, package: Path) -> Iterator[Callable[..., Deployed]]:
    """Return a function that deploys a loader before the store at ``url``."""
    made: List[Environments] = []

    def one(
        url: str,
        *,
        timeout_s: int = 60,
        margin_s: float = 5,
        max_receives: int = 5,
        through: str = "s3",
        batch_size: int = 10,
        most: int = 4,
    ) -> Deployed:
        name = f"loader-{next(_numbers)}"
        queues = layout.queue(name, visibility_s=timeout_s, max_receives=max_receives)
        layout.notify(BUCKET, queues, through)
        layout.sqs.purge_queue(QueueUrl=queues.url)  # S3's test event: what a test counts is its own
        settings = {
            "URL": url,
            "QUEUE_URL": queues.url,
            "DEAD_LETTERS": f"s3://{DEAD_LETTERS}/{name}",
            "DEADLINE_MARGIN_S": str(margin_s),
            "RETENTION_DAYS": FOR_EVER_DAYS,
            "LOADER": name,
        }
        variables = {f"AWS_SIEM_BRIDGE_{key}": value for key, value in settings.items()}
        variables.update(layout.aws.environment(name))
        handler = "collectors.lambda_function.handler.handler"
        function = Function(name, handler, package, timeout_s, 512, variables)
        try:
            made.append(Environments(function, most))
        except LambdaRuntimeUnavailable as error:
            if os.environ.get("CI", "").lower() == "true":
                pytest.fail(str(error))
            pytest.skip(str(error))
        mapping = create_mapping(layout.aws, function, queues, batch_size=batch_size)
        return Deployed(layout, queues, made[-1], mapping)

    yield one
    for environments in made:
        environments.stop()


def story_ids(folder: Path) -> List[str]:
    """Return the ids of all records of a story's files, as the files have them."""
    ids = []
    for path in sorted(folder.rglob("*.gz")):
        text = gzip.decompress(path.read_bytes()).decode()
        key = path.relative_to(folder).as_posix()
        if "/CloudTrail/" in key:
            ids += [f"{each['eventID']}-{each['recipientAccountId']}" for each in json.loads(text)["Records"]]
        else:
            count = len(text.splitlines()) - ("/vpcflowlogs/" in key)
            ids += [record_id(ObjectRef(BUCKET, key).identity, number) for number in range(1, count + 1)]
    return sorted(ids)


@pytest.mark.parametrize("through", ["sns", "eventbridge"])
def test_the_story_of_all_four_logs_is_there_exactly_once(
    deploy: Callable[..., Deployed], store: Store, tmp_path: Path, through: str
) -> None:
    loader = deploy(store.url, through=through)
    written = write_story(tmp_path, 400, 1, *STORY_MS)
    loader.layout.put_logs(tmp_path, BUCKET)
    with loader.poller() as poller:
        loader.until_empty()
    assert [each.answer.error_message for each in poller.invocations if each.answer.failed] == []
    assert store.ids() == story_ids(tmp_path)
    assert store.count() == sum(log.records for log in written.values())
    assert (loader.dead, loader.letters) == (0, [])


def test_killed_again_and_again_each_record_is_there_once(deploy: Callable[..., Deployed], store: Store) -> None:
    chance = random.Random(SEED)
    # A kill costs a receipt, and these messages meet many.
    loader = deploy(store.url, max_receives=1000, batch_size=3, timeout_s=60)
    files = [log_file(number, chance.randint(1, 450)) for number in range(KILLS)]
    killed = 0
    with loader.poller() as poller:
        for turn, each in enumerate(files):
            loader.put(each.key, each.content)
            loader.put(each.key, each.content)  # a second notification of the same object
            if each.dataset == "cloudtrail":  # the same events in another file
                loader.put(f"{each.key}.copy.json.gz", each.content)
            again = chance.choice(files[: turn + 1])
            loader.put(again.key, again.content)
            loader.until(lambda: bool(loader.environments.busy()))
            time.sleep(chance.uniform(0.0, 0.5))
            for environment in loader.environments.busy()[:1]:
                environment.kill()
                killed += 1
            # What was hidden is seen again, also what another environment is just working on.
            loader.layout.aws.let_time_pass(loader.queues.url, 60)
        while loader.layout.waiting(loader.queues.url):
            if not loader.environments.busy():
                loader.layout.aws.let_time_pass(loader.queues.url, 60)
            time.sleep(0.1)
    broken = [each for each in poller.invocations if each.answer.error_type == "Runtime.ExitError"]
    assert killed >= KILLS // 2
    assert len(broken) >= killed // 2
    assert Counter(store.ids()) == Counter(id for each in files for id in each.ids)
    assert (loader.dead, loader.letters) == (0, [])


def test_a_timeout_in_the_middle_costs_nothing(deploy: Callable[..., Deployed], store: Store, door: Door) -> None:
    each = log_file(1, 5000)
    loader = deploy(door.url, timeout_s=15, margin_s=5)
    door.hang_at = 3
    loader.put(each.key, each.content)
    with loader.poller() as poller:
        loader.until(lambda: bool(poller.invocations))
        assert loader.layout.waiting(loader.queues.url) == 1, "it was acknowledged before it was stored"
        loader.layout.aws.let_time_pass(loader.queues.url, 15)
        loader.until_empty()
    assert poller.invocations[0].answer.error_type == TIMED_OUT, loader.environments.log()
    assert not poller.invocations[-1].answer.failed, (poller.invocations, loader.environments.log()[-3000:])
    assert store.ids() == sorted(each.ids)
    assert (loader.dead, loader.letters) == (0, [])


def test_an_object_too_large_for_one_run_ends_complete_by_passing_on_the_rest(
    deploy: Callable[..., Deployed], store: Store, door: Door
) -> None:
    each = log_file(1, 30_000)
    loader = deploy(door.url, timeout_s=10, margin_s=5, max_receives=2)
    door.docs_per_s = 3000
    loader.put(each.key, each.content)
    with loader.poller() as poller:
        loader.until_empty()
    hops = loader.said("passed_on")
    assert hops, "one run was enough: the test shows nothing"
    assert [hop["next_record"] for hop in hops] == sorted(hop["next_record"] for hop in hops)
    assert [run.answer.error_message for run in poller.invocations if run.answer.failed] == []
    assert store.count() == 30_000
    first_and_last = store.transport.request(
        "POST", ("aws-vpcflow-2019.03.01", "_mget"), body={"ids": [each.ids[0], each.ids[-1]]}
    ).json()
    assert [found["found"] for found in first_and_last["docs"]] == [True, True]
    assert (loader.dead, loader.letters) == (0, [])


def test_an_outage_switches_the_mapping_off_and_resume_on_again(
    deploy: Callable[..., Deployed], store: Store, door: Door, package: Path
) -> None:
    each = log_file(2, 500)
    # A third receipt is the last: were the message received again and again during the outage, it would be dead. One
    # more than the first it may be: by a long poll that was under way when the mapping was switched off.
    loader = deploy(door.url, timeout_s=10, margin_s=5, max_receives=3)
    function = loader.environments.function
    door.closed = True
    loader.put(each.key, each.content)
    resume = Function("resume", "collectors.lambda_function.resume.resume", package, 30, 512, function.environment)
    with Environments(resume, 1) as resumer, loader.poller() as poller:
        run = lambda: resumer.invoke(b"{}").payload  # noqa: E731
        assert run() == {"result": NOT_OURS}
        loader.until(lambda: poller.state["State"] == "Disabled")
        loader.until(lambda: not loader.environments.busy())
        received = loader.layout.aws.calls("lambda-poller")
        assert run()["result"] == STILL_OFF
        loader.layout.aws.let_time_pass(loader.queues.url, 6 * 3600)
        later = loader.layout.aws.calls("lambda-poller")[len(received) :]
        assert "ReceiveMessage" not in {call.name for call in later if call.resource == function.name}
        assert (loader.layout.waiting(loader.queues.url), loader.dead) == (1, 0)
        door.closed = False
        assert run() == {"result": SWITCHED_ON}
        loader.until_empty()
        assert run() == {"result": NOT_OURS}
    assert store.ids() == sorted(each.ids)
    assert (loader.dead, loader.letters) == (0, [])
