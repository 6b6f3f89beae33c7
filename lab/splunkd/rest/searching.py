"""The ``search`` argument of a collection, as far as clients here use it: ``field=value``, all of them must fit."""

from __future__ import annotations

import re
from typing import Any, Mapping

_TERM = re.compile(r'([\w:.]+)=(?:"([^"]*)"|(\S+))')


def fits(search: str, values: Mapping[str, Any]) -> bool:
    r"""Return whether an entry with these values is wanted; ``\=`` in a value stands for ``=``."""
    terms = _TERM.findall(search)
    return all(str(values.get(field, "")) == (quoted or plain.replace("\\=", "=")) for field, quoted, plain in terms)
