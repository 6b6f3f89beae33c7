"""What is left of botocore in a package."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from aws_bridge.trimming import copy_service_models, trim_botocore


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


def test_the_newest_description_is_copied_without_its_prose(tmp_path: Path) -> None:
    parameter = {"type": "string", "documentation": "asked for by botocore"}
    described: Any = {
        "documentation": "long",
        "shapes": {
            "A": {"members": {"documentation": {"shape": "B", "documentation": "x"}}, "errors": [{"shape": "C"}]}
        },
        "clientContextParams": {"Accelerate": parameter},
    }
    for version, content in (("2020-01-01", {"old": 1}), ("2026-01-01", described)):
        folder = tmp_path / "data" / "s3" / version
        folder.mkdir(parents=True)
        (folder / "service-2.json.gz").write_bytes(gzip.compress(json.dumps(content).encode()))
        (folder / "paginators-1.json").write_text("{}", "utf-8")
        (folder / "examples-1.json").write_text("{}", "utf-8")
    copy_service_models(tmp_path / "data", ["s3"], tmp_path / "made")
    found = {path.name: path for path in (tmp_path / "made" / "s3" / "2026-01-01").iterdir()}
    assert set(found) == {"service-2.json.gz", "paginators-1.json.gz"}
    assert [path.name for path in (tmp_path / "made" / "s3").iterdir()] == ["2026-01-01"]
    assert json.loads(gzip.decompress(found["service-2.json.gz"].read_bytes())) == {
        "shapes": {"A": {"members": {"documentation": {"shape": "B"}}, "errors": [{"shape": "C"}]}},
        "clientContextParams": {"Accelerate": {"type": "string", "documentation": ""}},
    }
    with pytest.raises(FileNotFoundError):
        copy_service_models(tmp_path / "data", ["sqs"], tmp_path / "other")
