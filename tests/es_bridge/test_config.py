"""What a cluster's settings may be, and what is said about those that cannot be used."""

from __future__ import annotations

import pytest

from es_bridge.config import Auth, ClusterConfig
from es_bridge.errors import ConfigError

pytestmark = pytest.mark.splunk_python

SECRET = "s3cret-Zx81"


@pytest.mark.parametrize(
    "settings",
    [
        {"hosts": ("http://localhost:9200",)},
        {"hosts": ("https://a.example", "https://b.example:9200/prefix/")},
        {
            "hosts": ("https://[::1]:9200",),
            "ca_file": "ca.pem",
            "client_cert_file": "c.pem",
            "client_key_file": "k.pem",
        },
        {"hosts": ("https://x.aoss.amazonaws.com",), "engine": "serverless"},
        {"hosts": ("HTTPS://Search_1.example.:65535/a%20b/", "https://127.1:1")},
        {"hosts": ("https://[2001:db8::192.0.2.1]",), "ca_file": "C:\\ca ü.pem"},
        {"hosts": ("http://a",), "proxy": "http://proxy.example:3128", "proxy_username": "jo", "proxy_password": "x"},
    ],
)
def test_usable_settings(settings):
    config = ClusterConfig(**settings)
    assert config.hosts == settings["hosts"]
    assert config.verify_tls is True


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"hosts": ()}, "no host"),
        ({"hosts": ("https://a", "http://b")}, "some hosts are https and others http"),
        ({"hosts": ("http://localhost:9200", "HTTPS://a", "https://b")}, "some hosts are https and others http"),
        ({"hosts": ("localhost:9200",)}, "not a URL"),
        ({"hosts": ("ftp://x",)}, "not a URL"),
        ({"hosts": ("http://",)}, "not a URL"),
        ({"hosts": ("http://x:99999",)}, "not a URL"),
        ({"hosts": ("http://x:port",)}, "not a URL"),
        ({"hosts": ("http://x/?pretty",)}, "query or fragment"),
        ({"hosts": ("https://[::1",)}, "not a URL"),
        ({"hosts": ("https://[::1]x:9200",)}, "not a URL"),
        ({"hosts": ("https://[1::2::3]",)}, "not a URL"),
        ({"hosts": ("https://::1:9200",)}, "not a URL"),
        ({"hosts": ("https://a b:9200",)}, "not a URL"),
        ({"hosts": ("https://a..b",)}, "not a URL"),
        ({"hosts": ("https://a\\b",)}, "not a URL"),
        ({"hosts": ("https://x:9200\n[y]",)}, "not a URL"),
        ({"hosts": ("https://x/a b",)}, "not a URL"),
        ({"hosts": ("https://hôte.example",)}, "in their ASCII form"),
        ({"hosts": ("https://ex℀mple",)}, "not a URL"),
        ({"hosts": ("https://" + "a" * 64,)}, "not a URL"),
        ({"hosts": (f"https://jo:{SECRET}", "9@x:9200")}, "auth settings"),
        ({"hosts": (f"http://jo:{SECRET}@x",)}, "auth settings"),
        ({"hosts": (f"jo:{SECRET}@x:9200",)}, "auth settings"),
        ({"engine": "solr"}, "auto, elasticsearch, opensearch, serverless"),
        ({"ca_file": "ca.pem"}, "ca_file needs a host with https"),
        ({"client_cert_file": "c.pem"}, "client_cert_file needs a host with https"),
        ({"hosts": ("https://x",), "client_key_file": "k.pem"}, "needs client_cert_file"),
        (
            {"hosts": ("https://x",), "ca_file": f"-----BEGIN CERTIFICATE-----\n{SECRET}"},
            "ca_file holds what should be in",
        ),
        (
            {"hosts": ("https://x",), "client_cert_file": f"/c.pem\n{SECRET}"},
            "client_cert_file holds what should be in",
        ),
        ({"client_key_file": f"-----BEGIN PRIVATE KEY----- {SECRET}"}, "client_key_file holds what should be"),
        ({"client_key_file": f"{SECRET}\0"}, "client_key_file holds what should be"),
        ({"page_size_docs": 0}, "1 to 10,000"),
        ({"page_size_docs": 10_001}, "1 to 10,000"),
        ({"connect_timeout_s": 0}, "connect_timeout_s"),
        ({"request_timeout_s": -1}, "request_timeout_s"),
        ({"request_timeout_s": float("nan")}, "request_timeout_s"),
        ({"connect_timeout_s": float("inf")}, "connect_timeout_s"),
        ({"connect_timeout_s": 1e300}, "at most 86400"),
        ({"max_retries": -1}, "max_retries"),
        ({"proxy": "proxy.example:3128"}, "not a proxy URL"),
        ({"proxy": "http://proxy.example"}, "not a proxy URL"),
        ({"proxy": "http://proxy.example:x"}, "not a proxy URL"),
        ({"proxy": "http://[::1:3128"}, "not a proxy URL"),
        ({"proxy": "http://pröxy.example:3128"}, "not a proxy URL"),
        ({"proxy": "socks5://proxy.example:1080"}, "not a proxy URL"),
        ({"proxy": f"http://jo:{SECRET}@proxy.example:3128"}, "proxy_username"),
        ({"proxy": f"jo:{SECRET}@proxy.example:3128"}, "proxy_username"),
        ({"proxy": "http://proxy.example:3128", "proxy_password": SECRET}, "proxy_username"),
    ],
)
def test_unusable_settings_are_refused_with_what_would_do_and_without_a_secret(settings, says):
    with pytest.raises(ConfigError, match=says) as caught:
        ClusterConfig(**{"hosts": ("http://localhost:9200",), "name": "prod", **settings})
    assert "'prod'" in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"kind": "kerberos"}, "none, basic, api_key, bearer, sigv4"),
        ({"kind": "basic", "username": "jo"}, "password"),
        ({"kind": "basic", "password": SECRET}, "user name"),
        ({"kind": "basic", "username": "j:o", "password": SECRET}, "colon"),
        ({"kind": "api_key"}, "API key"),
        ({"kind": "bearer"}, "token"),
        ({"kind": "sigv4"}, "region"),
        ({"kind": "sigv4", "region": f"us-east-1\n{SECRET}"}, "region holds white space"),
        ({"kind": "sigv4", "region": "us-east-1", "service": "s3"}, "aoss"),
        ({"kind": "sigv4", "region": "us-east-1", "access_key_id": "AKIA"}, "pairs"),
        ({"kind": "sigv4", "region": "us-east-1", "secret_access_key": SECRET}, "pairs"),
    ],
)
def test_unusable_authentication(settings, says):
    with pytest.raises(ConfigError, match=says) as caught:
        Auth(**settings)
    assert SECRET not in str(caught.value)


