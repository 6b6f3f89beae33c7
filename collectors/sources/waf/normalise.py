"""A WAF log record as the document that is stored and searched. Pure: no network, no file, no clock.

The document is the record as AWS wrote it, names and values unchanged, with a few fields in front of it that have the
same names for every log of this product. AWS's names:
https://docs.aws.amazon.com/waf/latest/developerguide/logging-fields.html, the common names: Elastic Common Schema,
https://www.elastic.co/guide/en/ecs/current/ecs-field-reference.html

=========================  =======================================================================================
common field               comes from
=========================  =======================================================================================
@timestamp                 timestamp, milliseconds since 1970; else the object's time: `collectors.records.object_time`
event.time_from            only in the latter case: ``object_key`` or ``object_written``
event.dataset              ``aws.waf``
event.id                   httpRequest.requestId
event.action               action
event.outcome              ``success`` for ALLOW; ``failure`` for BLOCK, CAPTCHA and CHALLENGE
event.oversized            names of fields whose text is too long to be indexed
source.address             httpRequest.clientIp
source.ip, scope, ...      the same, when it is an address, with what is known about it
source.geo, source.as      without an address database: httpRequest.country and clientAsn
url.domain                 header ``host`` without its port, else httpRequest.host
url.original               httpRequest.uri, ``?``, httpRequest.args
url.path, url.query        httpRequest.uri, httpRequest.args, percent-decoded once, letters composed
url.path_forms, ...        what they are in other forms: `collectors.records.text_forms`
http.request.method        httpRequest.httpMethod
http.request.referrer      header ``referer``
http.response.status_code  responseCodeSent
http.version               httpRequest.httpVersion without ``HTTP/``
user_agent.original        header ``user-agent``
network.protocol           ``http``
network.type               ``ipv4`` or ``ipv6``, from clientIp
network.forwarded_ip       the first address of the headers ``x-forwarded-for``, else ``forwarded``: what the client or
                           a proxy says; see `collectors.sources.waf.authority`
rule.id                    the rule that decided, in a rule group the group's own; none for the default action
rule.name                  terminatingRuleId, the same rule or the web ACL's name for its group
waf.verdict                ``blocked``, ``challenged``, ``counted`` or ``passed``: see `detection`
waf.counted_rules          the rules that matched and only counted
cloud.provider             ``aws``
cloud.region, .account.id  webaclId, where it is an ARN
unmapped                   what would make an engine refuse the document, under its own name: see `records.shape`
=========================  =======================================================================================

A source that is missing leaves its common field out.

Names of headers and cookies are chosen by whoever sends the request. So they never become field names: ``headers``
stays the list of names and values it is, both searchable. Of a header that is sent twice the first is copied.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Tuple

from collectors.errors import InvalidRecord
from collectors.records.event_time import EventTime, from_epoch_ms, odd_time
from collectors.records.json_record import JsonFormat, json_record
from collectors.records.record import Context, Record
from collectors.records.shape import VALUE, Shape
from collectors.sources.waf.decision import decision
from collectors.sources.waf.log import LOG
from collectors.sources.waf.request import asked, common_fields

_DETAILS = {
    "conditionType": VALUE,
    "sensitivityLevel": VALUE,
    "location": VALUE,
    "matchedData": VALUE,
    "matchedFieldName": VALUE,
}
_MATCHING_RULE = {"ruleId": VALUE, "action": VALUE, "overriddenAction": VALUE, "ruleMatchDetails": _DETAILS}
_TOKEN_RESPONSE = {"responseCode": VALUE, "solveTimestamp": VALUE, "failureReason": VALUE}
_HEADER = {"name": VALUE, "value": VALUE}
#: AWS's fields in the index template; a test compares the two.
MAPPED: Mapping[str, Any] = {
    "webaclId": VALUE,
    "terminatingRuleId": VALUE,
    "terminatingRuleType": VALUE,
    "action": VALUE,
    "terminatingRuleMatchDetails": _DETAILS,
    "httpSourceName": VALUE,
    "httpSourceId": VALUE,
    "ruleGroupList": {
        "ruleGroupId": VALUE,
        "terminatingRule": _MATCHING_RULE,
        "nonTerminatingMatchingRules": _MATCHING_RULE,
        "excludedRules": {"ruleId": VALUE, "exclusionType": VALUE},
    },
    "rateBasedRuleList": {
        "rateBasedRuleId": VALUE,
        "rateBasedRuleName": VALUE,
        "limitKey": VALUE,
        "limitValue": VALUE,
        "customValues": {"key": VALUE, "name": VALUE, "value": VALUE},
    },
    "nonTerminatingMatchingRules": _MATCHING_RULE,
    "requestHeadersInserted": _HEADER,
    "responseCodeSent": VALUE,
    "httpRequest": {
        "clientIp": VALUE,
        "country": VALUE,
        "headers": _HEADER,
        "uri": VALUE,
        "args": VALUE,
        "httpVersion": VALUE,
        "httpMethod": VALUE,
        "requestId": VALUE,
        "fragment": VALUE,
        "scheme": VALUE,
        "host": VALUE,
    },
    "labels": {"name": VALUE},
    "captchaResponse": _TOKEN_RESPONSE,
    "challengeResponse": _TOKEN_RESPONSE,
    "ja3Fingerprint": VALUE,
    "ja4Fingerprint": VALUE,
    "oversizeFields": VALUE,
    "requestBodySize": VALUE,
    "requestBodySizeInspectedByWAF": VALUE,
    "clientAsn": VALUE,
    "cfDistributionTenantId": VALUE,
}
#: Names that this module gives; a record's own value under one of them moves to ``unmapped``.
COMMON = (
    "@timestamp",
    "event",
    "source",
    "url",
    "http",
    "user_agent",
    "network",
    "rule",
    "waf",
    "cloud",
    "error",
    "log",
    "unmapped",
)


def describe(fields: Dict[str, Any], context: Context) -> Tuple[EventTime, str]:
    """Return the time of a decoded record and the common fields of the table above, as `json_record.JsonFormat` says.

    A record without a usable timestamp has the object's time; raises `InvalidRecord` where that is not known. What is
    no text where AWS writes text says nothing to the common fields.
    """
    written = fields.get("timestamp")
    time = from_epoch_ms(written) if type(written) is int else odd_time(written)
    borrowed = None if time else context.object_time
    time = time or (borrowed and borrowed.time)
    if time is None:
        raise InvalidRecord(
            f"the record's timestamp is {str(written)[:60]!r} instead of milliseconds like 1795000000000"
        )
    request = asked(fields.get("httpRequest"))
    common = common_fields(time.stamp, decision(fields), request, fields.get("clientAsn"), context)
    return time, borrowed.marked(common) if borrowed else common


FORMAT = JsonFormat(LOG.name, Shape(MAPPED, COMMON), describe)


def normalise(line: bytes, identity: str, number: int, context: Context) -> Record:
    """Return the record on ``line``. Raises `InvalidRecord` as `json_record` does."""
    return json_record(FORMAT, line, identity, number, context)
