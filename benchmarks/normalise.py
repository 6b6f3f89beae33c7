"""Events per second of one core for each log: gunzip, parse, normalise, id, and the lines of a bulk request.

    python -m benchmarks.normalise [--dataset NAME ...] [--rounds 5] [--records N] [--file cloudtrail=PATH ...]

Every case is a process of its own on one core, the cases of a round one after the other: ours, ours with look-ups in
an MMDB file, and a loop without guards (`benchmarks.peers.normalise_loops`), with and without the same look-ups.
Seconds are CPU time of the work alone, without start and imports; memory is the peak of the whole process. Medians are
compared.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from json.encoder import encode_basestring_ascii
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from benchmarks.process import median

DATASETS = ("cloudtrail", "vpc_flow", "route53_resolver", "waf")
TARGETS = {"vpc_flow": 80_000, "route53_resolver": 90_000, "cloudtrail": 45_000, "waf": 35_000}
CASES = ("ours", "ours+mmdb", "peer", "peer+mmdb")


class Figures(NamedTuple):
    """What one process measured."""

    events: int
    cpu_s: float
    raw_bytes: int
    body_bytes: int
    peak_mib: float
    #: Addresses remembered at the end; 0 where nobody counts them.
    addresses: int


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", action="append", choices=DATASETS, help="default: all")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--records", type=int, default=0, help="of a made-up file (default: 30 MB or more of each log)")
    parser.add_argument("--file", action="append", default=[], metavar="DATASET=PATH", help="instead of a made-up file")
    parser.add_argument("--one", nargs=4, metavar=("CASE", "DATASET", "FILE", "MMDB"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        case, dataset, path, mmdb = arguments.one
        print(json.dumps(measure(case, dataset, Path(path), Path(mmdb))))
        return 0
    files = dict(each.partition("=")[::2] for each in arguments.file)
    with tempfile.TemporaryDirectory(prefix="benchmark_") as folder:
        for dataset in arguments.dataset or DATASETS:
            path = Path(files.get(dataset) or _sample(dataset, Path(folder), arguments.records))
            _print(dataset, compare(dataset, path, _mmdb(Path(folder)), arguments.rounds))
    return 0


def compare(dataset: str, path: Path, mmdb: Path, rounds: int) -> Dict[str, List[Figures]]:
    """Run every case ``rounds`` times, interleaved, and return the figures."""
    found: Dict[str, List[Figures]] = {case: [] for case in CASES}
    for _ in range(rounds):
        for case in CASES:
            command = [sys.executable, "-m", "benchmarks.normalise", "--one", case, dataset, str(path), str(mmdb)]
            printed = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
            found[case].append(Figures(*json.loads(printed)))
    return found


def measure(case: str, dataset: str, path: Path, mmdb: Path) -> Figures:
    """Do the work of one case, once, on one core."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    who, _, look_ups = case.partition("+")
    lines, counters = (_ours if who == "ours" else _peer)(dataset, path, mmdb if look_ups else None)
    started = time.process_time()
    events = body_bytes = 0
    for action, body in lines:
        events += 1
        body_bytes += len(action) + len(body) + 2
    seconds = time.process_time() - started
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Figures(events, seconds, counters["raw_bytes"], body_bytes, peak_mib, len(counters["addresses"]))


def _ours(dataset: str, path: Path, mmdb: Optional[Path]) -> Tuple[Iterator[Tuple[bytes, bytes]], Dict[str, Any]]:
    from aws_bridge.object_ref import ObjectRef
    from collectors.reading.unpack import unpacked
    from collectors.records.enrichment import address_book
    from collectors.records.json_codec import fastest
    from collectors.records.record import BadRecord, Context
    from collectors.sinks.opensearch.index_names import index_of
    from collectors.sources.registry import source_of

    source = source_of(dataset)
    counters: Dict[str, Any] = {"raw_bytes": 0, "addresses": address_book([mmdb] if mmdb else [])}
    context = Context(ObjectRef("benchmark", path.name), fastest(), counters["addresses"])

    def pieces() -> Iterator[bytes]:
        with path.open("rb") as stream:
            for piece in unpacked(stream):
                counters["raw_bytes"] += len(piece)
                yield piece

    def lines() -> Iterator[Tuple[bytes, bytes]]:
        for made in source.records(pieces(), context):
            if isinstance(made, BadRecord):
                raise RuntimeError(f"a bad record in {path}: {made.reason}")
            yield _action(index_of(made), made.identity), made.text

    return lines(), counters


