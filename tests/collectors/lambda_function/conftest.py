"""The account, the cluster and the function that the handlers are tested with."""

from __future__ import annotations

import time
from typing import Any, Dict, Iterator, List

import pytest

from aws_bridge.queue import Message
from collectors.lambda_function import loader as loader_module
from collectors.lambda_function import resume as resume_module
from lab.engine import Engine
from tests.collectors.one_store import FOR_EVER_DAYS, Store


@pytest.fixture
def store(engine: Engine) -> Iterator[Store]:
    """Return the default engine without documents of 2019."""
    found = Store(engine.url)
    found.clear()
    yield found
    found.clear()
    found.transport.close()


@pytest.fixture
def environment(account, store, monkeypatch) -> Iterator[Dict[str, str]]:
    """Set what the functions need; return a dictionary of what else is to be set, by the next call of one."""
    urls = account.new_queue(max_receives=5)
    dead = f"dead-{urls.url.rpartition('/')[2]}"
    account.new_bucket(dead)
    given = {
        "URL": store.url,
        "QUEUE_URL": urls.url,
        "DEAD_LETTERS": f"s3://{dead}/letters",
        "DEADLINE_MARGIN_S": "0",
        "RETENTION_DAYS": FOR_EVER_DAYS,
    }
    for name, value in given.items():
        monkeypatch.setenv(f"AWS_SIEM_BRIDGE_{name}", value)
    loader_module.loader.cache_clear()
    resume_module._parts.cache_clear()
    yield given
    loader_module.loader.cache_clear()
    resume_module._parts.cache_clear()


class Context:
    """What Lambda tells about one run."""

    def __init__(self, function_name: str = "loader", seconds: float = 60.0) -> None:
        self.function_name = function_name
        self._ends_s = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        """Return what is left of the time."""
        return int(1000 * (self._ends_s - time.monotonic()))


def event_of(messages: List[Message]) -> Dict[str, Any]:
    """Return the event that Lambda makes of messages."""
    return {
        "Records": [
            {
                "messageId": each.id,
                "receiptHandle": each.receipt,
                "body": each.body,
                "attributes": {
                    "ApproximateReceiveCount": str(each.receive_count),
                    "SentTimestamp": str(each.sent_ms),
                },
                "eventSource": "aws:sqs",
            }
            for each in messages
        ]
    }
