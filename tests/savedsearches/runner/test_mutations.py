"""Deliberately wrong semantics: each is a change of the runner's text that at least one rule has to notice.

The runner is copied under another name, changed, and asked for all rules. A change whose text is not found any more
fails, too, so that the list keeps up with the code.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Dict, Iterator

import pytest
import yaml

import savedsearches
from tests.sampling import sample

from .rule_files import all_rules

RUNNER = Path(savedsearches.__path__[0])
MUTATIONS = yaml.safe_load((Path(__file__).parent / "mutations.yml").read_text(encoding="utf-8"))
RULES = all_rules()
#: Each runs all rules.
MUTATIONS_A_RUN = 20


@pytest.fixture
def copy_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the runner that can be changed and imported as ``mutant``."""
    copy = tmp_path / "mutant"
    shutil.copytree(RUNNER, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for path in copy.rglob("*.py"):
        path.write_text(path.read_text(encoding="utf-8").replace("savedsearches.runner", "mutant.runner"))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield copy / "runner"
    for name in [name for name in sys.modules if name.split(".")[0] == "mutant"]:
        del sys.modules[name]


def test_the_copy_holds_all_rules(copy_of: Path, tmp_path: Path) -> None:
    assert all(rule.holds(tmp_path, "mutant") for rule in RULES)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation["wrong"])
def test_its_text_is_there_once(mutation: Dict[str, str]) -> None:
    source = (RUNNER / "runner" / mutation["file"]).read_text(encoding="utf-8")
    assert source.replace("savedsearches.runner", "mutant.runner").count(mutation["text"]) == 1


@pytest.mark.parametrize(
    "mutation", sample("mutations of the runner", MUTATIONS, MUTATIONS_A_RUN), ids=lambda mutation: mutation["wrong"]
)
def test_a_wrong_semantics_is_noticed(copy_of: Path, tmp_path: Path, mutation: Dict[str, str]) -> None:
    path, text = copy_of / mutation["file"], mutation["text"]
    source = path.read_text(encoding="utf-8")
    path.write_text(source.replace(text, mutation["instead"]), encoding="utf-8")
    assert not all(rule.holds(tmp_path, "mutant") for rule in RULES), f"no rule notices: {mutation['wrong']}"
