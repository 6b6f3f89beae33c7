"""Virtual environments of the tools, installed from lock files with hashes, kept until the lock file changes."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Mapping, Optional, Sequence

from splunk_app.builder.fingerprint import is_stamped, of_files, write_stamp
from splunk_app.builder.places import ROOT


class BuildError(Exception):
    """The app cannot be built or checked; the text says why and what to do."""


def environment(name: str, lock: Path, python: str = sys.executable) -> Path:
    """Return the Python of the environment ``.venv-<name>``, set up when it is missing or outdated."""
    folder = ROOT / f".venv-{name}"
    binary = folder / "bin" / "python"
    stamp = folder / ".complete"
    version = platform.python_version() if python == sys.executable else run([python, "--version"]).strip()
    wanted = f"{version} {of_files([lock])}"
    if not (binary.exists() and is_stamped(stamp, wanted)):
        print(f"  setting up {folder.name} ...", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        run([python, "-m", "venv", str(folder)])
        # Not --no-deps: pip would not say that the lock file lacks something.
        run([str(binary), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(lock)])
        write_stamp(stamp, wanted)
    return binary


def run(command: Sequence[str], cwd: Optional[Path] = None, env: Optional[Mapping[str, str]] = None) -> str:
    """Return what a command wrote, to stdout and stderr. Raises `BuildError` with all of it when it fails."""
    done = subprocess.run(
        command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        shown = " ".join(command[:6])
        raise BuildError(f"{shown} ... ended with status {done.returncode}:\n{done.stdout.strip()}")
    return done.stdout
