"""Whether an index takes documents, asked of a real engine, and the account the functions use."""

from __future__ import annotations

import json

import pytest

from aws_bridge.functions.secrets import SecretProblem
from collectors.lambda_function import connection
from collectors.lambda_function.connection import index_of, transport_of, why_not_writable
from collectors.lambda_function.settings import Settings
from es_bridge.config import ClusterConfig
from es_bridge.transport import Transport
from lab.engine import ENGINES
from lab.front.faults import FaultyServer
from lab.front.server import Reply

INDEX = "aws-cloudtrail-2019.05.01"


def block(transport: Transport, name: str, value: object) -> None:
    transport.request("PUT", (INDEX, "_settings"), body={f"index.blocks.{name}": value})


@pytest.mark.parametrize("engine_id", [id for id in ENGINES if not ENGINES[id].secured])
def test_an_index_is_writable_or_says_why_not_and_nothing_is_ever_stored(engine_by_id, engine_id):
    transport = Transport(ClusterConfig((engine_by_id(engine_id).url,)))
    try:
        assert why_not_writable(transport, INDEX) == ""  # not there yet
        assert why_not_writable(transport, INDEX) == ""
        for name in ("write", "read_only_allow_delete"):
            block(transport, name, True)
            assert "cluster_block_exception" in why_not_writable(transport, INDEX)
            block(transport, name, None)
        transport.request("POST", (INDEX, "_close"))
        assert "index_closed_exception" in why_not_writable(transport, INDEX)
        transport.request("POST", (INDEX, "_open"), {"wait_for_active_shards": 1})
        assert why_not_writable(transport, INDEX) == ""
        transport.request("POST", (INDEX, "_refresh"))
        assert transport.request("GET", (INDEX, "_count")).json()["count"] == 0
    finally:
        transport.request("DELETE", (INDEX,), accept_status=(404,))
        transport.close()


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(401, b"Unauthorized"), "401"),
        (Reply(503, b"{}"), "503"),
        (Reply(200, b"<html>a proxy</html>"), "not JSON"),
        (
            Reply(
                200,
                json.dumps(
                    {"items": [{"create": {"status": 403, "error": {"type": "security_exception", "reason": "no"}}}]}
                ).encode(),
            ),
            "answers HTTP 403 security_exception: no",
        ),
        (
            Reply(
                200,
                json.dumps(
                    {"items": [{"create": {"status": 429, "error": {"type": "rejected", "reason": "full"}}}]}
                ).encode(),
            ),
            "answers HTTP 429 rejected: full",
        ),
    ],
)
def test_a_cluster_that_does_not_answer_as_it_should_is_not_writable(reply, says):
    with FaultyServer([reply] * 3) as server:
        transport = Transport(ClusterConfig((server.url,), max_retries=0))
        assert says in why_not_writable(transport, INDEX)


def test_a_cluster_that_is_gone_is_not_writable():
    with FaultyServer() as server:
        url = server.url
    assert why_not_writable(Transport(ClusterConfig((url,), max_retries=0)), INDEX)


@pytest.mark.parametrize(
    ("key", "prefix"),
    [
        ("AWSLogs/111122223333/WAFLogs/eu-west-1/web/x.log.gz", "aws-waf-20"),
        ("AWSLogs/111122223333/vpcflowlogs/eu-west-1/x.log.gz", "aws-vpcflow-20"),
        ("unknown", "aws-cloudtrail-20"),
    ],
)
def test_the_index_to_try_is_that_of_the_object_that_met_the_outage(key, prefix):
    assert index_of(key).startswith(prefix)


def secret(account, text: str) -> str:
    client = account.client("secretsmanager")
    return client.create_secret(Name=f"cluster-{abs(hash(text))}", SecretString=text)["ARN"]


def test_user_name_and_password_come_from_the_secret(account):
    arn = secret(account, '{"username": "loader", "password": "s3cret-word"}')
    with transport_of(Settings(urls=("http://127.0.0.1:1",), secret_arn=arn)) as transport:
        auth = transport.config.auth
        assert (auth.kind, auth.username, auth.password) == ("basic", "loader", "s3cret-word")


@pytest.mark.parametrize("text", ["s3cret-word", '{"username": "loader"}', '["s3cret-word"]', '"s3cret-word"'])
def test_a_secret_of_another_form_is_refused_without_showing_it(account, text):
    with pytest.raises(SecretProblem, match='is not JSON with "username" and "password"') as caught:
        transport_of(Settings(urls=("http://127.0.0.1:1",), secret_arn=secret(account, text)))
    assert "s3cret-word" not in str(caught.value)


def test_a_secret_that_cannot_be_read_says_which_permission_is_needed(account):
    with pytest.raises(SecretProblem, match="secretsmanager:GetSecretValue"):
        transport_of(Settings(urls=("http://127.0.0.1:1",), secret_arn="none"))


def test_requests_are_signed_where_a_region_is_given(account):
    with transport_of(Settings(urls=("https://127.0.0.1:1",), sigv4_region="eu-west-1", service="aoss")) as transport:
        auth = transport.config.auth
        assert (auth.kind, auth.region, auth.service) == ("sigv4", "eu-west-1", "aoss")


def test_what_is_sent_to_find_out_is_no_document():
    with pytest.raises(ValueError, match="Expecting"):
        json.loads(connection.NO_DOCUMENT)
