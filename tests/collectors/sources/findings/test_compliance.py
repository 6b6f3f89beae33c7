"""Ids of requirements in one spelling, whatever the format."""

from __future__ import annotations

import json

import pytest

from collectors.records.record import Origin
from collectors.sources.compliance import of_asff, of_ocsf
from collectors.sources.registry import source_of
from tests.collectors.sources.findings.test_golden import CASES

pytestmark = pytest.mark.splunk_python

#: Prowler's text of 63 characters: the last id may have lost its end.
CUT = "KISA-ISMS-P-2023 2.5.1 2.5.2 2.5.3 2.5.4 2.6.1 2.6.2 2.7.1 2.10"
assert len(CUT) == 63
WHOLE = ("2.5.1", "2.5.2", "2.5.3", "2.5.4", "2.6.1", "2.6.2", "2.7.1")


@pytest.mark.parametrize(
    ("requirements", "by_prowler", "ids"),
    [
        (["CIS-3.0 1.5", "PCI-4.0 8.4.1 8.4.2"], True, ["CIS-3.0 1.5", "PCI-4.0 8.4.1", "PCI-4.0 8.4.2"]),
        (
            [CUT],
            True,
            [f"KISA-ISMS-P-2023 {id}" for id in ["2.5.1", "2.5.2", "2.5.3", "2.5.4", "2.6.1", "2.6.2", "2.7.1"]],
        ),
        (["AWS-Onboarding Enabled security services"], True, ["AWS-Onboarding Enabled security services"]),
        (["GDPR"], True, ["GDPR"]),
        (["NIST.800-53.r5 AC-2", "NIST.800-53.r5 AC-2", ""], False, ["NIST.800-53.r5 AC-2"]),
        (["PCI DSS v3.2.1/8.2.1"], False, ["PCI DSS v3.2.1/8.2.1"]),
        ([], True, None),
        ("x", True, None),
    ],
)
def test_ids_of_asff(requirements, by_prowler, ids):
    assert of_asff({"Compliance": {"RelatedRequirements": requirements}}, by_prowler).get("compliance_ids") == ids


@pytest.mark.parametrize(
    ("fields", "ids"),
    [
        ({"unmapped": {"compliance": {"CIS-3.0": ["1.5"], "GDPR": []}}}, ["CIS-3.0 1.5", "GDPR"]),
        ({"compliance": {"requirements": ["PCI DSS v4.0.1/8.2.1", 7]}}, ["PCI DSS v4.0.1/8.2.1"]),
        ({"unmapped": {"compliance": ["x"]}, "compliance": 7}, None),
        ({"unmapped": {"compliance": {"CIS-3.0": "1.5"}}}, ["CIS-3.0"]),
    ],
)
def test_ids_of_ocsf(fields, ids):
    assert of_ocsf(fields).get("compliance_ids") == ids


@pytest.mark.parametrize(("dataset", "name"), [("securityhub", "prowler"), ("prowler", "failed")])
def test_they_are_in_what_is_written_and_no_matter_of_a_version(dataset: str, name: str):
    finding = source_of(dataset).finding(CASES[dataset][name]["api"], Origin())
    assert "KISA-ISMS-P-2023 2.5" in " ".join(json.loads(finding.record.text)["compliance_ids"])


def test_a_scan_of_prowler_makes_versions_and_only_a_result_matters():
    def made(name: str):
        return source_of("prowler").finding(CASES["prowler"][name]["api"], Origin())

    failed, again, passed, muted = map(made, ("failed", "scanned_again", "passed_a_day_later", "muted"))
    assert len({each.finding_key for each in (failed, again, passed, muted)}) == 1
    assert len({each.record.identity for each in (failed, again, passed, muted)}) == 4
    assert failed.matter == again.matter and len({each.matter for each in (failed, passed, muted)}) == 3
    assert passed.passed and not failed.passed
    # The scanner's local time says an hour later.
    assert failed.record.time_ms == 1_796_040_000_000
    assert made("another_resource_of_the_same_uid").finding_key != failed.finding_key
