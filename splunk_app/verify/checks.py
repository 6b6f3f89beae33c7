"""The checks of ``docs/verify_on_splunk.md`` that REST can do, by their number on the page.

A check returns what it saw. It raises `Failed` with what it saw where that is not what the page expects, and `Skipped`
where this Splunk or its data cannot show it.
"""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Callable, Dict, List, Tuple
from urllib.parse import quote

from splunk_app.verify.fixture import APP, TIME_ZONE, USER
from splunk_bridge.rest import JobResult, RestError, Splunkd

SETTINGS = "/services/aws_siem_bridge/search_settings"
CLUSTERS = f"{APP}/aws_siem_bridge_cluster"
ACCOUNTS = f"{APP}/aws_siem_bridge_aws_account"
INPUTS = f"{APP}/data/inputs/aws_guardduty"
INPUT_PAGE = f"{APP}/aws_siem_bridge_aws_guardduty"
COLLECTORS = f"{APP}/aws_siem_bridge_hec"
CHECKPOINTS = f"{APP}/storage/collections/data/aws_siem_bridge_checkpoints"
CLAIMS = f"{APP}/storage/collections/data/aws_response_claims"
_CONFLICT = 409
#: Alert actions that name an instance.
INSTANCE_ACTIONS = 7
#: Longest time between the end of a search and its line in the index.
_LOG_WITHIN_S = 90.0
#: Before a search is cancelled or finalized.
_AT_WORK_S = 3.0
#: Events of a search that may have ended before a stop arrives. More of them take seconds to hand over.
_FEW = 20_000
_TOO_SMALL = "the index is too small: the search ends before it can be stopped"


class Failed(Exception):
    """A check saw something else than it expects."""


class Skipped(Exception):
    """A check cannot be made here."""


@dataclass(frozen=True)
class Target:
    """Who is asked, and about which cluster and indices."""

    admin: Splunkd
    #: A user with a rule for ``index`` only, by way of a role that his role imports; in Seoul's time zone.
    user: Splunkd
    cluster: str
    index: str

    def search(self, options: str = "", rest: str = "", command: str = "elasticsearch", **arguments: str) -> JobResult:
        """Return how a search of the cluster ends for the user."""
        return self.user.run(self.line(options, rest, command), **arguments)

    def line(self, options: str = "", rest: str = "", command: str = "elasticsearch") -> str:
        """Return a search of the cluster, by one of the app's commands."""
        index = "" if "index=" in options else f' index="{self.index}"'
        return f"| {command} cluster={self.cluster}{index} {options} {rest}".rstrip()


Check = Callable[[Target], str]
CHECKS: Dict[str, Tuple[str, Check]] = {}


def check(number: str, what: str) -> Callable[[Check], Check]:
    """Add a check under its number on the page."""

    def add(function: Check) -> Check:
        CHECKS[number] = (what, function)
        return function

    return add


def _done(job: JobResult) -> JobResult:
    if job.is_failed or job.state != "DONE":
        raise Failed(f"the job ended {job.state}: {_said(job)}")
    return job


def _said(job: JobResult) -> str:
    return "; ".join(f"{level} {text}" for level, text in job.messages) or "no message"


def _failed_with(job: JobResult, *parts: str) -> str:
    texts = " ".join(job.texts("ERROR", "FATAL"))
    missing = [part for part in parts if part not in texts]
    if not job.is_failed:
        raise Failed(f"the job ended {job.state}, not FAILED: {_said(job)}")
    if missing:
        raise Failed(f"its error does not say {', '.join(missing)}: {_said(job)}")
    return f"FAILED: {texts}"


def _refused(status: int, body: bytes, *allowed: int) -> str:
    if status not in allowed:
        raise Failed(f"the answer is {status}: {body[:200]!r}")
    return f"{status}"


def _log_line(target: Target, sid: str) -> Dict[str, object]:
    """Return the fields of a search's line in the log, as Splunk extracts them."""
    search = f'search index=_internal source=*aws_siem_bridge_search.log sid="{sid}"'
    end = time.monotonic() + _LOG_WITHIN_S
    while time.monotonic() < end:
        rows = target.admin.run(search).rows
        if rows:
            if len(rows) > 1:
                raise Failed(f"{len(rows)} lines in the log for one search")
            return rows[0]
        time.sleep(1)
    raise Failed(f"no line of the search {sid} in index=_internal after {_LOG_WITHIN_S:.0f} s")


