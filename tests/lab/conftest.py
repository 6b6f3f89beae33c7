"""Fixtures of the lab's tests: AWS's stand-in, and a place for functions in Lambda's runtime."""

from __future__ import annotations

import os
import sys
from typing import Iterator

import pytest

from lab.aws import AwsStandIn, AwsUnavailable, Layout


@pytest.fixture(scope="session")
def aws() -> Iterator[AwsStandIn]:
    """Return a stand-in shared by the session: use names of your own. No fault is left by whoever used it before."""
    if sys.version_info < (3, 11):
        pytest.skip("the stand-in for AWS needs Python 3.11")
    try:
        started = AwsStandIn()
    except AwsUnavailable as error:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))
    with started:
        yield started


@pytest.fixture
def layout(aws: AwsStandIn) -> Layout:
    """Return what builds buckets and queues in it, without faults of an earlier test."""
    aws.clear_faults()
    return Layout(aws)
