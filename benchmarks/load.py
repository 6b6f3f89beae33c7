"""Loading end to end into the embedded engine, against a bulk of the same documents already encoded: the limit.

    python -m benchmarks.load [--dataset NAME ...] [--rounds 5] [--workers 4] [--records N] [--url URL]

Both cases are processes of their own with the same number of workers, each worker with the bulk requests that the
intake has under way; the clock runs from the first record until all can be searched, without start and imports. (Not
until the last answer: an engine writes a segment when its buffer is full, which some runs then meet and some do not.) A
first round is discarded (the engine's JIT), the cases of a round follow each other, medians are compared: on a busy
machine only the ratio says something. Afterwards the indices are merged into one segment, and what they take on the
disk is put beside the raw log and the documents.
"""

from __future__ import annotations

import argparse
import gzip
import json
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple

from benchmarks.process import median
from benchmarks.samples import Sample
from collectors.cli.load import WORKERS
from collectors.delivery.intake import Intake
from collectors.loading.files import FileObjects, LogFile, find_files
from collectors.loading.load import Load, LoadReport, make_visible
from collectors.reading.reading import Reading
from collectors.reading.unpack import GZIP_MAGIC
from collectors.records.addresses import AddressBook
from collectors.records.enrichment import address_book
from collectors.records.json_codec import fastest
from collectors.records.record import Context, Record
from collectors.sinks.contract import STORED, Answer
from collectors.sinks.opensearch.index_names import all_indices
from collectors.sinks.opensearch.sink import OpenSearchSink
from collectors.sources.registry import LOGS, source_of
from collectors.store.templates import ensure_template
from es_bridge.config import ClusterConfig
from es_bridge.transport import Transport

#: As many files as workers can take side by side.
FILES = 8
#: Of each log: 10 to 25 s for a run. At its beginning and end, loader and engine wait for each other; in runs of half
#: the time that was 4 % of it.
RECORDS = 250_000
LIMIT, LOADER = "limit", "loader"
#: End to end / limit, at least; and bytes on the disk / raw bytes, at most.
SHARE_TARGET = 0.85
STORE_TARGETS = {"cloudtrail": 0.8, "vpc_flow": 1.9, "route53_resolver": 1.0, "waf": 1.0}
PEAK_TARGET_MIB = 200
NO_ADDRESSES = AddressBook()


