"""A function in the real runtime, for tests of the runtime and of the poller."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from lab.lambda_runtime import Environments, Function, LambdaRuntimeUnavailable


@pytest.fixture
def run_function(tmp_path: Path) -> Iterator[Callable[..., Environments]]:
    """Return a function that makes one of source text (its ``handler``) and gives its environments."""
    with contextlib.ExitStack() as stack:

        def make(source: str, name: str = "function", most: int = 2, **facts: Any) -> Environments:
            code = tmp_path / name
            code.mkdir()
            (code / "code_of_it.py").write_text(source)
            try:
                return stack.enter_context(Environments(Function(name, "code_of_it.handler", code, **facts), most))
            except LambdaRuntimeUnavailable as error:
                if os.environ.get("CI", "").lower() == "true":
                    pytest.fail(str(error))
                pytest.skip(str(error))

        yield make
