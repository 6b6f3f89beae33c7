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
source.ip               the same, when it is an IP address; ``scope``, ``geo``, ``as``: `collectors.addresses`
user.name               userIdentity.userName, else the role's name (sessionContext.sessionIssuer.userName), else
                        ``root`` for the root user
user.id                 userIdentity.principalId
user_agent.original     userAgent
cloud.provider          ``aws``
cloud.account.id        recipientAccountId, else (records before eventVersion 1.02) userIdentity.accountId
cloud.region            awsRegion
event.oversized         names of the fields whose text is too long to be indexed (`MAX_TERM_CHARS`)
aws.request.<name>      what the call was about, out of requestParameters: `collectors.cloudtrail.request`
unmapped                what would make an engine refuse the document, under its own name: see `misfits`
======================  ==========================================================================================

A source that is missing leaves its common field out. Index: ``aws-cloudtrail-YYYY.MM.DD`` of the event's own time in
UTC, so that a repeated event meets its first copy. Id: ``<eventID>-<recipientAccountId>`` (``<eventID>`` for a record
without an account): with a trail of an organisation one action is one event in each account that it concerns.

Required are ``eventID`` and ``eventTime``; a record without them is an `InvalidRecord`. Everything else is optional:
Insights events have no userIdentity, service events no user agent.

How nothing is lost without decoding everything exactly: where the decoded record, encoded again, is the text AWS
wrote, the decoder cannot have dropped a repeated key, a digit or half a character, and AWS's text is copied as it is.
That is so for 2,898 of 2,900 records of a real account. The others are decoded by `collectors.exact_json`.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Dict, FrozenSet, Iterator, Mapping, NamedTuple, Optional, Tuple

from collectors.cloudtrail.request import request_fields
from collectors.datasets import DATASETS
from collectors.errors import InvalidRecord
from collectors.exact_json import ExactDecoder, encode, has_broken_key, may_be_deep, mend_keys, shallow
from collectors.records import Context
from es_bridge.bulk import Document

INDEX_PREFIX = DATASETS["cloudtrail"].index_prefix
DATASET = "aws.cloudtrail"
#: The engines' own limit for an id.
MAX_ID_BYTES = 512
#: The templates' ``ignore_above``: 4 bytes for each of these are below the engines' limit for a term, 32,766 bytes.
MAX_TERM_CHARS = 8191

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
    "addendum": {"reason": None, "updatedFields": None, "originalRequestID": None, "originalEventID": None},
    "userIdentity": {
        "type": None,
        "principalId": None,
        "arn": None,
        "accountId": None,
        "accessKeyId": None,
        "userName": None,
        "invokedBy": None,
        "identityProvider": None,
        "credentialId": None,
        "onBehalfOf": {"userId": None, "identityStoreArn": None},
        "inScopeOf": {"sourceArn": None, "sourceAccount": None, "issuerType": None, "credentialsIssuedTo": None},
        "sessionContext": {
            "sessionIssuer": {"type": None, "principalId": None, "arn": None, "accountId": None, "userName": None},
            "attributes": {"creationDate": None, "mfaAuthenticated": None},
            "webIdFederationData": {"federatedProvider": None},
            "sourceIdentity": None,
            "assumedRoot": None,
            "ec2RoleDelivery": None,
        },
    },
    "resources": {"ARN": None, "accountId": None, "type": None},
    "tlsDetails": {"tlsVersion": None, "cipherSuite": None, "clientProvidedHostHeader": None},
    "insightDetails": {"state": None, "eventSource": None, "eventName": None, "insightType": None, "errorCode": None},
}
#: Free-form parts, stored and not indexed (``enabled: false``), whatever is in them.
FREE_FORM = (
    "requestParameters",
    "responseElements",
    "additionalEventData",
    "serviceEventDetails",
    "edgeDeviceDetails",
    "eventContext",
)
#: Names that this product's documents give a meaning; a record's own value under one of them moves to ``unmapped``.
COMMON = (
    "@timestamp",
    "event",
    "source",
    "destination",
    "user",
    "user_agent",
    "cloud",
    "network",
    "dns",
    "url",
    "http",
    "rule",
    "aws",
    "unmapped",
)

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)", re.ASCII)
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class RawRecord(NamedTuple):
    """One record of a file: as written, its number in the file from 1, and where it begins."""

    number: int
    #: In bytes of the unpacked content.
    offset: int
    text: bytes
    #: Decoded by the codec, where that was needed to find its end.
    fields: Optional[Dict[str, Any]] = None


