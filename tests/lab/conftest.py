"""Fixtures of the lab's tests."""

from __future__ import annotations

import pytest

from lab.aws import AwsStandIn, Layout


@pytest.fixture
def layout(aws: AwsStandIn) -> Layout:
    """Return what builds buckets and queues in it, without faults of an earlier test."""
    aws.clear_faults()
    return Layout(aws)
