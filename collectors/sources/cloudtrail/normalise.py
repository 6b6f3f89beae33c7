"""A CloudTrail record as it is stored and searched. Pure: no network, no file, no clock.

Its text is the record as AWS wrote it, names and values unchanged, with a few fields in front of it that have the
same names for every log of this product. AWS's names:
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html, the common
names: Elastic Common Schema, https://www.elastic.co/guide/en/ecs/current/ecs-field-reference.html

======================  ==========================================================================================
common field            comes from
======================  ==========================================================================================
@timestamp              eventTime, in UTC with milliseconds; else the object's time: `collectors.records.object_time`
event.time_from         only in the latter case: ``object_key`` or ``object_written``
event.dataset           ``aws.cloudtrail``; ``aws.cloudtrail.aggregated``: `collectors.sources.cloudtrail.other_shapes`
event.id                eventID
event.action            eventName
event.provider          eventSource
event.outcome           ``failure`` when there is an errorCode or errorMessage, or a sign-in was refused, which has
                        neither: `collectors.sources.cloudtrail.signin`; else ``success``
source.address          sourceIPAddress: an address, or the name of the AWS service that made the call
source.ip               the same, when it is an IP address; ``scope``, ``geo``, ``as``: `collectors.records.addresses`
user.name               userIdentity.userName, else the role's name (sessionContext.sessionIssuer.userName), else
                        ``root`` for the root user
user.id                 userIdentity.principalId
user_agent.original     userAgent
cloud.provider          ``aws``
cloud.account.id        recipientAccountId, else (records before eventVersion 1.02) userIdentity.accountId
cloud.region            awsRegion
event.oversized         names of the fields whose text is too long to be indexed (`LONGEST_INDEXED`), and of members of
                        the free-form objects that are (`flat`)
aws.request.<name>      what the call was about, out of requestParameters: `collectors.sources.cloudtrail.request`
aws.request_forms       other ways to write the letters in them: `collectors.records.text_forms`
aws.signin.<name>       outcome and factors of a sign-in: `collectors.sources.cloudtrail.signin`
unmapped                what would make an engine refuse the document, under its own name: see `misfits`
======================  ==========================================================================================

A source that is missing leaves its common field out. Identity: ``<eventID>-<recipientAccountId>`` (``<eventID>`` for a
record without an account), so that a repeated event meets its first copy: with a trail of an organisation one action is
one event in each account that it concerns. A record without a usable eventID, as CloudTrail wrote them before 2014, is
known by its place, as the other logs' records are: `collectors.records.record.record_id`.

Nothing is required: Insights events have no userIdentity, service events no user agent. A record without a usable
``eventTime`` has the object's time and says so: `collectors.records.object_time`.

How nothing is lost without decoding everything exactly: where the decoded record, encoded again, is the text AWS
wrote, the decoder cannot have dropped a repeated key, a digit or half a character, and AWS's text is copied as it is.
That is so for 2,898 of 2,900 records of a real account. The others are decoded by `collectors.records.exact_json`.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Tuple

from collectors.errors import InvalidRecord
from collectors.records.cache import bounded_cache
from collectors.records.event_time import EventTime, from_iso, odd_time
from collectors.records.exact_json import (
    MAX_DEPTH,
    ExactDecoder,
    encode,
    has_broken_key,
    may_be_deep,
    mend_keys,
    shallow,
)
from collectors.records.json_codec import Codec
from collectors.records.object_time import ObjectTime
from collectors.records.record import Context, Record, record_id
from collectors.records.shape import ANYTHING, LONGEST_INDEXED, MAX_LISTS, VALUE, Shape, nests_lists
from collectors.sources.cloudtrail import flat
from collectors.sources.cloudtrail.free_form import OBJECTS
from collectors.sources.cloudtrail.log import LOG
from collectors.sources.cloudtrail.other_shapes import AGGREGATED_FIELDS, aggregated, is_aggregated
from collectors.sources.cloudtrail.request import REQUEST_FIELDS, other_forms, request_fields
from collectors.sources.cloudtrail.signin import SIGNIN_FIELDS, is_refusal, is_signin, signin_fields, was_refused

DATASET = LOG.event_dataset
_NAME = LOG.name
#: The engines' own limit for an id.
MAX_ID_BYTES = 512
#: What `_repeated` remembers: so many combinations, of at most so many characters each.
MAX_REMEMBERED, LONGEST_REMEMBERED = 16_384, 256

#: The fields of the index template, as nested as there. A test compares the two.
MAPPED: Mapping[str, Any] = {
    "eventVersion": VALUE,
    "eventTime": VALUE,
    "eventSource": VALUE,
    "eventName": VALUE,
    "eventType": VALUE,
    "eventCategory": VALUE,
    "eventID": VALUE,
    "sharedEventID": VALUE,
    "requestID": VALUE,
    "awsRegion": VALUE,
    "recipientAccountId": VALUE,
    "sourceIPAddress": VALUE,
    "userAgent": VALUE,
    "errorCode": VALUE,
    "errorMessage": VALUE,
    "readOnly": VALUE,
    "managementEvent": VALUE,
    "apiVersion": VALUE,
    "vpcEndpointId": VALUE,
    "vpcEndpointAccountId": VALUE,
    "sessionCredentialFromConsole": VALUE,
    "addendum": {"reason": VALUE, "updatedFields": VALUE, "originalRequestID": VALUE, "originalEventID": VALUE},
    "userIdentity": {
        "type": VALUE,
        "principalId": VALUE,
        "arn": VALUE,
        "accountId": VALUE,
        "accessKeyId": VALUE,
        "userName": VALUE,
        "invokedBy": VALUE,
        "identityProvider": VALUE,
        "credentialId": VALUE,
        "onBehalfOf": {"userId": VALUE, "identityStoreArn": VALUE},
        "inScopeOf": {"sourceArn": VALUE, "sourceAccount": VALUE, "issuerType": VALUE, "credentialsIssuedTo": VALUE},
        "sessionContext": {
            "sessionIssuer": {"type": VALUE, "principalId": VALUE, "arn": VALUE, "accountId": VALUE, "userName": VALUE},
            "attributes": {"creationDate": VALUE, "mfaAuthenticated": VALUE},
            "webIdFederationData": {"federatedProvider": VALUE},
            "sourceIdentity": VALUE,
            "assumedRoot": VALUE,
            "ec2RoleDelivery": VALUE,
        },
    },
    "resources": {"ARN": VALUE, "accountId": VALUE, "type": VALUE},
    "tlsDetails": {"tlsVersion": VALUE, "cipherSuite": VALUE, "clientProvidedHostHeader": VALUE},
    "insightDetails": {
        "state": VALUE,
        "eventSource": VALUE,
        "eventName": VALUE,
        "insightType": VALUE,
        "errorCode": VALUE,
    },
    **AGGREGATED_FIELDS,
}
#: Free-form parts, whatever is in them: some are indexed as a whole where the engine can, if what is in them fits
#: (`flat`), the others are stored and not indexed (``enabled: false``).
FREE_FORM = (*OBJECTS, "edgeDeviceDetails", "eventContext")
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
    "error",
    "log",
    "unmapped",
)

_SHAPE = Shape({**MAPPED, **dict.fromkeys(FREE_FORM, ANYTHING)}, COMMON)
#: The common fields whose text somebody else wrote, of any length.
_COPIED = Shape(
    {
        "event": {"action": VALUE, "provider": VALUE},
        "source": {"address": VALUE, "as": {"organization": {"name": VALUE}}},
        "user": {"name": VALUE, "id": VALUE},
        "user_agent": {"original": VALUE},
        "cloud": {"region": VALUE},
        "aws": {"request": dict.fromkeys(REQUEST_FIELDS, VALUE), "signin": dict.fromkeys(SIGNIN_FIELDS, VALUE)},
    }
)
_ONLY_TEXT = {str}
#: Makes a named tuple at a third of the cost of its own constructor.
_new = tuple.__new__
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class RawRecord(NamedTuple):
    """One record of a file: as written, its number in the file from 1, and where it begins."""

    number: int
    #: In bytes of the unpacked content.
    offset: int
    text: bytes
    #: Decoded by the codec, where that was needed to find its end.
    fields: Optional[Dict[str, Any]] = None


def normalise(raw: RawRecord, context: Context) -> Record:
    """Return the record of one that was read: time, identity, and JSON text that begins with the common fields.

    Raises `InvalidRecord` when it is no JSON or empty, or has no time, in an object that has none.
    """
    number, _, text, fields = raw
    codec = context.codec
    if fields is None or not _is_copyable(fields, text, codec):
        return _exact_record(raw, context)
    time, identity, common = described(fields, context, number)
    if len(text) > LONGEST_INDEXED:
        _mark_oversized(common, fields)
    return _new(Record, (_NAME, time.epoch_ms, identity, codec.dumps(common)[:-1] + b"," + text[1:], number, None))


def _is_copyable(fields: Dict[str, Any], text: bytes, codec: Codec) -> bool:
    """Return whether ``text``, which was decoded to ``fields``, can be stored as it is."""
    size = len(text)
    braces = size - len(text.replace(b"{", b""))  # half the time of bytes.count
    lists = size - len(text.replace(b"[", b""))
    if braces + lists > MAX_DEPTH:
        return False
    if b"\\" in text and b"\\u0000" in text:  # most have no backslash, which is seen 20 times as fast
        return False
    free = list(map(fields.get, FREE_FORM))
    if not flat.USUAL_TYPES.issuperset(map(type, free)):
        return False
    try:
        if codec.dumps(fields) != text:
            return False
    except (TypeError, ValueError):  # orjson's error is a TypeError
        return False
    # Any braces may be in the free-form parts; written again, these are as they are in the text.
    braces -= codec.dumps(free).count(b"{")
    if _SHAPE.misfits(fields, braces, codec.dumps) or (lists > MAX_LISTS and nests_lists(fields)):
        return False
    return size <= LONGEST_INDEXED or flat.fit(fields)


def _exact_record(raw: RawRecord, context: Context) -> Record:
    """Return the record of one that another library would change, or that an engine would refuse as it is."""
    # Bytes that are no UTF-8 are refused by the engines, so they become U+FFFD.
    text = raw.text.decode("utf-8", "replace")
    if may_be_deep(raw.text):
        text = shallow(text)
    try:
        fields, _, is_changed = ExactDecoder().decode(text, 0)
    except (ValueError, RecursionError) as exc:
        raise InvalidRecord(f"the record is not JSON: {exc}") from exc
    time, identity, common = described(fields, context, raw.number)
    moved = misfits(fields)
    kept = {key: value for key, value in fields.items() if key not in moved}
    taken_out = flat.take_out(kept)
    moved.update(taken_out.moved)
    if len(raw.text) > LONGEST_INDEXED:
        _mark_oversized(common, kept, taken_out.oversized)
    if moved or is_changed or (_ESCAPED_SURROGATE.search(text) and has_broken_key(fields)):
        if moved:
            common["unmapped"] = moved
        body = encode(mend_keys({**common, **kept})).encode()
        return Record(_NAME, time.epoch_ms, identity, body, raw.number)
    try:
        front = context.codec.dumps(common)
    except (TypeError, ValueError):  # a lone surrogate stays the escape it is in AWS's file
        front = encode(common).encode()
    return Record(_NAME, time.epoch_ms, identity, front[:-1] + b"," + text[1:].encode(), raw.number)


def described(fields: Mapping[str, Any], context: Context, number: int = 1) -> Tuple[EventTime, str, Dict[str, Any]]:
    """Return time, identity and common fields, those without ``unmapped`` and ``event.oversized``, of a record.

    Only text is taken: an object where text is expected would be refused by the engine. Raises `InvalidRecord` when
    eventTime is missing or none. One function, as each call of another one takes 1 % of what a record does.
    """
    get = fields.get
    user_identity = get("userIdentity")
    if not isinstance(user_identity, dict):
        user_identity = {}
    account = get("recipientAccountId")
    if account is None:
        account = user_identity.get("accountId")
    if type(account) is not str:
        account = ""
    event_id = get("eventID")
    if type(event_id) is str and event_id:
        identity = f"{event_id}-{account}" if account else event_id
        if len(identity) * 4 > MAX_ID_BYTES and len(identity.encode("utf-8", "replace")) > MAX_ID_BYTES:
            event_id, identity = "", record_id(context.ref.identity, number)
    else:
        event_id, identity = "", record_id(context.ref.identity, number)
    text = get("eventTime")
    time = (from_iso(text) if type(text) is str else None) or odd_time(text)
    borrowed: Optional[ObjectTime] = None
    if time is None or not event_id:
        if is_aggregated(fields):
            time, identity, of_many = aggregated(fields, identity, context.object_time)
            return time, identity, of_many
        if time is None and fields:
            borrowed = context.object_time
            time = borrowed and borrowed.time
        if time is None:
            if not fields:
                raise InvalidRecord("the record is an empty object")
            raise InvalidRecord(
                f"the record's eventTime is {str(text)[:60]!r} instead of a time like 2026-11-21T04:53:00Z"
            )

    signin = signin_fields(fields) if is_signin(fields) else None
    outcome = _outcome(fields, signin)
    repeated = _remembered((get("eventName"), get("eventSource"), get("awsRegion"), account, outcome))
    event = (
        {"dataset": DATASET, "id": event_id, **repeated.event} if event_id else {"dataset": DATASET, **repeated.event}
    )
    if borrowed:
        event["time_from"] = borrowed.source
    common: Dict[str, Any] = {"@timestamp": time.stamp, "event": event}
    address = get("sourceIPAddress")
    if type(address) is str and address:
        common["source"] = {"address": address, **context.addresses[address].fields}
    user = {}
    name, principal = user_identity.get("userName"), user_identity.get("principalId")
    if name is None:
        name = _role_name(user_identity)
    if type(name) is str and name:
        user["name"] = name
    if type(principal) is str and principal:
        user["id"] = principal
    if user:
        common["user"] = user
    agent = get("userAgent")
    if type(agent) is str and agent:
        common["user_agent"] = {"original": agent}
    common["cloud"] = repeated.cloud
    parameters = get("requestParameters")
    request = request_fields(parameters) if parameters else None
    if request or signin:
        aws: Dict[str, Any] = {"request": request} if request else {}
        common["aws"] = aws
        if signin:
            aws["signin"] = signin
        forms = other_forms(request) if request else None
        if forms:
            aws["request_forms"] = forms
    return time, identity, common


def _remembered(often: Tuple[Any, ...]) -> _Repeated:
    if set(map(type, often)) != _ONLY_TEXT:  # a number kept as it was written would be found as the text it equals
        return _repeated.make(tuple(value if type(value) is str else "" for value in often))
    return _repeated[often]


class _Repeated(NamedTuple):
    """Members of the common fields that are the same in many records. Shared: not to be changed."""

    #: All of ``event`` but the id.
    event: Dict[str, Any]
    cloud: Dict[str, Any]


@bounded_cache(MAX_REMEMBERED, LONGEST_REMEMBERED, size=lambda often: len("".join(often)))
def _repeated(often: Tuple[str, ...]) -> _Repeated:
    action, provider, region, account, outcome = often
    event = {"action": action, "provider": provider, "outcome": outcome}
    cloud = {"provider": "aws", "region": region, "account": {"id": account} if account else None}
    return _Repeated(_without_empty(event), _without_empty(cloud))


def _without_empty(members: Mapping[str, Any]) -> Dict[str, Any]:
    return {key: value for key, value in members.items() if value}


def misfits(fields: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the top-level members of a record that would make an engine refuse it, with their values.

    These are: another shape than the template's (an object where a keyword is mapped, text where an object is), keys
    that are empty or hold a dot (the engines read the dot as nesting, so they may meet a mapped field), and names that
    the common fields have, and lists in lists of more than `MAX_LISTS` levels. AWS writes none of these; a record that
    does is stored all the same. What else keeps objects out of the index: `flat`.
    """
    found = set(_SHAPE.misfits(fields, -1, _written))  # so many braces there never are
    return {key: value for key, value in fields.items() if key in found or _nests_lists(key, value)}


