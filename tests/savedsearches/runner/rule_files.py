"""The rules of the runner: facts of Splunk's Search Reference as small searches with the rows they have to give."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional

import yaml

from savedsearches.runner import values

FOLDER = Path(__file__).parent / "rules"


@dataclass(frozen=True)
class Rule:
    """One rule of a page."""

    page: str
    rule: str
    example: str
    spl: str
    rows: Optional[List[Dict[str, Any]]]
    error: Optional[str]
    lookups: Dict[str, str]
    macros: str

    def run(self, folder: Path, package: str = "savedsearches") -> List[Dict[str, Any]]:
        """Return the rows of its search, values as Splunk shows them. ``package`` may be a copy of the runner."""

        def module(name: str) -> Any:
            return importlib.import_module(f"{package}.runner.{name}")

        session = module("session").Session(module("moment").Moment(1_000_000_000.0))
        for name, table in self.lookups.items():
            (folder / f"{name}.csv").write_text(table)
            session.lookups[name] = module("lookups").read_csv(folder / f"{name}.csv")
        if self.macros:
            (folder / "macros.conf").write_text(self.macros)
            session.macros = module("macros").read_macros(folder / "macros.conf")
        return [shown(row) for row in module("run").run_to_list(self.spl, session)]

    def holds(self, folder: Path, package: str = "savedsearches") -> bool:
        """Return whether its search gives what the rule says."""
        try:
            rows = self.run(folder, package)
        except Exception as exc:
            return self.error is not None and self.error in str(exc)
        return rows == self.rows and columns(rows) == columns(self.rows or [])


def columns(rows: List[Dict[str, Any]]) -> List[str]:
    """Return the columns in the order they are met, as a table shows them."""
    return list(dict.fromkeys(name for row in rows for name in row))


def shown(row: Dict[str, Any]) -> Dict[str, Any]:
    """Return a row with every value as text, or a list of texts."""
    return {
        name: [values.text(part) for part in value] if isinstance(value, list) else values.text(value)
        for name, value in row.items()
    }


def all_rules() -> List[Rule]:
    """Return the rules of all pages."""
    rules = []
    for path in sorted(FOLDER.glob("*.yml")):
        page = yaml.safe_load(path.read_text(encoding="utf-8"))
        for rule in page["rules"]:
            assert set(rule) in ({"rule", "example", "spl", "rows"}, {"rule", "example", "spl", "error"}), rule
            rows = rule.get("rows")
            rules.append(
                Rule(
                    page["page"],
                    rule["rule"],
                    rule["example"],
                    rule["spl"],
                    None if rows is None else [shown(row) for row in rows],
                    rule.get("error"),
                    page.get("lookups", {}),
                    page.get("macros", ""),
                )
            )
    return rules
