"""One cluster as its user configured it. Built once by the entry point, checked here, passed in everywhere."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Optional, Tuple
from urllib.parse import urlsplit

from es_bridge.errors import ConfigError

ENGINES = ("auto", "elasticsearch", "opensearch", "serverless")
AUTH_KINDS = ("none", "basic", "api_key", "bearer", "sigv4")
SIGV4_SERVICES = ("es", "aoss")
#: Longer ones overflow somewhere below.
LONGEST_TIMEOUT_S = 86_400
#: Labels of a name are 1 to 63 characters long: RFC 1035, section 2.3.4. Underscores are in use inside of networks.
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
#: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: names of 64 characters, paths of 512.
_ROLE_ARN = r"(?a)arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]{1,576}"
_NETLOC = re.compile(rf"(?:\[(?P<ip>[0-9A-Fa-f:.]+)\]|{_LABEL}(?:\.{_LABEL})*\.?)(?::(?P<port>[0-9]{{1,5}}))?")


@dataclass(frozen=True)
class Auth:
    """How requests prove who sends them. Secrets are left out of ``repr``."""

    kind: str = "none"
    username: str = ""
    password: str = field(default="", repr=False)
    #: ``id:key`` or its base64 form, as Elasticsearch hands it out.
    api_key: str = field(default="", repr=False)
    bearer_token: str = field(default="", repr=False)
    #: SigV4 only. Without keys the AWS credential chain is used (environment, profile, IMDSv2, ECS, STS).
    region: str = ""
    service: str = "es"
    profile: str = ""
    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)
    #: SigV4 only: a role that is assumed with these credentials; requests are signed as it.
    role_arn: str = ""

    def __post_init__(self) -> None:
        if self.kind not in AUTH_KINDS:
            raise ConfigError(f"auth kind {self.kind!r} is unknown: use one of {', '.join(AUTH_KINDS)}")
        if self.kind == "basic" and not (self.username and self.password):
            raise ConfigError("auth kind basic needs a user name and a password")
        if self.kind == "basic" and ":" in self.username:
            raise ConfigError("a user name with a colon cannot be sent with auth kind basic")
        if self.kind == "api_key" and not self.api_key:
            raise ConfigError("auth kind api_key needs an API key")
        if self.kind == "bearer" and not self.bearer_token:
            raise ConfigError("auth kind bearer needs a token")
        if self.kind == "sigv4":
            if not self.region:
                raise ConfigError("auth kind sigv4 needs the AWS region of the domain, such as ap-northeast-2")
            if self.service not in SIGV4_SERVICES:
                raise ConfigError(
                    f"SigV4 service {self.service!r} is unknown: es for domains, aoss for Serverless collections"
                )
            if bool(self.access_key_id) != bool(self.secret_access_key):
                raise ConfigError("SigV4 keys come in pairs: give access key id and secret access key, or neither")
            if self.role_arn and not re.fullmatch(_ROLE_ARN, self.role_arn):
                raise ConfigError(
                    f"{self.role_arn!r} is not the ARN of a role, such as arn:aws:iam::111122223333:role/siem-reader"
                )
        for name in ("api_key", "bearer_token", "access_key_id", "session_token", "region"):
            # They go into a header; the HTTP library would refuse such text in a message that shows all of it.
            if not all("!" <= character <= "~" for character in getattr(self, name)):
                raise ConfigError(
                    f"{name} holds white space, a control character or a letter outside of ASCII. Was more than the "
                    "secret itself copied?"
                )


@dataclass(frozen=True)
class ClusterConfig:
    """Where a cluster is and how to talk to it. Raises `ConfigError` on a contradiction."""

    #: Base URLs, tried in turn; a path prefix is kept.
    hosts: Tuple[str, ...]
    name: str = "default"
    #: ``auto`` asks ``GET /``; Serverless does not answer there and must be named.
    engine: str = "auto"
    auth: Auth = field(default_factory=Auth)
    #: Verify the server's certificate. Only ever off because a user said so.
    verify_tls: bool = True
    #: PEM file of the authority to trust instead of the system's.
    ca_file: Optional[str] = None
    client_cert_file: Optional[str] = None
    client_key_file: Optional[str] = None
    #: ``http://host:port`` of a forward proxy.
    proxy: Optional[str] = None
    proxy_username: str = ""
    proxy_password: str = field(default="", repr=False)
    connect_timeout_s: float = 10.0
    #: Longest silence of the engine within one request.
    request_timeout_s: float = 120.0
    #: Further attempts after the first, on 429, 502, 503, 504 and connection errors.
    max_retries: int = 4
    #: ``None``: on for hosts that are not loopback. On loopback gzip costs 60 % of the throughput (measured).
    compress: Optional[bool] = None
    time_field: str = "@timestamp"
    default_index: str = ""
    #: Most documents in one request; the engine's own limit is 10,000.
    page_size_docs: int = 5000

    def __post_init__(self) -> None:
        if not self.hosts:
            raise ConfigError(f"cluster {self.name!r} has no host: give at least one URL such as https://search:9200")
        # Said before any message that shows a URL: a comma in a password makes two of one.
        if any("@" in host for host in self.hosts):
            raise ConfigError(
                f"cluster {self.name!r}: a host URL holds a user name or password. Put them into the auth settings"
            )
        schemes = set()
        for host in self.hosts:
            if not _is_url(host, ("http", "https")):
                raise ConfigError(
                    f"cluster {self.name!r}: {host!r} is not a URL such as https://search.example:9200. International "
                    "names are written in their ASCII form, xn--..."
                )
            parts = urlsplit(host)
            if parts.query or parts.fragment:
                raise ConfigError(f"cluster {self.name!r}: {host!r} must not have a query or fragment")
            schemes.add(parts.scheme)
        if len(schemes) > 1:
            raise ConfigError(
                f"cluster {self.name!r}: some hosts are https and others http, so credentials and events would be "
                "sent unencrypted to some of them. Give all of its hosts with https"
            )
        if self.proxy:
            _check_proxy(self.name, self.proxy)
        if self.proxy_password and not self.proxy_username:
            raise ConfigError(f"cluster {self.name!r}: proxy_password needs proxy_username")
        if self.engine not in ENGINES:
            raise ConfigError(
                f"cluster {self.name!r}: engine {self.engine!r} is unknown: use one of {', '.join(ENGINES)}"
            )
        tls_only = {"ca_file": self.ca_file, "client_cert_file": self.client_cert_file}
        for option, value in tls_only.items():
            if value and "https" not in schemes:
                raise ConfigError(f"cluster {self.name!r}: {option} needs a host with https")
        for option in ("ca_file", "client_cert_file", "client_key_file"):
            # A private key must not end up in a conf file or a message.
            if re.search(r"-----BEGIN|[\x00-\x1f]", getattr(self, option) or ""):
                raise ConfigError(
                    f"cluster {self.name!r}: {option} holds what should be in a file. Save that on this machine and "
                    "give the file's path"
                )
        if self.client_key_file and not self.client_cert_file:
            raise ConfigError(f"cluster {self.name!r}: client_key_file needs client_cert_file")
        if not 1 <= self.page_size_docs <= 10_000:
            raise ConfigError(f"cluster {self.name!r}: page_size_docs must be 1 to 10,000, the engines' limit")
        for name in ("connect_timeout_s", "request_timeout_s"):
            if not 0 < getattr(self, name) <= LONGEST_TIMEOUT_S:
                raise ConfigError(
                    f"cluster {self.name!r}: {name} must be more than 0 seconds, and at most {LONGEST_TIMEOUT_S}"
                )
        if self.max_retries < 0:
            raise ConfigError(f"cluster {self.name!r}: max_retries must be 0 or more")

    @property
    def warning(self) -> str:
        """What whoever uses these settings has to know about their safety, ``""`` when there is nothing."""
        if self.auth.kind == "none":
            return ""
        exposed = [host for host in self.hosts if urlsplit(host).scheme == "http" and not is_loopback(host)]
        if not exposed:
            return ""
        return (
            f"cluster {self.name!r}: the credentials ({self.auth.kind}) and all events travel unencrypted to "
            f"{', '.join(exposed)}, so anybody on the way can read them. Have the cluster serve https and give its "
            "hosts with https://"
        )


def is_loopback(url: str) -> bool:
    """Whether requests to a URL stay on this machine."""
    name = (urlsplit(url).hostname or "").rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def _is_url(text: str, schemes: Tuple[str, ...]) -> bool:
    """Whether a request can be sent there: the HTTP library refuses the rest in words that help nobody, if at all."""
    if not all("!" <= character <= "~" for character in text):
        return False
    try:
        parts = urlsplit(text)
        found = _NETLOC.fullmatch(parts.netloc)
        if found is None or parts.scheme not in schemes:
            return False
        if found["ip"]:
            ipaddress.IPv6Address(found["ip"])
        return found["port"] is None or 0 < int(found["port"]) < 65536
    except ValueError:
        return False


def _check_proxy(cluster: str, proxy: str) -> None:
    if "@" in proxy:
        raise ConfigError(
            f"cluster {cluster!r}: the proxy's URL holds a user name or password. Put them into proxy_username and "
            "proxy_password"
        )
    if not _is_url(proxy, ("http",)) or not urlsplit(proxy).port:
        raise ConfigError(f"cluster {cluster!r}: {proxy!r} is not a proxy URL such as http://proxy.example:3128")
