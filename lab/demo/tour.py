"""What the tour shows, as data: why, the line a user would type into Splunk, and how it ends."""

from __future__ import annotations

from typing import NamedTuple, Tuple

from lab.story import cast

#: How a step of the tour ends: with events, with rows that a command has made, as a failed job, or without events and
#: with a warning that says why.
EVENTS, RESULTS, FAILURE, WARNING = "events", "results", "failure", "warning"


class Step(NamedTuple):
    """One search of the tour."""

    why: str
    line: str
    ends_with: str = EVENTS
    #: It searches what is in Splunk's own index, which a cluster of the user's does not bring.
    of_splunk: bool = False


TOUR: Tuple[Step, ...] = (
    Step(
        "Denied API calls of the last hours. This line worked with the old 40-line command and still does:",
        '| elasticsearch index="*cloudtrail*" query="errorCode:AccessDenied" size=10000 start_time=now-6h end_time=now',
    ),
    Step(
        "Somebody uses a server's role from outside: credentials stolen through Log4Shell. Only some columns, please:",
        f'| elasticsearch index=aws-cloudtrail-* query="sourceIPAddress:{cast.ATTACKER_CLOUD_IP}" '
        "fields=eventName,eventSource,errorCode,sourceIPAddress",
    ),
    Step(
        "The same thief as a JSON query clause: what was changed, not only read. Times in Splunk's own notation:",
        "| elasticsearch index=aws-cloudtrail-* earliest=-6h latest=now "
        'dsl="{\\"bool\\": {\\"filter\\": [{\\"term\\": '
        f'{{\\"sourceIPAddress\\": \\"{cast.ATTACKER_CLOUD_IP}\\"}}}}, '
        '{\\"term\\": {\\"readOnly\\": false}}]}}" fields=eventName,errorCode,userIdentity.arn',
    ),
    Step(
        "A result that is cut says so:",
        "| elasticsearch index=aws-cloudtrail-* size=3 fields=eventName,eventSource,userIdentity.type",
    ),
    Step(
        "How it began, in the WAF's log: Log4Shell in headers is blocked, disguised in a form it passes:",
        '| elasticsearch index="*waf*" query="source.ip:'
        f'{cast.ATTACKER_SCANNER_IP}" fields=action,httpRequest.uri,httpRequest.args,source.geo.country_iso_code',
    ),
    Step(
        "The web server asks for the attacker's host, in the Resolver's log:",
        f'| elasticsearch index="*dns*" query="dns.question.name:{cast.CALLBACK_HOST}" '
        "fields=query_name,rcode,dns.resolved_ip{},srcids.instance",
    ),
    Step(
        "The reverse shell, in the VPC's flow log, with country and owner of the address it goes to:",
        f'| elasticsearch index="*vpcflow*" query="destination.ip:{cast.CALLBACK_IP} AND destination.port:4444" '
        "fields=srcaddr,dstaddr,dstport,bytes,destination.geo.country_iso_code,destination.as.organization.name",
    ),
    Step(
        "One whole event of it: every field, and last the document as it is stored:",
        f'| elasticsearch index="*vpcflow*" query="destination.ip:{cast.CALLBACK_IP}" size=1',
    ),
    Step(
        "Everything there is, newest first, all fields:",
        "| elasticsearch index=aws-cloudtrail-* size=0",
    ),
    Step(
        "A whole pipeline: who was refused what, and from how many addresses? SPL counts what the search finds:",
        "| elasticsearch index=aws-cloudtrail-* query=errorCode:AccessDenied size=0 "
        "| stats count, dc(sourceIPAddress) AS addresses by userIdentity.arn, eventName | sort 0 -count | head 5",
        RESULTS,
    ),
    Step(
        "The same count without moving one event: the engine does it, however many there are:",
        "| elasticstats index=aws-cloudtrail-* query=errorCode:AccessDenied "
        'stats="count, dc(sourceIPAddress) as addresses" by="userIdentity.arn, eventName" sort=-count limit=5',
        RESULTS,
    ),
    Step(
        "What else is in there? The indices, their size, and how far behind each log is:",
        "| elasticindices index=aws-* | table index docs size_bytes newest lag_s health",
        RESULTS,
    ),
    Step(
        "And the fields of one of them: type, share of events that have it, most frequent values:",
        "| elasticfields index=aws-dns-* fields=rcode,query_type,dns.question.name top=3 "
        "| table field type percent distinct_count values value_counts",
        RESULTS,
    ),
    Step(
        "What AWS itself has detected, as the app's inputs write it into Splunk, with the account's name:",
        '`aws_findings_latest` | search vendor_product="Amazon GuardDuty" | sort 0 -severity_id '
        "| table severity signature account_name account_owner",
        RESULTS,
        of_splunk=True,
    ),
    Step(
        "One of them, and what is behind it in the raw store: the API calls with the stolen key, by elasticlookup:",
        '`aws_findings_latest` | search signature="*InstanceCredentialExfiltration*" '
        "| rename detail.resource.accessKeyDetails.accessKeyId AS key "
        '| elasticlookup index=aws-cloudtrail-* match="userIdentity.accessKeyId=key, sourceIPAddress=src" window=2h '
        "fields=eventName,errorCode,@timestamp output=rows max=8 | table account_name src eventName errorCode",
        RESULTS,
        of_splunk=True,
    ),
    Step(
        "And the machine it came from: asset lookup, built from the inventory:",
        '`aws_findings_latest` | search signature="Backdoor:EC2*" | lookup aws_assets key AS src OUTPUT '
        "name AS machine, ip AS address, team, owner | table signature src machine address team owner",
        RESULTS,
        of_splunk=True,
    ),
    Step(
        "A query that cannot be read fails the job, with a reason, instead of looking like an empty result:",
        '| elasticsearch index=aws-cloudtrail-* query="errorCode:["',
        FAILURE,
    ),
    Step(
        "A misspelt field finds nothing, which looks like good news. So a warning names it, and what was meant:",
        '| elasticsearch index=aws-cloudtrail-* query="errorcode:AccessDenied"',
        WARNING,
    ),
)
#: What to try after it: why, and the line.
NEXT: Tuple[Tuple[str, str], ...] = (
    ("the columns that suit the log", "| elasticsearch index=aws-dns-* query=rcode:NXDOMAIN"),
    ("every log at once", f"| elasticsearch index=aws-* query=source.ip:{cast.ATTACKER_CLOUD_IP} fields=event.*"),
    ("findings by account and severity", "`aws_findings_latest` | stats count by account_name, account_ou, severity"),
    ("a pipeline", "| elasticsearch index=aws-waf-* size=0 | timechart span=1h count by action"),
    (
        "where all traffic goes, counted by the engine",
        '| elasticstats index=aws-vpcflow-* stats="count, sum(bytes) as bytes" by="dstaddr, dstport" sort=-bytes',
    ),
    (
        "the flows of whoever was blocked, beside each request",
        "| elasticsearch index=aws-waf-* query=action:BLOCK size=5 "
        '| elasticlookup index=aws-vpcflow-* match="srcaddr=source.ip" fields=dstaddr,dstport max=3 '
        "| table _time source.ip elasticlookup_matched dstaddr dstport",
    ),
    ("only the documents as stored, several times faster", "| elasticsearch index=aws-waf-* size=5 output=raw"),
    ("one whole event of what was found last", "event 1"),
    ("all options", "help"),
)
