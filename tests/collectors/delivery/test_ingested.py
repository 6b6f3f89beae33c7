"""``event.ingested``: in every document of every log, of the first time it was written, and in nothing else."""

from __future__ import annotations

import gzip
import io
import json

import pytest

from aws_bridge.object_ref import ObjectRef
from collectors.delivery.dead_letters import BAD_RECORD
from collectors.reading.reading import Reading
from collectors.records.record import Context, Record
from collectors.sinks.opensearch.ingested import stamped
from collectors.sources.cloudtrail import source as cloudtrail
from collectors.sources.route53_resolver import source as resolver
from collectors.sources.waf import source as waf
from es_bridge.bulk import Create
from tests.collectors.four_logs import LOGS
from tests.collectors.json_logs import SAMPLES, made
from tests.collectors.shelf import done, lines, query
from tests.collectors.sources.cloudtrail.test_engines import hostile_documents
from tests.collectors.sources.route53_resolver.test_engines import HOSTILE as RESOLVER
from tests.collectors.sources.waf.test_engines import HOSTILE as WAF

FIRST, LATER = 1_795_236_787.5, 1_795_240_000.0


def written(documents):
    creates = [Create("", each.identity, each.text) for each in documents]
    return [json.loads(body) for body in stamped(lambda: FIRST)(creates)]


def test_of_hostile_records_too_it_is_the_only_thing_that_is_added():
    documents = [
        *made(resolver, "\n".join(RESOLVER).encode()),
        *made(waf, "\n".join(WAF).encode()),
        *hostile_documents(),
    ]
    documents = [each for each in documents if isinstance(each, Record)]
    assert len(documents) > 60
    for document, found in zip(documents, written(documents)):
        assert found["event"].pop("ingested") == "2026-11-21T04:53:07.500Z"
        assert found == json.loads(document.text)


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.name.partition("_{}")[2].partition("{}")[2] + log.dataset)
def test_every_log_has_it(log):
    ref = ObjectRef("log-archive", f"{log.folder}/{log.name.format(0)}")
    documents = list(Reading(io.BytesIO(log.content(1, 3)), Context(ref)))
    assert len(documents) == 3
    for document, found in zip(documents, written(documents)):
        assert found["event"].pop("ingested") == "2026-11-21T04:53:07.500Z"
        assert found == json.loads(document.text)


def test_every_kind_of_event_of_cloudtrail_has_it():
    files = [path for path in sorted((SAMPLES / "cloudtrail").glob("*.json")) if path.stem != "digest"]
    assert len(files) > 8
    for path in files:
        context = Context(ObjectRef("log-archive", "AWSLogs/1/CloudTrail/a.json.gz"))
        found = written(list(cloudtrail.records([path.read_bytes()], context)))
        assert {each["event"]["ingested"] for each in found} == {"2026-11-21T04:53:07.500Z"}, path.name


def test_a_duplicate_keeps_the_first_time_and_what_comes_late_has_its_own(shelf, day, index):
    ref = shelf.put(lines(*(query(n, day) for n in range(1, 4))))
    assert done(shelf.intake(clock=lambda: FIRST).take(ref))["stored"] == 3
    shelf.put(lines(*(query(n, day) for n in range(1, 6))))
    assert done(shelf.intake(clock=lambda: LATER).take(ref)) == {"stored": 2, "already_there": 3, "dead": 0}
    shelf.transport.request("POST", (index, "_refresh"))

    def found(text):
        body = {"query": {"range": {"event.ingested": {"gte": text, "lt": f"{text}||+1h"}}}}
        hits = shelf.transport.request("POST", (index, "_search"), body=body).json()["hits"]["hits"]
        return sorted(int(hit["_id"].rpartition("-")[2]) for hit in hits)

    assert found("2026-11-21T04:00:00Z") == [1, 2, 3]
    assert found("2026-11-21T05:00:00Z") == [4, 5]


def test_it_is_not_in_what_a_dead_letter_keeps(shelf, day):
    shelf.intake(clock=lambda: FIRST).take(shelf.put(gzip.compress(b"{broken")))
    (letter,) = shelf.dead()
    assert letter.error_type == BAD_RECORD
    assert b"ingested" not in letter.excerpt
