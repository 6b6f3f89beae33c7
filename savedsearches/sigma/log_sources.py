"""Which log a rule is about, and what its fields are called in the store. What no template indexes is refused.

Only what the pipelines really fill counts: a field that is mapped and always empty would find nothing, silently.
"""

from __future__ import annotations

from typing import FrozenSet, Mapping, NamedTuple, Optional, Tuple

from savedsearches.content.template_fields import Fields, templates
from savedsearches.sigma.errors import Refused


class Field(NamedTuple):
    """A rule's field in the store."""

    name: str
    #: Its values are texts in which AWS or a program chooses the case: Sigma compares whatever the case.
    free_text: bool = False
    #: A member of an object that is indexed as a whole: whole values are found in it, and no parts of them.
    in_object: bool = False
    #: Addresses, which can be compared with networks.
    address: bool = False
    #: What of the rule is not quite the same here; empty if it is.
    note: str = ""


class LogSource(NamedTuple):
    """A log, as detections name it, and as rules of Sigma do."""

    data: str
    #: Macro of its index pattern.
    raw: str
    pattern: str
    #: Rule's field -> ours, where the names differ.
    names: Mapping[str, str]
    #: Fields in which the case of letters is nobody's to rely on.
    free_text: FrozenSet[str]
    #: Documents that hold only some fields each: a rule's fields have to be in one of them. Empty where each holds all.
    records: Tuple[FrozenSet[str], ...] = ()
    #: Where a word without a field is looked for.
    keywords: str = ""


_CLOUDTRAIL = LogSource(
    data="cloudtrail",
    raw="aws_cloudtrail_raw",
    pattern="aws-cloudtrail-*",
    names={"additionalEventData.MFAUsed": "aws.signin.mfaUsed", "responseElements.ConsoleLogin": "aws.signin.outcome"},
    free_text=frozenset({"userAgent", "errorMessage"}),
)
#: What each kind of record of Linux's audit log fills: docs/beats.md.
_ALWAYS = frozenset({"auditd.log.record_type", "auditd.log.key", "host.name"})
_RECORDS = (
    frozenset(
        {
            "process.executable", "process.name", "process.pid", "process.parent.pid", "auditd.log.syscall",
            "event.outcome", "user.id", "user.name", "user.audit.id", "user.audit.name", "user.effective.id",
            "user.effective.name", "auditd.log.session", "auditd.log.terminal",
        }
    ),
    frozenset({"process.args", "process.command_line"}),
    frozenset({"process.title"}),
    frozenset({"process.working_directory"}),
    frozenset({"file.path"}),
)  # fmt: skip
_LINUX = LogSource(
    data="linux",
    raw="linux_raw",
    pattern="beats-filebeat-*",
    names={
        "Image": "process.executable", "CommandLine": "process.command_line", "ProcessId": "process.pid",
        "CurrentDirectory": "process.working_directory", "User": "user.name", "TargetFilename": "file.path",
        "type": "auditd.log.record_type", "key": "auditd.log.key", "syscall": "auditd.log.syscall",
        "SYSCALL": "auditd.log.syscall", "exe": "process.executable", "comm": "process.name", "name": "file.path",
        "uid": "user.id", "auid": "user.audit.id", "euid": "user.effective.id", "UID": "user.name",
        "AUID": "user.audit.name", "EUID": "user.effective.name", "acct": "user.name", "pid": "process.pid",
        "cwd": "process.working_directory", "proctitle": "process.title", "ppid": "process.parent.pid",
        "tty": "auditd.log.terminal", "ses": "auditd.log.session",
    },
    free_text=frozenset(),
    records=tuple(each | _ALWAYS for each in _RECORDS),
    keywords="message",
)  # fmt: skip
#: Of rules about Linux, those whose fields are known: service, or category.
_LINUX_SERVICES = ("", "auditd", "auth", "sshd", "sudo", "syslog", "cron", "guacamole", "vsftpd")
_LINUX_CATEGORIES = ("", "process_creation", "file_event")


def log_source_of(product: Optional[str], service: Optional[str], category: Optional[str]) -> LogSource:
    """Return the log of a rule. Raises `Refused` for one that is not in the store."""
    said = ", ".join(f"{name} {value}" for name, value in
                     (("product", product), ("service", service), ("category", category)) if value)  # fmt: skip
    if product == "aws" and service == "cloudtrail":
        return _CLOUDTRAIL
    if product == "linux" and (service or "") in _LINUX_SERVICES and (category or "") in _LINUX_CATEGORIES:
        return _LINUX
    raise Refused(
        f"the log ({said or 'none'}) is not one of these: aws cloudtrail, linux ({', '.join(_LINUX_SERVICES[1:])})"
    )


def field_of(source: LogSource, name: str) -> Field:
    """Return a rule's field as the store has it. Raises `Refused` for one that is not indexed."""
    fields = templates()[source.pattern]
    if source.data == "linux":
        return _linux(source, fields, name)
    ours = source.names.get(name, name)
    parts = ours.partition(".")
    if parts[0] == "requestParameters" and f"aws.request.{parts[2]}" in fields.indexed:
        ours = f"aws.request.{parts[2]}"
    if ours == "sourceIPAddress":
        return Field(ours, address=True)
    if ours in fields.indexed:
        note = f"{name} is {ours} here" if ours != name else ""
        return Field(ours, free_text=ours in source.free_text, note=note)
    if parts[2] and parts[0] in fields.objects:
        return Field(ours, in_object=True)
    if name in fields.objects:
        raise Refused(f"{name} is an object: its members are indexed, and not its text as a whole")
    raise Refused(f"{name} is not indexed: no event would ever match")


def _linux(source: LogSource, fields: Fields, name: str) -> Field:
    if name[:1] == "a" and name[1:].isdigit():
        return Field("process.args", note=f"{name} is any of the arguments here, whichever its place")
    ours = source.names.get(name, name)
    if ours not in fields.indexed or not any(ours in record for record in source.records):
        raise Refused(f"{name} is not filled by the pipeline of Linux's logs: no event would ever match")
    return Field(ours, note=f"{name} is {ours} here" if ours != name else "")


def in_one_document(source: LogSource, names: FrozenSet[str]) -> None:
    """Raise `Refused` when no document holds all these fields."""
    if source.records and not any(names <= record for record in source.records):
        raise Refused(
            f"{', '.join(sorted(names))} are in different records of the audit log, each a document of its own: no "
            "single one would match"
        )
