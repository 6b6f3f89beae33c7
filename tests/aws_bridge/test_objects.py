"""Objects of S3 and of a folder: what is read, and what every refusal becomes."""

from __future__ import annotations

import random

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError, NoCredentialsError
from botocore.stub import Stubber

from aws_bridge.errors import AwsError, ObjectGone, ObjectUnreadable
from aws_bridge.object_ref import ObjectRef, split_uri
from aws_bridge.objects import RESUMES, LocalObjects, S3Objects
from lab.front.server import Handler, LocalServer, Received, forward

CONTENT = random.Random(5).randbytes(1_500_000)


@pytest.fixture(scope="module")
def moto() -> str:
    # It does not run on the older of Splunk's Pythons; what needs no S3 is tested there, too.
    pytest.importorskip("moto.server")
    from tests.account import shared_account

    return shared_account().url


def client(url):
    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="example",
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )


@pytest.fixture
def s3(moto):
    found = client(moto)
    found.create_bucket(Bucket="logs")
    for key in ("a/b c+d%.gz", "x"):
        found.put_object(Bucket="logs", Key=key, Body=CONTENT)
    yield found
    for version in found.list_object_versions(Bucket="logs").get("Versions", []):
        found.delete_object(Bucket="logs", Key=version["Key"], VersionId=version["VersionId"])


def read(objects, ref):
    with objects.open(ref) as stream:
        pieces = iter(lambda: stream.read(100_000), b"")
        return b"".join(pieces)


def test_an_object_is_read_as_it_is_stored(s3):
    assert read(S3Objects(s3), ObjectRef("logs", "a/b c+d%.gz")) == CONTENT
    s3.put_object(Bucket="logs", Key="empty", Body=b"")
    assert read(S3Objects(s3), ObjectRef("logs", "empty")) == b""


def test_a_version_is_read_although_it_was_replaced(s3):
    s3.put_bucket_versioning(Bucket="logs", VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket="logs", Key="v", Body=b"one")["VersionId"]
    s3.put_object(Bucket="logs", Key="v", Body=b"two")
    assert read(S3Objects(s3), ObjectRef("logs", "v", first)) == b"one"
    assert read(S3Objects(s3), ObjectRef("logs", "v")) == b"two"
    marker = s3.delete_object(Bucket="logs", Key="v")["VersionId"]
    for version in (marker, "", "no-such-version"):
        with pytest.raises(ObjectGone, match="s3://logs/v"):
            read(S3Objects(s3), ObjectRef("logs", "v", version))


@pytest.mark.parametrize("ref", [ObjectRef("logs", "gone"), ObjectRef("no-such-bucket", "x")])
def test_what_is_not_there_is_gone(s3, ref):
    with pytest.raises(ObjectGone, match="is not there: NoSuch"):
        read(S3Objects(s3), ref)


@pytest.mark.parametrize(
    ("code", "status", "kind", "says"),
    [
        ("NoSuchKey", 404, ObjectGone, "is not there"),
        ("NoSuchVersion", 404, ObjectGone, "is not there"),
        ("MethodNotAllowed", 405, ObjectGone, "delete marker"),
        ("AccessDenied", 403, ObjectUnreadable, "needs s3:GetObjectVersion .*kms:Decrypt.*Without s3:ListBucket"),
        ("KMS.DisabledException", 400, ObjectUnreadable, "KMS key is disabled"),
        ("InvalidObjectState", 403, ObjectUnreadable, "archived: restore it"),
        ("ExpiredToken", 400, ObjectUnreadable, "credentials"),
        ("SlowDown", 503, ObjectUnreadable, "overloaded"),
        ("InternalError", 500, ObjectUnreadable, "overloaded"),
    ],
)
def test_every_refusal_is_told_apart(s3, code, status, kind, says):
    with Stubber(s3) as stub:
        stub.add_client_error("get_object", code, "because AKIAIOSFODNN7EXAMPLE", http_status_code=status)
        with pytest.raises(kind, match=says) as refused:
            read(S3Objects(s3), ObjectRef("logs", "k", "v1"))
    assert "AKIAIOSFODNN7EXAMPLE" not in str(refused.value)
    assert "s3://logs/k (version v1)" in str(refused.value)


