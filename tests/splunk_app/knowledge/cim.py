"""What Splunk's Common Information Model requires, and what of it an event or row has not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Iterator, Mapping, Tuple

from savedsearches.runner.values import text, texts

MODELS: Dict[str, Dict[str, Any]] = {
    name: model
    for name, model in json.loads((Path(__file__).resolve().parents[2] / "data" / "cim.json").read_text()).items()
    if not name.startswith("_")
}
#: Values that the package's lists of examples leave out, and the documentation of CIM has.
ALSO = {
    "reply_code_id": {"0"},
    "http_method": {"PATCH"},
    "transport": {"icmp", "ipv6-icmp", "esp", "gre"},
    "query_type": {"Query"},
}


def models_of(row: Mapping[str, Any]) -> Iterator[str]:
    """Yield the models that an event is part of, by its tags."""
    tags = set(texts(row.get("tag")))
    for name, model in MODELS.items():
        if set(model["tags"]) <= tags:
            yield name


def missing(row: Mapping[str, Any], model: str) -> Iterator[Tuple[str, str]]:
    """Yield (field, what is wrong with it) for what the model requires of this event."""
    for name, wanted in MODELS[model]["fields"].items():
        if not all(_is_one_of(row.get(key), values) for key, values in wanted.get("when", {}).items()):
            continue
        if row.get(name) in (None, "", []):
            yield name, "missing"
        elif "values" in wanted:
            for value in texts(row[name]):
                if value not in wanted["values"] and value not in ALSO.get(name, ()):
                    yield name, f"is {value!r}"


def _is_one_of(value: Any, wanted: Any) -> bool:
    return value is not None and text(value) in ([wanted] if isinstance(wanted, str) else wanted)
