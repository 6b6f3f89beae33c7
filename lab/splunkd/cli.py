"""``aws-siem-bridge lab splunkd start``: the stand-in in the foreground."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .server import SplunkdStandIn
from .users import User

_EXAMPLE = """\
example:
  aws-siem-bridge lab splunkd start --port 8089
  curl -H "Authorization: Splunk <the key it prints>" \\
    http://127.0.0.1:8089/servicesNS/nobody/aws_siem_bridge/configs/conf-aws_siem_bridge_cluster
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``lab splunkd``."""
    parser.epilog = _EXAMPLE
    parser.add_argument("action", choices=["start"], help="serve until Ctrl-C")
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    parser.add_argument("--local", type=Path, metavar="FOLDER", help="conf files on top of the app's default folder")
    parser.add_argument("--tls", action="store_true", help="https with a certificate of its own, as splunkd has")
    parser.add_argument("--user", default="admin", help="name of the user whose session key is printed")
    parser.add_argument("--tz", default="", help="time zone in that user's preferences, such as Asia/Seoul")


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    try:
        splunkd = SplunkdStandIn(local_dir=arguments.local, port=arguments.port, tls=arguments.tls)
    except OSError as exc:
        print(f"aws-siem-bridge: port {arguments.port} cannot be used: {exc.strerror}", file=sys.stderr)
        return 1
    with splunkd:
        print(f"uri         {splunkd.uri}")
        print(f"session key {splunkd.state.session(User(arguments.user, ('admin',), tz=arguments.tz))}", flush=True)
        try:
            splunkd.wait()
        except KeyboardInterrupt:
            pass
    return 0
