"""``aws-siem-bridge completion``: what makes a shell complete commands and options with the tab key."""

from __future__ import annotations

import argparse
import importlib
from typing import Any

from es_bridge.cli.reporting import DONE, FAILED, say
from es_bridge.terminal import put

EXAMPLES = """\
examples:
  aws-siem-bridge completion bash > ~/.local/share/bash-completion/completions/aws-siem-bridge
  aws-siem-bridge completion zsh > ~/.zfunc/_aws-siem-bridge
      with fpath+=~/.zfunc before compinit in ~/.zshrc
  eval "$(aws-siem-bridge completion bash)"
      for this shell only

Write it again after an update. It needs shtab: pip install 'aws-siem-bridge[completion]', or from a clone
pip install '.[completion]'.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the argument of ``completion``."""
    parser.epilog = EXAMPLES
    parser.add_argument("shell", choices=("bash", "zsh", "tcsh"))


def run(arguments: argparse.Namespace) -> int:
    """Print the script of one shell; return the exit status."""
    try:
        import shtab
    except ImportError:
        say("completion needs shtab: pip install 'aws-siem-bridge[completion]', or from a clone '.[completion]'")
        return FAILED
    main: Any = importlib.import_module("aws_siem_bridge")
    put(*shtab.complete(main.build_parser([], everything=True), arguments.shell).split("\n"))
    return DONE
