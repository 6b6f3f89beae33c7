"""``equals="source.ip,destination.ip=203.0.113.7 cloud.region=*"``: values that are data, whatever they are made of.

A value is written as in a URL (``%22`` for a quote), the way Splunk's token filter ``|u`` writes one. So what an
attacker chose, a path or a name, needs no quoting in SPL and is no part of a query's text: it becomes a JSON value.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List
from urllib.parse import unquote

from es_bridge.errors import QueryError

#: Stands for any value, also for none: the condition is left out.
ANY = "*"
_FIELD = re.compile(r"[A-Za-z_@][\w.@-]{0,199}")
_MOST = 20


def equals_clauses(text: str) -> List[Dict[str, Any]]:
    """Return a clause for each condition; all must hold. Raises `QueryError` for what is no condition."""
    conditions = text.split()
    if len(conditions) > _MOST:
        raise QueryError(f"equals= has {len(conditions)} conditions: at most {_MOST}")
    return [clause for condition in conditions for clause in _clause(condition)]


def _clause(condition: str) -> List[Dict[str, Any]]:
    names, sign, value = condition.partition("=")
    fields = names.split(",")
    if not sign or not all(_FIELD.fullmatch(name) for name in fields):
        raise QueryError(
            f"equals={condition[:200]!r} is no condition: write field=value, or field,field=value where either may "
            "have it, and a blank between two; in a value %20 is a blank, %22 a quote"
        )
    if value == ANY:
        return []
    # A phrase is a whole value to fields that are no text. `lenient`: a field that cannot hold it, as an address
    # cannot hold a name, has it in no document.
    return [{"multi_match": {"query": unquote(value), "fields": fields, "type": "phrase", "lenient": True}}]
