"""WAF log records as AWS documents them: what becomes of each, and that every field survives.

``tests/data/waf`` is written after
https://docs.aws.amazon.com/waf/latest/developerguide/logging-examples.html and logging-fields.html;
``tests/golden/waf`` has the documents, changed by ``pytest --update-golden`` alone.
"""

from __future__ import annotations

import json

import pytest

from collectors.sources.waf import source
from collectors.sources.waf.normalise import COMMON
from tests.collectors.json_logs import SAMPLES, common_and_own, made, one, readable

NAMES = sorted(path.stem for path in (SAMPLES / "waf").glob("*.jsonl"))


@pytest.mark.parametrize("name", NAMES)
def test_documents_of_each_kind_of_record(name, golden):
    content = (SAMPLES / "waf" / f"{name}.jsonl").read_bytes()
    documents = made(source, content)
    golden(f"waf/{name}.json", readable(documents))
    records = [json.loads(line) for line in content.splitlines()]
    assert [common_and_own(json.loads(each.text), COMMON)[1] for each in documents] == records


def test_there_are_samples_of_everything():
    assert NAMES == [
        "allowed",
        "blocked_by_managed_rule",
        "captcha_and_challenge",
        "cloudfront_and_oversize",
        "counted_in_groups",
        "rate_based",
        "sql_injection_details",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_written_with_spaces_a_record_is_the_same(name):
    """No tool keeps AWS's exact bytes: then the text is looked at closely, and copied as it is."""
    for line in (SAMPLES / "waf" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
        spaced = json.dumps(json.loads(line), ensure_ascii=True)
        assert one(source, spaced) == one(source, line)
