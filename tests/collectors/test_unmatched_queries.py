"""Queries of the field on loaded logs: the right number of events, or a word about why not."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import List, Tuple

import pytest

from collectors.store.object_fields import field_type
from es_bridge.dialect import detect
from es_bridge.errors import BridgeError
from es_bridge.query import SearchRequest
from es_bridge.search import open_search
from tests.collectors.conftest import Cluster, event, write_log

CASES = Path(__file__).resolve().parents[2].parent / "shared" / "cases"
FOLDER = "AWSLogs/444455556666/CloudTrail/us-west-2/1999/12/31"
EVENTS = [
    {
        **event(0),
        "eventName": "ConsoleLogin",
        "sourceIPAddress": "10.20.0.7",
        "requestParameters": None,
        "additionalEventData": {"MFAUsed": "No", "LoginTo": "https://console.example"},
    },
    {**event(1), "eventName": "DeleteBucket", "requestParameters": {"bucketName": "evidence-1"}},
    {**event(2), "eventName": "DeleteBucket", "requestParameters": {"bucketName": "scratch"}},
]
#: Query -> events found where members are indexed, and where they are not; words of what is said there, and here.
QUERIES: List[Tuple[str, int, str, int, str]] = [
    ("eventName:ConsoleLogin AND additionalEventData.MFAUsed:No", 1, "", 0, "aws.signin.mfaUsed"),
    (r"requestParameters.bucketName:evidence\-1", 1, "", 0, "aws.request.bucketName"),
    (r"NOT requestParameters.bucketName:evidence\-1", 2, "", 3, "aws.request.bucketName"),
    ("requestParameters.bucketName:*", 2, "", 0, "aws.request.bucketName"),
    (r"aws.request.bucketName:evidence\-1", 1, "", 1, ""),
    ("eventname:DeleteBucket", 0, "Write instead: eventName", 0, "Write instead: eventName"),
    ("eventName=DeleteBucket", 0, "Write eventName:DeleteBucket", 0, "Write eventName:DeleteBucket"),
    ('source.ip:"10.0.0.0/8"', 1, "", 1, ""),
    ('sourceIPAddress:"10.0.0.0/8"', 0, "source.ip", 0, "source.ip"),
    ("source.ip:10.20.*", -1, "'source.ip' (ip)", -1, "'source.ip' (ip)"),
]


def ask(cluster: Cluster, index: str, query: str) -> Tuple[int, str]:
    """Return how many events are found, -1 for an error, and what is said."""
    with open_search(cluster.transport, SearchRequest(index, query)) as search:
        try:
            found = sum(page.count for page in search)
        except BridgeError as exc:
            return -1, str(exc)
        # Other tests' events on other days leave gaps between them.
        return found, "\n".join(text for text in search.warnings if "beyond what the store holds" not in text)


@pytest.mark.parametrize("engine_id", ["opensearch-2.19", "opensearch-1.3", "elasticsearch-8.15"])
def test_queries_find_what_is_meant_or_it_is_said(cluster_by_id, engine_id, tmp_path):
    cluster = cluster_by_id(engine_id)
    assert cluster.load(write_log(tmp_path / FOLDER / "a.json", EVENTS)).returncode == 0
    indexed = bool(field_type(detect(cluster.transport)))
    problems = []
    for query, found, words, found_else, words_else in QUERIES:
        expected = (found, words) if indexed else (found_else, words_else)
        count, said = ask(cluster, "aws-cloudtrail-*", query)
        is_said_once = len(said.splitlines()) == bool(expected[1])
        if count != expected[0] or expected[1] not in said or not is_said_once:
            problems.append((query, count, said))
    assert problems == []


@pytest.mark.parametrize("engine_id", ["opensearch-2.19", "opensearch-1.3"])
def test_the_shared_queries(cluster_by_id, engine_id):
    if not (CASES / "queries.tsv").is_file():
        pytest.skip("../shared/cases is not there")
    cluster = cluster_by_id(engine_id)
    assert cluster.load(CASES / "queries").returncode == 0
    indexed = bool(field_type(detect(cluster.transport)))
    with (CASES / "queries.tsv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert rows
    problems = []
    for row in rows:
        count, said = ask(cluster, row["index"], row["query"])
        right = re.match(r"\d+", row["right"])
        is_right = right is not None and count == int(right[0])
        must_be_told = "and a warning" in row["right"] or right is None
        if must_be_told:
            fine = bool(said)
        else:
            fine = is_right and not said or (not indexed and bool(said))
        if not fine:
            problems.append((row, count, said))
    assert problems == []
