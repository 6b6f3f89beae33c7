"""The stand-in writes the same answers as moto does, in less time."""

from __future__ import annotations

from typing import Any, Dict

import pytest

pytest.importorskip("moto.server", reason="the stand-in for AWS needs Python 3.11")

from moto.core import serialize
from moto.core.responses import ActionResult
from moto.core.utils import get_service_model
from moto.ec2.models import ec2_backends
from moto.ec2.responses import EC2Response
from moto.iam.models import iam_backends

from lab.aws.quicker import value_of

ACCOUNT, REGION = "111122223333", "eu-west-1"


def answers() -> Dict[str, Any]:
    """Return service and operation -> what moto would answer: objects, mappings, members that it changes, no member."""
    ec2, iam = ec2_backends[ACCOUNT][REGION], iam_backends[ACCOUNT]["aws"]
    vpc = ec2.create_vpc("10.7.0.0/16")
    subnet = ec2.create_subnet(vpc.id, "10.7.1.0/24", availability_zone=f"{REGION}a")
    image = next(iter(ec2.describe_images()))
    how = {"subnet_id": subnet.id, "instance_type": "t3.micro", "is_instance_type_default": True}
    reservation = ec2.run_instances(image.id, 1, "", [], tags={"instance": {"Name": "web"}}, **how)
    profile = iam.create_instance_profile("web", "/", [])
    association = ec2.associate_iam_instance_profile(reservation.instances[0].id, iam_instance_profile_arn=profile.arn)
    role = iam.create_role("web", "{}", "/", "", "", [], 3600)
    interfaces = reservation.instances[0].nics.values()
    return {
        "ec2 DescribeInstances": {"Reservations": [reservation]},
        "ec2 DescribeNetworkInterfaces": {"NetworkInterfaces": list(interfaces)},
        "ec2 DescribeSecurityGroups": {"SecurityGroups": ec2.describe_security_groups()},
        "ec2 DescribeImages": {"Images": [image]},
        "ec2 AssociateIamInstanceProfile": {"IamInstanceProfileAssociation": association},
        "ec2 DescribeVpcs": {"Vpcs": []},
        "iam GetRole": {"Role": role},
        "sns GetTopicAttributes": {"Attributes": {"TopicArn": "arn", "FifoTopic": True}},
    }


def test_every_answer_is_the_one_of_moto(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = serialize.ResponseSerializer.get_value

    def written(name: str, result: Any) -> str:
        service, operation = name.split()
        model = get_service_model(service)
        kind = serialize.get_serializer_class(model.service_name, model.metadata["protocol"])
        changes = EC2Response.RESPONSE_KEY_PATH_TO_TRANSFORMER if service == "ec2" else None
        picker = serialize.XFormedAttributePicker(response_transformers=changes)
        serializer = kind(operation_model=model.operation_model(operation), value_picker=picker)
        return str(serializer.serialize(ActionResult(result).result)["body"])

    found = answers()
    before = {name: written(name, result) for name, result in found.items()}
    monkeypatch.setattr(serialize.ResponseSerializer, "get_value", value_of(asked))
    # The second time what was found the first time is used.
    for _ in range(2):
        assert {name: written(name, result) for name, result in found.items()} == before
    assert "associating" in before["ec2 AssociateIamInstanceProfile"] and "web" in before["ec2 DescribeInstances"]
