"""What is left of botocore in a package."""

from __future__ import annotations

from pathlib import Path

import pytest

from aws_bridge.trimming import trim_botocore


@pytest.mark.parametrize(
    ("services", "left"),
    [((), {"sso", "sso-oidc", "sts"}), (("s3", "sts"), {"s3", "sso", "sso-oidc", "sts"})],
)
def test_services_that_are_called_and_those_of_credentials_are_left(tmp_path: Path, services, left) -> None:
    data = tmp_path / "botocore" / "data"
    for name in ("ec2", "s3", "sso", "sso-oidc", "sts"):
        (data / name / "2026-01-01").mkdir(parents=True)
    (data / "endpoints.json").write_text("{}", "utf-8")
    trim_botocore(tmp_path, services)
    assert {path.name for path in data.iterdir()} == {*left, "endpoints.json"}