def document(record: RawRecord, context: Context) -> Document:
    """Return the document of one record: index, id, and JSON text that begins with the common fields.

    Raises `InvalidRecord` when the record is no JSON or has no usable eventID or eventTime.
    """
    fields, text = record.fields, record.text
    if fields is not None and not may_be_deep(text) and _is_lossless(fields, text, context) and not misfits(fields):
        identity = document_id(fields)
        index = index_name(fields)
        common = common_fields(fields, context)
        if len(text) > MAX_TERM_CHARS:
            _mark_oversized(common, fields)
        return Document(index, identity, context.codec.dumps(common)[:-1] + b"," + text[1:], record.number)
    return _exact_document(record, context)


def _is_lossless(fields: Dict[str, Any], text: bytes, context: Context) -> bool:
    try:
        return context.codec.dumps(fields) == text
    except (TypeError, ValueError):  # orjson's error is a TypeError
        return False


def _exact_document(record: RawRecord, context: Context) -> Document:
    """Return the document of a record that another library would change, or that an engine would refuse as it is."""
    # Bytes that are no UTF-8 are refused by the engines, so they become U+FFFD.
    text = record.text.decode("utf-8", "replace")
    if may_be_deep(record.text):
        text = shallow(text)
    try:
        fields, _, repeats_keys = ExactDecoder().decode(text, 0)
    except (ValueError, RecursionError) as exc:
        raise InvalidRecord(f"the record is not JSON: {exc}") from exc
    identity, index = document_id(fields), index_name(fields)
    common = common_fields(fields, context)
    moved = misfits(fields)
    kept = {key: value for key, value in fields.items() if key not in moved}
    if len(record.text) > MAX_TERM_CHARS:
        _mark_oversized(common, kept)
    if moved or repeats_keys or (_ESCAPED_SURROGATE.search(text) and has_broken_key(fields)):
        if moved:
            common["unmapped"] = moved
        return Document(index, identity, encode(mend_keys({**common, **kept})).encode(), record.number)
    try:
        front = context.codec.dumps(common)
    except (TypeError, ValueError):  # a lone surrogate stays the escape it is in AWS's file
        front = encode(common).encode()
    return Document(index, identity, front[:-1] + b"," + text[1:].encode(), record.number)


def common_fields(fields: Mapping[str, Any], context: Context) -> Dict[str, Any]:
    """Return the fields of the table above, without ``unmapped`` and ``event.oversized``, for a decoded record.

    Only text is taken: an object where text is expected would be refused by the engine.
    """
    get = fields.get
    event: Dict[str, Any] = {"dataset": DATASET}
    cloud: Dict[str, Any] = {"provider": "aws"}
    common: Dict[str, Any] = {"@timestamp": _time(fields)[1], "event": event}
    for name, value in (("id", get("eventID")), ("action", get("eventName")), ("provider", get("eventSource"))):
        if _text(value):
            event[name] = value
    event["outcome"] = _outcome(fields)
    address = _text(get("sourceIPAddress"))
    if address:
        common["source"] = {"address": address, **context.addresses[address].fields}
    identity = get("userIdentity")
    if isinstance(identity, dict):
        user = {}
        for name, value in (("name", _user_name(identity)), ("id", identity.get("principalId"))):
            if _text(value):
                user[name] = value
        if user:
            common["user"] = user
    agent = _text(get("userAgent"))
    if agent:
        common["user_agent"] = {"original": agent}
    region = _text(get("awsRegion"))
    if region:
        cloud["region"] = region
    account = _account(fields)
    if account:
        cloud["account"] = {"id": account}
    common["cloud"] = cloud
    parameters = get("requestParameters")
    request = request_fields(parameters) if parameters else None
    if request:
        common["aws"] = {"request": request}
    return common