def test_no_secret_in_repr():
    auth = Auth(
        "sigv4",
        password=SECRET,
        api_key=SECRET,
        bearer_token=SECRET,
        region="us-east-1",
        access_key_id="AKIAEXAMPLE",
        secret_access_key=SECRET,
        session_token=SECRET,
    )
    proxy = {"proxy": "http://proxy.example:3128", "proxy_username": "jo", "proxy_password": SECRET}
    config = ClusterConfig(("http://localhost:9200",), auth=auth, **proxy)
    assert SECRET not in repr(config) + str(config) + repr(auth)
    assert "AKIAEXAMPLE" in repr(config)


KINDS = [
    Auth("basic", username="jo", password=SECRET),
    Auth("api_key", api_key=SECRET),
    Auth("bearer", bearer_token=SECRET),
    Auth("sigv4", region="eu-west-1", access_key_id="AKIA", secret_access_key=SECRET, session_token="t"),
]


@pytest.mark.parametrize("auth", KINDS, ids=lambda auth: auth.kind)
@pytest.mark.parametrize(
    "hosts",
    [
        ("http://search.example:9200",),
        ("HTTP://Search.example",),
        ("http://localhost:9200", "http://10.0.0.7:9200"),
        ("http://[2001:db8::1]:9200",),
        ("http://localhost.example",),
        ("http://127.0.0.1.example",),
    ],
)
def test_credentials_over_plain_http_are_warned_of(auth, hosts):
    warning = ClusterConfig(hosts, auth=auth).warning
    assert auth.kind in warning and hosts[-1] in warning and "https" in warning and "'default'" in warning
    assert SECRET not in warning and "localhost:9200" not in warning


@pytest.mark.parametrize(
    "hosts",
    [
        ("https://search.example:9200",),
        ("http://localhost:9200", "http://127.0.0.1:9200", "http://127.8.9.10", "http://[::1]:9200"),
        ("http://LOCALHOST.:9200", "http://node1.localhost:9200", "http://[::ffff:127.0.0.1]:9200"),
    ],
)
def test_credentials_that_stay_safe_are_not_warned_of(hosts):
    assert ClusterConfig(hosts, auth=KINDS[0]).warning == ""
    assert ClusterConfig(("http://search.example:9200",)).warning == ""
