"""Which field somebody may have meant."""

from __future__ import annotations

import re
from typing import Iterable, List

_MOST = 3
#: Names in a text of the query language: what stands before a colon.
_BEFORE_COLON = re.compile(
    r'(?:^|(?<=[\s():"+!{}\[\]^~|&/-]))((?:[^\s():"\\+!{}\[\]^~|&/]|\\.){1,200})\s{0,5}:(?!:)', re.DOTALL
)
_EXISTS = re.compile(r'_exists_\s{0,5}:\s{0,5}"?((?:[^\s():"\\]|\\.){1,200})', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def nearest(name: str, known: Iterable[str], is_spelt_right: bool = False) -> List[str]:
    """Return at most three names of ``known`` that look like ``name``, the likeliest first.

    The same letters in another case or with other separators; the same last part (requestParameters.roleName and
    aws.request.roleName); nearly the same letters, unless ``is_spelt_right``.
    """
    plain = {other: _plain(other) for other in sorted(known) if not other.startswith("_")}
    last = _plain(name.rpartition(".")[2])
    found = [other for other, letters in plain.items() if letters == _plain(name)]
    if "." in name:
        found += [other for other in plain if "." in other and _plain(other.rpartition(".")[2]) == last]
    if not found:
        found = [other for other in plain if _plain(other.rpartition(".")[2]) == last]
    if not found and not is_spelt_right:
        import difflib  # only for a name that is misspelt

        close = difflib.get_close_matches(_plain(name), set(plain.values()), n=_MOST, cutoff=0.8)
        found = [other for letters in close for other in plain if plain[other] == letters]
    return list(dict.fromkeys(other for other in found if other != name))[:_MOST]


def in_text(text: str) -> List[str]:
    """Return what a text of the query language may name as fields. Guesses: only good for what is then looked up."""
    found = [name for pattern in (_BEFORE_COLON, _EXISTS) for name in pattern.findall(text)]
    names = [_ESCAPED.sub(r"\1", name).lstrip("-") for name in found]
    return [name for name in dict.fromkeys(names) if name and name != "_exists_"]


def ancestors(name: str) -> List[str]:
    """Return the objects a dotted name lies in, the outermost first: ``a`` and ``a.b`` for ``a.b.c``."""
    parts = name.split(".")
    return [".".join(parts[:depth]) for depth in range(1, len(parts))]


def _plain(name: str) -> str:
    return re.sub(r"[-_. ]", "", name).lower()
