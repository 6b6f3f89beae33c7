"""Requests signed as an AWS role that is assumed: fetched when it is needed, renewed in time, and in no log."""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta, timezone
from typing import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from es_bridge.auth import authenticator
from es_bridge.config import Auth, ClusterConfig
from es_bridge.errors import ConfigError
from es_bridge.transport import Transport
from lab.front.server import LocalServer, Received, Reply
from lab.front.sigv4 import Credentials, verify

pytestmark = pytest.mark.splunk_python

REGION = "eu-west-1"
ROLE = "arn:aws:iam::222233334444:role/siem/reader"
KEYS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
SECRET = "temporary/Secret+"
URL = "https://search-example.eu-west-1.es.amazonaws.com/_search"


class Sts(LocalServer):
    """Gives out credentials as STS does, each time others."""

    lifetime = timedelta(hours=1)
    refusal = ""
    given = 0

    def answer(self, received: Received) -> Reply:
        if urlsplit(received.target).netloc:  # as a proxy is asked
            received.headers["host"] = urlsplit(received.target).netloc
            received = Received(received.method, urlsplit(received.target).path, received.headers, received.body)
        verify(received, {KEYS.access_key_id: KEYS}, REGION, "sts", time.time())
        form = parse_qs(received.body.decode())
        assert (form["Action"], form["RoleArn"]) == (["AssumeRole"], [ROLE])
        assert form["RoleSessionName"] == ["aws-siem-bridge"]
        kind = (("Content-Type", "text/xml"),)
        if self.refusal:
            error = f"<Error><Code>AccessDenied</Code><Message>{self.refusal}</Message></Error>"
            return Reply(403, f"<ErrorResponse>{error}</ErrorResponse>".encode(), kind)
        self.given += 1
        cells = {
            "AccessKeyId": f"ASIA{self.given}",
            "SecretAccessKey": f"{SECRET}{self.given}",
            "SessionToken": f"token{self.given}",
            "Expiration": f"{datetime.now(timezone.utc) + self.lifetime:%Y-%m-%dT%H:%M:%SZ}",
        }
        xml = "".join(f"<{name}>{value}</{name}>" for name, value in cells.items())
        result = f"<AssumeRoleResult><Credentials>{xml}</Credentials></AssumeRoleResult>"
        return Reply(200, f"<AssumeRoleResponse>{result}</AssumeRoleResponse>".encode(), kind)


@pytest.fixture
def sts(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sts]:
    with Sts() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield server


def auth(**more: str) -> Auth:
    keys = {"access_key_id": KEYS.access_key_id, "secret_access_key": KEYS.secret_access_key}
    return Auth("sigv4", **{"region": REGION, "role_arn": ROLE, **keys, **more})


def signed_by(headers: dict) -> str:
    """Return the access key id in a signature."""
    return headers["Authorization"].partition("Credential=")[2].partition("/")[0]


def test_the_role_is_assumed_once_and_signs(sts: Sts) -> None:
    signer = authenticator(auth())
    assert sts.received == []
    headers = [signer.headers("GET", URL, {}, None) for _ in range(3)]
    assert [signed_by(each) for each in headers] == ["ASIA1"] * 3
    assert headers[0]["X-Amz-Security-Token"] == "token1"
    assert len(sts.received) == 1


def test_keys_of_the_environment_assume_it_too(sts: Sts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEYS.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEYS.secret_access_key)
    signer = authenticator(auth(access_key_id="", secret_access_key=""))
    assert signed_by(signer.headers("GET", URL, {}, None)) == "ASIA1"


def test_credentials_are_renewed_before_they_expire(sts: Sts) -> None:
    sts.lifetime = timedelta(minutes=14)
    signer = authenticator(auth())
    assert [signed_by(signer.headers("GET", URL, {}, None)) for _ in range(3)] == ["ASIA1", "ASIA2", "ASIA3"]
    # A renewal that fails while they still hold changes nothing for the search.
    sts.refusal = "try later"
    assert signed_by(signer.headers("GET", URL, {}, None)) == "ASIA3"


def test_a_refusal_of_the_cluster_fetches_others(sts: Sts) -> None:
    signer = authenticator(auth())
    signer.headers("GET", URL, {}, None)
    signer.refresh()
    assert signed_by(signer.headers("GET", URL, {}, None)) == "ASIA2"
    assert signer.secrets() == (f"{SECRET}2", "token2")


def test_a_role_that_may_not_be_assumed_says_whose_policy_to_look_at(sts: Sts) -> None:
    sts.refusal = f"User: arn:aws:iam::111122223333:user/kim is not authorized, with {KEYS.secret_access_key}"
    with pytest.raises(ConfigError, match="does not let this Splunk or command assume the role") as raised:
        authenticator(auth()).headers("GET", URL, {}, None)
    assert ROLE in str(raised.value) and "user/kim is not authorized" in str(raised.value)
    assert KEYS.secret_access_key not in str(raised.value)
    assert raised.value.__cause__ is None


def test_sts_that_cannot_be_reached_is_named(sts: Sts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1")
    with pytest.raises(ConfigError, match="AWS STS, which gives the credentials of a role, cannot be reached"):
        authenticator(auth()).headers("GET", URL, {}, None)


def test_it_is_asked_by_the_clusters_proxy(sts: Sts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://sts.invalid")
    config = ClusterConfig(
        (URL,), auth=auth(), proxy=sts.url, proxy_username="proxy@user", proxy_password="pass:word/1"
    )
    with Transport(config) as transport:
        signer = transport._authenticator
        assert signed_by(signer.headers("GET", URL, {}, None)) == "ASIA1"
    assert sts.received[0].target == "http://sts.invalid/"
    assert sts.received[0].headers["proxy-authorization"] == "Basic cHJveHlAdXNlcjpwYXNzOndvcmQvMQ=="


def test_no_log_level_writes_the_credentials(sts: Sts, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("botocore").setLevel(logging.NOTSET)
    caplog.set_level(logging.DEBUG)
    authenticator(auth()).headers("GET", URL, {}, None)
    logging.getLogger("es_bridge").debug("it listens")
    assert "it listens" in caplog.text
    assert SECRET not in caplog.text and KEYS.secret_access_key not in caplog.text


@pytest.mark.parametrize("arn", ["reader", "arn:aws:iam::1:role/x", "arn:aws:iam::111122223333:user/x", f"{ROLE}\n"])
def test_what_is_no_role_is_refused(arn: str) -> None:
    with pytest.raises(ConfigError, match="is not the ARN of a role"):
        auth(role_arn=arn)


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_every_partition_has_roles(partition: str) -> None:
    auth(role_arn=f"arn:{partition}:iam::111122223333:role/a/b/Reader_1+=,.@-")
