"""Writes of DynamoDB, one after the other: moto looks at a condition and writes afterwards, with others in between.

And an item is read as it is between two of them: moto gives out the one that is being written.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/WorkingWithItems.html#WorkingWithItems.ConditionalUpdate
"""

from __future__ import annotations

import copy
import threading
from typing import Any, Callable


def install() -> None:
    """Change moto's DynamoDB."""
    from moto.dynamodb.models import DynamoDBBackend

    lock = threading.RLock()

    def alone(write: Callable[..., Any]) -> Callable[..., Any]:
        def locked(*args: Any, **kwargs: Any) -> Any:
            with lock:
                return write(*args, **kwargs)

        return locked

    for name in ("put_item", "update_item", "delete_item", "transact_write_items"):
        setattr(DynamoDBBackend, name, alone(getattr(DynamoDBBackend, name)))
    get = DynamoDBBackend.get_item
    DynamoDBBackend.get_item = alone(lambda *args, **kwargs: copy.deepcopy(get(*args, **kwargs)))
