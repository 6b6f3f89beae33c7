"""Access rules: what they give, and what gives nothing."""

from typing import Any, Dict, List, Set

import pytest
from cluster_settings import access

from es_bridge.errors import ConfigError


def rule(**stanza: str) -> access.Rule:
    return access.rule("r", {"cluster": "prod", "roles": "soc", "indices": "aws-*", **stanza})


def test_patterns_of_all_rules_that_fit_are_united_each_once() -> None:
    rules = [
        rule(indices="aws-*, waf-*"),
        rule(cluster="*", roles="power, SOC", indices="waf-*,dns-*"),
        rule(cluster="other", indices="other-*"),
        rule(roles="admin", indices="secret-*"),
    ]
    assert access.allowed_indices(rules, "prod", ["soc", "user"]) == ("aws-*", "waf-*", "dns-*")
    assert access.allowed_indices(rules, "other", ["soc"]) == ("waf-*", "dns-*", "other-*")
    assert access.allowed_indices(rules, "prod", ["user"]) == ()
    assert access.allowed_indices([], "prod", ["soc"]) == ()


def test_clusters_a_user_may_search() -> None:
    rules = [rule(cluster="b"), rule(cluster="*", roles="power"), rule(cluster="gone")]
    assert access.usable_clusters(rules, ["b", "a"], ["soc"]) == ["b"]
    assert access.usable_clusters(rules, ["b", "a"], ["power"]) == ["a", "b"]
    assert access.usable_clusters(rules, ["b", "a"], []) == []
    assert access.usable_clusters([], ["b", "a"], None) == ["a", "b"]


@pytest.mark.parametrize(
    ("assigned", "held"),
    [
        (["analyst"], {"analyst", "soc", "user"}),
        (["ANALYST"], {"analyst", "soc", "user"}),
        (["user"], {"user"}),
        (["loop1"], {"loop1", "loop2", "self"}),
        (["unknown"], {"unknown"}),
        ([], set()),
    ],
)
def test_roles_are_held_through_roles_that_import_them(assigned: List[str], held: Set[str]) -> None:
    imported = {
        "Analyst": ["SOC"],
        "soc": ["user"],
        "user": [],
        "loop1": ["loop2"],
        "loop2": ["loop1", "self"],
        "self": ["self"],
    }
    assert access.held_roles(assigned, imported) == held


@pytest.mark.parametrize(
    ("stanza", "says"),
    [
        ({"cluster": " "}, "names no cluster"),
        ({"roles": " , "}, "names no role"),
        ({"roles": "*"}, "roles cannot be given by *"),
        ({"indices": ""}, "names no index"),
        ({"indices": "aws-*,-aws-secret"}, "'-aws-secret' is an exclusion"),
        ({"indices": "_all"}, r"write \* for every index"),
        ({"indices": "_private"}, "do not begin with _"),
        ({"indices": "AWS-*"}, "in lower case"),
        ({"indices": "<logs-{now/d}>"}, "only names and"),
        ({"indices": "logs-200?"}, "only names and"),
        ({"indices": "a:b:c"}, "only names and"),
        ({"indices": ":logs"}, "only names and"),
        ({"indices": "logs 1"}, "only names and"),
        ({"indices": "a/../b"}, "only names and"),
    ],
)
def test_a_rule_that_cannot_be_enforced_is_none(stanza: Dict[str, str], says: str) -> None:
    with pytest.raises(ConfigError, match=f"access rule 'r'.*{says}"):
        rule(**stanza)


@pytest.mark.parametrize("pattern", ["*", "aws-*", ".ds-logs-*", "remote:logs-*", "eu*:logs", "로그-*", "a.b_c+d-1"])
def test_patterns_that_can_be_enforced(pattern: str) -> None:
    assert rule(indices=pattern).indices == (pattern,)


def test_a_broken_rule_takes_nothing_from_the_others_and_gives_nothing_itself() -> None:
    good: Dict[str, Any] = {"cluster": "prod", "roles": "soc", "indices": "aws-*"}
    broken = {**good, "indices": "*,-secret-*"}
    rules, problems = access.rules({"good": good, "broken": broken, "off": {**good, "disabled": "1", "indices": "*"}})
    assert access.allowed_indices(rules, "prod", ["soc"]) == ("aws-*",)
    (problem,) = problems
    assert "'broken'" in problem
