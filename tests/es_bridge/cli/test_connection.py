"""The options that say which cluster, and the secrets that are no options."""

from __future__ import annotations

import argparse
import getpass
import sys
from typing import List

import pytest

from es_bridge.cli.connection import add_connection_arguments, cluster_from
from es_bridge.config import Auth, ClusterConfig
from es_bridge.errors import ConfigError

SECRET = "s3cret-Zx81"


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    monkeypatch.delenv("AWS_SIEM_BRIDGE_URL", raising=False)
    monkeypatch.delenv("AWS_SIEM_BRIDGE_PASSWORD", raising=False)


@pytest.fixture
def secret_file(tmp_path):
    path = tmp_path / "secret"
    path.write_text(SECRET + "\n")
    return str(path)


def parsed(words: List[str]) -> ClusterConfig:
    parser = argparse.ArgumentParser()
    add_connection_arguments(parser)
    return cluster_from(parser.parse_args(words))


def test_nothing_said_means_a_cluster_on_this_machine():
    assert parsed([]) == ClusterConfig(("http://localhost:9200",))


def test_hosts_from_a_variable_or_several_options(monkeypatch):
    monkeypatch.setenv("AWS_SIEM_BRIDGE_URL", "https://from.variable:9200")
    assert parsed([]).hosts == ("https://from.variable:9200",)
    assert parsed(["--url", "http://a", "--url", "http://b"]).hosts == ("http://a", "http://b")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--username", "jo", "--password-file", "{file}"], Auth("basic", username="jo", password=SECRET)),
        (["--api-key-file", "{file}"], Auth("api_key", api_key=SECRET)),
        (["--bearer-token-file", "{file}"], Auth("bearer", bearer_token=SECRET)),
        (["--sigv4", "us-east-1"], Auth("sigv4", region="us-east-1")),
        (
            ["--sigv4", "us-east-1", "--service", "aoss", "--profile", "lab"],
            Auth("sigv4", region="us-east-1", service="aoss", profile="lab"),
        ),
    ],
)
def test_authentication(words, expected, secret_file):
    assert parsed([word.replace("{file}", secret_file) for word in words]).auth == expected


def test_a_password_from_the_environment(monkeypatch):
    monkeypatch.setenv("AWS_SIEM_BRIDGE_PASSWORD", SECRET)
    assert parsed(["--username", "jo"]).auth == Auth("basic", username="jo", password=SECRET)


def test_a_password_from_a_person(monkeypatch):
    asked = []
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(getpass, "getpass", lambda prompt: asked.append(prompt) or SECRET)
    assert parsed(["--username", "jo"]).auth.password == SECRET
    assert asked == ["password of jo: "]


def test_tls_proxy_and_time_limits(secret_file):
    words = ["--url", "https://x", "--ca-file", "ca.pem", "--client-cert", "c.pem", "--client-key", "k.pem"]
    words += ["--proxy", "http://proxy.example:3128", "--proxy-username", "jo", "--proxy-password-file", secret_file]
    words += ["--connect-timeout", "1.5", "--request-timeout", "7", "--engine", "opensearch", "--insecure"]
    assert parsed(words) == ClusterConfig(
        ("https://x",),
        engine="opensearch",
        verify_tls=False,
        ca_file="ca.pem",
        client_cert_file="c.pem",
        client_key_file="k.pem",
        proxy="http://proxy.example:3128",
        proxy_username="jo",
        proxy_password=SECRET,
        connect_timeout_s=1.5,
        request_timeout_s=7,
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--username", "jo", "--sigv4", "us-east-1"], "--username and --sigv4 exclude each other"),
        (["--api-key-file", "a", "--bearer-token-file", "b"], "--api-key-file and --bearer-token-file exclude"),
        (["--password-file", "{file}"], "--password-file needs --username"),
        (["--username", "jo", "--password-file", "/nowhere/secret"], "/nowhere/secret cannot be read: No such file"),
        (["--api-key-file", "{binary}"], "not UTF-8"),
        (["--bearer-token-file", "{empty}"], "is empty"),
    ],
)
def test_contradictions_and_unreadable_files(words, says, secret_file, tmp_path):
    (tmp_path / "binary").write_bytes(b"\xff\xfe" + SECRET.encode())
    (tmp_path / "empty").write_text("\n")
    names = {"{file}": secret_file, "{binary}": str(tmp_path / "binary"), "{empty}": str(tmp_path / "empty")}
    with pytest.raises(ConfigError, match=says) as caught:
        parsed([names.get(word, word) for word in words])
    assert SECRET not in str(caught.value)


def test_no_option_takes_a_secret():
    parser = argparse.ArgumentParser()
    add_connection_arguments(parser)
    about_secrets = [o for o in parser._option_string_actions if any(w in o for w in ("password", "token", "api-key"))]
    assert about_secrets
    assert all(option.endswith("-file") for option in about_secrets)


def test_credentials_over_plain_http_are_warned_of(monkeypatch, capsys):
    monkeypatch.setenv("AWS_SIEM_BRIDGE_PASSWORD", SECRET)
    parsed(["--url", "http://search.example:9200", "--username", "jo"])
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.startswith("aws-siem-bridge: warning: ")
    assert "unencrypted to http://search.example:9200" in said and SECRET not in said
    parsed(["--url", "http://localhost:9200", "--username", "jo"])
    parsed(["--url", "http://search.example:9200"])
    assert capsys.readouterr().err == ""
    with pytest.raises(ConfigError, match="some hosts are https"):
        parsed(["--url", "https://a", "--url", "http://b"])
