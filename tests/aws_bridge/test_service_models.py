"""Whose descriptions of AWS's services a client is made from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aws_bridge import service_models
from aws_bridge.clients import client

botocore_session = pytest.importorskip("botocore.session")
KEYS = {"aws_access_key_id": "x", "aws_secret_access_key": "y"}


def session() -> Any:
    made = botocore_session.get_session()
    service_models.use(made)
    return made


def test_a_client_knows_what_botocores_own_description_lacks() -> None:
    old = botocore_session.get_session().create_client("securityhub", region_name="eu-west-1", **KEYS)
    new = session().create_client("securityhub", region_name="eu-west-1", **KEYS)
    assert not hasattr(old, "start_export_job_v2"), (
        "botocore has it: is there still a Python that needs the shipped ones?"
    )
    assert new.start_export_job_v2
    assert new.meta.endpoint_url == "https://securityhub.eu-west-1.amazonaws.com"


def test_the_product_makes_its_clients_from_them() -> None:
    pytest.importorskip("boto3")
    assert client("securityhub", "us-east-1").start_export_job_v2


def test_the_shipped_ones_come_first_and_once() -> None:
    made = session()
    service_models.use(made)
    paths = made.get_component("data_loader").search_paths
    assert paths[0] == str(service_models.FOLDER) and paths.count(paths[0]) == 1


def test_a_package_without_them_uses_botocores_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lambda functions carry no description beside botocore's."""
    monkeypatch.setattr(service_models, "FOLDER", tmp_path / "not-there")
    assert session().create_client("sqs", region_name="eu-west-1", **KEYS).receive_message


@pytest.mark.parametrize("partition", [("cn-north-1", "com.cn"), ("us-gov-west-1", "com")])
def test_other_partitions_have_endpoints(partition: Any) -> None:
    region, ending = partition
    for service in ("guardduty", "securityhub", "sqs", "sts"):
        url = session().create_client(service, region_name=region, **KEYS).meta.endpoint_url
        assert region in url and url.endswith(ending), url
