"""Events of Filebeat and Winlogbeat on every engine, also those that an attacker made; and the files for their roads.

The documents are ours, with the fields that Winlogbeat 8 and Filebeat 8 give such events. No Beat, Logstash or Data
Prepper runs here: docs/beats.md says what that leaves open.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone

import pytest
import yaml

from collectors.store.templates import DEPLOY, TEMPLATES
from lab.node import NodeUnavailable, run_node
from tests.deploy.conftest import DAY

LONG = "긴" * 13_400  # 40 kB of UTF-8


def windows_event(**event_data):
    return {
        "@timestamp": "1998-04-05T06:07:08.123Z",
        "ecs": {"version": "8.0.0"},
        "agent": {"type": "winlogbeat", "name": "WIN-DC1", "version": "8.15.3", "id": "3f0c", "ephemeral_id": "77aa"},
        "host": {"name": "win-dc1.corp.example", "ip": ["10.1.2.3", "fe80::1%12"], "os": {"family": "windows"}},
        "event": {
            "code": "4688",
            "kind": "event",
            "provider": "Microsoft-Windows-Security-Auditing",
            "module": "security",
        },
        "log": {"level": "information"},
        "message": "A new process has been created. Process Command Line: powershell -enc SQBFAFgA",
        "winlog": {
            "channel": "Security",
            "computer_name": "win-dc1.corp.example",
            "event_id": "4688",
            "record_id": 918273,
            "provider_guid": "{54849625-5478-4994-a5ba-3e3b0328c30d}",
            "keywords": ["Audit Success"],
            "process": {"pid": 4, "thread": {"id": 312}},
            "event_data": {
                "SubjectUserName": "svc-backup",
                "TargetUserName": "-",
                "CommandLine": "powershell",
                **event_data,
            },
        },
    }


def line_of_a_log(**more):
    return {
        "@timestamp": "1998-04-05T06:07:09.000Z",
        "agent": {"type": "filebeat", "name": "web-1", "version": "8.15.3"},
        "host": {"name": "web-1"},
        "input": {"type": "filestream"},
        "log": {"file": {"path": "/var/log/auth.log"}, "offset": 4711},
        "message": "Failed password for invalid user admin from 198.51.100.7 port 50122 ssh2",
        **more,
    }


HOSTILE_WINDOWS = [
    windows_event(**{f"param{number}": str(number) for number in range(3_000)}),
    windows_event(**{f"{number}.{'x' * 300}": {"deeper": number} for number in range(3_000)}),
    windows_event(CommandLine=LONG, ScriptBlockText=LONG, NewProcessName="y" * 40_000),
    windows_event(**{"k" * 40_000: "v", "a.": "dot at the end"}),
    windows_event(LogonType=3, IpAddress="not an address", IpPort="-", ProcessId="0x1f4", Status=None),
    {**windows_event(), "process": {"pid": "0x1f4", "parent": {"pid": 10**30}}, "source": {"ip": "-", "port": "none"}},
    {**windows_event(), "message": LONG, "tags": ["a", LONG]},
]
HOSTILE_LINES = [
    line_of_a_log(app={f"header-{number}": number for number in range(3_000)}),
    line_of_a_log(app="text where an object is usual"),
    line_of_a_log(app=[1, {"a": [2]}]),
    line_of_a_log(app={"a": {"b": {"c": {"d": {}}}}}, url={"full": "https://x.example/" + "z" * 40_000}),
    line_of_a_log(related={"ip": ["198.51.100.7", "unknown"]}, http={"response": {"status_code": "two hundred"}}),
]


def test_what_windows_sends_is_found_whatever_its_events_hold(any_store):
    any_store.apply_templates("winlogbeat")
    index = f"beats-winlogbeat-{DAY}"
    documents = [windows_event(), *HOSTILE_WINDOWS]
    assert [item["status"] for item in any_store.bulk(index, documents) if item["status"] != 201] == []
    properties = any_store.transport.request("GET", (index, "_mapping")).json()[index]["mappings"]["properties"]
    assert "param7" not in properties["winlog"]["properties"]["event_data"]["properties"]
    for query, count in (
        ("winlog.event_data.SubjectUserName:svc\\-backup AND event.code:4688", len(documents)),
        ("winlog.event_data.CommandLine:powershell", len(documents) - 1),  # the long one is stored, not indexed
        ('host.ip:"10.0.0.0/8"', len(documents)),
        ("winlog.event_data.LogonType:3", 1),
        ("message:enc", len(documents) - 1),
        ("winlog.process.pid:[1 TO 9]", len(documents)),
    ):
        assert any_store.count("*winlogbeat*", query) == count, query
    stored = any_store.transport.request("GET", (index, "_search"), {"size": "20"}).json()["hits"]["hits"]
    assert sorted(map(repr, documents)) == sorted(repr(hit["_source"]) for hit in stored)


@pytest.mark.parametrize("name", ["", ".", "a..b"])
def test_names_that_no_engine_takes_are_refused_and_the_road_must_keep_them(any_store, name):
    # Only a provider that an administrator registered can name a value so. AWS logs go through this product's loader,
    # which moves such names; Beats do not, so their pipelines have a place for what is refused.
    any_store.apply_templates("winlogbeat")
    [item] = any_store.bulk(f"beats-winlogbeat-{DAY}", [windows_event(**{name: "value"})])
    assert item["status"] == 400
    for beat in ("filebeat", "winlogbeat"):
        settings = yaml.safe_load((DEPLOY / "beats" / f"{beat}.yml").read_text("utf-8"))
        assert (
            settings["output.elasticsearch"]["non_indexable_policy.dead_letter_index"]["index"] == "beats-dead-letters"
        )
    text = (DEPLOY / "beats" / "data-prepper-pipelines.yaml").read_text("utf-8")
    assert "dlq_file" in yaml.safe_load(text)["beats-pipeline"]["sink"][0]["opensearch"]


def test_what_filebeat_sends_is_found_whatever_applications_log(any_store):
    any_store.apply_templates("filebeat")
    index = f"beats-filebeat-{DAY}"
    documents = [line_of_a_log(), *HOSTILE_LINES]
    assert [item["status"] for item in any_store.bulk(index, documents) if item["status"] != 201] == []
    mapping = any_store.transport.request("GET", (index, "_mapping")).json()[index]["mappings"]
    assert "app" not in mapping["properties"]
    for query, count in (("message:admin", 6), ("log.offset:4711", 6), ("related.ip:198.51.100.7", 1)):
        assert any_store.count("beats-filebeat", query) == count, query


# --- Linux's audit log: Filebeat's script runs in Node, which stands for the engine inside of Filebeat ---------------

#: Calls the script as Filebeat does, once a line: https://www.elastic.co/docs/reference/beats/filebeat/processor-script
HARNESS = """
var events = JSON.parse(require("fs").readFileSync(0_FILE, "utf8")).map(function (line) {
  var fields = {message: line};
  process({
    Get: function (name) { return fields[name]; },
    Put: function (name, value) { fields[name] = value; }
  });
  return fields;
});
console.log(JSON.stringify(events));
"""
AUDIT = "type={} msg=audit(891756428.123:{}): {}"
LOGIN = AUDIT.format(
    "USER_LOGIN",
    101,
    'pid=811 uid=0 auid=4294967295 ses=4294967295 subj=unconfined msg=\'op=login acct="admin" '
    'exe="/usr/sbin/sshd" hostname=? addr=198.51.100.7 terminal=ssh res=failed\'\x1dUID="root" AUID="unset"',
)
SUDO = AUDIT.format(
    "USER_CMD",
    102,
    'pid=900 uid=1000 auid=1000 ses=3 msg=\'cwd="/home/eve" cmd=636174202F6574632F736861646F77 '
    'exe="/usr/bin/sudo" terminal=pts/0 res=success\'\x1dUID="eve" AUID="eve"',
)
SYSCALL = AUDIT.format(
    "SYSCALL",
    103,
    "arch=c000003e syscall=59 success=yes exit=0 a0=55d0 a1=55d1 items=2 ppid=900 pid=901 auid=1000 uid=0 gid=0 euid=0 "
    'tty=pts0 ses=3 comm="cat" exe="/usr/bin/cat" key="shadow"\x1dARCH=x86_64 SYSCALL=execve AUID="eve" UID="root" '
    'EUID="root"',
)
EXECVE = AUDIT.format("EXECVE", 103, 'argc=2 a0="cat" a1=2F746D702F61206220EAB8B4')
PATH = "node=web-1 " + AUDIT.format("PATH", 103, 'item=0 name="/etc/shadow" inode=1 ouid=0 nametype=NORMAL')
PROCTITLE = AUDIT.format("PROCTITLE", 103, "proctitle=636174002F6574632F736861646F77")
DENIED = AUDIT.format(
    "SYSCALL", 104, "syscall=257 success=no exit=-13 auid=1000 uid=1000 comm=6576696C FSUID=x key=(null)"
)


def parsed(lines, folder):
    """Return the fields that the script of ``filebeat.yml`` makes of lines of audit.log."""
    [audit] = [each for each in beats_settings("filebeat")["filebeat.inputs"] if each["id"] == "linux-audit"]
    assert audit["paths"] == ["/var/log/audit/audit.log"]
    source = audit["processors"][0]["script"]["source"]
    given, program = folder / "lines.json", folder / "audit.js"
    given.write_text(json.dumps(lines), "utf-8")
    program.write_text(source + HARNESS.replace("0_FILE", json.dumps(str(given))), "utf-8")
    try:
        return json.loads(run_node(program, cwd=folder, hint="The script of filebeat.yml failed."))
    except NodeUnavailable as error:
        if "missing" in str(error):
            pytest.skip(str(error))
        raise


def beats_settings(beat):
    return yaml.safe_load((DEPLOY / "beats" / f"{beat}.yml").read_text("utf-8"))


def test_what_detections_ask_of_the_audit_log_becomes_fields(tmp_path):
    login, sudo, syscall, execve, path, proctitle, denied = parsed(
        [LOGIN, SUDO, SYSCALL, EXECVE, PATH, PROCTITLE, DENIED], tmp_path
    )
    assert login == {
        "message": LOGIN, "event.kind": "event", "event.module": "auditd", "event.dataset": "auditd.log",
        "event.action": "user_login", "event.outcome": "failure", "auditd.log.record_type": "USER_LOGIN",
        "auditd.log.sequence": "101", "auditd.log.time_ms": "891756428123", "auditd.log.op": "login",
        "auditd.log.terminal": "ssh", "user.name": "admin", "process.pid": "811",
        "process.executable": "/usr/sbin/sshd", "source.address": "198.51.100.7", "source.ip": "198.51.100.7",
    }  # fmt: skip
    assert sudo["process.command_line"] == "cat /etc/shadow"
    assert (sudo["user.name"], sudo["user.audit.name"], sudo["event.outcome"]) == ("eve", "eve", "success")
    assert (syscall["user.name"], syscall["user.audit.name"], syscall["user.effective.name"]) == ("root", "eve", "root")
    assert (syscall["auditd.log.syscall"], syscall["auditd.log.key"]) == ("execve", "shadow")
    assert (syscall["process.pid"], syscall["process.parent.pid"], syscall["process.name"]) == ("901", "900", "cat")
    assert execve["process.args"] == ["cat", "/tmp/a b 긴"]
    assert execve["process.command_line"] == "cat /tmp/a b 긴"
    assert path["file.path"] == "/etc/shadow"
    assert proctitle["process.title"] == "cat /etc/shadow"
    assert {syscall["auditd.log.sequence"], execve["auditd.log.sequence"], path["auditd.log.sequence"]} == {"103"}
    assert (denied["process.name"], denied["event.outcome"], denied["user.id"]) == ("evil", "failure", "1000")
    assert "auditd.log.key" not in denied


def test_nobody_writes_fields_of_the_audit_log_with_a_name_of_his_own(tmp_path):
    hostile = {
        # The names of accounts that only look like "no value"; one with a quote, which auditd writes as digits.
        "?": 'acct="?"', "unset": 'acct="unset"', 'a" uid=0': "acct=612220" + "7569643D30",
    }  # fmt: skip
    lines = [LOGIN.replace('acct="admin"', account) for account in hostile.values()]
    assert [event["user.name"] for event in parsed(lines, tmp_path)] == list(hostile)
    twice, method, latin, other, nothing = parsed(
        [
            SUDO.replace("cwd=", "uid=0 hasOwnProperty=1 __proto__=2 constructor=3 cwd="),
            DENIED.replace("success=no", "success=constructor"),
            DENIED.replace("6576696C", "E976696C"),
            AUDIT.format("AVC", 1, "apparmor=DENIED operation=open"),
            "kernel: audit: backlog limit exceeded",
        ],
        tmp_path,
    )
    assert twice["user.id"] == "1000"
    assert twice["user.name"] == "eve"
    assert "event.outcome" not in method
    assert latin["process.name"] == "E976696C"
    assert other["event.action"] == "avc"
    assert nothing == {"message": "kernel: audit: backlog limit exceeded"}


def test_the_audit_log_is_found_by_its_fields_on_every_engine(any_store, tmp_path):
    any_store.apply_templates("filebeat")
    index = f"beats-filebeat-{DAY}"
    documents = []
    for event in parsed([LOGIN, SUDO, SYSCALL, EXECVE, PATH, PROCTITLE, DENIED], tmp_path):
        time = datetime.fromtimestamp(int(event.pop("auditd.log.time_ms")) / 1000, timezone.utc)
        documents.append({**line_of_a_log(), **event, "@timestamp": time.isoformat(timespec="milliseconds")})
    assert [item["status"] for item in any_store.bulk(index, documents) if item["status"] != 201] == []
    for query, count in (
        ("event.action:user_login AND event.outcome:failure AND source.ip:198.51.100.7", 1),
        ("auditd.log.key:shadow AND user.audit.name:eve AND user.name:root", 1),
        ("auditd.log.sequence:103", 4),
        (r"process.command_line:*\/etc\/shadow", 1),
        ("process.args:cat AND process.pid:*", 0),
        (r"file.path:\/etc\/shadow", 1),
        ("auditd.log.syscall:execve AND user.effective.id:0 AND process.parent.pid:[1 TO 1000]", 1),
    ):
        assert any_store.count("beats-filebeat", query) == count, query


def test_the_audit_log_has_the_time_of_its_records():
    [audit] = [each for each in beats_settings("filebeat")["filebeat.inputs"] if each["id"] == "linux-audit"]
    script, timestamp, dropped = audit["processors"]
    assert timestamp["timestamp"]["layouts"] == ["UNIX_MS"]
    assert timestamp["timestamp"]["field"] == dropped["drop_fields"]["fields"][0] == "auditd.log.time_ms"


# --- the files of the pipelines --------------------------------------------------------------------------------------


def pattern_of(index: str) -> str:
    """Return the index name of a configuration with everything variable as a star."""
    return re.sub(r"%\{[^}]*\}|\$\{[^}]*\}", "*", index)


@pytest.mark.parametrize("beat", ["filebeat", "winlogbeat"])
def test_the_direct_road_writes_into_our_indices_with_ids_of_its_own(beat):
    settings = yaml.safe_load((DEPLOY / "beats" / f"{beat}.yml").read_text("utf-8"))
    assert pattern_of(settings["output.elasticsearch"]["index"]) == f"{TEMPLATES[beat].name}-*"
    assert settings["output.elasticsearch"]["index"].endswith("%{+yyyy.MM.dd}")
    # Beats' own templates and rollover would take the indices from ours.
    assert settings["setup.template.enabled"] is settings["setup.ilm.enabled"] is False
    [fingerprint] = [each["fingerprint"] for each in settings["processors"] if "fingerprint" in each]
    assert fingerprint["target_field"] == "@metadata._id"
    assert settings["output.elasticsearch"]["password"].startswith("${")


def test_logstash_writes_into_our_indices_by_the_events_own_day():
    text = (DEPLOY / "beats" / "logstash.conf").read_text("utf-8")
    [index] = re.findall(r'index => "([^"]+)"', text)
    assert index == "beats-%{[@metadata][beat]}-%{+YYYY.MM.dd}"
    beats = re.findall(r'"(\w+)"', re.search(r"\[beat\] in \[([^\]]+)\]", text).group(1))
    assert sorted(f"beats-{beat}" for beat in beats) == sorted(TEMPLATES[beat].name for beat in beats)
    assert "manage_template => false" in text
    assert text.count("{") == text.count("}")
    assert "ssl_certificate_verification" not in text


def test_data_prepper_writes_into_our_indices_by_the_events_own_day():
    [pipeline] = yaml.safe_load((DEPLOY / "beats" / "data-prepper-pipelines.yaml").read_text("utf-8")).values()
    [sink] = [each["opensearch"] for each in pipeline["sink"]]
    [day] = [each["date"] for each in pipeline["processor"] if "date" in each]
    assert sink["index"] == "beats-${/agent/type}-${/" + day["destination"] + "}"
    assert day["output_format"] == "yyyy.MM.dd"
    assert sink["index_type"] == "management_disabled"
    assert sink["exclude_keys"] == [day["destination"]]
