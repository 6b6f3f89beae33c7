"""One object's records: recognised by key or content, unpacked, and handed to the right source."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys

import pytest

from aws_bridge.object_ref import ObjectRef
from collectors.errors import DamagedFile, DigestFile, NotThisLog
from collectors.reading.reading import Reading
from collectors.reading.unpack import BrokenData
from collectors.records.record import Context
from collectors.sinks.opensearch.index_names import index_of

FLOW = b"version srcaddr dstaddr start end action\n2 10.0.0.1 192.0.2.1 1763700000 1763700060 ACCEPT\n"
EVENT = b'{"eventTime":"2026-11-21T04:53:00Z","eventID":"e-1","eventSource":"s3.amazonaws.com","eventName":"x"}'
QUERY = b'{"query_timestamp":"2026-11-21T04:53:00Z","query_name":"a.example.","version":"1.1"}\n'
WEB = b'{"timestamp":1763700780000,"webaclId":"arn","action":"ALLOW","httpRequest":{"clientIp":"192.0.2.1"}}\n'


class Once(io.BytesIO):
    """A stream that cannot go back, as the body of an answer is."""

    def seekable(self):
        return False

    def seek(self, *_):
        raise OSError("not seekable")


def read(content, key="any.gz", dataset="", stream=io.BytesIO):
    reading = Reading(stream(content), Context(ObjectRef("b", key)), dataset)
    return reading, list(reading)


@pytest.mark.parametrize(
    ("content", "dataset", "index"),
    [
        (FLOW, "vpc_flow", "aws-vpcflow-2025.11.21"),
        (b'{"Records":[' + EVENT + b"]}", "cloudtrail", "aws-cloudtrail-2026.11.21"),
        (QUERY, "route53_resolver", "aws-dns-2026.11.21"),
        (WEB, "waf", "aws-waf-2025.11.21"),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_the_content_says_which_log_it_is(content, dataset, index, pack):
    reading, (made,) = read(pack(content), stream=Once)
    assert reading.dataset == dataset
    assert (index_of(made), made.number) == (index, 1)
    assert reading.bytes_read == len(content)


def test_key_and_option_come_before_the_content():
    reading, (made,) = read(QUERY, "AWSLogs/1/WAFLogs/cloudfront/acl/x.log")
    assert reading.dataset == "waf"
    assert "timestamp" in made.reason
    reading, (made,) = read(QUERY, "AWSLogs/1/WAFLogs/cloudfront/acl/x.log", "route53_resolver")
    assert (reading.dataset, index_of(made)) == ("route53_resolver", "aws-dns-2026.11.21")


@pytest.mark.parametrize("content", [b"hello", gzip.compress(b'{"a":1}'), b"\x89PNG"])
def test_what_is_no_log_is_refused(content):
    with pytest.raises(NotThisLog, match="neither its key nor its content"):
        read(content)


def test_a_digest_is_told_by_key_and_by_content():
    for key, content in (("a/CloudTrail-Digest/x.json.gz", b"{}"), ("x", b'{"digestStartTime":"","logFiles":[]}')):
        with pytest.raises(DigestFile):
            read(content, key)


def test_damage_of_the_bytes_is_told_from_damage_of_the_text():
    packed = bytearray(gzip.compress(QUERY * 1_000))
    key = "x_vpcdnsquerylogs_x.gz"
    cut = Reading(io.BytesIO(packed[:-20]), Context(ObjectRef("b", key)))
    with pytest.raises(DamagedFile):
        list(cut)
    assert type(cut.damage) is DamagedFile
    packed[-5] ^= 1
    broken = Reading(io.BytesIO(packed), Context(ObjectRef("b", key)))
    with pytest.raises(DamagedFile):
        list(broken)
    assert type(broken.damage) is BrokenData
    text = Reading(io.BytesIO(b'{"Records":[' + EVENT), Context(ObjectRef("b", "x")))
    with pytest.raises(DamagedFile):
        list(text)
    assert text.damage is None


def test_a_gzip_without_a_byte_of_content_is_damaged_and_no_empty_log():
    reading = Reading(io.BytesIO(gzip.compress(QUERY)[:8]), Context(ObjectRef("b", "x_vpcdnsquerylogs_x.gz")))
    with pytest.raises(DamagedFile, match="cut short"):
        list(reading)


@pytest.mark.parametrize(
    ("pack", "stream"), [(bytes, io.BytesIO), (bytes, Once), (gzip.compress, io.BytesIO), (gzip.compress, Once)]
)
def test_parquet_is_given_as_a_file_that_can_be_sought(monkeypatch, pack, stream):
    content = b"PAR1" + b"x" * 3_000_000 + b"PAR1"
    seen = []

    class Source:
        @staticmethod
        def records(file, context):
            file.seek(-4, 2)
            seen.append((file.read(4), file.seek(0), file.read()))
            return iter(())

    monkeypatch.setattr("collectors.reading.reading.parquet_source_of", {"vpc_flow": Source}.get)
    reading, _ = read(pack(content), "a/vpcflowlogs/x.parquet", stream=stream)
    assert reading.bytes_read == len(content)
    assert seen == [(b"PAR1", 0, content)]


def test_only_the_source_that_is_needed_is_imported():
    program = f"""
import io, sys
from collectors.reading.reading import Reading
from aws_bridge.object_ref import ObjectRef
from collectors.records.record import Context
list(Reading(io.BytesIO({QUERY!r}), Context(ObjectRef("b", "x"))))
print(*sorted(name for name in sys.modules if name.endswith((".source", ".parquet"))), "pyarrow" in sys.modules)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.stdout.split() == ["collectors.sources.route53_resolver.source", "False"], ran.stderr