@check("A1", "events, newest first")
def _events(target: Target) -> str:
    rows = _done(target.search("size=100")).rows
    times = [row["_time"] for row in rows]
    if not rows:
        raise Skipped("the index has no events")
    if [float(_epoch(time)) for time in times] != sorted((float(_epoch(time)) for time in times), reverse=True):
        raise Failed("the events are not newest first")
    if any(not str(row.get("_raw", "")).startswith("{") for row in rows):
        raise Failed("_raw is not the JSON document")
    return f"{len(rows)} events"


def _epoch(time_text: object) -> float:
    text = str(time_text)
    try:
        return float(text)
    except ValueError:
        return datetime.fromisoformat(text).astimezone(timezone.utc).timestamp()


@check("A2", "stats behind the command")
def _stats(target: Target) -> str:
    rows = _done(target.search("size=100", "| stats count by eventName")).rows
    total = sum(int(str(row["count"])) for row in rows)
    events = len(_done(target.search("size=100")).rows)
    if total != events:
        raise Failed(f"the counts add up to {total} of {events}")
    return f"{len(rows)} names, {total} events"


@check("A3", "no second extraction of _raw")
def _extracted_once(target: Target) -> str:
    (row,) = _done(target.search("size=100", "| stats max(eval(mvcount(eventName))) AS n")).rows
    if str(row.get("n")) != "1":
        raise Failed(f"eventName has {row.get('n')} values: Splunk extracts _raw again for this sourcetype")
    return "one value a field"


@check("A4", "every event arrives: size=0 beyond Splunk's 50,000 rows")
def _all_events(target: Target) -> str:
    job = target.search("size=0", "| stats count")
    (row,) = _done(job).rows
    line = _log_line(target, job.sid)
    if str(row["count"]) != str(line.get("matched")):
        raise Failed(f"{row['count']} events arrived of {line.get('matched')} that match")
    many = "" if int(str(row["count"])) > 50_000 else " (fewer than 50,000, so Splunk's limit was not reached)"
    return f"{row['count']} events{many}"


@check("A7", "nothing on stderr")
def _quiet(target: Target) -> str:
    job = _done(target.search("size=5"))
    status, body = target.user.raw("GET", f"/services/search/jobs/{job.sid}/search.log")
    if status != 200:
        raise Skipped(f"search.log is answered with {status}")
    lines = [line for line in body.decode("utf-8", "replace").splitlines() if " ERROR ChunkedExternProcessor" in line]
    if lines:
        raise Failed(lines[0][:300])
    return "no ERROR of ChunkedExternProcessor in search.log"


@check("A8", "one line in the log for a search")
def _one_line(target: Target) -> str:
    line = _log_line(target, _done(target.search("size=5")).sid)
    return f"rows={line.get('rows')} outcome={line.get('outcome')}"


@check("A9", "in a subsearch")
def _subsearch(target: Target) -> str:
    line = target.line("size=3")
    rows = _done(target.user.run(f"| makeresults | append [{line}]")).rows
    if len(rows) != 4:
        raise Failed(f"{len(rows)} results instead of 4")
    return "4 results"


@check("B1", "a failure has its reason")
def _reason(target: Target) -> str:
    return _failed_with(target.search(f'index="{_nothing(target)}"'), _nothing(target), target.cluster)


@check("B2", "a failed search is a FAILED job")
def _failed_job(target: Target) -> str:
    return _failed_with(target.search(f'index="{_nothing(target)}"'))


def _nothing(target: Target) -> str:
    """Return an index within the user's rule that is not there."""
    return target.index.split(",", 1)[0].replace("*", "") + "nothing"


@check("B4", "a result that is cut on purpose is an INFO")
def _cut(target: Target) -> str:
    job = _done(target.search("size=2"))
    texts = [text for text in job.texts("INFO") if "2 are returned" in text]
    if not texts:
        raise Failed(f"no INFO says that 2 are returned: {_said(job)}")
    if any("are returned" in text for text in job.texts("WARN")):
        raise Failed(f"a warning where the size was given: {_said(job)}. The sid is {job.sid}")
    return texts[0]


@check("B5", "a wrong option is named")
def _wrong_option(target: Target) -> str:
    return _failed_with(target.search("siez=10"), "siez", "Valid options")


@check("B6", "a message is told once")
def _told_once(target: Target) -> str:
    texts = [text for _, text in _done(target.search("size=2")).messages if "are returned" in text]
    if len(texts) != 1:
        raise Failed(f"it is told {len(texts)} times")
    return "once"


@check("B7", "a command after it that wants no more")
def _head(target: Target) -> str:
    job = _done(target.search("size=10", "| head 1"))
    if job.texts("ERROR", "FATAL"):
        raise Failed(_said(job))
    return f"{len(job.rows)} event"


