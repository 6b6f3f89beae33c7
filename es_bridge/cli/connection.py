"""The options that say which cluster, the same for every command that talks to one.

A secret never is an argument: the process list and the shell's history show those to others.
"""

from __future__ import annotations

import argparse
import getpass
import os
import secrets
import sys
from pathlib import Path
from typing import Callable

from es_bridge.cli.reporting import say
from es_bridge.config import ENGINES, SIGV4_SERVICES, Auth, ClusterConfig
from es_bridge.errors import ConfigError
from es_bridge.terminal import shown

DEFAULT_URL = "http://localhost:9200"
URL_VARIABLE = "AWS_SIEM_BRIDGE_URL"
PASSWORD_VARIABLE = "AWS_SIEM_BRIDGE_PASSWORD"  # noqa: S105 - the name of a variable


def add_connection_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that `cluster_from` reads."""
    where = parser.add_argument_group("cluster")
    where.add_argument(
        "--url",
        action="append",
        metavar="URL",
        help=f"base URL; repeat it for more hosts of the same cluster (default: ${URL_VARIABLE}, else {DEFAULT_URL})",
    )
    where.add_argument("--engine", choices=ENGINES, default="auto", help="auto asks the cluster (default)")
    where.add_argument("--connect-timeout", type=float, metavar="SECONDS", help="default: 10")
    where.add_argument("--request-timeout", type=float, metavar="SECONDS", help="longest silence; default: 120")
    who = parser.add_argument_group("authentication (default: none)")
    who.add_argument(
        "--username", metavar="NAME", help=f"basic; the password comes from ${PASSWORD_VARIABLE}, a file or a prompt"
    )
    who.add_argument("--password-file", type=Path, metavar="FILE")
    who.add_argument("--api-key-file", type=Path, metavar="FILE", help="holds id:key or its base64 form")
    who.add_argument("--bearer-token-file", type=Path, metavar="FILE")
    who.add_argument("--sigv4", metavar="REGION", help="sign with AWS credentials (environment, profile, role)")
    who.add_argument("--service", choices=SIGV4_SERVICES, default="es", help="es: domain (default), aoss: Serverless")
    who.add_argument("--profile", metavar="NAME", default="", help="AWS profile for --sigv4")
    tls = parser.add_argument_group("TLS and proxy")
    tls.add_argument("--ca-file", metavar="FILE", help="PEM file of the authority to trust instead of the system's")
    tls.add_argument("--client-cert", metavar="FILE", help="PEM file with the client certificate")
    tls.add_argument("--client-key", metavar="FILE", help="PEM file with its key, when it is not in the same file")
    tls.add_argument("--insecure", action="store_true", help="do not verify the server's certificate")
    tls.add_argument("--proxy", metavar="URL", help="forward proxy, such as http://proxy.example:3128")
    tls.add_argument("--proxy-username", metavar="NAME", default="")
    tls.add_argument("--proxy-password-file", type=Path, metavar="FILE")


def _warn(text: str) -> None:
    say(f"warning: {text}")


def opaque_id(command: str) -> str:
    """Return who asks and with which process, for the cluster's slow log and task list; no two are the same."""
    user = os.environ.get("USER") or os.environ.get("USERNAME") or "unknown"
    return f"aws-siem-bridge {command}/{user}/{os.getpid()}-{secrets.token_hex(4)}"


def cluster_from(arguments: argparse.Namespace, warn: Callable[[str], None] = _warn) -> ClusterConfig:
    """Return the cluster the options name, after a warning if they give its credentials away.

    Raises `ConfigError` on a contradiction or an unreadable file.
    """
    cluster = _cluster(arguments)
    if cluster.warning:
        warn(cluster.warning)
    return cluster


def _cluster(arguments: argparse.Namespace) -> ClusterConfig:
    hosts = arguments.url or [os.environ.get(URL_VARIABLE) or DEFAULT_URL]
    timeouts = {
        "connect_timeout_s": arguments.connect_timeout,
        "request_timeout_s": arguments.request_timeout,
    }
    return ClusterConfig(
        hosts=tuple(hosts),
        engine=arguments.engine,
        auth=_auth(arguments),
        verify_tls=not arguments.insecure,
        ca_file=arguments.ca_file,
        client_cert_file=arguments.client_cert,
        client_key_file=arguments.client_key,
        proxy=arguments.proxy,
        proxy_username=arguments.proxy_username,
        proxy_password=_secret(arguments.proxy_password_file) if arguments.proxy_password_file else "",
        **{name: seconds for name, seconds in timeouts.items() if seconds is not None},
    )


def _auth(arguments: argparse.Namespace) -> Auth:
    given = {
        "--username": arguments.username,
        "--api-key-file": arguments.api_key_file,
        "--bearer-token-file": arguments.bearer_token_file,
        "--sigv4": arguments.sigv4,
    }
    chosen = [option for option, value in given.items() if value]
    if len(chosen) > 1:
        raise ConfigError(f"{' and '.join(chosen)} exclude each other: give one kind of authentication")
    if arguments.username:
        return Auth("basic", username=arguments.username, password=_password(arguments))
    if arguments.password_file:
        raise ConfigError("--password-file needs --username")
    if arguments.api_key_file:
        return Auth("api_key", api_key=_secret(arguments.api_key_file))
    if arguments.bearer_token_file:
        return Auth("bearer", bearer_token=_secret(arguments.bearer_token_file))
    if arguments.sigv4:
        return Auth("sigv4", region=arguments.sigv4, service=arguments.service, profile=arguments.profile)
    return Auth()


def _password(arguments: argparse.Namespace) -> str:
    if arguments.password_file:
        return _secret(arguments.password_file)
    if os.environ.get(PASSWORD_VARIABLE):
        return os.environ[PASSWORD_VARIABLE]
    if sys.stdin is not None and sys.stdin.isatty():
        return getpass.getpass(shown(f"password of {arguments.username}: "))
    raise ConfigError(f"--username needs a password: set {PASSWORD_VARIABLE}, or give --password-file")


def _secret(path: Path) -> str:
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"{path} cannot be read: {reason}") from None
    if not secret:
        raise ConfigError(f"{path} is empty; it must hold the secret and nothing else")
    return secret
