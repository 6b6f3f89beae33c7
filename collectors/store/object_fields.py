"""CloudTrail's free-form objects in the index: searchable by any member where the engine has a type for that.

Engines index such an object as a whole, one term for each value with its path, so that members nobody knew of are
found and none fills the mapping:

==================================  ===========================================
engine, as ``GET /`` says           type
==================================  ===========================================
OpenSearch from 2.19                ``flat_object`` (2.7 to 2.18 have one that loses values, or fails on null)
Elasticsearch from 8                ``flattened`` (7.10 in its Apache distribution has none)
any other                           none: stored, not indexed, as before
version not told                    none, unless somebody names the objects; a template that is there stays as it is
==================================  ===========================================

Not told is: no permission for ``GET /``, Serverless, a domain of Amazon's in compatibility mode (it says 7.10.2). What
each type finds and what it misses: ``docs/sources_cloudtrail.md``. What it would refuse is kept out of it by
`collectors.sources.cloudtrail.flat`.

Which of the objects are indexed can be chosen. The choice is kept in the ``_meta`` of the component template, so that
a loader that is told nothing goes on with what an administrator chose.
"""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from collectors.errors import CollectorError
from collectors.sources.cloudtrail.free_form import OBJECTS
from es_bridge.dialect import Dialect

#: Indexed when nobody chose.
DEFAULT_OBJECTS = OBJECTS
#: The component template that has them, and only them.
COMPONENT = "aws-cloudtrail-objects"
#: In its ``_meta``: the names that were chosen, or `DEFAULT`.
CHOICE = "indexed"
DEFAULT, ALL, NONE = "default", "all", "none"
#: Product -> the first version whose type loses nothing, and the type. Its options are in the files in ``deploy``.
TYPES = {"opensearch": ((2, 19), "flat_object"), "elasticsearch": ((8,), "flattened")}
NOT_INDEXED = {"type": "object", "enabled": False}

#: Names, or None: nobody chose.
Choice = Optional[Tuple[str, ...]]


class Decision(NamedTuple):
    """What becomes of the objects in one cluster."""

    indexed: Tuple[str, ...]
    #: What is written down about it.
    choice: Choice = None
    #: The version is not known and nobody chose: a template that is there stays.
    keep: bool = False

    def applied(self, component: Dict[str, Any]) -> Dict[str, Any]:
        """Return the component template of ``deploy`` with only the decided objects indexed, and with the choice."""
        template = component["template"]
        properties = template["mappings"]["properties"]
        decided = {name: field if name in self.indexed else NOT_INDEXED for name, field in properties.items()}
        chosen = DEFAULT if self.choice is None else list(self.choice)
        return {
            **component,
            "_meta": {**component["_meta"], CHOICE: chosen},
            "template": {**template, "mappings": {**template["mappings"], "properties": decided}},
        }


#: For an engine of which nothing is known.
UNDECIDED = Decision((), keep=True)


def parse_choice(text: Optional[str]) -> Choice:
    """Return the objects that a user names: ``all``, ``none``, or names with commas between; None for no choice.

    Raises `CollectorError` for another name.
    """
    if text is None:
        return None
    if text in (ALL, NONE):
        return OBJECTS if text == ALL else ()
    names = {name.strip() for name in text.split(",")}
    unknown = sorted(names - set(OBJECTS))
    if unknown:
        raise CollectorError(f"--index-objects: {unknown[0]!r} is none of {', '.join(OBJECTS)}, {ALL}, {NONE}")
    return tuple(name for name in OBJECTS if name in names)


def chosen_in(component: Optional[Dict[str, Any]]) -> Choice:
    """Return what was chosen when the component template of a cluster was written; None when there is no telling."""
    found = (component or {}).get("_meta", {}).get(CHOICE)
    if not isinstance(found, list):
        return None
    return tuple(name for name in OBJECTS if name in found)


def decide(dialect: Dialect, choice: Choice) -> Decision:
    """Return what becomes of the objects in an engine when ``choice`` was made."""
    wanted = DEFAULT_OBJECTS if choice is None else choice
    if not dialect.version:
        return UNDECIDED if choice is None else Decision(wanted, choice)
    return Decision(wanted if field_type(dialect) else (), choice)


def field_type(dialect: Dialect) -> str:
    """Return the name of the type an engine of a known version indexes objects with, "" if it has none."""
    since, name = TYPES.get(dialect.name, ((99,), ""))
    return name if dialect.version >= since else ""


def explained(dialect: Dialect, decision: Decision) -> str:
    """Return in one line which objects any member of is searchable in this cluster, and why not the others."""
    text = "CloudTrail objects searchable by any member: "
    if decision.indexed:
        name = field_type(dialect) or TYPES.get(dialect.name, TYPES["opensearch"])[1]
        rest: List[str] = [each for each in OBJECTS if each not in decision.indexed]
        return f"{text}{_listed(decision.indexed)} ({name})" + (f"; stored only: {_listed(rest)}" if rest else "")
    if decision.keep:
        return (
            f"{text}left as the cluster has it, or none: the version of {dialect.name} is not known. "
            "--index-objects all indexes them; that needs OpenSearch 2.19 or Elasticsearch 8"
        )
    if field_type(dialect):
        return f"{text}none, as chosen"
    return f"{text}none: {dialect} has no type for it (OpenSearch from 2.19, Elasticsearch from 8)"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