@check("B9", "nobody forges a line of the log")
def _forged(target: Target) -> str:
    job = target.search('index="a\\" outcome=\\"done" size=1')
    line = _log_line(target, job.sid)
    if line.get("outcome") != "failed":
        raise Failed(f"outcome is {line.get('outcome')!r}")
    return "outcome=failed, one value"


@check("B11", "a long value does not cut the line")
def _long_line(target: Target) -> str:
    line = _log_line(target, target.search(f'index="{"a" * 9000}"').sid)
    if not line.get("outcome") or len(str(line.get("_raw"))) > 10_000:
        raise Failed(f"the line has {len(str(line.get('_raw')))} characters, outcome {line.get('outcome')!r}")
    return f"{len(str(line['_raw']))} characters"


@check("B12", "a part of a query that matches nothing")
def _unmatched(target: Target) -> str:
    warned = _done(target.search('query="evntName:RunInstances"'))
    if not any("evntName" in text for text in warned.texts("WARN")):
        raise Failed(f"no WARN names the field: {_said(warned)}")
    _failed_with(target.search('query="evntName:RunInstances" unknown_fields=fail'), "evntName")
    ignored = _done(target.search('query="evntName:RunInstances" unknown_fields=ignore'))
    if any("evntName" in text for _, text in ignored.messages):
        raise Failed(f"it is told with unknown_fields=ignore: {_said(ignored)}")
    return "a warning, an error, nothing"


@check("B13", "now/d is midnight in UTC, said to a user elsewhere")
def _midnight(target: Target) -> str:
    job = _done(target.search("start_time=now/d end_time=now size=1"))
    if not any("09:00" in text for text in job.texts("INFO")):
        raise Failed(f"no INFO names 09:00 in {TIME_ZONE}: {_said(job)}")
    return "INFO with 09:00"


@check("C1", "quotes inside an option arrive")
def _quotes(target: Target) -> str:
    wanted = 'errorMessage:"not authorized" AND ('
    return _failed_with(target.search('query="errorMessage:\\"not authorized\\" AND ("'), wanted)


@check("C2", "JSON in an option arrives")
def _json_option(target: Target) -> str:
    job = _done(target.search('size=1 dsl="{\\"match_all\\": {}}"'))
    if len(job.rows) != 1:
        raise Failed(f"{len(job.rows)} events: {_said(job)}")
    return "one event"


@check("C3", "blanks in an option arrive")
def _blanks(target: Target) -> str:
    job = _done(target.search('query="eventName:* OR eventName:nothing" size=3 unknown_fields=ignore'))
    return f"{len(job.rows)} events"


@check("C5", "the time picker arrives")
def _picker(target: Target) -> str:
    first, last = "2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"
    bounded = target.search("size=1", earliest_time="1767225600", latest_time="1767312000")
    line = _log_line(target, bounded.sid)
    if (line.get("earliest"), line.get("latest")) != (first, last):
        raise Failed(f"the log says {line.get('earliest')} to {line.get('latest')} for 2026-01-01")
    open_line = _log_line(target, target.search("size=1").sid)
    if open_line.get("earliest") not in (None, "-"):
        raise Failed(f"All time arrived as {open_line.get('earliest')}")
    return f"{first} to {last}"


@check("C7", "the user's time zone arrives")
def _zone(target: Target) -> str:
    line = _log_line(target, target.search("start_time=-1d@d end_time=@d size=1").sid)
    if not str(line.get("earliest")).endswith("T15:00:00.000Z"):
        raise Failed(f"midnight in {TIME_ZONE} is {line.get('earliest')} in the log")
    return f"{line.get('earliest')}"


@check("D1", "a cancelled search ends at once")
def _cancelled(target: Target) -> str:
    sid = _at_work(target)
    target.user.control(sid, "cancel")
    outcome = _outcome_of_stopped(target, sid)
    if outcome != "cancelled":
        raise Failed(f"the log says {outcome!r}")
    return "outcome=cancelled"


@check("D3", "a finalized search keeps what it has")
def _finalized(target: Target) -> str:
    sid = _at_work(target)
    target.user.control(sid, "finalize")
    job = target.user.wait(sid)
    outcome = _outcome_of_stopped(target, sid)
    if outcome != "finalized":
        raise Failed(f"the log says {outcome!r}, the job {job.state}")
    return "outcome=finalized"


def _outcome_of_stopped(target: Target, sid: str) -> object:
    """Return how a search that was stopped ended. With few events its end may come between our look and the stop."""
    line = _log_line(target, sid)
    if line.get("outcome") == "done" and int(str(line.get("rows") or 0)) < _FEW:
        raise Skipped(_TOO_SMALL)
    return line.get("outcome")


