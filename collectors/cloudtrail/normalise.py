"""A CloudTrail record as the document that is stored and searched. Pure: no network, no file, no clock.

The document is the record as AWS wrote it, names and values unchanged, with a few fields in front of it that have the
same names for every log of this product. AWS's names:
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html, the common
names: Elastic Common Schema, https://www.elastic.co/guide/en/ecs/current/ecs-field-reference.html

======================  ==========================================================================================
common field            comes from
======================  ==========================================================================================
@timestamp              eventTime, in UTC with milliseconds
event.dataset           ``aws.cloudtrail``
event.id                eventID
event.action            eventName
event.provider          eventSource
event.outcome           ``failure`` when there is an errorCode or errorMessage, or responseElements.ConsoleLogin says
                        so; else ``success``
source.address          sourceIPAddress: an address, or the name of the AWS service that made the call
source.ip               the same, when it is an IP address
user.name               userIdentity.userName, else the role's name (sessionContext.sessionIssuer.userName), else
                        ``root`` for the root user
user.id                 userIdentity.principalId
user_agent.original     userAgent
cloud.provider          ``aws``
cloud.account.id        recipientAccountId, else (records before eventVersion 1.02) userIdentity.accountId
cloud.region            awsRegion
unmapped                what would make an engine refuse the document, under its own name: see `misfits`
======================  ==========================================================================================

A source that is missing leaves its common field out. Index: ``aws-cloudtrail-YYYY.MM.DD`` of the event's own time in
UTC, so that a repeated event meets its first copy. Id: ``<eventID>-<recipientAccountId>`` (``<eventID>`` for a record
without an account): with a trail of an organisation one action is one event in each account that it concerns.

Required are ``eventID`` and ``eventTime``; a record without them is an `InvalidRecord`. Everything else is optional:
Insights events have no userIdentity, service events no user agent.
"""

from __future__ import annotations

import ipaddress
import json
import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Dict, Mapping, Optional, Tuple

from collectors.cloudtrail.source import RawRecord
from collectors.errors import InvalidRecord
from collectors.exact_json import encode, has_broken_key, mend_keys
from es_bridge.bulk import Document

INDEX_PREFIX = "aws-cloudtrail-"
DATASET = "aws.cloudtrail"
#: The engines' own limit for an id.
MAX_ID_BYTES = 512

#: The fields of the index template, as nested as there; None is a keyword or date. A test compares the two.
MAPPED: Mapping[str, Any] = {
    "eventVersion": None,
    "eventTime": None,
    "eventSource": None,
    "eventName": None,
    "eventType": None,
    "eventCategory": None,
    "eventID": None,
    "sharedEventID": None,
    "requestID": None,
    "awsRegion": None,
    "recipientAccountId": None,
    "sourceIPAddress": None,
    "userAgent": None,
    "errorCode": None,
    "errorMessage": None,
    "readOnly": None,
    "managementEvent": None,
    "apiVersion": None,
    "vpcEndpointId": None,
    "vpcEndpointAccountId": None,
    "sessionCredentialFromConsole": None,
    "userIdentity": {
        "type": None,
        "principalId": None,
        "arn": None,
        "accountId": None,
        "accessKeyId": None,
        "userName": None,
        "invokedBy": None,
        "identityProvider": None,
        "sessionContext": {
            "sessionIssuer": {"type": None, "principalId": None, "arn": None, "accountId": None, "userName": None},
            "attributes": {"creationDate": None, "mfaAuthenticated": None},
            "sourceIdentity": None,
            "ec2RoleDelivery": None,
        },
    },
    "resources": {"ARN": None, "accountId": None, "type": None},
    "tlsDetails": {"tlsVersion": None, "cipherSuite": None, "clientProvidedHostHeader": None},
    "insightDetails": {"state": None, "eventSource": None, "eventName": None, "insightType": None},
}
#: Free-form parts, stored and not indexed (``enabled: false``), whatever is in them.
FREE_FORM = ("requestParameters", "responseElements", "additionalEventData", "serviceEventDetails")
#: Names that this module gives; a record's own value under one of them moves to ``unmapped``.
COMMON = ("@timestamp", "event", "source", "user", "user_agent", "cloud", "unmapped")

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)", re.ASCII)
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
#: ASCII only, so that a lone surrogate in a user agent stays the escape it is in AWS's file.
_encode_common = json.JSONEncoder(separators=(",", ":")).encode


def document(record: RawRecord) -> Document:
    """Return the document of one record: index, id, and JSON text that begins with the common fields.

    Raises `InvalidRecord` when the record has no usable eventID or eventTime.
    """
    fields = record.fields
    index, identity = index_name(fields), document_id(fields)
    common = common_fields(fields)
    moved = misfits(fields)
    broken_key = _ESCAPED_SURROGATE.search(record.text) is not None and has_broken_key(fields)
    if not moved and not record.repeats_keys and not broken_key:
        text = _encode_common(common)[:-1] + "," + record.text[1:]
        try:
            return Document(index, identity, text.encode())
        except UnicodeEncodeError:
            # Bytes that are no UTF-8: an engine refuses them, so they become U+FFFD.
            return Document(
                index, identity, text.encode("utf-8", "surrogateescape").decode("utf-8", "replace").encode()
            )
    kept = {key: value for key, value in fields.items() if key not in moved}
    if moved:
        common["unmapped"] = moved
    return Document(index, identity, encode(mend_keys({**common, **kept})).encode())


