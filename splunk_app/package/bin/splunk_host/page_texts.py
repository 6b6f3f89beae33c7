"""What the pages say of a field, for whoever is refused without having seen the page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Iterator

#: Of the built app, as a browser loads it.
GLOBAL_CONFIG = Path(__file__).resolve().parents[2] / "appserver" / "static" / "js" / "build" / "globalConfig.json"


def of_field(page: str, field: str, otherwise: str) -> str:
    """Return what the form of a tab or a kind of input says of a wrong value: with the field's label before it.

    ``otherwise`` where the form says nothing, or is not there.
    """
    for entity in _entities(page):
        if entity.get("field") == field:
            texts = (each.get("errorMsg") for each in entity.get("validators", ()))
            text = next(filter(None, texts), "") or otherwise
            label = str(entity.get("label") or field)
            return text if text.startswith(label) else f"{label}: {text}"
    return f"{field}: {otherwise}"


def _entities(page: str) -> Iterator[Dict[str, Any]]:
    try:
        pages = json.loads(GLOBAL_CONFIG.read_text("utf-8"))["pages"]
    except (OSError, ValueError, KeyError):
        return
    for each in (*pages.get("configuration", {}).get("tabs", ()), *pages.get("inputs", {}).get("services", ())):
        if each.get("name") == page:
            yield from each.get("entity", ())
