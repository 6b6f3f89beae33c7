"""Every benchmark runs, on a few records: what it counts is right. What it measures here says nothing."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Iterator

import pytest

from es_bridge.config import ClusterConfig
from es_bridge.transport import Transport
from lab.engine import Engine, start_engine
from tests.sampling import sample

ROOT = Path(__file__).resolve().parents[2]
DATASETS = ("cloudtrail", "vpc_flow", "route53_resolver", "waf")


pytestmark = pytest.mark.slow("benchmarks, on a few records")


@pytest.fixture(scope="module")
def engine_of_their_own() -> Iterator[Engine]:
    """Benchmarks delete the indices of the logs, and count what a wildcard finds."""
    with start_engine("opensearch-2.19") as engine:
        yield engine


@pytest.fixture
def url(engine_of_their_own: Engine) -> str:
    """A cluster without logs."""
    with Transport(ClusterConfig((engine_of_their_own.url,))) as transport:
        transport.request("DELETE", ("aws-*",))
    return engine_of_their_own.url


def run(module: str, *options: str) -> str:
    """Return what a benchmark printed."""
    command = [sys.executable, "-m", f"benchmarks.{module}", "--rounds", "1", *options]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_all_are_here() -> None:
    """A new benchmark gets a test in this module."""
    runnable = {path.stem for path in (ROOT / "benchmarks").glob("*.py") if "def main()" in path.read_text("utf-8")}
    assert runnable == {
        "dashboards", "detections", "first_row", "inputs", "load", "lookup", "normalise", "objects", "response",
        "search", "spl", "stats",
    }  # fmt: skip


def test_none_names_where_templates_are() -> None:
    for path in (ROOT / "benchmarks").rglob("*.py"):
        assert not re.search("component_templates|index_templates|deploy[/.]", path.read_text("utf-8")), path


def test_normalise() -> None:
    pytest.importorskip("mmdb_writer")
    printed = run("normalise", "--records", "50")
    for dataset in DATASETS:
        assert f"{dataset}: 50 events, " in printed
    assert printed.count("| ours+mmdb |") == printed.count("| peer |") == len(DATASETS)


def test_spl() -> None:
    printed = run("spl", "--rows", "500")
    counted = re.findall(r"^(\w+) +(runner|plain) +500 +([0-9,]+) ", printed, re.MULTILINE)
    assert [(case, who) for case, who, _ in counted] == [
        (case, who) for case in ("stats", "sort", "eval") for who in ("runner", "plain")
    ], printed
    assert {out for case, _, out in counted if case == "sort"} == {"500"}


@pytest.mark.parametrize("dataset", sample("a log of benchmarks.load", DATASETS, 1))
def test_load(url: str, dataset: str) -> None:
    assert f"{dataset}: 80 events, " in run("load", "--url", url, "--records", "80", "--dataset", dataset)


def test_objects(url: str) -> None:
    assert run("objects", "--url", url, "--records", "400").startswith("400 events, ")


def test_lookup(url: str) -> None:
    printed = run("lookup", "--url", url, "--documents", "4000", "--events", "40", "--searches", "2")
    assert re.match("4,000 documents, 40 events, [0-9]+ matches, 1 rounds", printed)
    for case in ("one lookup", "a search each, one process", "a command each"):
        assert f"\n{case} " in printed


def test_search(url: str) -> None:
    printed = run("search", "--url", url, "--load", "--events", "400")
    cases = ["L: pull, nothing decoded", "ours, raw", "ours, all fields", "client scan to JSON lines"]
    cases += ["client scan, SDK writer", "ours, 20,000, raw", "first row: ours"]
    rows = {case: int(re.findall(rf"^{re.escape(case)} +([0-9,]+) ", printed, re.MULTILINE)[0]) for case in cases}
    assert rows == {**dict.fromkeys(cases, 400), "first row: ours": 1}


def test_stats(url: str) -> None:
    printed = run("stats", "--url", url, "--load", "--events", "400")  # which fails itself where the ways disagree
    assert printed.count("groups of 400 events") == 2
    assert len(re.findall(r" [0-9.]+ times$", printed, re.MULTILINE)) == 4


def test_inputs() -> None:
    printed = run("inputs", "--findings", "120", "--lines", "300")  # which fails itself where the ways disagree
    assert "findings: 120, 1 rounds" in printed and "WAF records: 300, 1 rounds" in printed
    assert len(re.findall(r" CPU s$", printed, re.MULTILINE)) == 2 and printed.count(" MiB\n") == 3


def test_first_row(url: str, built_app: Path) -> None:
    printed = run("first_row", "--url", url, "--events", "200")  # which fails itself when a case has not one row
    assert len(re.findall(r" of the peer$", printed, re.MULTILINE)) == 8


def test_detections(url: str) -> None:
    pytest.importorskip("pydantic")
    printed = run("detections", "--url", url, "--events", "3000")  # which fails itself when a detection does
    assert re.match("3,[0-9]{3} events: cloudtrail 3", printed)
    assert re.search(
        r"^[1-9][0-9]+ detections, the day as their window +[0-9.]+ +[0-9.]+ +[0-9]+$", printed, re.MULTILINE
    )


def test_dashboards(url: str) -> None:
    for package in ("pydantic", "mmdb_writer"):
        pytest.importorskip(package)
    printed = run("dashboards", "--url", url, "--events", "3000")  # which fails itself when a search does
    assert re.match("3,[0-9]{3} events: cloudtrail 3", printed)
    lines = re.findall(r"^([a-z_]+) +([1-3]) +([0-9]+) +[0-9.]+ +[0-9.]+ +([0-9,]+) +[0-9,]+ ", printed, re.MULTILINE)
    pages = {path.stem for path in (ROOT / "splunk_app" / "dashboards" / "pages").glob("*.yml")}
    assert {page for page, *_ in lines} == pages and len(lines) == len(pages)
    counting = {page for page, _, _, moved in lines if moved != "0"}
    assert counting == {"home", "security", "cloudtrail", "waf", "vpc_flow", "dns", "ingestion"}


@pytest.mark.skipif(sys.version_info < (3, 11), reason="the stand-in for AWS needs Python 3.11")
def test_response() -> None:
    said = run("response", "--delay-ms", "0", "--mib", "6")
    counts = {line.split()[0]: line.split() for line in said.splitlines() if "interface" in line}
    # Each further interface is one more change in each mode; who is asked before is as much.
    assert int(counts["4"][2]) > int(counts["1"][2]) and int(counts["4"][4]) > int(counts["1"][4])
    assert "evidence of 6 MiB" in said
