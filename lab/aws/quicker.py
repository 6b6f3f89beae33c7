"""What moto's server works out anew for each request is worked out once: it answers in about half of the time.

Its answers are the same: ``tests/lab/aws/test_quicker.py`` compares.
"""

from __future__ import annotations

import functools
from typing import Any, Callable, Dict, Mapping, Tuple


def install() -> None:
    """Change how moto finds its parts and writes its answers."""
    import xmltodict
    from moto import backends
    from moto.core import responses, serialize

    # Which services it has, asked of the disk for each request.
    listed = backends.list_of_moto_modules
    backends.list_of_moto_modules = functools.cache(lambda: tuple(listed()))
    responses.method_names_from_class = functools.cache(responses.method_names_from_class)
    # Elements are named as AWS's descriptions name them: some thousands of names.
    xmltodict._validate_name = functools.cache(xmltodict._validate_name)  # noqa: SLF001
    serialize.ResponseSerializer.get_value = value_of(serialize.ResponseSerializer.get_value)


def value_of(ask: Callable[..., Any]) -> Callable[..., Any]:
    """Return what finds a member of an answer in an object of moto's by the names that moto tries, which ``ask`` did.

    The names depend on the object's type and on AWS's description alone; which changes apply to the value, on the path
    to the member, of which most have none.
    """
    from moto.core import serialize

    missing, by_name, usual = serialize.MISSING, serialize.get_value, serialize.XFormedAttributePicker
    changes = _Changes()

    def found(self: Any, value: Any, key: str, shape: Any) -> Any:
        picker = self._value_picker
        if type(picker) is not usual or changes.of(picker.response_transformers, key):
            return ask(self, value, key, shape)
        known: Dict[Tuple[type, str], Tuple[str, ...]] = shape.__dict__.setdefault("_names_of_values", {})
        kind = type(value)
        names = known.get((kind, key))
        if names is None:
            context = serialize.AttributePickerContext(value, key, shape)
            names = known[kind, key] = tuple(dict.fromkeys(picker.get_possible_keys(context)))
        for name in names:
            if kind is dict and "." not in name:
                member = value.get(name, missing)
            else:
                member = by_name(value, name, missing)
            if member is not missing:
                return member
        return None

    return found


class _Changes:
    """Which members may be changed by a mapping of paths: those that end as a path does."""

    def __init__(self) -> None:
        #: By the identity of a mapping, which is kept so that no other gets it.
        self._known: Dict[int, Tuple[Mapping[str, Any], Dict[Tuple[str, int], bool]]] = {}

    def of(self, paths: Mapping[str, Any], key: str) -> bool:
        """Return whether one of the paths may lead to a member of this name."""
        if not paths:
            return False
        _, known = self._known.setdefault(id(paths), (paths, {}))
        # moto adds paths to some of them while it runs.
        now = key, len(paths)
        if now not in known:
            known[now] = any(f".{key}".endswith(path) or path.endswith(f".{key}") for path in paths)
        return known[now]
