"""AWS sign-in with the trimmed botocore of the installed app: every source of credentials an administrator may use.

`FakeAws` hands out credentials as AWS's services do; what is then signed with them is verified by `lab.front.sigv4`,
which shares no code with botocore.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Dict, Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from lab.front.server import LocalServer, Received, Reply
from lab.front.sigv4 import Credentials, verify

pytestmark = pytest.mark.splunk_python

REGION = "ap-northeast-2"
KEYS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
TEMPORARY = Credentials("ASIAEXAMPLE", "aTemporarySecret/Key+Example", "A//session+token=/of+some==length")
ROLE = "arn:aws:iam::111122223333:role/reader"
URL = "https://search-example.ap-northeast-2.es.amazonaws.com/logs-%2A/_search?size=1"

#: Signs one request as es_bridge does it, and prints the headers. argv: the app's lib, keyword arguments of `Auth`.
SIGN = f"""
import json, sys
sys.path.insert(0, sys.argv[1])
from es_bridge.auth import authenticator
from es_bridge.config import Auth
auth = Auth(kind="sigv4", region={REGION!r}, **json.loads(sys.argv[2]))
print(json.dumps(authenticator(auth).headers("POST", {URL!r}, {{}}, b'{{"size": 1}}')))
"""


class FakeAws(LocalServer):
    """The services that give out temporary credentials: STS, SSO, SSO OIDC, instance metadata, container metadata."""

    def answer(self, received: Received) -> Reply:
        path = urlsplit(received.target).path
        form = parse_qs(received.body.decode())
        action = form.get("Action", [""])[0]
        expires = (datetime.now(timezone.utc) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        keys = {"AccessKeyId": TEMPORARY.access_key_id, "SecretAccessKey": TEMPORARY.secret_access_key}
        if action in ("AssumeRole", "AssumeRoleWithWebIdentity"):
            assert form["RoleArn"] == [ROLE]
            if action == "AssumeRole":
                verify(received, {KEYS.access_key_id: KEYS}, REGION, "sts", time.time())
            else:
                assert form["WebIdentityToken"] == ["a.web.token"]
            cells = {**keys, "SessionToken": TEMPORARY.session_token, "Expiration": expires}
            xml = "".join(f"<{name}>{value}</{name}>" for name, value in cells.items())
            result = f"<{action}Result><Credentials>{xml}</Credentials></{action}Result>"
            body = f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">{result}</{action}Response>'
            return Reply(200, body.encode(), (("Content-Type", "text/xml"),))
        if path == "/latest/api/token":
            return Reply(200, b"imds-token", (("X-aws-ec2-metadata-token-ttl-seconds", "21600"),))
        if path == "/latest/meta-data/iam/security-credentials/":
            assert received.headers["x-aws-ec2-metadata-token"] == "imds-token", "IMDSv2"
            return Reply(200, b"instance-role", ())
        if path in ("/latest/meta-data/iam/security-credentials/instance-role", "/ecs"):
            told = {**keys, "Token": TEMPORARY.session_token, "Expiration": expires, "Code": "Success"}
            return Reply(200, json.dumps(told).encode())
        if path == "/token":
            assert json.loads(received.body)["refreshToken"] == "refresh"
            return Reply(200, json.dumps({"accessToken": "fresh", "expiresIn": 3600}).encode())
        if path == "/federation/credentials":
            assert received.headers["x-amz-sso_bearer_token"] == "fresh"
            expiration = int(time.time() * 1000) + 3_600_000
            names = {"accessKeyId": TEMPORARY.access_key_id, "secretAccessKey": TEMPORARY.secret_access_key}
            told = {**names, "sessionToken": TEMPORARY.session_token, "expiration": expiration}
            return Reply(200, json.dumps({"roleCredentials": told}).encode())
        return Reply(404)


@pytest.fixture
def aws() -> Iterator[FakeAws]:
    with FakeAws() as server:
        yield server


def sign(app: Path, python: str, home: Path, environment: Dict[str, str], **auth: str) -> Credentials:
    """Sign a request in a child process that has ``environment`` and nothing else; return whose signature it bears."""
    quiet = {"HOME": str(home), "AWS_EC2_METADATA_DISABLED": "true", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [python, "-I", "-c", SIGN, str(app / "lib"), json.dumps(auth)],
        capture_output=True, text=True, env={**quiet, **environment}, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    where = urlsplit(URL)
    headers = {name.lower(): value for name, value in json.loads(done.stdout).items()}
    headers["host"] = where.netloc
    assert headers["x-amz-content-sha256"] == hashlib.sha256(b'{"size": 1}').hexdigest()
    received = Received("POST", f"{where.path}?{where.query}", headers, b'{"size": 1}')
    known = {keys.access_key_id: keys for keys in (KEYS, TEMPORARY)}
    return verify(received, known, REGION, auth.get("service", "es"), time.time())


@pytest.mark.parametrize("service", ["es", "aoss"])
def test_keys_of_the_page(installed_app: Path, bare_python: str, tmp_path: Path, service: str) -> None:
    given = {"access_key_id": KEYS.access_key_id, "secret_access_key": KEYS.secret_access_key}
    assert sign(installed_app, bare_python, tmp_path, {}, service=service, **given) == KEYS


def test_keys_of_the_environment(installed_app: Path, bare_python: str, tmp_path: Path) -> None:
    keys = {"AWS_ACCESS_KEY_ID": KEYS.access_key_id, "AWS_SECRET_ACCESS_KEY": KEYS.secret_access_key}
    assert sign(installed_app, bare_python, tmp_path, keys) == KEYS


def test_a_profile_that_assumes_a_role(installed_app: Path, bare_python: str, tmp_path: Path, aws: FakeAws) -> None:
    config = f"""
