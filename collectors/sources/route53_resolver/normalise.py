"""A Resolver query log record as the document that is stored and searched. Pure: no network, no file, no clock.

The document is the record as AWS wrote it, names and values unchanged, with a few fields in front of it that have the
same names for every log of this product. AWS's names:
https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resolver-query-logs-format.html, the common names: Elastic
Common Schema, https://www.elastic.co/guide/en/ecs/current/ecs-field-reference.html

=======================  =========================================================================================
common field             comes from
=======================  =========================================================================================
@timestamp               query_timestamp, in UTC with milliseconds; else the object's: `collectors.records.object_time`
event.time_from          only in the latter case: ``object_key`` or ``object_written``
event.dataset            ``aws.route53_resolver``
event.action             firewall_rule_action, only where a rule of DNS Firewall matched
event.outcome            ``success`` when rcode is NOERROR and no rule blocked the query, else ``failure``
event.oversized          names of fields whose text is too long to be indexed
source.address           srcaddr
source.ip, scope, ...    the same, when it is an address, with what is known about it
source.port              srcport, a string in AWS's record
dns.question.name        query_name without the dot at its end; the root itself is ``.``
dns.question.type        query_type
dns.question.class       query_class
dns.question, more       registered domain, length and entropy of the name: `collectors.sources.route53_resolver.name`
dns.response_code        rcode
dns.resolved_ip          the addresses among the answers
dns.resolved.geo, .as    countries and autonomous systems of these addresses, each once
network.protocol         ``dns``
network.transport        ``udp`` or ``tcp``, from transport; DNS over HTTPS runs over TCP
network.type             ``ipv4`` or ``ipv6``, from srcaddr
rule.id                  firewall_rule_group_id: the log does not name the rule itself
cloud.provider           ``aws``
cloud.region             region
cloud.account.id         account_id
cloud.instance.id        srcids.instance
unmapped                 what would make an engine refuse the document, under its own name: see `records.shape`
=======================  =========================================================================================

A source that is missing leaves its common field out.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Tuple

from collectors.errors import InvalidRecord
from collectors.records.event_time import EventTime, from_iso, odd_time
from collectors.records.json_record import JsonFormat, json_record, quoted
from collectors.records.record import Context, Record
from collectors.records.shape import ANYTHING, VALUE, Shape
from collectors.sources.route53_resolver.common import (
    ADDRESS_TYPES,
    REPEATED,
    common_fields,
    repeated_of,
    resolved,
    source_of,
)
from collectors.sources.route53_resolver.log import LOG
from collectors.sources.route53_resolver.name import question_of

#: AWS's fields in the index template; a test compares the two.
MAPPED: Mapping[str, Any] = {
    "version": VALUE,
    "account_id": VALUE,
    "region": VALUE,
    "vpc_id": VALUE,
    "query_name": VALUE,
    "query_type": VALUE,
    "query_class": VALUE,
    "rcode": VALUE,
    "answers": {"Rdata": VALUE, "Type": VALUE, "Class": VALUE},
    "srcaddr": VALUE,
    "srcport": VALUE,
    "transport": VALUE,
    "srcids": {"instance": VALUE, "resolver_endpoint": VALUE, "resolver_network_interface": VALUE},
    "firewall_rule_action": VALUE,
    "firewall_rule_group_id": VALUE,
    "firewall_domain_list_id": VALUE,
    "additional_properties": ANYTHING,
}
#: Names that `common` gives; a record's own value under one of them moves to ``unmapped``.
COMMON = ("@timestamp", "event", "source", "dns", "network", "rule", "cloud", "error", "log", "unmapped")


def describe(fields: Dict[str, Any], context: Context) -> Tuple[EventTime, str]:
    """Return the time of a decoded record and the common fields of the table above, as `json_record.JsonFormat` says.

    A record without a usable query_timestamp has the object's time; raises `InvalidRecord` where that is not known.
    What is no text where AWS writes text says nothing to the common fields.
    """
    get = fields.get
    written = get("query_timestamp")
    time = (from_iso(written) if type(written) is str else None) or odd_time(written)
    borrowed = None if time else context.object_time
    time = time or (borrowed and borrowed.time)
    if time is None:
        raise InvalidRecord(
            f"the record's query_timestamp is {str(written)[:60]!r} instead of a time like 2026-11-21T04:53:00Z"
        )
    source, ip_version = source_of(get("srcaddr"), get("srcport"), context)
    values = tuple(map(get, REPEATED))
    try:
        same = repeated_of[values, ip_version]
    except TypeError:  # a list or object, which cannot be remembered
        same = repeated_of.make((values, ip_version))
    name, answers, sources = get("query_name"), get("answers"), get("srcids")
    name = question_of[name] if type(name) is str else ""
    found = resolved(_addresses(answers), context) if answers and type(answers) is list else ""
    instance = sources.get("instance") if type(sources) is dict else None
    instance = quoted(instance) if type(instance) is str and instance else ""
    common = common_fields(time, same, source, name, found, instance)
    return time, borrowed.marked(common) if borrowed else common


def _addresses(answers: List[Any]) -> List[Any]:
    """Return what stands as an address in ``answers``."""
    found = []
    for answer in answers:
        try:
            if answer["Type"] in ADDRESS_TYPES:
                found.append(answer["Rdata"])
        except (TypeError, KeyError):  # not as AWS writes it
            continue
    return found


FORMAT = JsonFormat(LOG.name, Shape(MAPPED, COMMON), describe)


def normalise(line: bytes, identity: str, number: int, context: Context) -> Record:
    """Return the record on ``line``. Raises `InvalidRecord` as `json_record` does."""
    return json_record(FORMAT, line, identity, number, context)