class Figures(NamedTuple):
    """What one process measured."""

    events: int
    seconds: float
    peak_mib: float
    body_bytes: int


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", action="append", choices=sorted(LOGS), help="default: all")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=WORKERS, help=f"default: {WORKERS}, as the command's")
    parser.add_argument("--records", type=int, default=RECORDS, help=f"of each log (default: {RECORDS:,})")
    parser.add_argument(
        "--files", action="append", default=[], metavar="DATASET=FOLDER", help="instead of made-up files"
    )
    parser.add_argument("--url", help="a cluster for the purpose: its indices of the logs are deleted")
    parser.add_argument("--one", nargs=3, metavar=("CASE", "DATASET", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        case, dataset, folder = arguments.one
        print(json.dumps(measure(case, dataset, Path(folder), arguments.url, arguments.workers)))
        return 0
    if arguments.url:
        return compare_all(arguments.url, arguments)
    from lab.engine import start_engine

    with start_engine("opensearch-2.19", heap_mb=1024) as engine:
        return compare_all(engine.url, arguments)


def compare_all(url: str, arguments: argparse.Namespace) -> int:
    """Compare the cases for each log; return 1 when an event is lost, never for a slow machine."""
    given = dict(each.partition("=")[::2] for each in arguments.files)
    with tempfile.TemporaryDirectory(prefix="benchmark_") as folder, Transport(ClusterConfig((url,))) as transport:
        for dataset in arguments.dataset or LOGS:
            files = Path(given[dataset]) if dataset in given else made_up(dataset, Path(folder), arguments.records)
            ensure_template(transport, dataset)
            runs = compare(transport, url, dataset, files, arguments)
            report(transport, dataset, files, runs)
            events = runs[LIMIT][0].events
            if any(run.events != events for found in runs.values() for run in found):
                print(f"WRONG: {dataset}: not every run stored {events:,} events", file=sys.stderr)
                return 1
    return 0


def made_up(dataset: str, folder: Path, records: int) -> Path:
    """Write files of one log and return their folder."""
    files = folder / dataset
    files.mkdir()
    sample = Sample()
    for number in range(FILES):
        sample.write(dataset, files / f"{number}.gz", records // FILES)
    return files


def compare(
    transport: Transport, url: str, dataset: str, files: Path, arguments: argparse.Namespace
) -> Dict[str, List[Figures]]:
    """Run both cases round by round, the first round for nothing."""
    runs: Dict[str, List[Figures]] = {LIMIT: [], LOADER: []}
    for number in range(arguments.rounds + 1):
        for case, found in runs.items():
            clear(transport, dataset)
            command = [sys.executable, "-m", "benchmarks.load", "--one", case, dataset, str(files), "--url", url]
            command += ["--workers", str(arguments.workers)]
            printed = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
            if number:
                found.append(Figures(*json.loads(printed)))
                print(f"{dataset}, round {number}: {case} {rate(found[-1]):,.0f} events/s", file=sys.stderr)
    return runs


def clear(transport: Transport, dataset: str) -> None:
    """Delete the indices of the log."""
    asked = {"format": "json", "h": "index"}
    for entry in transport.request("GET", ("_cat", "indices", all_indices(dataset)), asked).json():
        transport.request("DELETE", (entry["index"],))


def measure(case: str, dataset: str, folder: Path, url: str, workers: int) -> Figures:
    """Run one case in this process."""
    logs = find_files([folder]).logs
    source_of(dataset)
    with Transport(ClusterConfig((url,))) as transport:
        if case == LIMIT:
            shares = [[each for log in logs[n::workers] for each in documents(log, dataset)] for n in range(workers)]
            started = time.perf_counter()
            with ThreadPoolExecutor(workers) as pool:
                events = sum(pool.map(lambda share: stored(OpenSearchSink(transport).write(share)), shares))
            transport.request("POST", (all_indices(dataset), "_refresh"))
        else:
            objects, report, addresses = FileObjects(logs), LoadReport(len(logs), 0), address_book([])
            load = Load(
                objects,
                lambda counted: Intake(OpenSearchSink(transport), counted, None, addresses=addresses),
                report,
                workers=workers,
                dataset=dataset,
            )
            started = time.perf_counter()
            make_visible(transport, load.run([log.ref for log in logs], lambda so_far: None))
            events = sum(counts.stored for counts in report.logs.values())
        seconds = time.perf_counter() - started
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    body_bytes = sum(len(each.text) for share in shares for each in share) if case == LIMIT else 0
    return Figures(events, seconds, peak_mib, body_bytes)


def stored(answers: Iterator[Answer]) -> int:
    """Return how many records were new."""
    return sum(answer.result == STORED for answer in answers)


def documents(log: LogFile, dataset: str, addresses: AddressBook = NO_ADDRESSES) -> Iterator[Record]:
    """Yield the documents of one file."""
    with log.path.open("rb") as stream:
        for made in Reading(stream, Context(log.ref, fastest(), addresses=addresses), dataset):
            if not isinstance(made, Record):
                raise RuntimeError(f"{log.path}: {made.reason}")
            yield made


def report(transport: Transport, dataset: str, files: Path, runs: Dict[str, List[Figures]]) -> None:
    """Print the medians, what the indices take, and the targets."""
    rates = {case: median([rate(run) for run in found]) for case, found in runs.items()}
    peak_mib = max(run.peak_mib for run in runs[LOADER])
    raw_bytes = sum(unpacked_bytes(log.path, dataset) for log in find_files([files]).logs)
    store = stored_bytes(transport, dataset)
    events, body_bytes = runs[LIMIT][0].events, runs[LIMIT][0].body_bytes
    share = rates[LOADER] / rates[LIMIT]
    print(f"{dataset}: {events:,} events, raw {raw_bytes / events:,.0f} B, document {body_bytes / events:,.0f} B each")
    print(f"  limit       {rates[LIMIT]:9,.0f} events/s")
    print(f"  end to end  {rates[LOADER]:9,.0f} events/s  {share:.2f} of it (target: at least {SHARE_TARGET})")
    print(f"  peak memory {peak_mib:9,.0f} MiB (target: under {PEAK_TARGET_MIB})")
    print(
        f"  on the disk {store / events:9,.0f} B each, {store / raw_bytes:.2f} of the raw log (target: at most "
        f"{STORE_TARGETS[dataset]}), {store / body_bytes:.2f} of the documents"
    )


def rate(run: Figures) -> float:
    """Return events per second."""
    return run.events / run.seconds


def unpacked_bytes(path: Path, dataset: str) -> int:
    """Return the bytes of the records in a file, without the header line of a flow log."""
    content = path.read_bytes()
    if content.startswith(GZIP_MAGIC):
        content = gzip.decompress(content)
    return len(content) - (content.index(b"\n") + 1 if dataset == "vpc_flow" else 0)


def stored_bytes(transport: Transport, dataset: str) -> int:
    """Merge the log's indices into one segment each and return what they take."""
    indices = all_indices(dataset)
    transport.request("POST", (indices, "_forcemerge"), {"max_num_segments": "1"}, timeout_s=600)
    # Of each segment, not of the store: that is remembered for ten seconds and counts what was merged away, too.
    transport.request("POST", (indices, "_refresh"))
    found: Dict[str, Any] = transport.request("GET", (indices, "_segments")).json()["indices"]
    shards = [copy for index in found.values() for copies in index["shards"].values() for copy in copies]
    segments = [segment for copy in shards for segment in copy["segments"].values() if copy["routing"]["primary"]]
    if len(segments) != len(found):
        raise RuntimeError(f"{len(segments)} segments in {len(found)} indices: they were not merged")
    return sum(segment["size_in_bytes"] for segment in segments)


if __name__ == "__main__":
    sys.exit(main())
