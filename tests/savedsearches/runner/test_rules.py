"""Each rule of the runner, and each command and function has one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from savedsearches.runner.aggregates import FUNCTIONS as AGGREGATES
from savedsearches.runner.commands import COMMANDS
from savedsearches.runner.errors import SplError
from savedsearches.runner.functions import FUNCTIONS

from .rule_files import Rule, all_rules, columns

RULES = all_rules()


@pytest.mark.parametrize("rule", RULES, ids=[f"{rule.page}-{number}" for number, rule in enumerate(RULES)])
def test_rule(rule: Rule, tmp_path: Path) -> None:
    if rule.error is not None:
        with pytest.raises(SplError, match=re.escape(rule.error)):
            rule.run(tmp_path)
        return
    rows = rule.run(tmp_path)
    assert rows == rule.rows
    assert columns(rows) == columns(rule.rows or [])


def test_every_command_and_function_has_a_rule() -> None:
    searches = " ".join(rule.spl for rule in RULES if rule.rows is not None)
    for command in set(COMMANDS) - {"bucket"}:
        assert re.search(rf"\|\s*{command}\b", searches), command
    for function in FUNCTIONS:
        assert f"{function}(" in searches, function
    for function in AGGREGATES:
        assert re.search(rf"\b{function}\b", searches), function
