"""``aws-siem-bridge lab demo``: the way of AWS's logs into an engine, and a tour of searches through the app's command.

The story's files are put into a bucket of AWS's stand-in, as AWS would; SNS and SQS tell the loader, which runs as it
would for good; what it has stored is searched.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from dataclasses import replace
from typing import Dict, Iterator, List, Optional, Tuple

from es_bridge.cli.connection import add_connection_arguments, cluster_from
from es_bridge.cli.reporting import run_reported, say
from es_bridge.config import ClusterConfig
from es_bridge.terminal import put
from lab.app_command import AppCommand
from lab.aws import AwsStandIn, AwsUnavailable
from lab.demo_load import holds_story, load_story
from lab.engine import DEFAULT_ENGINE, EngineUnavailable
from lab.engine.cache import cache_dir
from lab.engine.detached import find_detached, start_detached, stop_detached
from lab.engine.progress import to_stderr
from lab.run_cli import own_command_line
from lab.splunkd import SplunkdStandIn, User, add_cluster
from lab.story import cast
from splunk_bridge.chunked import Job, Reply, Value
from splunk_bridge.command_line import SplError

EXAMPLES = """\
examples:
  script/demo                    AWS's logs into an engine, tour, then a prompt; the engine stops at the end
  script/demo --keep             the engine stays: the next start takes seconds
  script/demo --stop             stop an engine that was kept
  script/demo --url https://search.example:9200 --username me    the tour on a cluster you have; writes nothing
