"""Figures of the search command, side by side in one run on the embedded engine.

    python -m benchmarks.search [--events 300000] [--rounds 3] [--codec default] [--url URL [--load] --index PATTERN]

Every case runs as its own process, the cases of a round one after the other, and the medians are compared: on a busy
machine single figures mean little, ratios within one run do. Rows are counted in the output of every case.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable, Dict, List

from benchmarks.process import Run, median, run_command, run_program
from collectors.store.templates import ensure_template, template
from es_bridge.config import ClusterConfig
from es_bridge.transport import Transport
from lab.splunkd import SplunkdStandIn, User, add_cluster

PEERS = Path(__file__).parent / "peers"
SMALL = 20_000
ONE_PAGE = 10_000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--codec",
        choices=("default", "best_compression"),
        default="default",
        help="how the engine stores documents; the template's best_compression makes the engine the limit",
    )
    parser.add_argument("--url", help="a cluster that holds the events already")
    parser.add_argument("--load", action="store_true", help="load the events there first")
    parser.add_argument("--index", default="aws-cloudtrail-*")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.url:
            if arguments.load:
                load_story(arguments.url, arguments.events, Path(folder), arguments.codec)
            return compare(arguments.url, arguments)
        from lab.engine import start_engine

        with start_engine("opensearch-2.19", heap_mb=1024) as engine:
            load_story(engine.url, arguments.events, Path(folder), arguments.codec)
            return compare(engine.url, arguments)


def load_story(url: str, events: int, folder: Path, codec: str) -> None:
    """Generate the events and load them as a user does, into indices with the given codec."""
    indices = template("cloudtrail")
    indices["template"]["settings"]["index"]["codec"] = codec
    with Transport(ClusterConfig((url,))) as transport:
        ensure_template(transport, "cloudtrail")
        transport.request("PUT", ("_index_template", "aws-cloudtrail"), body=indices)
    cli = [sys.executable, "-m", "aws_siem_bridge"]
    for command in (
        [
            "lab",
            "story",
            "write",
            str(folder / "story"),
            "--events",
            str(events),
            "--seed",
            "1",
            "--logs",
            "cloudtrail",
        ],
        ["load", str(folder / "story"), "--url", url, "--no-template"],
    ):
        started = time.monotonic()
        subprocess.run(cli + command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        seconds = time.monotonic() - started
        print(f"{command[0]} {events:,} events: {seconds:.1f} s, {events / seconds:,.0f} events/s", file=sys.stderr)


def compare(url: str, arguments: argparse.Namespace) -> int:
    """Run all cases, print the table, return 0 when every case delivered every event."""
    events, index = arguments.events, arguments.index
    with SplunkdStandIn() as splunkd:
        add_cluster(splunkd.state, ClusterConfig((url,), name="lab"))
        session_key = splunkd.state.session(User("admin", ("admin",)))

        def ours(size: int, output: str) -> Run:
            return run_command({"index": index, "size": size, "output": output}, splunkd, session_key)

        def peer(script: str, **options: object) -> Run:
            return run_command({"url": url, "index": index, **options}, splunkd, session_key, PEERS / script)

        cases: Dict[str, Callable[[], Run]] = {
            "L: pull, nothing decoded": lambda: limit(url, index),
            "ours, raw": lambda: ours(0, "raw"),
            "ours, all fields": lambda: ours(0, "fields"),
            "client scan to JSON lines": lambda: run_program("benchmarks.peers.client_scan", url, index)[0],
            "client scan, SDK writer": lambda: peer("sdk_scan_command.py"),
            f"one page of {ONE_PAGE:,}, seed style": lambda: peer("one_page_command.py", size=ONE_PAGE),
            f"ours, {ONE_PAGE:,}, all fields": lambda: ours(ONE_PAGE, "fields"),
            f"ours, {SMALL:,}, raw": lambda: ours(SMALL, "raw"),
            f"ours, {SMALL:,}, all fields": lambda: ours(SMALL, "fields"),
            "first row: SDK + one HTTP round trip": lambda: peer("one_page_command.py", size=1),
            "first row: ours": lambda: ours(1, "fields"),
        }
        runs: Dict[str, List[Run]] = {name: [] for name in cases}
        for number in range(arguments.rounds):
            for name, case in cases.items():
                print(f"round {number + 1} of {arguments.rounds}: {name} ...", file=sys.stderr)
                runs[name].append(case())
    return report(runs, events, arguments)


def limit(url: str, index: str) -> Run:
    """Run the pull; only the time from its first request counts."""
    run, printed = run_program("benchmarks.peers.limit", url, index)
    said = json.loads(printed)
    return Run(said["events"], said["seconds"], 0.0, run.peak_mib)


def _rate(run: Run) -> float:
    return run.events / run.seconds


def report(runs: Dict[str, List[Run]], events: int, arguments: argparse.Namespace) -> int:
    """Print the table and the ratios that the targets are about."""
    table = {
        name: {
            "events": of_case[0].events,
            "seconds": median([run.seconds for run in of_case]),
            "events_per_s": median([_rate(run) for run in of_case]),
            "first_row_s": median([run.first_row_s for run in of_case]),
            "peak_mib": median([run.peak_mib for run in of_case]),
        }
        for name, of_case in runs.items()
    }
    fastest = table["L: pull, nothing decoded"]["events_per_s"]
    print(f"Python {platform.python_version()}, {arguments.rounds} rounds, medians, codec {arguments.codec}")
    print(f"{'case':40} {'events':>8} {'seconds':>8} {'events/s':>9} {'of L':>6} {'first row':>9} {'peak MiB':>8}")
    for name, row in table.items():
        share = f"{row['events_per_s'] / fastest:6.2f}" if row["events"] > 1 else " " * 6
        first = f"{row['first_row_s']:8.3f}s" if row["first_row_s"] else " " * 9
        print(
            f"{name:40} {row['events']:8,} {row['seconds']:8.2f} {row['events_per_s']:9,.0f} {share} {first} "
            f"{row['peak_mib']:8.0f}"
        )
    peers = ["client scan, SDK writer", f"one page of {ONE_PAGE:,}, seed style"]
    best_peer = max(table[name]["events_per_s"] for name in peers)
    ratios = {
        "raw / L (target 0.35)": table["ours, raw"]["events_per_s"] / fastest,
        "all fields / L (target 0.09)": table["ours, all fields"]["events_per_s"] / fastest,
        "all fields / best peer with fields (target 1.7)": table["ours, all fields"]["events_per_s"] / best_peer,
        "first row / SDK + HTTP (target 1.3 at most)": table["first row: ours"]["first_row_s"]
        / table["first row: SDK + one HTTP round trip"]["first_row_s"],
    }
    for output in ("raw", "all fields"):
        ratios[f"memory {output}, {events:,} / {SMALL:,} (target 1)"] = (
            table[f"ours, {output}"]["peak_mib"] / table[f"ours, {SMALL:,}, {output}"]["peak_mib"]
        )
    for name, value in ratios.items():
        print(f"{name:60} {value:6.2f}")
    for name in ("ours, raw", "ours, all fields"):
        shares = [_rate(ours) / _rate(plain) for ours, plain in zip(runs[name], runs["L: pull, nothing decoded"])]
        print(f"{f'{name} / L, round by round':60} {' '.join(f'{share:6.2f}' for share in shares)}")
    if arguments.json:
        arguments.json.write_text(json.dumps({"table": table, "ratios": ratios}, indent=1), encoding="utf-8")
    expected = {"L": events, "ours, raw": events, "ours, all": events, "client": events}
    wrong = [
        name
        for name, row in table.items()
        for start, count in expected.items()
        if name.startswith(start) and row["events"] != count
    ]
    for name in wrong:
        print(f"WRONG: {name!r} delivered {table[name]['events']:,} events, not {events:,}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