def _nests_lists(key: str, value: Any) -> bool:
    """Return whether lists are nested too deeply in a member. No engine looks for lists in free-form objects."""
    return not (key in FREE_FORM and type(value) is dict) and nests_lists(value)


def _written(value: Any) -> bytes:
    return encode(value).encode()


def _mark_oversized(common: Dict[str, Any], fields: Mapping[str, Any], taken_out: Iterable[str] = ()) -> None:
    """Name in ``event.oversized`` what is too long to be indexed: fields, and what was taken out of the objects."""
    names: List[str] = sorted({*_COPIED.too_long(common), *_SHAPE.too_long(fields), *taken_out})
    if names:
        common["event"]["oversized"] = names


def _role_name(identity: Mapping[str, Any]) -> Any:
    context = identity.get("sessionContext")
    issuer = context.get("sessionIssuer") if isinstance(context, dict) else None
    name = issuer.get("userName") if isinstance(issuer, dict) else None
    return "root" if name is None and identity.get("type") == "Root" else name


def _outcome(fields: Mapping[str, Any], signin: Optional[Mapping[str, str]]) -> str:
    if fields.get("errorCode") not in (None, "") or fields.get("errorMessage") not in (None, ""):
        return "failure"
    if signin is not None:
        return "failure" if is_refusal(signin.get("outcome", "")) else "success"
    if (fields.get("responseElements") or fields.get("serviceEventDetails")) and was_refused(fields):
        return "failure"
    return "success"
