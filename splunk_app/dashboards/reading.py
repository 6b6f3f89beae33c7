"""Reads pages and the catalogue of words from their files; every error of every file comes at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import yaml
from pydantic import ValidationError

from savedsearches.content.reading import ContentError, read_yaml
from splunk_app.dashboards.page import Page

HERE = Path(__file__).resolve().parent
LANGUAGES = ("en", "ko")

#: A text in each language.
Words = Dict[str, str]


@dataclass(frozen=True)
class Catalogue:
    """Every text that people read, by its path in ``catalogue.yml``: ``waf.panels.who``."""

    texts: Dict[str, Words]

    def text(self, key: str, language: str) -> str:
        """Return a text. Raises `KeyError`."""
        return self.texts[key][language]


def read_pages(folder: Path = HERE) -> Tuple[Dict[str, Page], Catalogue]:
    """Return (name -> page, catalogue). Raises `savedsearches.content.reading.ContentError`."""
    problems: List[str] = []
    pages: Dict[str, Page] = {}
    for path in sorted((folder / "pages").glob("*.yml")):
        try:
            pages[path.stem] = Page.model_validate(read_yaml(path))
        except (yaml.YAMLError, UnicodeError) as exc:
            problems.append(f"{path.name}: {' '.join(str(exc).split())}")
        except ValidationError as exc:
            problems += [f"{path.name}: {'.'.join(map(str, error['loc']))}: {error['msg']}" for error in exc.errors()]
    texts = dict(_texts(read_yaml(folder / "catalogue.yml"), ""))
    for key, words in texts.items():
        if set(words) != set(LANGUAGES) or not all(isinstance(text, str) and text.strip() for text in words.values()):
            problems.append(f"catalogue.yml: {key}: give it in {' and '.join(LANGUAGES)}, and nothing else")
    if problems:
        raise ContentError(problems)
    return pages, Catalogue(texts)


def _texts(node: Any, path: str) -> Iterator[Tuple[str, Words]]:
    if not isinstance(node, dict) or set(node) & set(LANGUAGES):
        yield path, node if isinstance(node, dict) else {}
        return
    for name, inner in node.items():
        yield from _texts(inner, f"{path}.{name}" if path else str(name))
