"""Imports rules of Sigma: each gets a verdict, and none is taken that would find nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional

import yaml
from sigma.collection import SigmaCollection
from sigma.exceptions import SigmaError
from sigma.rule import SigmaRule

from savedsearches.content.checks import problems_of_search
from savedsearches.content.detection import Detection
from savedsearches.sigma.detection_of import detection_of
from savedsearches.sigma.errors import Refused
from savedsearches.sigma.log_sources import log_source_of
from savedsearches.sigma.query import query_of

#: pySigma writes behind a reason which rule it was about, which the verdict says itself.
_PYSIGMA_ADDS = re.compile(r" \(while converting rule [^)]*\)\Z")
EXACT, REWRITTEN, REFUSED = "exact", "rewritten", "refused"


class Imported(NamedTuple):
    """One rule, and what became of it."""

    path: Path
    title: str
    verdict: str
    #: How it was rewritten, or why it was refused.
    reasons: List[str]
    author: str = ""
    licence: str = ""
    #: Members of the detection's file, and the detection.
    members: Optional[Dict[str, Any]] = None
    detection: Optional[Detection] = None


def rule_files(paths: Iterable[Path]) -> List[Path]:
    """Return the files that are named, and those in named folders. Raises `FileNotFoundError`."""
    found: List[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(each for each in path.rglob("*") if each.suffix in (".yml", ".yaml") and each.is_file())
        elif path.is_file():
            found.append(path)
        else:
            raise FileNotFoundError(f"there is no file or folder {path}")
    return found


def import_files(paths: Iterable[Path]) -> Iterator[Imported]:
    """Yield what became of each rule. A file that cannot be read is refused, and stops no other."""
    names: Dict[str, Path] = {}
    for path in paths:
        try:
            documents = [each for each in yaml.safe_load_all(path.read_text("utf-8")) if each is not None]
            correlations = [each for each in documents if isinstance(each, dict) and "correlation" in each]
            rules = SigmaCollection.from_dicts([each for each in documents if each not in correlations]).rules
        except (SigmaError, yaml.YAMLError, UnicodeError, AttributeError, TypeError, KeyError, ValueError) as exc:
            yield Imported(path, path.stem, REFUSED, [f"it is no rule of Sigma: {' '.join(str(exc).split())[:300]}"])
            continue
        for each in correlations:
            reason = "it correlates other rules: write the count or the order with elasticstats and a window"
            yield Imported(path, str(each.get("title") or path.stem), REFUSED, [reason])
        if not documents:
            yield Imported(path, path.stem, REFUSED, ["there is no rule in it"])
        for number, rule in enumerate(rules):
            stem = path.stem if len(rules) == 1 else f"{path.stem}_{number + 1}"
            made = _import(path, rule, stem)
            other = names.setdefault(made.detection.name, path) if made.detection else path
            if other != path:
                yield made._replace(
                    verdict=REFUSED, reasons=[f"its name is that of {other}"], members=None, detection=None
                )
            else:
                yield made


def _import(path: Path, rule: Any, stem: str) -> Imported:
    about = Imported(path, str(rule.title or stem), REFUSED, [], str(rule.author or ""), str(rule.license or ""))
    if not isinstance(rule, SigmaRule) or rule.errors:
        said = "; ".join(str(each) for each in getattr(rule, "errors", ())) or "unknown kind"
        return about._replace(reasons=[f"it is no rule of Sigma: {said}"])
    try:
        log = rule.logsource
        source = log_source_of(log.product, log.service, log.category)
        query, notes = query_of(rule, source)
        members = detection_of(rule, source, query, notes, stem)
        detection = Detection.model_validate(members)
        problems = problems_of_search(detection)
        if problems:
            raise Refused("; ".join(problems))
    except Refused as exc:
        return about._replace(reasons=[_PYSIGMA_ADDS.sub("", str(exc))])
    return about._replace(verdict=REWRITTEN if notes else EXACT, reasons=notes, members=members, detection=detection)
