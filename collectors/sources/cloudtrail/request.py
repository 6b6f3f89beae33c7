"""What a call was about: named members of requestParameters as keyword fields ``aws.request.<name>``.

requestParameters has no schema: every service has its own, and what callers send is in it. So it is stored whole and
not indexed, and what detections and investigations ask for is copied out of it, as text, under one name for all
services: ``instanceId`` is found in Systems Manager's ``instanceIds`` and in EC2's ``instancesSet.items[].instanceId``,
``dbInstanceIdentifier`` in RDS's ``dBInstanceIdentifier``. Values that are objects are not copied (what is in them is
looked through), each value is there once, and several are a list. Letters that can be written composed and decomposed
(names of files from macOS are) are found both ways, by `other_forms`.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Union

from collectors.records.cache import BoundedCache
from collectors.records.exact_json import Number
from collectors.records.text_forms import letter_forms

#: Keys of callers are remembered up to this many, and up to this length in characters.
MAX_REMEMBERED = 4096
LONGEST_REMEMBERED = 64

#: Found at any depth. In lower case, as services differ in theirs -> the name of the field.
_ANYWHERE = {
    name.lower(): name
    for name in (
        # who and what they may
        "userName",
        "roleName",
        "groupName",
        "policyName",
        "policyArn",
        "roleArn",
        "principalArn",
        "roleSessionName",
        "accessKeyId",
        "serialNumber",
        "instanceProfileName",
        "userId",
        # where data is
        "bucketName",
        "keyId",
        "secretId",
        "functionName",
        "tableName",
        "repositoryName",
        "modelId",
        "queueUrl",
        "topicArn",
        "dbInstanceIdentifier",
        "dbClusterIdentifier",
        "dbSnapshotIdentifier",
        "snapshotId",
        "volumeId",
        "imageId",
        # machines and networks
        "instanceId",
        "instanceType",
        "keyName",
        "groupId",
        "vpcId",
        "subnetId",
        "networkInterfaceId",
        "cidrIp",
        "cidrIpv6",
        "clusterName",
        "documentName",
        # what watches
        "trailName",
        "detectorId",
        "logGroupName",
        "flowLogId",
        "webAclId",
        "hostedZoneId",
        "resourceArn",
    )
}
#: Other names of the same, and of lists.
_ANYWHERE.update(
    {
        "instanceids": "instanceId",
        "groupids": "groupId",
        "flowlogids": "flowLogId",
        "usernames": "userName",
        "userids": "userId",
        "resourcearns": "resourceArn",
        "function": "functionName",
        "bucket": "bucketName",
        "role": "roleArn",
        "managedpolicyarn": "policyArn",
        "cidripv4": "cidrIp",
        # S3: objects that are encrypted with a key that the caller brings along
        "x-amz-server-side-encryption-customer-algorithm": "sseCustomerAlgorithm",
    }
)
#: Only at the top: below it these are the names and keys of filters and tags.
_AT_TOP = {**_ANYWHERE, "name": "name", "names": "name", "key": "key", "target": "target", "resourceid": "resourceId"}

#: Names of the fields, for the index template.
REQUEST_FIELDS = tuple(sorted(set(_AT_TOP.values())))

#: Those that may hold any letters.
WITH_FORMS = ("groupName", "key", "name", "target", "userName")

#: Name of the field -> its value, or its values as the keys of a dictionary: each once, in their order.
_Found = Dict[str, Any]


#: A key as it is written -> the name of the field, ``""`` if none.
_Names = BoundedCache[str, str]


def _names(known: Mapping[str, str]) -> _Names:
    def name(key: str) -> str:
        return known.get(key.partition("#")[0].lower(), "")  # "#2" is put behind a repeated key

    return BoundedCache(name, MAX_REMEMBERED, LONGEST_REMEMBERED)


_NAMES_AT_TOP, _NAMES_ANYWHERE = _names(_AT_TOP), _names(_ANYWHERE)


def request_fields(parameters: Any) -> Dict[str, Union[str, List[str]]]:
    """Return name -> value or values of the named members in a decoded requestParameters; empty if it is no object."""
    found: _Found = {}
    if type(parameters) is dict:
        _collect(parameters, _NAMES_AT_TOP, found)
    for name, values in found.items():
        if type(values) is not str:
            found[name] = list(values)
    return found


def other_forms(request: Mapping[str, Any]) -> Dict[str, List[str]]:
    """Return, by name, further ways to write the values of `request_fields`, mostly none: `records.text_forms`."""
    found: Dict[str, List[str]] = {}
    for name in WITH_FORMS:
        values = request.get(name)
        if values is None or (type(values) is str and values.isascii()):
            continue
        values = [values] if type(values) is str else values
        forms = [form for form in letter_forms(values) if form not in values]
        if forms:
            found[name] = forms
    return found


def _collect(members: Mapping[str, Any], names: _Names, found: _Found) -> None:
    for key, value in members.items():
        name = names[key]
        kind = type(value)
        if kind is str:  # the usual case
            if name and value and found.setdefault(name, value) != value:
                _add(value, found, name)
        elif kind is dict:
            _collect(value, _NAMES_ANYWHERE, found)
        elif kind is list:
            if name:
                for item in value:
                    _add(item, found, name)
            _look_into(value, found)
        elif name:
            _add(value, found, name)


def _look_into(items: List[Any], found: _Found) -> None:
    for item in items:
        kind = type(item)
        if kind is dict:
            _collect(item, _NAMES_ANYWHERE, found)
        elif kind is list:
            _look_into(item, found)


def _add(value: Any, found: _Found, name: str) -> None:
    kind = type(value)
    if kind is int or (kind is Number and value.lstrip("-").isdigit()):
        value = str(value)
    elif kind is not str or not value:
        return
    known = found.setdefault(name, value)
    if type(known) is dict:
        known[value] = None
    elif known != value:
        found[name] = {known: None, value: None}