def common_fields(fields: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the fields of the table above, without ``unmapped``, for a decoded record."""
    identity = fields.get("userIdentity")
    if not isinstance(identity, dict):
        identity = {}
    address = fields.get("sourceIPAddress")
    account = _account(fields)
    common: Dict[str, Any] = {
        "@timestamp": _time(fields)[1],
        "event": _texts(
            dataset=DATASET,
            id=fields.get("eventID"),
            action=fields.get("eventName"),
            provider=fields.get("eventSource"),
            outcome=_outcome(fields),
        ),
        "source": _texts(address=address, ip=address if isinstance(address, str) and _is_ip(address) else None),
        "user": _texts(name=_user_name(identity), id=identity.get("principalId")),
        "user_agent": _texts(original=fields.get("userAgent")),
        "cloud": _texts(provider="aws", region=fields.get("awsRegion")),
    }
    if account:
        common["cloud"]["account"] = {"id": account}
    return {name: value for name, value in common.items() if value}


def index_name(fields: Mapping[str, Any]) -> str:
    """Return the index of a decoded record. Raises `InvalidRecord` when its eventTime is missing or no time."""
    return _time(fields)[0]


def document_id(fields: Mapping[str, Any]) -> str:
    """Return the id of a decoded record. Raises `InvalidRecord` when its eventID is missing, no text or too long."""
    event_id = fields.get("eventID")
    if not isinstance(event_id, str) or not event_id:
        raise InvalidRecord("the record has no eventID")
    account = _account(fields)
    identity = f"{event_id}-{account}" if account else event_id
    if len(identity) * 4 > MAX_ID_BYTES and len(identity.encode("utf-8", "replace")) > MAX_ID_BYTES:
        raise InvalidRecord(f"the record's eventID is {len(event_id):,} characters long, which is no eventID")
    return identity


def misfits(fields: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the top-level members of a record that would make an engine refuse it, with their values.

    These are: another shape than the template's (an object where a keyword is mapped, text where an object is), keys
    that are empty or hold a dot (the engines read the dot as nesting, so they may meet a mapped field), and names that
    the common fields have. AWS writes none of these; a record that does is stored all the same.
    """
    found = {}
    for key, value in fields.items():
        if key in MAPPED:
            shape = MAPPED[key]
            if not (shape is None and isinstance(value, str)) and not _fits(value, shape):  # text is the usual case
                found[key] = value
        elif key not in FREE_FORM and (key in COMMON or "." in key or not key.strip()):
            found[key] = value
    return found


def _fits(value: Any, shape: Optional[Mapping[str, Any]]) -> bool:
    if value is None:
        return True
    if isinstance(value, list):
        return all(_fits(item, shape) for item in value)
    if shape is None or not isinstance(value, dict):
        return shape is None and not isinstance(value, dict)
    for key, item in value.items():
        if key in shape:
            inner = shape[key]
            if not (inner is None and isinstance(item, str)) and not _fits(item, inner):
                return False
        elif "." in key or not key.strip():
            return False
    return True


def _account(fields: Mapping[str, Any]) -> Optional[str]:
    account = fields.get("recipientAccountId")
    if account is None and isinstance(fields.get("userIdentity"), dict):
        account = fields["userIdentity"].get("accountId")
    return account if isinstance(account, str) and account else None


def _user_name(identity: Mapping[str, Any]) -> Optional[str]:
    name = identity.get("userName")
    if name is None:
        context = identity.get("sessionContext")
        issuer = context.get("sessionIssuer") if isinstance(context, dict) else None
        name = issuer.get("userName") if isinstance(issuer, dict) else None
    if name is None and identity.get("type") == "Root":
        return "root"
    return name


def _outcome(fields: Mapping[str, Any]) -> str:
    if fields.get("errorCode") or fields.get("errorMessage"):
        return "failure"
    answer = fields.get("responseElements")
    # A refused sign-in has no errorCode.
    if isinstance(answer, dict) and answer.get("ConsoleLogin") == "Failure":
        return "failure"
    return "success"


def _texts(**values: Any) -> Dict[str, Any]:
    """Return the values that are text: an object where text is expected would be refused by the engine."""
    return {name: value for name, value in values.items() if isinstance(value, str) and value}


def _time(fields: Mapping[str, Any]) -> Tuple[str, str]:
    text = fields.get("eventTime")
    times = _index_and_timestamp(text) if isinstance(text, str) else None
    if times is None:
        raise InvalidRecord(f"the record's eventTime is {str(text)[:60]!r} instead of a time like 2026-11-21T04:53:00Z")
    return times


@lru_cache(maxsize=4096)  # CloudTrail has whole seconds: many records of a file share one
def _index_and_timestamp(text: str) -> Optional[Tuple[str, str]]:
    found = _TIME.fullmatch(text)
    if not found:
        return None
    day, clock, fraction, zone = found.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}")
        if zone != "Z":
            offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
            moment = moment - offset if zone[0] == "+" else moment + offset
    except (ValueError, OverflowError):
        return None
    fraction = (fraction or ".")[1:].ljust(3, "0")
    stamp = moment.isoformat()  # pads years before 1000, unlike strftime on some platforms
    return INDEX_PREFIX + stamp[:10].replace("-", "."), f"{stamp}.{fraction}Z"


@lru_cache(maxsize=16384)
def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text  # an IPv6 zone is valid in Python and refused by the engines
