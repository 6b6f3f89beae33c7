"""What docs/deploy_serverless.md says of the template's parameters is what the template has."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, List

import pytest

from tests.deploy.serverless.conftest import source

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "deploy_serverless.md").read_text("utf-8")
TABLE = PAGE.partition("## Parameters")[2].partition("## Upgrade")[0]
ROWS = re.findall(r"^\| `(\w+)` \| (.*?) \|", TABLE, re.MULTILINE)
#: The examples, each as parameter -> value.
EXAMPLES = [
    dict(re.findall(r"(?<=\s)([A-Z]\w+)=(\S+)", block))
    for block in re.findall(r"^```\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    if "--parameter-overrides" in block
]


@lru_cache(maxsize=1)
def parameters() -> Dict[str, Dict[str, Any]]:
    return source()["Parameters"]


def test_the_table_has_every_parameter_in_the_order_of_the_console() -> None:
    groups = source()["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert [name for name, _ in ROWS] == [name for group in groups for name in group["Parameters"]]
    assert {name for name, _ in ROWS} == set(parameters())


@pytest.mark.parametrize(("name", "default"), ROWS)
def test_the_table_has_the_defaults_of_the_template(name: str, default: str) -> None:
    found = parameters()[name].get("Default")
    shown = {None: "must be given", "": "none"}.get(found, f"`{found}`")
    assert default == shown


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 2


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_gives_values_that_the_template_takes(example: Dict[str, str]) -> None:
    known = parameters()
    assert set(example) <= set(known)
    for name, value in example.items():
        assert value in known[name].get("AllowedValues", [value]), name
        assert re.fullmatch(known[name].get("AllowedPattern", ".*"), value), name


@pytest.mark.parametrize("example", [each for each in EXAMPLES if "StoreUrl" in each])
def test_a_complete_example_gives_what_must_be_given(example: Dict[str, str]) -> None:
    must: List[str] = [name for name, parameter in parameters().items() if "Default" not in parameter]
    assert set(must) <= set(example)
    # The template's rules: somebody signs in, and a layer with an authority is used.
    assert "StoreDomainArn" in example or "LoaderSecretArn" in example
    assert "CaLayerArn" not in example or "CaFile" in example
    assert bool(example.get("SubnetIds")) == bool(example.get("SecurityGroupIds"))