def index_name(fields: Mapping[str, Any]) -> str:
    """Return the index of a decoded record. Raises `InvalidRecord` when its eventTime is missing or no time."""
    return _time(fields)[0]


def document_id(fields: Mapping[str, Any]) -> str:
    """Return the id of a decoded record. Raises `InvalidRecord` when its eventID is missing, no text or too long."""
    event_id = _text(fields.get("eventID"))
    if event_id is None:
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
    texts, members = _SHAPE
    for key, value in fields.items():
        if type(value) is str and key in texts:  # the usual case
            continue
        if key in members:
            if not _fits(value, members[key]):
                found[key] = value
        elif key not in _FREE_FORM and (key in COMMON or "." in key or not key.strip()):
            found[key] = value
    return found


class _Shape(NamedTuple):
    """A part of `MAPPED`: the fields of it that hold values, and all of them, those that hold others as a `_Shape`."""

    texts: FrozenSet[str]
    members: Dict[str, Any]


def _shape(mapped: Mapping[str, Any]) -> _Shape:
    texts = frozenset(key for key, inner in mapped.items() if inner is None)
    return _Shape(texts, {key: None if inner is None else _shape(inner) for key, inner in mapped.items()})


_SHAPE = _shape(MAPPED)
_FREE_FORM = frozenset(FREE_FORM)


def _fits(value: Any, shape: Optional[_Shape]) -> bool:
    if isinstance(value, dict):
        if shape is None:
            return False
        texts, members = shape
        for key, item in value.items():
            if type(item) is str and key in texts:
                continue
            if key in members:
                if not _fits(item, members[key]):
                    return False
            elif "." in key or not key.strip():
                return False
        return True
    if isinstance(value, list):
        return all(_fits(item, shape) for item in value)
    return shape is None or value is None


def _mark_oversized(common: Dict[str, Any], fields: Mapping[str, Any]) -> None:
    """Name in ``event.oversized`` the fields of a document whose text the templates leave unindexed."""
    names = sorted({*_oversized(common), *_oversized(fields, MAPPED)})
    if names:
        common["event"]["oversized"] = names


def _oversized(value: Any, shape: Optional[Mapping[str, Any]] = None, name: str = "") -> Iterator[str]:
    """Yield the fields with too long a text; only those of ``shape`` if there is one: others may have any name."""
    if isinstance(value, dict):
        for key, item in value.items():
            if shape is None or key in shape:
                yield from _oversized(item, shape and shape[key], f"{name}.{key}" if name else key)
    elif isinstance(value, list):
        for item in value:
            yield from _oversized(item, shape, name)
    elif isinstance(value, str) and len(value) * 2 > MAX_TERM_CHARS and _java_length(value) > MAX_TERM_CHARS:
        yield name


def _java_length(text: str) -> int:
    """Return what the engines count: characters beyond U+FFFF are two."""
    return len(text) + sum(char > "\uffff" for char in text)


def _account(fields: Mapping[str, Any]) -> Optional[str]:
    account = fields.get("recipientAccountId")
    if account is None and isinstance(fields.get("userIdentity"), dict):
        account = fields["userIdentity"].get("accountId")
    return _text(account)


def _user_name(identity: Mapping[str, Any]) -> Any:
    name = identity.get("userName")
    if name is None:
        context = identity.get("sessionContext")
        issuer = context.get("sessionIssuer") if isinstance(context, dict) else None
        name = issuer.get("userName") if isinstance(issuer, dict) else None
        if name is None and identity.get("type") == "Root":
            return "root"
    return name


def _text(value: Any) -> Optional[str]:
    """Return ``value`` if it is text that says something. A number kept as it was written is none."""
    return value if type(value) is str and value else None


def _outcome(fields: Mapping[str, Any]) -> str:
    if fields.get("errorCode") not in (None, "") or fields.get("errorMessage") not in (None, ""):
        return "failure"
    answer = fields.get("responseElements")
    # A refused sign-in has no errorCode.
    if isinstance(answer, dict) and answer.get("ConsoleLogin") == "Failure":
        return "failure"
    return "success"


def _time(fields: Mapping[str, Any]) -> Tuple[str, str]:
    text = fields.get("eventTime")
    times = _index_and_timestamp(text) if type(text) is str else None
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
