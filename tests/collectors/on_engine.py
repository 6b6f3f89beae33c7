"""An engine as the tests of a log's documents need it: with the log's templates, and without the index."""

from __future__ import annotations

from typing import Any, Iterable, Iterator, List

from collectors.sinks.opensearch.index_names import index_of
from collectors.store.templates import ensure_template
from es_bridge.bulk import Create, Outcome, bulk_create
from es_bridge.config import Auth, ClusterConfig
from es_bridge.transport import Transport
from lab.engine import Engine
from tests.zstd import CODEC, lacks_zstd


def transport_to(engine: Engine) -> Transport:
    """Return a transport to an engine, as its administrator."""
    auth = Auth("basic", "root", engine.users["root"]) if engine.users else Auth()
    return Transport(ClusterConfig((engine.url,), auth=auth, ca_file=str(engine.ca_file) if engine.ca_file else None))


def ready(engine: Engine, engine_id: str, dataset: str, index: str) -> Iterator[Transport]:
    """Yield a transport to an engine that has the templates of a log and not the index; clean up behind the test."""
    with transport_to(engine) as transport:
        transport.request("DELETE", (index,), accept_status=(404,))
        ensure_template(transport, dataset)
        if lacks_zstd(engine_id):
            transport.request("PUT", (index,), body={"settings": {"index.codec": CODEC}})
        yield transport
        transport.request("DELETE", (index,), accept_status=(404,))


def write(transport: Transport, records: Iterable[Any]) -> List[Outcome]:
    """Write records as they are, without the time of writing that the sink puts in, and return what became of each."""
    creates = [Create(index_of(each), each.identity, each.text, each) for each in records]
    return list(bulk_create(transport, creates))
