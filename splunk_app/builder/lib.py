"""The folder lib of the app: what pip put there, without what nobody needs inside Splunk; and the rooms it carries."""

from __future__ import annotations

import shutil
from pathlib import Path

from aws_bridge.trimming import trim_botocore
from splunk_app.builder.environment import BuildError
from splunk_app.builder.places import ROOT
from splunk_app.builder.rooms import CARRIED

#: pip's own notes. They differ from machine to machine, and RECORD names files that are gone.
PIP_NOTES = {"RECORD", "INSTALLER", "REQUESTED", "WHEEL", "direct_url.json"}
COMPILED = {".so", ".pyd", ".dll", ".dylib"}
#: The one place where botocore would open a UDP socket: it reports its calls to an agent on this host, when somebody
#: sets AWS_CSM_ENABLED. Splunk Cloud accepts no app with UDP in it, so that switch does nothing here.
UDP_IN_BOTOCORE = (
    "if self.get_config_variable('csm_enabled'):",
    "socket=socket.socket(socket.AF_INET, socket.SOCK_DGRAM),",
)
NO_UDP_IN_BOTOCORE = ("if False:  # aws_siem_bridge: no UDP inside Splunk", "socket=None,")


def trim(lib: Path) -> None:
    """Remove what is not needed. Raises `BuildError` when something compiled is left."""
    (lib / "requirements.txt").unlink()
    shutil.rmtree(lib / "bin", ignore_errors=True)  # console scripts, which name the Python of this machine
    trim_botocore(lib)
    for path in list(lib.rglob("*")):
        if path.name == "__pycache__" or (path.is_dir() and path.name == "tests"):
            shutil.rmtree(path)
        elif path.parent.suffix == ".dist-info" and path.name in PIP_NOTES:
            path.unlink()
    _take_out_udp(lib / "botocore" / "session.py")
    compiled = [str(path.relative_to(lib)) for path in lib.rglob("*") if path.suffix in COMPILED]
    if compiled:
        raise BuildError(f"lib holds compiled parts, which fit one platform only: {', '.join(compiled)}")


def _take_out_udp(session: Path) -> None:
    text = session.read_text("utf-8")
    for found, instead in zip(UDP_IN_BOTOCORE, NO_UDP_IN_BOTOCORE):
        if text.count(found) != 1:
            raise BuildError(f"{session.name} of botocore has changed: look for {found!r} and decide anew")
        text = text.replace(found, instead)
    session.write_text(text, "utf-8")


def add_rooms(lib: Path) -> None:
    """Copy what the app carries of this repository into ``lib``."""
    for room in CARRIED:
        for path in (*room.files(), *room.data_files()):
            target = lib / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
