"""The package of the functions holds what they call, and nothing they cannot be run without."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Iterator

import response
from response.package import SERVICES

FOLDER = Path(response.__file__).parent
#: What a command line does and no function.
ONLY_HERE = {"cli", "package.py"}


def services() -> Iterator[str]:
    """Yield every service that a call of `Area` or `Caller` in a module of the functions names."""
    for path in sorted(FOLDER.rglob("*.py")):
        if ONLY_HERE.intersection(path.relative_to(FOLDER).parts):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and len(node.args) > 1:
                first = node.args[0]
                if node.func.attr in ("ask", "each") and isinstance(first, ast.Constant):
                    yield str(first.value)


def test_every_service_that_is_called_is_in_the_package() -> None:
    assert set(services()) <= SERVICES
