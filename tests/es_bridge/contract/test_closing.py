"""What a search that ends at a bad moment leaves open in the cluster: nothing (the fixture `cluster` counts)."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from es_bridge.query import SearchRequest
from es_bridge.search import open_search

from .conftest import EACH_WAY, Cluster, each_of

cluster = each_of(EACH_WAY)


class Interrupted(BaseException):
    """What a signal handler raises."""


class InterruptedPool(ThreadPoolExecutor):
    """A pool whose caller is interrupted after the work has been handed in, before it gets the future."""

    def submit(self, *args: Any, **kwargs: Any) -> Any:
        super().submit(*args, **kwargs).result()
        raise Interrupted


def test_signal_between_asking_for_the_point_in_time_and_keeping_its_future(cluster: Cluster) -> None:
    index = cluster.create()
    cluster.fill(index, ((str(n), {"@timestamp": n}) for n in range(10)))
    search = open_search(cluster.transport, SearchRequest(index=index, size=0))
    search._pool = InterruptedPool(1)
    with pytest.raises(Interrupted), search:
        list(search)
