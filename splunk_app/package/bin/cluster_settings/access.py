"""Who may search what: the rules of ``aws_siem_bridge_access.conf``. Nothing here asks anybody.

A rule gives roles the right to read, on one cluster or on all (``*``), the indices that its patterns name. Rules only
ever add to each other: no rule, no right. A rule that cannot be understood gives nothing at all, because what its
author meant to keep out (an exclusion, say) would otherwise be let in.

Whoever may change these rules needs none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, Optional, Set, Tuple

from cluster_settings.conf import names, switch
from es_bridge.errors import ConfigError
from es_bridge.patterns import check_number_and_length

#: The capability that the configuration pages ask for; its holder may search everything.
CAPABILITY = "configure_aws_siem_bridge"
EVERY_CLUSTER = "*"
#: A pattern: letters as in names of indices, and ``*``; before a colon the name of a remote cluster.
#: What no index name holds: https://www.elastic.co/guide/en/elasticsearch/reference/current/indices-create.html
_PATTERN = re.compile(r'(?:[^\s,:"<>|?/\\#]+:)?[^\s,:"<>|?/\\#]+')


@dataclass(frozen=True)
class Rule:
    """Roles that may read indices of a cluster."""

    name: str
    cluster: str
    #: In lower case, as Splunk's are.
    roles: Tuple[str, ...]
    indices: Tuple[str, ...]

    def fits(self, cluster: str, roles: Iterable[str]) -> bool:
        """Whether the rule gives a holder of ``roles`` something on ``cluster``."""
        return self.cluster in (EVERY_CLUSTER, cluster) and not set(self.roles).isdisjoint(roles)


def rule(name: str, stanza: Mapping[str, Any]) -> Rule:
    """Return what a stanza says. Raises `ConfigError` when it says nothing, or what cannot be enforced."""
    cluster = str(stanza.get("cluster") or "").strip()
    roles, indices = names(stanza.get("roles")), names(stanza.get("indices"))
    if not cluster:
        raise ConfigError(f"access rule {name!r} names no cluster: choose one, or * for all")
    if not roles:
        raise ConfigError(f"access rule {name!r} names no role: name at least one Splunk role")
    if "*" in roles:
        raise ConfigError(f"access rule {name!r}: roles cannot be given by *. Every user has a role such as user")
    if not indices:
        raise ConfigError(f"access rule {name!r} names no index: give at least one pattern, such as aws-cloudtrail-*")
    check_number_and_length(indices, f"access rule {name!r}: the list of indices", ConfigError)
    for pattern in indices:
        problem = pattern_problem(pattern)
        if problem:
            raise ConfigError(f"access rule {name!r}: index pattern {pattern!r} {problem}")
    return Rule(name, cluster, tuple(role.lower() for role in roles), indices)


def pattern_problem(pattern: str) -> str:
    """Return why a pattern cannot be enforced, ``""`` when it can."""
    if pattern.startswith(("-", "+")):
        return "is an exclusion; a rule can only allow. Write patterns of what may be read"
    if pattern == "_all":
        return "is not a name: write * for every index"
    if pattern.startswith("_") or pattern != pattern.lower():
        return "can match no index: names are in lower case and do not begin with _"
    if not _PATTERN.fullmatch(pattern):
        return "may hold only names and *, and one colon after the name of a remote cluster"
    return ""


def rules(stanzas: Mapping[str, Mapping[str, Any]]) -> Tuple[List[Rule], List[str]]:
    """Return (the rules, why others give nothing)."""
    usable: List[Rule] = []
    problems: List[str] = []
    for name, stanza in stanzas.items():
        if switch(stanza.get("disabled")):
            continue
        try:
            usable.append(rule(name, stanza))
        except ConfigError as exc:
            problems.append(str(exc))
    return usable, problems


def held_roles(assigned: Iterable[str], imported: Mapping[str, Iterable[str]]) -> Set[str]:
    """Return the roles a user holds, in lower case: those assigned, and what they import, and so on."""
    by_role: Dict[str, List[str]] = {role.lower(): [r.lower() for r in others] for role, others in imported.items()}
    held: Set[str] = set()
    left = [role.lower() for role in assigned]
    while left:
        role = left.pop()
        if role not in held:  # a role may import itself by way of others
            held.add(role)
            left += by_role.get(role, [])
    return held


def allowed_indices(all_rules: Iterable[Rule], cluster: str, roles: Iterable[str]) -> Tuple[str, ...]:
    """Return the patterns that rules give a holder of ``roles`` on ``cluster``, each once; empty: no right at all."""
    held = set(roles)
    fitting = [rule.indices for rule in all_rules if rule.fits(cluster, held)]
    return tuple(dict.fromkeys(pattern for indices in fitting for pattern in indices))


def usable_clusters(all_rules: Iterable[Rule], clusters: Iterable[str], roles: Optional[Iterable[str]]) -> List[str]:
    """Return those of ``clusters`` a holder of ``roles`` may search (``None``: all), sorted."""
    known = list(all_rules)
    held = None if roles is None else set(roles)
    return sorted(name for name in clusters if held is None or any(rule.fits(name, held) for rule in known))
