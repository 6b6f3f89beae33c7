"""What draws pages: the bundle of Splunk's packages, and one browser for all tests that look at pages."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Iterator

import pytest

from lab.browser import BrowserUnavailable, open_browser
from lab.dashboards import DashboardsUnavailable, find_bundle

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="package")
def bundle() -> Path:
    """Splunk's packages as one script. Where they cannot be fetched: skipped with the reason, failed under CI."""
    try:
        return find_bundle()
    except DashboardsUnavailable as error:
        if os.environ.get("CI", "").lower() == "true":
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    try:
        with open_browser() as found:
            yield found
    except BrowserUnavailable as error:
        if os.environ.get("CI", "").lower() == "true":
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="package")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures are kept: ``AWS_SIEM_BRIDGE_SCREENSHOTS``, or pytest's temporary folder."""
    chosen = os.environ.get("AWS_SIEM_BRIDGE_SCREENSHOTS")
    folder = Path(chosen) if chosen else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
