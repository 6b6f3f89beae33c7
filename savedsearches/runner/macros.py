"""Search macros: texts between backticks, put in before a search is taken apart.

https://help.splunk.com/en/splunk-enterprise/administer/admin-manual/10.0/configuration-file-reference/10.0.0-configuration-file-reference/macros.conf
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Mapping, Tuple

from savedsearches.runner.conf_files import read_conf
from savedsearches.runner.errors import SplSyntaxError

_CALL = re.compile(r"\s*([A-Za-z_][\w\-]*)\s*(?:\((.*)\))?\s*", re.DOTALL)
_STANZA = re.compile(r"([\w\-]+)(?:\(([0-9]+)\))?")
#: Macros may use macros; deeper than this is a circle.
_DEEPEST = 50


@dataclass(frozen=True)
class Macro:
    """A macro's text, and the names of its arguments, which stand in it as ``$name$``."""

    definition: str
    arguments: Tuple[str, ...] = ()


def read_macros(path: Path) -> Dict[str, Macro]:
    """Return the macros of a ``macros.conf``, by their stanza's name, such as ``near(2)``.

    Raises `SplSyntaxError` for a stanza that the runner cannot use.
    """
    macros = {}
    for stanza, settings in read_conf(path, missing_ok=False).items():
        match = _STANZA.fullmatch(stanza)
        if match is None:
            raise SplSyntaxError(f"{path.name}: [{stanza}] is no name of a macro")
        unknown = set(settings) - {"definition", "args", "description", "iseval", "disabled"}
        if unknown or settings.get("iseval", "0") not in ("0", "false"):
            raise SplSyntaxError(f"{path.name}: [{stanza}]: the runner does not have {', '.join(unknown) or 'iseval'}")
        arguments = tuple(name.strip() for name in settings.get("args", "").split(",") if name.strip())
        if len(arguments) != int(match.group(2) or 0):
            raise SplSyntaxError(f"{path.name}: [{stanza}]: {len(arguments)} names in args")
        macros[stanza] = Macro(settings["definition"].replace("\n", " ").strip(), arguments)
    return macros


def shipped_macros(app: Path) -> Dict[str, Macro]:
    """Return the macros that an unpacked app brings in its ``default/macros.conf``, none where it has none."""
    path = app / "default" / "macros.conf"
    return read_macros(path) if path.is_file() else {}


def expand_macros(search: str, macros: Mapping[str, Macro]) -> str:
    """Return the search with every macro put in. Raises `SplSyntaxError` for an unknown one, or a circle."""
    for _ in range(_DEEPEST):
        start = search.find("`")
        if start < 0:
            return search
        end = search.find("`", start + 1)
        if end < 0:
            raise SplSyntaxError(f"a backtick is not closed: {search[start : start + 60]!r}")
        search = search[:start] + _text_of(search[start + 1 : end], macros) + search[end + 1 :]
    raise SplSyntaxError(f"macros put in more than {_DEEPEST} macros: do they name each other?")


def _text_of(call: str, macros: Mapping[str, Macro]) -> str:
    match = _CALL.fullmatch(call)
    if match is None:
        raise SplSyntaxError(f"`{call}` is no call of a macro")
    given = [] if match.group(2) is None else _arguments(match.group(2))
    name = match.group(1) + (f"({len(given)})" if given else "")
    macro = macros.get(name)
    if macro is None:
        known = ", ".join(sorted(macros)) or "none"
        raise SplSyntaxError(f"there is no macro {name}. Known: {known}")
    text = macro.definition
    for argument, value in zip(macro.arguments, given):
        text = text.replace(f"${argument}$", value)
    return text


def _arguments(text: str) -> List[str]:
    arguments, start, depth, quoted = [], 0, 0, False
    for position, character in enumerate(text):
        if character == '"' and text[position - 1 : position] != "\\":
            quoted = not quoted
        elif not quoted and character in "()":
            depth += 1 if character == "(" else -1
        elif not quoted and not depth and character == ",":
            arguments.append(text[start:position])
            start = position + 1
    arguments.append(text[start:])
    return [_bare(argument.strip()) for argument in arguments]


def _bare(argument: str) -> str:
    is_quoted = len(argument) > 1 and argument[0] == '"' == argument[-1]
    return argument[1:-1].replace('\\"', '"') if is_quoted else argument
