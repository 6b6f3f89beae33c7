"""A log is a folder: one that is made up here is found, recognised, read, written and kept, and no list is touched."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from collectors.sources.log import Retention
from collectors.sources.registry import LOGS, source_of

ROOT = Path(__file__).resolve().parents[3]
LOG = """
from collectors.sources.log import JSON_LINES, Log, Retention, first_line_has

LOG = Log(
    name="door_log",
    title="Door logs",
    index_prefix="house-doors-",
    event_dataset="house.door_log",
    sourcetype="house:doors",
    retention=Retention(1, 2, 3),
    folder="doorlogs",
    file_names=("_doorlogs_",),
    content=first_line_has(rb'"door"', rb'"opened"'),
    format=JSON_LINES,
    above_date=1,
)
"""
SOURCE = """
from functools import partial

from collectors.records.event_time import from_iso
from collectors.records.json_record import JsonFormat, json_record, json_records
from collectors.records.lines import Lines
from collectors.records.shape import VALUE, Shape
from collectors.sources.door_log.log import LOG


def describe(fields, context):
    time = from_iso(fields["opened"])
    return time, f'{{"@timestamp":"{time.stamp}","event":{{"dataset":"{LOG.event_dataset}"}}'


FORMAT = JsonFormat(LOG.name, Shape({"door": VALUE, "opened": VALUE}, ("@timestamp", "event")), describe)


def records(pieces, context):
    return json_records(Lines(pieces, context.first_number), context, partial(json_record, FORMAT))
"""
PROGRAM = '''
import contextlib, io, sys
from pathlib import Path

import collectors.sources
collectors.sources.__path__.append(sys.argv[1])

from aws_bridge.object_ref import ObjectRef
from collectors.delivery.event_window import AS_THE_POLICIES
from collectors.delivery.intake import Intake
from collectors.reading.recognise import dated_folders, kind_of, passed_over
from collectors.sinks.contract import STORED, Answer
from collectors.sinks.opensearch.index_names import all_indices, index_of
from collectors.store.retention import RETENTION
from collectors.store.templates import TEMPLATES

OPENED = (
    b'{"door":"front","opened":"2026-11-21T04:53:07Z"}',
    b'{"door":"back","opened":"2026-11-22T00:00:00Z"}',
)

class Objects:
    """One object."""
    @contextlib.contextmanager
    def open(self, ref):
        yield io.BytesIO(bytes([10]).join(OPENED))

class Printed:
    """A sink that no source knows of: it prints, and has envelopes of its own."""
    batch_records = 1
    def write(self, records, *, give_up_after_s=0.0, on_wait=print):
        for record in records:
            print("sourcetype of", record.dataset, record.time_ms, record.identity, record.text.decode())
            yield Answer(record, STORED)
    def place_of(self, record):
        return "standard output"

key = "AWSLogs/111122223333/doorlogs/eu-west-1/2026/11/21/111122223333_doorlogs_eu-west-1_20261121T0455Z_a.log.gz"
print(kind_of(key).dataset, kind_of("x.log", b'{"door":1,"opened":2}').dataset, passed_over(key, "waf"))
print(any("doorlogs" in each for each in dated_folders()), AS_THE_POLICIES["door_log"], tuple(RETENTION["door_log"]))
print(TEMPLATES["door_log"].name, all_indices("door_log"))
result = Intake(Printed(), Objects(), None).take(ObjectRef("house", key))
print(result.outcome, result.dataset, result.records, result.stored, result.newest_ms)
'''


def test_a_made_up_log_is_a_folder_and_nothing_else(tmp_path):
    folder = tmp_path / "door_log"
    folder.mkdir()
    for name, text in (("__init__", ""), ("log", LOG), ("source", SOURCE)):
        (folder / f"{name}.py").write_text(text)
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert ran.stderr == ""
    told, kept, named, first, second, result = ran.stdout.splitlines()
    assert told == "door_log door_log Door logs, not asked for"
    assert kept == "True 3 (1, 2, 3)"
    assert named == "house-doors house-doors-*"
    assert first.startswith("sourcetype of door_log 1795236787000 ")
    assert first.endswith('-00000000001 {"@timestamp":"2026-11-21T04:53:07.000Z","event":{"dataset":"house.door_log"},'
                          '"door":"front","opened":"2026-11-21T04:53:07Z"}')  # fmt: skip
    assert second.startswith("sourcetype of door_log 1795305600000 ")
    assert result == "done door_log 2 2 1795305600000"


def test_a_folder_with_another_name_than_its_log_is_a_mistake(tmp_path):
    (tmp_path / "gate_log").mkdir()
    (tmp_path / "gate_log" / "__init__.py").write_text("")
    (tmp_path / "gate_log" / "log.py").write_text(LOG)
    program = textwrap.dedent("""
        import sys
        import collectors.sources
        collectors.sources.__path__.append(sys.argv[1])
        import collectors.sources.registry
    """)
    ran = subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert "the folder of the log 'door_log' is called 'gate_log'" in ran.stderr


@pytest.mark.parametrize("log", LOGS.values(), ids=LOGS)
def test_every_log_has_a_row_that_fits_together(log):
    assert callable(source_of(log.name).records)
    assert log.index_prefix.startswith("aws-")
    assert log.index_prefix.endswith("-")
    days: Retention = log.retention
    assert 0 < days.warm_after_days < days.cold_after_days < days.delete_after_days


def test_no_two_logs_share_a_name():
    for names in zip(*[(log.title, log.index_prefix, log.event_dataset, log.sourcetype) for log in LOGS.values()]):
        assert len(set(names)) == len(LOGS)