def _at_work(target: Target) -> str:
    """Return the id of a search of everything that has not ended yet."""
    sid = target.user.start(target.line("size=0"))
    end = time.monotonic() + _AT_WORK_S
    while time.monotonic() < end:
        job = target.user.look(sid)
        if str(job.content.get("isDone")).lower() in ("1", "true"):
            raise Skipped(_TOO_SMALL)
        if int(job.content.get("resultPreviewCount") or job.content.get("eventCount") or 0):
            break
        time.sleep(0.05)
    return sid


@check("E1", "a rule for an imported role counts")
def _imported_role(target: Target) -> str:
    _done(target.search("size=1"))
    return "searched"


@check("E2", "what splunkd tells of a user")
def _context(target: Target) -> str:
    (entry,) = target.user.entries("/services/authentication/current-context")
    content = entry["content"]
    held = set(content.get("capabilities") or ()) & {"configure_aws_siem_bridge", "list_storage_passwords"}
    if content.get("username") != USER or content.get("tz") != TIME_ZONE or not content.get("roles") or held:
        raise Failed(f"username {content.get('username')}, tz {content.get('tz')}, capabilities {sorted(held)}")
    return f"roles {', '.join(content['roles'])}"


@check("E3", "no user gets a cluster's settings")
def _settings_refused(target: Target) -> str:
    for who in (target.user, target.admin):
        status, body = who.raw("POST", SETTINGS, [("cluster", target.cluster)])
        _refused(status, body, 403)
        if b"hosts" in body or b"answers only" not in body:
            raise Failed(f"the answer is {body[:200]!r}")
    return "403 for both"


@check("E6", "no user reads a stored secret")
def _no_secret(target: Target) -> str:
    status, body = target.user.raw("GET", CLUSTERS, query=[("--cred--", "1")])
    if status == 200:
        stored = [entry for entry in _content(body) if any("password" in name for name in entry)]
        if stored:
            raise Failed("STOP AND REPORT IT: the clusters page shows a password to a user")
        return "200 without an entry"
    return f"{status}"


def _content(body: bytes) -> List[Dict[str, object]]:
    return [dict(entry.get("content") or {}) for entry in json.loads(body).get("entry", [])]


@check("E7", "no user adds a cluster or a rule")
def _no_cluster(target: Target) -> str:
    cluster = target.user.raw("POST", CLUSTERS, [("name", "bridge_verify_x"), ("hosts", "http://127.0.0.1:9")])
    rule = target.user.raw(
        "POST",
        f"{APP}/aws_siem_bridge_access",
        [("name", "bridge_verify_x"), ("cluster", "*"), ("roles", "user"), ("indices", "*")],
    )
    return f"{_refused(*cluster, 403)}, {_refused(*rule, 403)}"


@check("E8", "no user writes a rule past the page")
def _no_stanza(target: Target) -> str:
    form = [("name", "bridge_verify_x"), ("cluster", "*"), ("roles", "user"), ("indices", "*")]
    return _refused(*target.user.raw("POST", f"{APP}/configs/conf-aws_siem_bridge_access", form), 403)


@check("E9", "no user lists stored passwords")
def _no_passwords(target: Target) -> str:
    status, body = target.user.raw("GET", f"{APP}/storage/passwords")
    if status == 200 and any("clear_password" in entry for entry in _content(body)):
        raise Failed("a user can list this app's passwords: take list_storage_passwords from his role")
    return _refused(status, body, 200, 403, 404)


@check("E10", "a search beyond the rule")
def _beyond(target: Target) -> str:
    job = target.search('index="*" size=0', "| stats count")
    if job.is_failed:
        return _failed_with(job, target.index.split(",", 1)[0])
    # It may run where the pattern leads to nothing else.
    (row,) = job.rows
    (everything,) = _done(target.admin.run(target.line('index="*" size=0', "| stats count"))).rows
    if row["count"] != everything["count"]:
        raise Failed(f"{row['count']} events of {everything['count']}, and no error")
    raise Skipped("the cluster has no other indices")


@check("E12", "clusters are not listed to users")
def _no_list(target: Target) -> str:
    status, body = target.user.raw("GET", f"{APP}/configs/conf-aws_siem_bridge_cluster")
    if status == 200 and any("hosts" in entry for entry in _content(body)):
        raise Failed("hosts and names of clusters show to a user: metadata/default.meta does not hold")
    return _refused(status, body, 200, 403, 404)


