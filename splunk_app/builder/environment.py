"""Virtual environments of the tools, installed from lock files with hashes, kept until the lock file changes."""

from __future__ import annotations

import ast
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, Mapping, Optional, Sequence

from splunk_app.builder.fingerprint import is_stamped, of_files, write_stamp
from splunk_app.builder.places import ROOT

#: What somebody's pip configuration decides about a build: how packages are reached. Which of them, and where they go,
#: is decided here: a target=, user= or constraint= meant for other work would break it or change what is built.
PIP_MAY_SAY = (
    "cache-dir", "cert", "client-cert", "default-timeout", "extra-index-url", "find-links", "index-url",
    "keyring-provider", "no-cache-dir", "no-index", "proxy", "retries", "timeout", "trusted-host", "use-feature",
)  # fmt: skip
#: Where pip's options stand, the weakest first: https://pip.pypa.io/en/stable/topics/configuration/
PIP_SECTIONS = ("global", "install", ":env:")


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
        install = [str(binary), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(lock)]
        try:
            run(install, env=for_tools(binary))
        except BuildError as error:
            raise BuildError(
                f"{error}\nPackages come from PyPI, or from where pip's index-url says. Without a way there, behind a "
                "proxy or with a mirror: docs/troubleshooting.md, Building and testing"
            ) from None
        write_stamp(stamp, wanted)
    return binary


def for_tools(python: Path) -> Dict[str, str]:
    """Return the environment in which a tool runs, and pip: this one, without what would change the result."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    told: Dict[str, str] = {}
    # user=true in a configuration would mean "list the user's file only" here.
    listed = run([str(python), "-m", "pip", "config", "list"], env={**os.environ, "PIP_USER": "0"})
    for line in listed.splitlines():
        key, equals, value = line.partition("=")
        section, _, option = key.strip().rpartition(".")
        if equals and option in PIP_MAY_SAY and section in PIP_SECTIONS:
            told[f"{section}.{option}"] = str(ast.literal_eval(value))
    for section in PIP_SECTIONS:
        for option in PIP_MAY_SAY:
            if f"{section}.{option}" in told:
                kept[f"PIP_{option.upper().replace('-', '_')}"] = told[f"{section}.{option}"]
    return {**kept, "PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def run(command: Sequence[str], cwd: Optional[Path] = None, env: Optional[Mapping[str, str]] = None) -> str:
    """Return what a command wrote, to stdout and stderr. Raises `BuildError` with all of it when it fails."""
    done = subprocess.run(
        command, cwd=cwd, env=env, text=True, errors="replace",
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    if done.returncode:
        shown = " ".join(command[:6])
        raise BuildError(f"{shown} ... ended with status {done.returncode}:\n{done.stdout.strip()}")
    return done.stdout
