"""What is copied out of requestParameters, and what never is."""

from __future__ import annotations

import pytest

from collectors.records.exact_json import Number
from collectors.sources.cloudtrail.request import REQUEST_FIELDS, request_fields


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"bucketName": "b", "key": "a/b", "Host": "x"}, {"bucketName": ["b"], "key": ["a/b"]}),
        ({"userName": "eve", "policyArn": "arn:p"}, {"userName": ["eve"], "policyArn": ["arn:p"]}),
        ({"dBInstanceIdentifier": "db"}, {"dbInstanceIdentifier": ["db"]}),
        ({"DBSnapshotIdentifier": "s"}, {"dbSnapshotIdentifier": ["s"]}),
        (
            {"instancesSet": {"items": [{"instanceId": "i-1"}, {"instanceId": "i-2"}, {"instanceId": "i-1"}]}},
            {"instanceId": ["i-1", "i-2"]},
        ),
        ({"instanceIds": ["i-1", "i-2"], "documentName": "d"}, {"instanceId": ["i-1", "i-2"], "documentName": ["d"]}),
        (
            {"groupId": "sg-1", "ipPermissions": {"items": [{"ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}}]}},
            {"groupId": ["sg-1"], "cidrIp": ["0.0.0.0/0"]},
        ),
        (
            {"createVolumePermission": {"add": {"items": [{"userId": "444455556666"}]}}, "snapshotId": "snap-1"},
            {"userId": ["444455556666"], "snapshotId": ["snap-1"]},
        ),
        ({"name": "trail"}, {"name": ["trail"]}),
        ({"filterSet": {"items": [{"name": "vpc-id"}]}, "tagSet": [{"key": "k"}]}, {}),
        ({"userName": {"x": "y", "roleName": "r"}}, {"roleName": ["r"]}),
        ({"userName": ["a", {"roleName": "r"}, ["b"], None, True, 1.5, ""]}, {"userName": ["a"], "roleName": ["r"]}),
        (
            {"userId": 17, "keyId": Number("12345678901234567890123")},
            {"userId": ["17"], "keyId": ["12345678901234567890123"]},
        ),
        ({"keyId": Number("1.50"), "name": None, "key": False}, {}),
        ({"userName": "first", "userName#2": "second", "#": "x"}, {"userName": ["first", "second"]}),
        ({"": {"": {"": "x"}}, ".": 1}, {}),
        ("text", {}),
        (17, {}),
        (None, {}),
        ([{"userName": "x"}], {}),
    ],
    ids=lambda value: str(value)[:50],
)
def test_named_members_are_copied_as_text(parameters, expected):
    assert request_fields(parameters) == {
        name: values if len(values) > 1 else values[0] for name, values in expected.items()
    }


def test_one_value_is_no_list():
    assert request_fields({"keyId": "k", "instanceIds": ["i", "j"]}) == {"keyId": "k", "instanceId": ["i", "j"]}


def test_the_names_are_told_apart_by_more_than_case():
    assert len({name.lower() for name in REQUEST_FIELDS}) == len(REQUEST_FIELDS)
