"""``aws-siem-bridge lab splunkd start``: the app's pages and splunkd's REST interface, without a Splunk."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
from pathlib import Path

from es_bridge.config import ClusterConfig
from es_bridge.errors import BridgeError
from es_bridge.terminal import put, put_error

from .clusters import add_cluster
from .server import APP_DIR, SplunkdStandIn
from .users import User
from .web.pages import page_names

_REPOSITORY = APP_DIR.parents[1]
_EXAMPLE = """\
examples:
  aws-siem-bridge lab splunkd start --web-port 8000 --local /tmp/my-splunk
  aws-siem-bridge lab splunkd start --cluster http://127.0.0.1:9200 --user kim --role user
  curl -H "Authorization: Splunk <the key it prints>" \\
    '<the uri it prints>/servicesNS/nobody/aws_siem_bridge/configs/conf-aws_siem_bridge_cluster?output_mode=json'
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``lab splunkd``."""
    parser.epilog = _EXAMPLE
    parser.add_argument("action", choices=["start"], help="serve until Ctrl-C")
    parser.add_argument("--app", type=Path, metavar="FOLDER", help="a built app; default: build it (script/build-app)")
    parser.add_argument("--web-port", type=int, default=0, metavar="N", help="Splunk Web's port; default: a free one")
    parser.add_argument("--port", type=int, default=0, metavar="N", help="splunkd's port; default: a free one")
    parser.add_argument(
        "--local", type=Path, metavar="FOLDER", help="keep what is saved in this folder; default: forget it at the end"
    )
    parser.add_argument("--cluster", metavar="URL", help="configure a cluster 'lab' without sign-in at this URL")
    parser.add_argument("--tls", action="store_true", help="splunkd on https with a certificate of its own, as it has")
    parser.add_argument("--user", default="admin", help="who is signed in; default: admin")
    parser.add_argument("--role", action="append", metavar="ROLE", help="a role of that user; default: admin")
    parser.add_argument(
        "--time-zone", default="", metavar="NAME", help="that of the user's preferences, such as Asia/Seoul"
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C; return 0, or 1 when it could not start."""
    app_dir = arguments.app or _REPOSITORY / "dist" / "aws_siem_bridge"
    if arguments.app is None and not _build():
        return 1
    if not (app_dir / "default" / "app.conf").is_file():
        return _failed(f"{app_dir} is no Splunk app: it has no default/app.conf")
    user = User(arguments.user, tuple(arguments.role or ["admin"]), tz=arguments.time_zone)
    try:
        splunkd = SplunkdStandIn(
            app_dir,
            local_dir=arguments.local,
            port=arguments.port,
            tls=arguments.tls,
            web=True,
            web_port=arguments.web_port,
            web_user=user,
            tell=put_error,
        )
    except OSError as exc:
        return _failed(f"the stand-in cannot start: {exc.strerror}. Is the port in use?")
    try:
        if arguments.cluster:
            add_cluster(splunkd.state, ClusterConfig((arguments.cluster,), name="lab"))
    except BridgeError as exc:
        return _failed(str(exc))
    return _serve(splunkd, user)


def _serve(splunkd: SplunkdStandIn, user: User) -> int:
    # Whoever ends this, it is a Ctrl-C here: the children end with it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with splunkd:
        try:
            app = splunkd.state.app
            for page in page_names(splunkd.state.confs.app_dir):
                put(f"open        {splunkd.web_uri}/en-US/app/{app}/{page}  (signed in as {user.name})")
            put(f"splunkd     {splunkd.uri}")
            put(f"session key {splunkd.state.session(user)}")
            put(f"logs        {splunkd.splunk_home / 'var' / 'log' / 'splunk'}", flush=True)
            splunkd.wait()
        except KeyboardInterrupt:
            pass
    return 0


def _build() -> bool:
    """Build the app unless it is up to date; return whether there is one now."""
    script = _REPOSITORY / "script" / "build-app"
    if not script.is_file():
        _failed("there is no source to build the app from: give a built one with --app")
        return False
    status = subprocess.run([str(script)], stdout=sys.stderr).returncode
    if status:
        _failed(f"script/build-app failed with status {status}: see above, or give a built app with --app")
    return status == 0


def _failed(text: str) -> int:
    put_error(f"aws-siem-bridge: {text}")
    return 1
