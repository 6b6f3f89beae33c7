"""The harness of the detections runs those made of rules, too."""

from tests.savedsearches.detections.conftest import harness  # noqa: F401 - a fixture