[profile base]
aws_access_key_id = {KEYS.access_key_id}
aws_secret_access_key = {KEYS.secret_access_key}
[profile reader]
role_arn = {ROLE}
source_profile = base
region = {REGION}
"""
    environment = {"AWS_CONFIG_FILE": write(tmp_path, "config", config), "AWS_ENDPOINT_URL_STS": aws.url}
    assert sign(installed_app, bare_python, tmp_path, environment, profile="base") == KEYS
    assert aws.received == []
    assert sign(installed_app, bare_python, tmp_path, environment, profile="reader") == TEMPORARY
    assert len(aws.received) == 1


def test_a_role_of_the_page(installed_app: Path, bare_python: str, tmp_path: Path, aws: FakeAws) -> None:
    given = {"access_key_id": KEYS.access_key_id, "secret_access_key": KEYS.secret_access_key, "role_arn": ROLE}
    assert sign(installed_app, bare_python, tmp_path, {"AWS_ENDPOINT_URL_STS": aws.url}, **given) == TEMPORARY
    assert len(aws.received) == 1


def test_a_web_identity(installed_app: Path, bare_python: str, tmp_path: Path, aws: FakeAws) -> None:
    environment = {
        "AWS_ROLE_ARN": ROLE,
        "AWS_WEB_IDENTITY_TOKEN_FILE": write(tmp_path, "token", "a.web.token"),
        "AWS_ENDPOINT_URL_STS": aws.url,
        "AWS_DEFAULT_REGION": REGION,
    }
    assert sign(installed_app, bare_python, tmp_path, environment) == TEMPORARY


def test_the_role_of_an_instance(installed_app: Path, bare_python: str, tmp_path: Path, aws: FakeAws) -> None:
    environment = {"AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": aws.url}
    assert sign(installed_app, bare_python, tmp_path, environment) == TEMPORARY


def test_the_role_of_a_container(installed_app: Path, bare_python: str, tmp_path: Path, aws: FakeAws) -> None:
    environment = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{aws.url}/ecs"}
    assert sign(installed_app, bare_python, tmp_path, environment) == TEMPORARY


def test_single_sign_on(installed_app: Path, bare_python: str, tmp_path: Path, aws: FakeAws) -> None:
    """The token has expired, so that SSO OIDC is asked for another one first."""
    config = f"""
[profile sso]
sso_session = work
sso_account_id = 111122223333
sso_role_name = reader
[sso-session work]
sso_region = {REGION}
sso_start_url = https://example.awsapps.com/start
"""
    now = datetime.now(timezone.utc)
    token = {
        "accessToken": "stale", "refreshToken": "refresh", "clientId": "id", "clientSecret": "client-secret",
        "expiresAt": f"{now - timedelta(minutes=5):%Y-%m-%dT%H:%M:%SZ}",
        "registrationExpiresAt": f"{now + timedelta(days=5):%Y-%m-%dT%H:%M:%SZ}",
    }  # fmt: skip
    write(tmp_path, f".aws/sso/cache/{hashlib.sha1(b'work').hexdigest()}.json", json.dumps(token))
    environment = {
        "AWS_CONFIG_FILE": write(tmp_path, "config", config),
        "AWS_ENDPOINT_URL_SSO": aws.url,
        "AWS_ENDPOINT_URL_SSO_OIDC": aws.url,
    }
    assert sign(installed_app, bare_python, tmp_path, environment, profile="sso") == TEMPORARY
    assert [urlsplit(received.target).path for received in aws.received] == ["/token", "/federation/credentials"]


def write(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return str(path)