@check("E13", "no role sc_admin on Splunk Enterprise")
def _cloud_role(target: Target) -> str:
    roles = [entry["name"] for entry in target.admin.entries("/services/authorization/roles")]
    if "sc_admin" not in roles:
        return "no such role"
    users = [
        entry["name"]
        for entry in target.admin.entries("/services/authentication/users")
        if "sc_admin" in (entry["content"].get("roles") or ())
    ]
    if users:
        raise Skipped(f"users hold it: {', '.join(users)}. Is this Splunk Cloud?")
    return "a role without users"


@check("K1", "fields in a table, values as multivalue")
def _fields(target: Target) -> str:
    # Whatever the documents are, they have a time.
    rows = _done(target.search('fields="@timestamp" top=3', command="elasticfields")).rows
    if len(rows) != 1:
        raise Failed(f"{len(rows)} rows for one field: {rows[:3]}")
    (row,) = rows
    values, counts = row.get("values"), row.get("value_counts")
    if not row.get("values"):
        raise Skipped("the index has no documents with @timestamp")
    if isinstance(values, list) != isinstance(counts, list) or any("$" in text for text in values or ()):
        raise Failed(f"values {values} and counts {counts} are not multivalue")
    return f"{row['percent']} % of {row['of']} documents, {values}"


@check("K2", "indices within the rule, and none beyond")
def _indices(target: Target) -> str:
    rows = _done(target.search(command="elasticindices")).rows
    if not rows:
        raise Failed("no index, although there are documents")
    everything = _done(target.admin.run(f"| elasticindices cluster={target.cluster}")).rows
    beyond = target.user.run(f'| elasticindices cluster={target.cluster} index="*"')
    if len(everything) == len(rows):
        return f"{len(rows)} indices; the cluster has no others"
    return f"{len(rows)} of {len(everything)} indices, {_failed_with(beyond, target.index.split(',', 1)[0])}"


@check("K3", "numbers of a table are numbers")
def _numbers(target: Target) -> str:
    rows = _done(target.search("", "| where docs >= 0 | sort 0 docs | table docs", command="elasticindices")).rows
    docs = [int(row["docs"]) for row in rows]
    if not docs or docs != sorted(docs):
        raise Failed(f"not sorted as numbers: {docs[:10]}")
    return f"{len(docs)} rows"


def _looked_up(target: Target, options: str) -> str:
    return f'| elasticlookup cluster={target.cluster} index="{target.index}" fields=@timestamp {options}'


@check("L1", "events looked up keep their columns and their order")
def _lookup(target: Target) -> str:
    lookup = _looked_up(target, 'match="@timestamp=at" window=0 max=1 prefix=found_')
    before = 'eval at=round(_time*1000), several=split("a$;b,c", ",")'
    rows = _done(target.search("size=5 output=raw", f"| {before} {lookup} | table _time several found_*")).rows
    if not rows:
        raise Skipped("the index has no events")
    times = [float(_epoch(row["_time"])) for row in rows]
    if times != sorted(times, reverse=True):
        raise Failed("the events came back in another order")
    if any(row.get("several") != ["a$;b", "c"] for row in rows):
        raise Failed(f"a field with several values came back as {rows[0].get('several')!r}")
    found = [int(str(row.get("found_elasticlookup_matched") or 0)) for row in rows]
    if min(found) < 1:
        raise Failed(f"matches of events by their own time: {found}")
    return f"{len(rows)} events, {sum(found)} matches"


@check("L2", "no row is lost between chunks")
def _lookup_of_many(target: Target) -> str:
    many = "| makeresults count=60000 | streamstats count AS n "
    job = _done(
        target.user.run(many + _looked_up(target, "match=@timestamp=none") + " | stats count, dc(n) AS different")
    )
    counted = [int(str(job.rows[0][name])) for name in ("count", "different")] if job.rows else []
    if counted != [60_000, 60_000]:
        raise Failed(f"of 60,000 rows came back (all, different): {counted}")
    if not any("were not looked up" in text for text in job.texts("WARN")):
        raise Failed(f"nothing is said of rows that were not looked up: {_said(job)}")
    return "60,000 rows"


@check("L6", "a failed lookup is a FAILED job with its reason")
def _failed_lookup(target: Target) -> str:
    line = f"| makeresults | elasticlookup cluster={target.cluster} index={_nothing(target)} match=a fields=b"
    return _failed_with(target.user.run(line), target.cluster)


#: Fields of a log's events, few of which have the same value.
_OF_ONE_EVENT = ("eventID", "srcaddr", "query_name", "httpRequest.clientIp")


