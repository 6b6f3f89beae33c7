"""Asks the validator of state machines ``asl-validator`` (npm, Apache-2.0), which runs as a program of its own.

It knows AWS's schema, states that nothing leads to and those that are not there, and parses every JSONata expression.
https://github.com/ChristopheBougere/asl-validator
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from lab.engine.cache import building, cache_dir
from lab.engine.progress import Progress, to_stderr
from lab.node import NodeUnavailable, install_packages, run_node

_HERE = Path(__file__).parent
_PROGRAM = Path("node_modules", "asl-validator", "dist", "bin", "asl-validator.js")


def lint(definition: Path, progress: Progress = to_stderr) -> str:
    """Return what is wrong with a definition, in the validator's words; nothing if it is right.

    Raises `lab.node.NodeUnavailable` when the validator cannot be had.
    """
    home = _home(progress)
    try:
        run_node(home / _PROGRAM, "--json-path", str(definition.absolute()), cwd=home, hint="")
    except NodeUnavailable as problem:
        if "is invalid" not in str(problem):
            raise
        return str(problem)
    return ""


def _home(progress: Progress) -> Path:
    digest = hashlib.sha256((_HERE / "package-lock.json").read_bytes()).hexdigest()[:12]
    home = cache_dir() / "state-machines" / digest
    if not home.is_dir():
        progress(f"state machines: downloading their validator, 3 MB (once; kept in {cache_dir()})", 0, 0)
        with building(home) as draft:
            install_packages(_HERE, draft)
    return home
