"""Several lists read as one, and what of Security Hub's findings is wanted."""

from __future__ import annotations

import random
from typing import Any, Dict, List, Set

import pytest

from collectors.polling.reader import read
from collectors.polling.wanted import Wanted
from collectors.records.joined_lists import chunks, joined
from collectors.records.page import Page, Window
from collectors.records.record import Origin
from collectors.sources.hub_products import names_of, plain
from collectors.sources.registry import source_of
from tests.collectors.polling.listed import NOW_MS, Listed, stamp

pytestmark = pytest.mark.splunk_python


class Unsorted(Listed):
    """A list of which its source says that it has no order."""

    def page(self, window: Window, token: str) -> Page:
        return super().page(window, token)._replace(ordered=False)


@pytest.mark.parametrize("seed", range(12))
def test_everything_of_all_lists_is_read_also_of_one_millisecond_and_without_order(seed: int):
    randomly = random.Random(seed)
    kinds = [Unsorted if randomly.random() < 0.2 else Listed for _ in range(3)]
    lists = [kind(page_size=randomly.randint(1, 7), ordered=kind is Listed) for kind in kinds]
    expected: Set[str] = set()
    for number, listed in enumerate(lists):
        # Few times for many findings: pages full of one millisecond.
        for index in range(randomly.choice([0, 3, 40])):
            listed.put(f"{number}-{index}", NOW_MS + randomly.randint(0, randomly.choice([2, 50_000])))
        expected.update(listed.versions)
        listed.as_of_ms = NOW_MS + 40_000
    found: List[str] = []
    for step in read(joined(lists), Window(NOW_MS, NOW_MS + 60_000)):
        found += [finding.record.identity for finding in step.findings]
    assert step.done and set(found) == expected


def test_names_are_cut_into_what_a_filter_takes():
    assert chunks(list("abcde"), 2) == [("a", "b"), ("c", "d"), ("e",)] and chunks([], 20) == [()]
    assert names_of(["GuardDuty", "guard duty", "Acme"]) == ["GuardDuty", "Amazon GuardDuty", "Acme"]
    assert plain("CIS AWS Foundations Benchmark v3.0.0") == "cis-aws-foundations-benchmark-v3-0-0"


def finding_of(dataset: str, product: str, *standards: str) -> Any:
    if dataset == "securityhub":
        control = {"SecurityControlId": "S3.8"} if product == "Security Hub" else {}
        associated = [{"StandardsId": each} for each in standards]
        fields: Dict[str, Any] = {
            "ProductArn": "p", "Id": "1", "UpdatedAt": stamp(NOW_MS), "ProductName": product,
            "Compliance": {**control, "AssociatedStandards": associated},
        }  # fmt: skip
    else:
        fields = {
            "metadata": {"uid": "1", "product": {"name": product}}, "time": NOW_MS,
            "compliance": {"standards": list(standards)},
        }  # fmt: skip
    return source_of(dataset).finding(fields, Origin("111122223333", "eu-west-1"))


@pytest.mark.parametrize("dataset", ["securityhub", "securityhub_v2"])
@pytest.mark.parametrize(
    ("wanted", "product", "standards", "kept"),
    [
        (Wanted(), "Prowler", [], True),
        (Wanted.of(["Prowler"], [], []), "Prowler", [], True),
        (Wanted.of(["prowler", "accessanalyzer"], [], []), "IAM Access Analyzer", [], True),
        (Wanted.of(["prowler"], [], []), "GuardDuty", [], False),
        (Wanted.of([], ["guardduty"], []), "Amazon GuardDuty", [], False),
        (Wanted.of([], ["guardduty"], []), "Inspector", [], True),
        (Wanted.of([], [], ["cis"]), "Security Hub", ["ruleset/cis-aws-foundations-benchmark/v/1.2.0"], True),
        (Wanted.of([], [], ["CIS"]), "Security Hub", ["CIS AWS Foundations Benchmark v3.0.0"], True),
        (Wanted.of([], [], ["fsbp", "pci"]), "Security Hub", ["standards/pci-dss/v/4.0.1", "standards/x"], True),
        (Wanted.of([], [], ["pci-dss/v/4"]), "Security Hub", ["standards/pci-dss/v/3.2.1"], False),
        (Wanted.of([], [], ["fsbp"]), "Security Hub", ["standards/pci-dss/v/4.0.1"], False),
        # What another product calls a standard is not Security Hub's; a finding without one is no control.
        (Wanted.of([], [], ["fsbp"]), "Prowler", ["CIS-1.4"], True),
        (Wanted.of([], [], ["fsbp"]), "Security Hub", [], True),
    ],
)
def test_products_and_standards_that_are_wanted(dataset, wanted, product, standards, kept):
    assert wanted(finding_of(dataset, product, *standards)) is kept


def test_findings_that_are_not_security_hubs_are_always_wanted():
    listed = Listed()
    listed.put("a", NOW_MS)
    assert Wanted.of(["prowler"], ["guardduty"], ["cis"])(listed.now["a"])