"""
#: What the tour shows: why, and the line a user would type into Splunk.
TOUR: Tuple[Tuple[str, str], ...] = (
    (
        "Denied API calls of the last 30 minutes. This line worked with the old 40-line command and still does:",
        '| elasticsearch index="*cloudtrail*" query="errorCode:AccessDenied" size=10000 '
        "start_time=now-30m end_time=now",
    ),
    (
        "Somebody uses a server's role from outside: credentials stolen through Log4Shell. Only some columns, please:",
        f'| elasticsearch index=aws-cloudtrail-* query="sourceIPAddress:{cast.ATTACKER_CLOUD_IP}" '
        "fields=eventName,eventSource,errorCode,sourceIPAddress",
    ),
    (
        "The same thief as a JSON query clause: what was changed, not only read. Times in Splunk's own notation:",
        "| elasticsearch index=aws-cloudtrail-* earliest=-24h latest=now "
        'dsl="{\\"bool\\": {\\"filter\\": [{\\"term\\": '
        f'{{\\"sourceIPAddress\\": \\"{cast.ATTACKER_CLOUD_IP}\\"}}}}, '
        '{\\"term\\": {\\"readOnly\\": false}}]}}" fields=eventName,errorCode,userIdentity.arn',
    ),
    (
        "A result that is cut says so:",
        "| elasticsearch index=aws-cloudtrail-* size=3 fields=eventName,eventSource,userIdentity.type",
    ),
    (
        "How it began, in the WAF's log: Log4Shell in headers is blocked, disguised in a form it passes:",
        '| elasticsearch index="*waf*" query="source.ip:'
        f'{cast.ATTACKER_SCANNER_IP}" fields=action,httpRequest.uri,httpRequest.args,source.geo.country_iso_code',
    ),
    (
        "The web server asks for the attacker's host, in the Resolver's log:",
        f'| elasticsearch index="*dns*" query="dns.question.name:{cast.CALLBACK_HOST}" '
        "fields=query_name,rcode,dns.resolved_ip{},srcids.instance",
    ),
    (
        "The reverse shell, in the VPC's flow log, with country and owner of the address it goes to:",
        f'| elasticsearch index="*vpcflow*" query="destination.ip:{cast.CALLBACK_IP} AND destination.port:4444" '
        "fields=srcaddr,dstaddr,dstport,bytes,destination.geo.country_iso_code,destination.as.organization.name",
    ),
    (
        "Everything there is, newest first, all fields:",
        "| elasticsearch index=aws-cloudtrail-* size=0",
    ),
    (
        "A mistake fails the job, with a reason, instead of looking like an empty result:",
        '| elasticsearch index=aws-cloudtrail-* query="errorCode:["',
    ),
)
#: Columns of the table when the line does not choose its own.
COLUMNS = ("eventName", "eventSource", "errorCode", "sourceIPAddress", "userIdentity.type")
SHOWN_ROWS = 8
CELL_WIDTH = 38


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``lab demo``."""
    parser.epilog = EXAMPLES
    parser.add_argument(
        "--events",
        type=int,
        default=20_000,
        metavar="N",
        help="CloudTrail events of the story; the other logs go with them (default: 20,000)",
    )
    parser.add_argument("--non-interactive", action="store_true", help="no prompt after the tour")
    parser.add_argument("--keep", action="store_true", help="leave the engine running at the end")
    parser.add_argument("--stop", action="store_true", help="stop an engine that was left running, and nothing else")
    parser.add_argument("--python", default=sys.executable, help="interpreter that runs the search command")
    add_connection_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the demo; return 0 unless something that should work did not."""
    return run_reported(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    if arguments.stop:
        running = find_detached(DEFAULT_ENGINE)
        if running:
            stop_detached(running)
        say("the engine is stopped" if running else "no engine is running")
        return 0
    if arguments.url:
        return _show(cluster_from(arguments), arguments)
    kept = find_detached(DEFAULT_ENGINE)
    try:
        if not (kept and holds_story(kept.url)):
            with AwsStandIn() as aws:  # first: it says at once when this Python is too old
                url = kept.url if kept else _start_engine()
                if not load_story(aws, url, arguments.events):
                    return 1
        running = find_detached(DEFAULT_ENGINE)
        if not running:
            say("the engine has ended")
            return 1
        return _show(ClusterConfig((running.url,), name="lab"), arguments)
    except (AwsUnavailable, EngineUnavailable) as exc:
        say(str(exc))
        return 1
    finally:
        running = find_detached(DEFAULT_ENGINE)
        if running and not (arguments.keep or kept):
            stop_detached(running)
        elif running:
            say(f"the engine stays at {running.url}; stop it with script/demo --stop")


def _start_engine() -> str:
    say(f"starting {DEFAULT_ENGINE} (the first start fetches about 60 MB; later ones need no network)")
    folder = cache_dir() / "demo"
    shutil.rmtree(folder, ignore_errors=True)  # a story of another day would end in the past
    started = time.monotonic()
    url = start_detached(DEFAULT_ENGINE, folder, None, 512, to_stderr).url
    say(f"engine ready at {url} after {time.monotonic() - started:.1f} s")
    return url


def _show(cluster: ClusterConfig, arguments: argparse.Namespace) -> int:
    with SplunkdStandIn(python=arguments.python) as splunkd:
        add_cluster(splunkd.state, replace(cluster, name="lab"))
        session_key = splunkd.state.session(User("analyst", ("user",)))
        status = 0
        for number, (why, line) in enumerate(TOUR, 1):
            put("", f"[{number}/{len(TOUR)}] {why}", line, "")
            found = _run_line(line, splunkd, session_key, arguments.python)
            is_mistake = number == len(TOUR)
            if bool(found) == is_mistake and not arguments.url:
                say(f"step {number} of the tour should {'fail' if is_mistake else 'find something'}")
                status = 1
        if not arguments.non_interactive and sys.stdin.isatty():
            put("", "Your turn: type | elasticsearch ... (empty line or exit to leave)")
            for line in _typed_lines():
                _run_line(line, splunkd, session_key, arguments.python)
    return status


def _typed_lines() -> Iterator[str]:
    try:
        import readline  # noqa: F401 - gives input() its history and editing keys
    except ImportError:
        pass
    while True:
        try:
            line = input("\nsplunk> ").strip()
        except (EOFError, KeyboardInterrupt):
            put()
            return
        if line in ("", "exit", "quit"):
            return
        yield line


def _run_line(line: str, splunkd: SplunkdStandIn, session_key: str, python: str) -> Optional[int]:
    """Run one line in a child process, print its rows; return how many, None if the job would have failed."""
    try:
        parsed = own_command_line(line)
    except SplError as exc:
        say(str(exc))
        return None
    columns = next((arg[7:].split(",") for arg in parsed.args if arg.startswith("fields=")), list(COLUMNS))
    job = Job(parsed.args, parsed.raw_args, splunkd.uri, session_key, user="analyst")
    started = time.monotonic()
    first_s: Optional[float] = None
    shown: List[Dict[str, Value]] = []
    rows = 0
    reply: Optional[Reply] = None
    with AppCommand(job, python=python, home=splunkd.splunk_home) as command:
        for reply in command.run():
            if reply.body and first_s is None:
                first_s = time.monotonic() - started
            for row in reply.rows():
                rows += 1
                if len(shown) < SHOWN_ROWS:
                    shown.append(row)
            for level, text in reply.messages:
                put(f"{level}: {text}")
        failed = not (reply and reply.finished) or command.wait() != 0
    _print_table(["_time", *columns], shown)
    if rows > len(shown):
        put(f"... {rows - len(shown):,} more")
    seconds = time.monotonic() - started
    first = f", the first after {first_s:.2f} s" if first_s is not None else ""
    put(
        f"{rows:,} events in {seconds:.2f} s from the start of the process{first}; job {'FAILED' if failed else 'DONE'}"
    )
    return None if failed else rows


def _print_table(columns: List[str], rows: List[Dict[str, Value]]) -> None:
    if not rows:
        return
    cells = [[_cell(name, row.get(name, "")) for name in columns] for row in rows]
    widths = [max(len(name), *(len(row[i]) for row in cells)) for i, name in enumerate(columns)]
    for line in [columns, ["-" * width for width in widths], *cells]:
        put("  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip())


def _cell(name: str, value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    if name == "_time" and text:
        text = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(float(text))) + "Z"
    text = " ".join(text.split())
    return text if len(text) <= CELL_WIDTH else text[: CELL_WIDTH - 1] + "…"