@pytest.mark.parametrize("error", [NoCredentialsError(), EndpointConnectionError(endpoint_url="http://s3")])
def test_no_way_to_s3_is_no_loss(error):
    class Away:
        def get_object(self, **_):
            raise error

    with pytest.raises(ObjectUnreadable, match="Check the way to S3"):
        read(S3Objects(Away()), ObjectRef("logs", "k"))


class Cutting(LocalServer):
    """Passes requests on, and cuts the first bodies after so many bytes each."""

    def __init__(self, upstream, cuts):
        self.upstream, self.cuts = upstream, list(cuts)
        super().__init__()

    def serve(self, handler: Handler, received: Received) -> None:
        reply = forward(self.upstream, received)
        if not self.cuts:
            return handler.send(reply)
        handler.send_response_only(reply.status)
        for name, value in reply.headers:
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(reply.body)))
        handler.end_headers()
        handler.wfile.write(reply.body[: self.cuts.pop(0)])
        handler.close_connection = True
        return None


def test_a_body_that_is_cut_is_read_on_where_it_broke(s3, moto):
    with Cutting(moto, [1_000_000, 0, 300_000]) as server:
        assert read(S3Objects(client(server.url)), ObjectRef("logs", "a/b c+d%.gz")) == CONTENT
        ranges = [received.headers.get("range") for received in server.received]
    assert ranges[0] is None
    assert len(ranges) == 4
    assert all(one.startswith("bytes=") and one.endswith("-") for one in ranges[1:])


def test_a_body_that_never_arrives_is_given_up(s3, moto):
    with Cutting(moto, [400_000] + [0] * 20) as server:
        with pytest.raises(ObjectUnreadable, match="cannot be read to its end"):
            read(S3Objects(client(server.url)), ObjectRef("logs", "a/b c+d%.gz"))
        assert len(server.received) <= RESUMES + 3


def test_the_rest_of_another_object_is_not_glued_to_the_beginning_of_this_one(s3, moto):
    with Cutting(moto, [400_000]) as server, S3Objects(client(server.url)).open(ObjectRef("logs", "x")) as stream:
        stream.read(1)
        s3.put_object(Bucket="logs", Key="x", Body=CONTENT[::-1])
        with pytest.raises(ObjectUnreadable, match="was replaced while it was being read"):
            while stream.read(100_000):
                pass


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "copy" / "AWSLogs" / "1" / "한 글+.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"content")
    return tmp_path / "copy"


def test_a_folder_stands_for_a_prefix(folder):
    objects = LocalObjects.standing_for(folder, "s3://logs/some/prefix/")
    ref = objects.ref(folder / "AWSLogs" / "1" / "한 글+.gz")
    assert ref == ObjectRef("logs", "some/prefix/AWSLogs/1/한 글+.gz", size_bytes=7)
    assert read(objects, ref) == b"content"
    assert ref.identity == ObjectRef("logs", "some/prefix/AWSLogs/1/한 글+.gz", "v7").identity


@pytest.mark.parametrize(
    "ref",
    [
        ObjectRef("logs", "p/gone"),
        ObjectRef("logs", "p/AWSLogs"),  # a folder is no object
        ObjectRef("other", "p/AWSLogs/1/x"),
        ObjectRef("logs", "AWSLogs/1/x"),
        ObjectRef("logs", "p/../../secret"),
        ObjectRef("logs", "p//etc/passwd"),
        ObjectRef("logs", "p/"),
    ],
)
def test_no_key_leads_out_of_the_folder(folder, ref):
    (folder.parent / "secret").write_bytes(b"!")
    with pytest.raises(ObjectGone, match="is not there"):
        read(LocalObjects(folder, "logs", "p"), ref)


def test_a_file_that_cannot_be_opened_is_no_loss(folder):
    with pytest.raises(ObjectUnreadable, match="File name too long"):
        read(LocalObjects(folder, "logs"), ObjectRef("logs", "x" * 300))


@pytest.mark.parametrize("uri", ["logs/x", "http://logs/x", "s3://", "s3:///x"])
def test_an_address_that_is_none_is_refused(uri):
    with pytest.raises(AwsError, match="s3://bucket/prefix"):
        split_uri(uri)