@check("L7", "a list is matched, and a later chunk answers for an earlier one")
def _matched_list(target: Target) -> str:
    last = _done(target.search("size=1")).rows
    field = next((each for each in _OF_ONE_EVENT if last and last[0].get(each)), "")
    if not field:
        raise Skipped(f"the newest event has none of {', '.join(_OF_ONE_EVENT)}")
    line = (
        f'| makeresults count=60000 | streamstats count AS n | eval value=if(n=1, "{last[0][field]}", "none".n) '
        f'| elasticmatch cluster={target.cluster} index="{target.index}" match="{field}=value" | table n value count'
    )
    rows = _done(target.user.run(line)).rows
    if [str(row["n"]) for row in rows] != ["1"] or int(str(rows[0]["count"])) < 1:
        raise Failed(f"of 60,000 values one is an event's {field}; these rows came: {rows[:3]}")
    return f"{rows[0]['count']} events with one of 60,000 values of {field}"


@check("M1", "the macro gives rows CIM fields")
def _macro(target: Target) -> str:
    rest = "| `aws_cim_cloudtrail` | stats dc(vendor_product) AS n, count(action) AS actions, count AS rows"
    (row,) = _done(target.search("size=100", rest)).rows
    if str(row["n"]) != "1" or row["actions"] != row["rows"]:
        raise Failed(f"{row['actions']} of {row['rows']} rows have an action, vendor_product has {row['n']} values")
    return f"{row['actions']} rows"


@check("M2", "search-time knowledge does not apply to rows")
def _no_knowledge(target: Target) -> str:
    (row,) = _done(target.search("size=100", "| stats count(eventtype) AS n")).rows
    if str(row["n"]) != "0":
        raise Failed(f"{row['n']} of 100 rows have an eventtype: props, eventtypes and tags apply to them after all")
    return "no eventtype"


def _without_empty(rows: List[Dict[str, object]]) -> List[Dict[str, object]]:
    return [{name: value for name, value in row.items() if value not in ("", None)} for row in rows]


def _same(target: Target, line: str, other: str) -> str:
    """Compare two searches of the user, row by row."""
    ours, theirs = (_without_empty(_done(target.user.run(each)).rows) for each in (line, other))
    if not theirs:
        raise Skipped("there are no documents")
    if ours != theirs:
        differs = next((pair for pair in zip(ours, theirs) if pair[0] != pair[1]), (len(ours), len(theirs)))
        raise Failed(f"{len(ours)} rows of elasticstats, {len(theirs)} of stats; the first that differ: {differs}")
    return f"{len(ours)} rows, the same"


@check("N1", "groups and counts as those of stats, in its order")
def _groups(target: Target) -> str:
    counted = target.line("by=index", command="elasticstats")
    return _same(target, counted, target.line("size=0 output=raw", "| stats count by index"))


@check("N2", "steps of an hour as those of timechart")
def _hours(target: Target) -> str:
    return _steps(target, "1h")


@check("N3", "days in the user's time zone")
def _days(target: Target) -> str:
    return _steps(target, "1d")


def _steps(target: Target, span: str) -> str:
    counted = target.line(f"span={span}", f"| timechart span={span} sum(count) as count", command="elasticstats")
    pulled = target.line("size=0 output=raw", f"| timechart span={span} count")
    # Steps without an event are 0 for count, and empty for a sum.
    return _same(target, f"{counted} | fillnull value=0 count", pulled)


@check("N4", "multivalue and numbers of an aggregation")
def _aggregates(target: Target) -> str:
    options = 'stats="values(index) as names, min(_time) as first" where="first>0"'
    rows = _done(target.search(options, "| eval n=mvcount(names), t=first+0", command="elasticstats")).rows
    if not rows:
        raise Skipped("no document has a time")
    (row,) = rows
    names = row.get("names")
    listed = names if isinstance(names, list) else [names]
    if str(len(listed)) != row.get("n") or any("$" in str(name) for name in listed) or not row.get("t"):
        raise Failed(f"{row}")
    return f"{len(listed)} indices, the first event at {row['t']}"


@check("O1", "the table of detections is there")
def _detections(target: Target) -> str:
    rows = _done(target.user.run("| inputlookup aws_detections | table detection severity")).rows
    if not rows or not all(row.get("severity") for row in rows):
        raise Failed(f"{len(rows)} detections: {rows[:1]}")
    return f"{len(rows)} detections"


@check("O2", "the end of a detection runs for a user")
def _end_of_a_detection(target: Target) -> str:
    end = (
        '| eval account="111122223333" | `aws_detection(cloudtrail_root_use, account)` | table detection title severity'
    )
    rows = _done(target.user.run(f"| makeresults {end}")).rows
    if [row.get("detection") for row in rows] != ["cloudtrail_root_use"] or not rows[0].get("title"):
        raise Failed(f"{rows}")
    return f"{rows[0]['title']}: {rows[0]['severity']}"


