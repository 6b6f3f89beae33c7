"""What docs/deploy_findings.md says of the templates' parameters is what the templates have."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Dict

import pytest

from tests.deploy.findings.conftest import TEMPLATES, source

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "deploy_findings.md").read_text("utf-8")
#: The commands of the page that name a template: all that follows it up to the next command.
COMMANDS = re.findall(r"deploy/findings/(\w+)\.yaml ((?:(?!deploy/findings|```|\n *aws ).)*)", PAGE, re.DOTALL)


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_table_has_every_parameter_with_its_default(name: str) -> None:
    table = PAGE.partition(f"\n`{name}.yaml`:\n")[2].partition("\n\n`")[0].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", table, re.MULTILINE)
    defaults = {key: value.get("Default") for key, value in source(name)["Parameters"].items()}
    shown = {None: "must be given", "": "none"}
    assert rows == [(key, shown.get(value, f"`{value}`")) for key, value in defaults.items()]


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_the_examples_give_parameters_that_are_there_and_all_that_must_be(name: str, command: str) -> None:
    given: Dict[str, str] = dict(re.findall(r"(?:ParameterKey=|(?<=\s))([A-Z]\w+)(?:,ParameterValue)?=(\S+)", command))
    parameters = source(name)["Parameters"]
    assert {key for key, value in parameters.items() if "Default" not in value} <= set(given) <= set(parameters)
    for key, value in given.items():
        assert re.fullmatch(parameters[key].get("AllowedPattern", ".*"), value), key
