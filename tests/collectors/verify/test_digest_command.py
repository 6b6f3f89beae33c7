"""``aws-siem-bridge digest verify``: a bucket and a folder, what is printed, and the exit status."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta, timezone

import boto3
import pytest
from botocore.stub import ANY, Stubber
from moto import mock_aws

import aws_siem_bridge
from collectors.verify import digest_keys
from tests.collectors.verify.digest_chain import BUCKET, FINGERPRINT, DigestChain, public_keys

MIDNIGHT = datetime(2026, 11, 21, tzinfo=timezone.utc)
PERIOD = ["--since", "2026-11-21", "--until", "2026-11-21T03:00Z"]


@pytest.fixture
def s3(monkeypatch):
    """Return a client of S3 in moto, with the bucket of the chain."""
    for variable, value in (
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(variable, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET)
        yield client


@pytest.fixture
def keys(tmp_path):
    path = tmp_path / "keys.json"
    path.write_text(json.dumps(public_keys()))
    return ["--public-keys", str(path)]


@pytest.fixture
def chain(tmp_path):
    return DigestChain(tmp_path / "bucket").write(3)


def upload(s3, chain: DigestChain) -> None:
    for key in (*chain.logs, *chain.digests, *chain.backfills):
        signed = {}
        if key in chain.signatures:
            signed = {"signature": chain.signatures[key], "signature-algorithm": "SHA256withRSA"}
        if key in chain.backfills:
            signed["backfill-generation-timestamp"] = "2026-11-25T00:00:00Z"
        s3.put_object(Bucket=BUCKET, Key=key, Body=chain.path(key).read_bytes(), Metadata=signed)


def the_key():
    return {"Value": base64.b64decode(public_keys()["PublicKeyList"][0]["Value"]), "Fingerprint": FINGERPRINT}


def verify(where, *options: str) -> int:
    return aws_siem_bridge.main(["digest", "verify", str(where), *options])


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
@pytest.mark.parametrize(
    "prefix", ["", "AWSLogs", "AWSLogs/111122223333/", "AWSLogs/111122223333/CloudTrail-Digest/", "{region}"]
)
def test_a_whole_chain_in_a_bucket(s3, tmp_path, keys, capsys, prefix, region):
    chain = DigestChain(tmp_path / "bucket", region=region).write(3)
    upload(s3, chain)
    prefix = prefix.replace("{region}", f"AWSLogs/111122223333/CloudTrail-Digest/{region}/")
    assert verify(f"s3://{BUCKET}/{prefix}", *PERIOD, *keys) == 0
    assert capsys.readouterr().out == "3 of 3 digests valid, 6 of 6 log files valid\n"


def test_backfill_digests_in_a_bucket_are_a_chain_of_their_own(s3, chain, keys, capsys):
    upload(s3, chain.write_backfill(2, 0))
    assert verify(f"s3://{BUCKET}", *PERIOD, *keys) == 0
    whole = "5 of 5 digests valid (2 of them backfill digests), 10 of 10 log files valid\n"
    assert capsys.readouterr().out == whole
    s3.delete_object(Bucket=BUCKET, Key=chain.digests[1])
    assert verify(f"s3://{BUCKET}", *PERIOD, *keys) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"missing digest s3://{BUCKET}/{chain.digests[1]}: named by s3://{BUCKET}/")
    assert "no digest covers 2026-11-21T01:00:00Z to 2026-11-21T02:00:00Z" in lines[1]
    assert lines[2:] == ["4 of 5 digests valid (2 of them backfill digests), 8 of 8 log files valid"]


def test_an_organisations_trail_with_a_prefix(s3, tmp_path, keys, capsys):
    for account in ("111122223333", "444455556666"):
        upload(s3, DigestChain(tmp_path / "bucket", account, prefix="trails/").write(3))
    for key in [entry["Key"] for entry in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]:
        if "/CloudTrail-Digest/" not in key:
            s3.copy_object(Bucket=BUCKET, Key="other/" + key, CopySource={"Bucket": BUCKET, "Key": key})
    assert verify(f"s3://{BUCKET}/trails", *PERIOD, *keys) == 0
    assert capsys.readouterr().out == "6 of 6 digests valid, 12 of 12 log files valid\n"


def test_what_is_wrong_in_a_bucket_is_printed_with_its_reason(s3, chain, keys, capsys):
    upload(s3, chain)
    s3.put_object(Bucket=BUCKET, Key=chain.logs[0], Body=b'{"Records":[]}')
    s3.delete_object(Bucket=BUCKET, Key=chain.logs[3])
    s3.delete_object(Bucket=BUCKET, Key=chain.digests[0])
    assert verify(f"s3://{BUCKET}", *PERIOD, *keys) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"missing log s3://{BUCKET}/{chain.logs[3]}: ")
    assert lines[1].startswith(f"missing digest s3://{BUCKET}/{chain.digests[0]}: named by s3://{BUCKET}/")
    assert "no digest covers 2026-11-21T00:00:00Z to 2026-11-21T01:00:00Z" in lines[2]
    assert lines[3] == "2 of 3 digests valid, 3 of 4 log files valid"


def test_a_digest_without_metadata_is_not_verified(s3, chain, keys, capsys):
    upload(s3, chain)
    newest = chain.digests[-1]
    s3.put_object(Bucket=BUCKET, Key=newest, Body=chain.path(newest).read_bytes())
    assert verify(f"s3://{BUCKET}", *PERIOD, *keys) == 1
    assert f"unverified digest s3://{BUCKET}/{newest}: its signature is neither" in capsys.readouterr().out


def test_without_an_end_a_bucket_must_reach_to_now(s3, chain, keys, capsys):
    upload(s3, chain)
    assert verify(f"s3://{BUCKET}", *keys) == 1
    assert "no digest covers 2026-11-21T03:00:00Z to 2" in capsys.readouterr().out


@pytest.mark.parametrize("bucket", [BUCKET, "not-there"])
def test_nothing_to_verify_is_no_success(s3, bucket, keys, capsys):
    assert verify(f"s3://{bucket}", *keys) == 1
    assert capsys.readouterr().err != ""


def test_the_keys_are_asked_of_the_digests_own_region(s3, chain, monkeypatch, capsys):
    upload(s3, chain)
    asked = []

    def client(service, region):
        stubbed = boto3.client(service, region_name=region)
        stub = Stubber(stubbed)
        # Those of the last hour are signed after it, maybe with a new key: it is asked for two hours longer.
        period = {"StartTime": MIDNIGHT, "EndTime": MIDNIGHT + timedelta(hours=3 + 2)}
        stub.add_response("list_public_keys", {"PublicKeyList": [the_key()]}, period)
        stub.activate()
        asked.append((service, region))
        return stubbed

    monkeypatch.setattr(digest_keys, "client", client)
    assert verify(f"s3://{BUCKET}", *PERIOD) == 0
    assert asked == [("cloudtrail", "us-east-1")]


def test_a_key_that_signed_later_than_the_period_is_asked_for_once(s3, chain, monkeypatch, capsys):
    """A backfill digest is signed days after its hour, when the key of the hour may have been changed."""
    upload(s3, chain.write_backfill(0, 1))
    answers = [{"PublicKeyList": []}, {"PublicKeyList": [the_key()]}]

    def client(service, region):
        stubbed = boto3.client(service, region_name=region)
        stub = Stubber(stubbed)
        stub.add_response("list_public_keys", answers.pop(0), {"StartTime": MIDNIGHT, "EndTime": ANY})
        stub.activate()
        return stubbed

    monkeypatch.setattr(digest_keys, "client", client)
    assert verify(f"s3://{BUCKET}", *PERIOD) == 0
    assert not answers
    answers[:] = [{"PublicKeyList": []}] * 2
    assert verify(f"s3://{BUCKET}", *PERIOD) == 1
    assert not answers
    assert "there is no public key with the fingerprint" in capsys.readouterr().out


def test_a_refusal_of_the_keys_names_the_permission(s3, chain, monkeypatch, capsys):
    upload(s3, chain)

    def client(service, region):
        stubbed = boto3.client(service, region_name=region)
        stub = Stubber(stubbed)
        stub.add_client_error("list_public_keys", "AccessDeniedException", "no")
        stub.activate()
        return stubbed

    monkeypatch.setattr(digest_keys, "client", client)
    assert verify(f"s3://{BUCKET}", *PERIOD) == 1
    assert "cloudtrail:ListPublicKeys" in capsys.readouterr().err


@pytest.mark.parametrize("since", [(), ("--since", "2026-11-21")])
def test_a_region_without_any_digest_beside_one_with_them_is_named(s3, chain, keys, capsys, since):
    other = DigestChain(chain.folder, region="eu-west-1").write(3)
    upload(s3, chain)
    upload(s3, other)
    period = (*since, "--until", "2026-11-21T03:00:00Z")
    assert verify(f"s3://{BUCKET}", *keys, *period) == 0
    for key in other.digests:
        s3.delete_object(Bucket=BUCKET, Key=key)
    capsys.readouterr()
    assert verify(f"s3://{BUCKET}", *keys, *period) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"unverified gap s3://{BUCKET}/{other.logs[0]}: ")
    assert lines[1:] == ["3 of 3 digests valid, 6 of 6 log files valid"]


def test_a_folder(chain, keys, capsys):
    assert verify(chain.folder, *keys) == 1  # the newest one's signature is not in a copy
    assert "2 of 3 digests valid, 4 of 4 log files valid" in capsys.readouterr().out
    newest = chain.digests[-1]
    chain.path(newest + ".signature").write_text(chain.signatures[newest])
    assert verify(chain.folder, *keys) == 0
    assert verify(chain.folder / "not there", *keys) == 1
    assert verify(chain.folder, *keys, "--since", "2026-11-22", "--until", "2026-11-21") == 2
    assert verify(chain.folder, "--public-keys", str(chain.folder / "none")) == 1
