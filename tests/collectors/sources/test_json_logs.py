"""Records of logs in lines of JSON as AWS documents them: what becomes of each, and that every field survives.

``tests/data/<log>`` is written after AWS's pages, ``tests/golden/<log>`` has the documents, changed by
``pytest --update-golden`` alone:

- waf: https://docs.aws.amazon.com/waf/latest/developerguide/logging-examples.html and logging-fields.html
- route53_resolver: https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resolver-query-logs-format.html
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from collectors.sources.route53_resolver import normalise as resolver
from collectors.sources.route53_resolver import source as resolver_source
from collectors.sources.waf import normalise as waf
from collectors.sources.waf import source as waf_source
from tests.collectors.json_logs import SAMPLES, common_and_own, made, one, readable

#: Log -> its source, the names of its documents that are common to all logs, its samples.
LOGS = {
    "waf": (
        waf_source, waf.COMMON,
        ["allowed", "blocked_by_managed_rule", "captcha_and_challenge", "cloudfront_and_oversize", "counted_in_groups",
         "rate_based", "sql_injection_details"],
    ),
    "route53_resolver": (
        resolver_source, resolver.COMMON,
        ["addresses", "chains_and_other_types", "dns_firewall", "endpoints", "failures_and_empty_answers"],
    ),
}  # fmt: skip
EACH = [(log, name) for log, (_, _, names) in LOGS.items() for name in names]


def sample(log: str, name: str) -> bytes:
    return (SAMPLES / log / f"{name}.jsonl").read_bytes()


@pytest.mark.parametrize(("log", "name"), EACH)
def test_documents_of_each_kind_of_record(log: str, name: str, golden: Any) -> None:
    source, common, _ = LOGS[log]
    documents = made(source, sample(log, name))
    golden(f"{log}/{name}.json", readable(documents))
    records = [json.loads(line) for line in sample(log, name).splitlines()]
    assert [common_and_own(json.loads(each.text), common)[1] for each in documents] == records


@pytest.mark.parametrize("log", LOGS)
def test_no_sample_is_left_out(log: str) -> None:
    assert sorted(path.stem for path in (SAMPLES / log).glob("*.jsonl")) == LOGS[log][2]


@pytest.mark.parametrize(("log", "name"), EACH)
def test_written_with_spaces_a_record_is_the_same(log: str, name: str) -> None:
    """No tool keeps AWS's exact bytes: then the text is looked at closely, and copied as it is."""
    source = LOGS[log][0]
    for line in sample(log, name).decode().splitlines():
        assert one(source, json.dumps(json.loads(line), ensure_ascii=True)) == one(source, line)
