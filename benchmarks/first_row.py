"""Seconds from the start of the search command to its first row: the built app, as it is installed in Splunk.

    python -m benchmarks.first_row [--rounds 15] [--python PATH ...] [--url URL]

The built app runs on a bare interpreter, so that only its own ``lib`` is there, and reads its settings through its own
REST handler, as does the source tree. The stand-in for splunkd answers the handler's reads. Beside them the peer (SDK
and one plain HTTP round trip, no settings) and the handler alone. Queries are run with the check of their fields
(``unknown_fields=warn``, the default) and without it (``ignore``), over the story's four logs: the check must not delay
the first row. Then the parts: imports and requests by themselves. Every case is a process of its own, the cases of a
round one after the other; medians are compared.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from functools import partial
from pathlib import Path
from typing import Callable, Dict, List
from urllib.parse import urlencode

from benchmarks import first_row_parts
from benchmarks.process import median, run_command
from es_bridge.config import Auth, ClusterConfig
from es_bridge.transport import Transport
from lab.splunkd import SplunkdStandIn, User, add_cluster

ROOT = Path(__file__).resolve().parents[1]
BUILT = ROOT / "dist" / "aws_siem_bridge"
PEER = ROOT / "benchmarks" / "peers" / "one_page_command.py"
INDEX = "aws-first-row"
#: Events of each log of the story, for the queries.
EVENTS = 2000
#: A bare word is tried on every field of every index, so its explanation is the longest there is.
QUERIES = {"bare word": "GetObject", "field:value": "eventName:GetObject"}
#: Of somebody who needs an access rule, so that the handler has all its work to do.
USER = User("analyst", ("analyst",))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--python", action="append", help="interpreter for the built app; default: this one, bare")
    parser.add_argument("--url", help="a cluster for the purpose; default: an engine of the lab")
    parser.add_argument("--events", type=int, default=EVENTS, help=f"of each log of the story (default: {EVENTS:,})")
    arguments = parser.parse_args()
    subprocess.run([ROOT / "script" / "build-app"], check=True)
    if arguments.url:
        return run(arguments.url, arguments)
    from lab.engine import start_engine

    with start_engine("opensearch-2.19") as engine:
        return run(engine.url, arguments)


def run(url: str, arguments: argparse.Namespace) -> int:
    """Fill the cluster and compare the cases."""
    with Transport(ClusterConfig((url,))) as transport:
        document = {"@timestamp": "2026-11-21T00:00:00Z", "eventName": "GetObject"}
        transport.request("PUT", (INDEX, "_doc", "1"), {"refresh": True}, document)
    load_logs(url, arguments.events)
    return compare(url, arguments.rounds, arguments.python or [_bare_python()])


def load_logs(url: str, events: int) -> None:
    """Load a small story with all its logs, so that ``aws-*`` is what it is for a user."""
    cli = [sys.executable, "-m", "aws_siem_bridge"]
    with tempfile.TemporaryDirectory() as folder:
        for command in (
            ["lab", "story", "write", f"{folder}/story", "--events", str(events), "--seed", "1"],
            ["load", f"{folder}/story", "--url", url],
        ):
            subprocess.run([*cli, *command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def compare(url: str, rounds: int, pythons: List[str]) -> int:
    """Run all cases and print the table."""
    # With credentials, which the engine ignores: most clusters have some, and the handler has to read them.
    cluster = ClusterConfig((url,), name="lab", auth=Auth("basic", username="reader", password="not used"))  # noqa: S106
    with SplunkdStandIn() as source, SplunkdStandIn(BUILT) as built:
        login: Dict[SplunkdStandIn, str] = {}
        for splunkd in (source, built):
            add_cluster(splunkd.state, cluster, access={"analyst": ("aws-*",)})
            login[splunkd] = splunkd.state.session(USER)

        def command(splunkd: SplunkdStandIn, script: Path, python: str, **query: str) -> float:
            options: Dict[str, object] = {"index": INDEX, "size": 1, "output": "fields", **query}
            run = run_command(options, splunkd, login[splunkd], script, python)
            if run.events != 1:
                raise RuntimeError(f"{script} delivered {run.events} rows, not 1")
            return run.first_row_s

        def peer() -> float:
            return run_command({"url": url, "index": INDEX, "size": 1}, source, login[source], PEER).first_row_s

        cases: Dict[str, Callable[[], float]] = {
            "SDK + one HTTP round trip": peer,
            "source tree": lambda: command(source, ROOT / "splunk_app/package/bin/elastic_search.py", sys.executable),
        }
        for python in pythons:
            name = f"built app, Python {_version(python)}"
            script = BUILT / "bin/elastic_search.py"
            cases[name] = partial(command, built, script, python)
            for kind, query in QUERIES.items():
                for unknown in ("warn", "ignore"):
                    cases[f"{name[len('built app, ') :]}, {kind}, {unknown}"] = partial(
                        command, built, script, python, index="aws-*", query=query, unknown_fields=unknown
                    )
        cases["of it: the handler's answer"] = lambda: handler_alone(built, login[built])
        seconds: Dict[str, List[float]] = {name: [] for name in cases}
        for number in range(rounds + 1):
            print(f"round {number} of {rounds} ...", file=sys.stderr)
            for name, case in cases.items():
                took = case()
                if number:  # the first round only warms up
                    seconds[name].append(took)
    peer_s = median(seconds["SDK + one HTTP round trip"])
    print(f"{rounds} rounds, medians")
    for name, taken in seconds.items():
        print(f"{name:40} {median(taken):7.3f} s  {median(taken) / peer_s:5.2f} of the peer")
    print("parts, by themselves")
    first_row_parts.show(rounds, url, INDEX, {_version(python): python for python in pythons}, BUILT / "bin")
    return 0


def handler_alone(splunkd: SplunkdStandIn, session_key: str) -> float:
    """Return how long the handler takes to answer a search that proves to be local."""
    (token_file,) = (splunkd.splunk_home / "var/run/splunk/aws_siem_bridge").glob("local_token-*")
    form = {"cluster": "", "local_token": token_file.read_text(encoding="ascii"), "output_mode": "json"}
    request = urllib.request.Request(
        f"{splunkd.uri}/services/aws_siem_bridge/search_settings",
        urlencode(form).encode(),
        {"Authorization": f"Splunk {session_key}"},
    )
    started = time.monotonic()
    with urllib.request.urlopen(request) as reply:
        answer = json.load(reply)
    if answer["cluster"]["name"] != "lab":
        raise RuntimeError("the handler answered something else")
    return time.monotonic() - started


def _bare_python() -> str:
    """Return the interpreter that this virtual environment was made from."""
    return str(Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}")


def _version(python: str) -> str:
    said = subprocess.run([python, "-c", "import platform; print(platform.python_version())"], capture_output=True)
    return said.stdout.decode().strip()


if __name__ == "__main__":
    sys.exit(main())