@check("K21", "the token of an event collector is shown to nobody, and it is tried on save")
def _collector(target: Target) -> str:
    token = secrets.token_urlsafe(24)
    form = {"name": "bridge_verify", "url": "https://127.0.0.1:9", "token": token, "resend_after_s": "300"}
    status, body = target.admin.raw("POST", COLLECTORS, list(form.items()))
    if status < 400:
        target.admin.raw("DELETE", f"{COLLECTORS}/bridge_verify")
        raise Failed("a collector where nobody answers was saved")
    if b"Nothing was saved" not in body:
        raise Failed(f"{status}: {body[:500]!r}")
    status, _ = target.user.raw("POST", COLLECTORS, [*form.items(), ("test_on_save", "0")])
    if status not in (401, 403, 404):
        target.admin.raw("DELETE", f"{COLLECTORS}/bridge_verify")
        raise Failed(f"a user who adds a collector is answered {status}")
    _secret_stays(target, COLLECTORS, "aws_siem_bridge_hec", form, token)
    return "refused without an answer; six asterisks"


@check("K24", "the alerts for silence run")
def _silence(target: Target) -> str:
    ended = []
    for name in ("AWS - input is silent", "AWS - input never worked"):
        (entry,) = target.admin.entries(f"{APP}/saved/searches/{quote(name)}")
        arguments = {"earliest_time": "-1h", "latest_time": "now"}
        rows = _done(target.admin.run(f"search {entry['content']['search']}", **arguments)).rows
        ended.append(f"{name}: {len(rows)}")
    return ", ".join(ended)


@check("K26", "checkpoints are an administrator's")
def _checkpoints(target: Target) -> str:
    key = f"bridge_verify_{secrets.token_hex(8)}"
    target.admin.send_document("POST", CHECKPOINTS, {"_key": key, "name": key, "content": "{}"})
    try:
        found = json.loads(target.admin.raw("GET", f"{CHECKPOINTS}/{key}")[1])
        status, _ = target.user.raw("GET", f"{CHECKPOINTS}/{key}")
    finally:
        target.admin.raw("DELETE", f"{CHECKPOINTS}/{key}")
    if found.get("content") != "{}":
        raise Failed(f"what was kept came back as {found}")
    if status not in (401, 403, 404):
        raise Failed(f"a user who reads it is answered {status}")
    return "kept, read and removed; a user is refused"


@check("P1", "splunkd checks an input before it stores it")
def _input_is_checked(target: Target) -> str:
    return _refused_input(target, INPUTS, {"name": "bridge_verify", "regions": "europe"})


@check("P2", "the page says it in its own words")
def _input_page(target: Target) -> str:
    form = {"name": "bridge_verify", "regions": "europe", "account": "default", "checkpoints": "kvstore"}
    said = _refused_input(target, INPUT_PAGE, form)
    if " -- Regions: europe" not in said:
        raise Failed(f"splunkd's words stand before ours: {said}")
    return said


def _refused_input(target: Target, path: str, form: Dict[str, str]) -> str:
    status, body = target.admin.raw("POST", path, list(form.items()))
    text = body.decode("utf-8", "replace")
    if status < 400:
        target.admin.raw("DELETE", f"{INPUTS}/{form['name']}")
        raise Failed("an input of a region that there is not was stored")
    if "a region is called as eu-west-1" not in text:
        raise Failed(f"{status}: {text[:500]}")
    return text[:300]


@check("P3", "the secret of an AWS account is shown to nobody")
def _account_secret(target: Target) -> str:
    secret = secrets.token_urlsafe(24)
    form = {
        "name": "bridge_verify", "sign_in": "access_key", "partition": "aws", "access_key_id": "AKIAIOSFODNN7EXAMPLE",
        "secret_access_key": secret,
    }  # fmt: skip
    _secret_stays(target, ACCOUNTS, "aws_siem_bridge_aws_account", form, secret)
    return "six asterisks"


def _secret_stays(target: Target, page: str, conf: str, form: Dict[str, str], secret: str) -> None:
    """Raise `Failed` if what a page is given as a secret comes back in an answer."""
    status, body = target.admin.raw("POST", page, [*form.items(), ("test_on_save", "0")])
    if status >= 400:
        raise Failed(f"{status}: {body[:500]!r}")
    try:
        shown = [
            target.admin.raw("GET", path, query=query)[1]
            for path, query in ((page, []), (page, [("--cred--", "1")]), (f"{APP}/configs/conf-{conf}", []))
        ]
    finally:
        target.admin.raw("DELETE", f"{page}/{form['name']}")
    if any(secret.encode() in answer for answer in shown):
        raise Failed("it is in an answer")
    if not all(b"******" in answer for answer in shown):
        raise Failed("an answer has no six asterisks in its place")


