"""Splunk's conf files: stanzas with settings."""

from __future__ import annotations

import configparser
import re
from pathlib import Path
from typing import Dict

Settings = Dict[str, str]


def read_conf(path: Path, missing_ok: bool = True) -> Dict[str, Settings]:
    """Return stanza -> settings; none where there is no such file, unless
    that raises `FileNotFoundError`. A line that ends in a backslash goes on.
    """
    if missing_ok and not path.exists():
        return {}
    parser = configparser.RawConfigParser(strict=True, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(re.sub(r"\\\n", "\n ", path.read_text("utf-8")), str(path))
    return {stanza: dict(parser[stanza]) for stanza in parser.sections()}