def _peer(dataset: str, path: Path, mmdb: Optional[Path]) -> Tuple[Iterator[Tuple[bytes, bytes]], Dict[str, Any]]:
    from benchmarks.peers.normalise_loops import LOOPS

    made = (
        (_action("peer-2026.11.21", identity), body) for identity, body in LOOPS[dataset](path, mmdb and _look_up(mmdb))
    )
    return made, {"raw_bytes": 0, "addresses": ()}


def _action(index: str, identity: str) -> bytes:
    """Return the line in front of a document in a bulk request, as `es_bridge.bulk` writes it."""
    index, identity = encode_basestring_ascii(index), encode_basestring_ascii(identity)
    return f'{{"create":{{"_index":{index},"_id":{identity}}}}}'.encode()


def _look_up(mmdb: Path) -> Any:
    """Return the peer's look-up in an MMDB file."""
    import maxminddb

    reader = maxminddb.open_database(str(mmdb))

    def look_up(address: Any) -> Dict[str, Any]:
        found: Any = reader.get(address)
        if not found:
            return {}
        return {
            "geo": {"country_iso_code": found["country"]["iso_code"]},
            "as": {
                "number": found["autonomous_system_number"],
                "organization": {"name": found["autonomous_system_organization"]},
            },
        }

    return look_up


def _sample(dataset: str, folder: Path, records: int) -> Path:
    from benchmarks.samples import Sample

    path = folder / f"{dataset}.gz"
    Sample().write(dataset, path, records)
    return path


def _mmdb(folder: Path) -> Path:
    """Write an MMDB file that knows every public address, a /12 each."""
    import ipaddress

    import netaddr
    from mmdb_writer import MMDBWriter

    path = folder / "addresses.mmdb"
    if not path.exists():
        writer = MMDBWriter(4, "benchmark", int_type="uint32")
        for number, network in enumerate(ipaddress.ip_network("0.0.0.0/0").subnets(new_prefix=12)):
            facts = {
                "country": {"iso_code": ("KR", "JP", "US", "DE")[number % 4]},
                "autonomous_system_number": 64_496 + number % 16,
                "autonomous_system_organization": f"Example Network {number % 16}",
            }
            writer.insert_network(netaddr.IPSet([str(network)]), facts)
        writer.to_db_file(str(path))
    return path


def _print(dataset: str, found: Dict[str, List[Figures]]) -> None:
    first = found["ours"][0]
    size = f"{first.events:,} events, {first.raw_bytes / 1e6:.1f} MB"
    print(f"\n{dataset}: {size}, target {TARGETS[dataset]:,} events/s")
    print(f"(load of the machine at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores)")
    print("| case | events/s | MB/s | peak MiB | bulk bytes an event | addresses remembered |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    rates = {}
    for case, rounds in found.items():
        rates[case] = median([each.events / each.cpu_s for each in rounds])
        one = rounds[0]
        print(
            f"| {case} | {rates[case]:,.0f} | {rates[case] * first.raw_bytes / first.events / 1e6:,.1f} "
            f"| {median([each.peak_mib for each in rounds]):.0f} | {one.body_bytes / one.events:,.0f} "
            f"| {one.addresses:,} |"
        )
    print(
        f"ours / peer {rates['ours'] / rates['peer']:.2f}, "
        f"with look-ups {rates['ours+mmdb'] / rates['peer+mmdb']:.2f}; "
        f"look-ups cost {1 - rates['ours+mmdb'] / rates['ours']:.0%}; "
        f"ours / target {rates['ours'] / TARGETS[dataset]:.2f}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