@check("P4", "no user writes accounts or inputs")
def _no_user_inputs(target: Target) -> str:
    for path in (ACCOUNTS, INPUT_PAGE, INPUTS):
        status, _ = target.user.raw("POST", path, [("name", "bridge_verify"), ("regions", "eu-west-1")])
        if status not in (401, 403, 404):
            target.admin.raw("DELETE", f"{path}/bridge_verify")
            raise Failed(f"{path} answers a user {status}")
    return "refused"


@check("T1", "a user looks up accounts and assets")
def _lookups(target: Target) -> str:
    given = '| makeresults | eval account="000000000000", key="192.0.2.1"'
    looked_up = "| lookup aws_accounts account OUTPUT account_name | lookup aws_assets key OUTPUT name"
    rows = _done(target.user.run(f"{given} {looked_up} | table account key")).rows
    if [row.get("key") for row in rows] != ["192.0.2.1"]:
        raise Failed(f"{rows}")
    return "both lookups answer"


@check("Q1", "the alert actions are there")
def _alert_actions(target: Target) -> str:
    entries = {entry["name"]: entry["content"] for entry in target.admin.entries(f"{APP}/configs/conf-alert_actions")}
    found = {name: content for name, content in entries.items() if "param.instance_field" in content}
    wrong = [name for name, content in found.items() if content.get("payload_format") != "json"]
    if len(found) < INSTANCE_ACTIONS or wrong:
        raise Failed(f"{sorted(found)}; without payload_format json: {wrong}")
    return ", ".join(sorted(found))


@check("Q3", "of two claims with one key the KV store keeps the first")
def _claims(target: Target) -> str:
    document = {"_key": f"bridge_verify_{secrets.token_hex(8)}", "entry": "bridge_verify", "number": 1, "until": 0}
    target.admin.send_document("POST", CLAIMS, document)
    try:
        target.admin.send_document("POST", CLAIMS, document)
    except RestError as exc:
        if exc.status != _CONFLICT:
            raise Failed(f"the second is answered {exc.status}, not {_CONFLICT}: {exc}") from None
        return str(_CONFLICT)
    finally:
        target.admin.raw("DELETE", f"{CLAIMS}/{document['_key']}")
    raise Failed("both are kept: two members of a cluster can take up one request")


@check("Q11", "the queue of responses is for administrators")
def _queue(target: Target) -> str:
    rows = _done(target.admin.run("| awsresponsequeue do=list")).rows
    said = _failed_with(target.user.run("| awsresponsequeue do=list"), "KV store")
    status, _ = target.user.raw("POST", CLAIMS, [("entry", "bridge_verify")])
    if status not in (401, 403, 404):
        raise Failed(f"a user who writes a claim is answered {status}")
    return f"{len(rows)} wait; a user: {said}"


@check("V7", "macros are put in between quotes, too")
def _macro_in_quotes(target: Target) -> str:
    (row,) = _done(target.user.run('| makeresults | eval found="`aws_waf_raw`" | table found')).rows
    if "`" in str(row.get("found")):
        raise Failed(f"{row}: backticks stay as they are; the pages are safe either way")
    return f"{row['found']}"


@check("V11", "a value of a page's input is data")
def _value_as_data(target: Target) -> str:
    hostile = "%22%20OR%20*%20%7C%20delete%20%60aws_waf_raw%60"
    rest = f'| eval shown=urldecode("{hostile}") | table count shown'
    (row,) = _done(target.search(f'equals="eventName={hostile}"', rest, command="elasticstats")).rows
    if str(row["count"]) != "0" or row["shown"] != '" OR * | delete `aws_waf_raw`':
        raise Failed(f"{row}")
    return "nothing has the value, and it is shown as it is"


@check("V12", "every searching role reads the work list of triage")
def _triage(target: Target) -> str:
    rows = _done(target.user.run("| inputlookup aws_triage | table finding_key status")).rows
    return f"{len(rows)} rows"


@check("V13", "a subsearch has the range of the job, also where the search has one of its own")
def _range_of_a_subsearch(target: Target) -> str:
    search = "search index=_internal earliest=0 latest=now | head 1 | table index | append [| makeresults | addinfo]"
    search += " | stats max(info_min_time) AS low, max(info_max_time) AS high"
    (row,) = _done(target.admin.run(search, earliest_time="-3h@h", latest_time="-2h@h")).rows
    if float(row["high"]) - float(row["low"]) != 3600:
        raise Failed(f"{row}: the monthly report's compliance would show other months than the page's")
    return "an hour, as the job was given"
