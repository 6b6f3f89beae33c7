"""Ids of requirements a finding is about, in one spelling whatever the format: ``CIS-1.4 1.20``.

Prowler writes an object of lists in OCSF (``unmapped.compliance``) and, in ASFF, one text for each framework: its name
and all ids behind it, cut at 63 characters (``Compliance.RelatedRequirements``). Security Hub's own requirements are
left as they are: ``NIST.800-53.r5 AC-2``.
https://github.com/prowler-cloud/prowler/blob/master/prowler/lib/outputs/asff/asff.py
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping

from collectors.records.finding import inside, text

#: The member of what is written.
NAME = "compliance_ids"
#: Prowler cuts what is longer than 64 characters here: the last id of such a text may not be whole.
_CUT_AT = 63


def of_asff(fields: Mapping[str, Any], by_prowler: bool) -> Dict[str, List[str]]:
    """Return the member `NAME` of a finding in ASFF; nothing without requirements."""
    requirements = inside(fields, "Compliance", "RelatedRequirements")
    found = [text(each) for each in requirements] if isinstance(requirements, list) else []
    if by_prowler:
        found = [id for each in found for id in _apart(each)]
    return _member(found)


def of_ocsf(fields: Mapping[str, Any]) -> Dict[str, List[str]]:
    """Return the member `NAME` of a finding in OCSF; nothing without requirements."""
    found: List[str] = []
    frameworks = inside(fields, "unmapped", "compliance")
    for framework, ids in frameworks.items() if isinstance(frameworks, dict) else ():
        found += [f"{framework} {text(id)}".strip() for id in (ids if isinstance(ids, list) and ids else [""])]
    requirements = inside(fields, "compliance", "requirements")
    found += [text(each) for each in requirements] if isinstance(requirements, list) else []
    return _member(found)


def _apart(requirement: str) -> List[str]:
    framework, _, rest = requirement.partition(" ")
    ids = rest.split(" ")
    if len(requirement) == _CUT_AT and len(ids) > 1:
        ids.pop()
    # Some frameworks have words for ids; where one of them begins is not to be told.
    if not all(any(sign.isdigit() for sign in id) for id in ids):
        return [requirement]
    return [f"{framework} {id}" for id in ids]


def _member(ids: Iterable[str]) -> Dict[str, List[str]]:
    found = [id for id in dict.fromkeys(ids) if id]
    return {NAME: found} if found else {}
