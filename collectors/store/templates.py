"""Component and index templates (``deploy/``) in the cluster, before the first document is written.

Without its template an index is mapped by the first document, wrongly and for good. A template is written when it is
missing or when this product's has changed; one that a user edited in the cluster stays as it is until then, because
what decides is a digest of our own text, kept in the template's ``_meta``.

CloudTrail's free-form objects are a component of their own, whose fields depend on the engine's version and on what was
chosen: `collectors.store.object_fields`.

The files are written the way the engines give them back (settings nested, their values text), so that what is in the
cluster can be compared with them as it comes. ``deploy/opensearch`` has what all engines share; a file of the same
name in ``deploy/elasticsearch`` takes its place there.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import string
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from collectors.errors import TemplateRefused
from collectors.sources.registry import LOGS
from collectors.store import object_fields
from collectors.store.object_fields import UNDECIDED, Choice, Decision
from es_bridge.answers import Maybe
from es_bridge.dialect import Dialect, detect
from es_bridge.errors import PermissionDenied, RejectedQuery
from es_bridge.transport import Transport

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
#: Engine -> folders of `DEPLOY`; the first that has a file gives it.
FOLDERS = {
    "opensearch": ("opensearch", "beats"),
    "elasticsearch": ("elasticsearch", "opensearch", "beats"),
}
DIGEST = "sha256"
NO_LIFECYCLE = "none"
COMPONENT, INDEX = "component template", "index template"

MISSING = "missing"
SAME = "same"
#: Ours has changed since it was written.
OUTDATED = "outdated"
#: Somebody changed it in the cluster: it stays, until ours changes or somebody insists.
EDITED = "edited"


class TemplateSet(NamedTuple):
    """The templates of one log. ``name`` is the index template's in the cluster, and the alias of its indices."""

    name: str
    title: str


#: Dataset -> its templates. The Beats have other roads than this product's loader: ``docs/beats.md``.
TEMPLATES: Dict[str, TemplateSet] = {
    **{each.name: TemplateSet(each.index_prefix.rstrip("-"), each.title) for each in LOGS.values()},
    "filebeat": TemplateSet("beats-filebeat", "Filebeat"),
    "winlogbeat": TemplateSet("beats-winlogbeat", "Winlogbeat"),
}


class Piece(NamedTuple):
    """One thing that belongs into the cluster, at ``path``."""

    kind: str
    name: str
    path: Tuple[str, ...]
    body: Dict[str, Any]
    #: Written where it is missing, else left as it is.
    keep: bool = False


class Compared(NamedTuple):
    """A piece, and what the cluster has in its place (``None``: nothing)."""

    piece: Piece
    state: str
    found: Optional[Dict[str, Any]] = None


def pieces(
    dataset: str, engine: str = "opensearch", lifecycle: str = NO_LIFECYCLE, objects: Decision = UNDECIDED
) -> List[Piece]:
    """Return the templates of ``dataset`` in the order in which they are written: components come first.

    The component ``<name>-lifecycle`` holds what a lifecycle wants of an index. Without one it only keeps the place.
    ``objects`` is what becomes of CloudTrail's free-form objects: by default what every engine takes.
    """
    name = TEMPLATES[dataset].name
    index = _json(deployed(engine, "index_templates", f"{name}.json"))
    found = []
    for component in index["composed_of"]:
        if component == f"{name}-lifecycle":
            text = deployed(engine, "component_templates", f"lifecycle-{lifecycle}.json")
            body = _json(string.Template(text).substitute(name=name))
        else:
            body = _json(deployed(engine, "component_templates", f"{component}.json"))
        keep = component.endswith("-lifecycle") and lifecycle == NO_LIFECYCLE
        if component == object_fields.COMPONENT:
            body, keep = objects.applied(body), objects.keep
        found.append(Piece(COMPONENT, component, ("_component_template", component), _with_digest(body), keep))
    return [*found, Piece(INDEX, name, ("_index_template", name), _with_digest(index))]


def pieces_for(
    transport: Transport,
    dialect: Dialect,
    dataset: str,
    lifecycle: str = NO_LIFECYCLE,
    choice: Choice = None,
) -> List[Piece]:
    """Return the templates of ``dataset`` for one cluster, in the order in which they are written.

    ``choice``: CloudTrail's objects that are to be indexed; None for those that the cluster's template says were chosen
    before. Raises as `ensure_template`.
    """
    engine = "elasticsearch" if dialect.name == "elasticsearch" else "opensearch"
    objects = objects_for(transport, dialect, choice) if has_free_form_objects(dataset, engine) else UNDECIDED
    return pieces(dataset, engine, lifecycle, objects)


def has_free_form_objects(dataset: str, engine: str = "opensearch") -> bool:
    """Return whether the log has objects of which can be chosen whether they are indexed."""
    index = _json(deployed(engine, "index_templates", f"{TEMPLATES[dataset].name}.json"))
    return object_fields.COMPONENT in index["composed_of"]


def objects_for(transport: Transport, dialect: Dialect, choice: Choice = None) -> Decision:
    """Return what becomes of CloudTrail's free-form objects in one cluster. As `pieces_for`."""
    if choice is None:
        name = object_fields.COMPONENT
        choice = object_fields.chosen_in(_found(transport, Piece(COMPONENT, name, ("_component_template", name), {})))
    return object_fields.decide(dialect, choice)


def template(dataset: str) -> Dict[str, Any]:
    """Return the index template of ``dataset`` as it is sent, with the digest of its own text in ``_meta``."""
    return pieces(dataset)[-1].body


def deployed(engine: str, *path: str) -> str:
    """Return the text of a file of ``deploy/`` as it is for ``engine``."""
    for folder in FOLDERS[engine]:
        file = DEPLOY.joinpath(folder, *path)
        if file.is_file():
            return file.read_text("utf-8")
    raise FileNotFoundError(f"deploy has no {'/'.join(path)} for {engine}")


def ensure_template(transport: Transport, dataset: str, choice: Choice = None) -> bool:
    """Write the templates of ``dataset`` that are missing or older than ours; return whether one was written.

    ``choice`` as in `pieces_for`. Raises `TemplateRefused` when the account may not, and the errors of `es_bridge`.
    """
    written = False
    for piece in pieces_for(transport, detect(transport), dataset, choice=choice):
        if compare(transport, piece).state in (MISSING, OUTDATED):
            write(transport, piece)
            written = True
    return written


def compare(transport: Transport, piece: Piece) -> Compared:
    """Return what the cluster has in the place of a template. Raises as `ensure_template`."""
    found = _found(transport, piece)
    if found is None:
        return Compared(piece, MISSING)
    if _content(found) == _content(piece.body):
        return Compared(piece, SAME, found)
    same_text = (found.get("_meta") or {}).get(DIGEST) == piece.body["_meta"][DIGEST]
    return Compared(piece, EDITED if same_text or piece.keep else OUTDATED, found)


def _found(transport: Transport, piece: Piece) -> Optional[Dict[str, Any]]:
    try:
        response = transport.request("GET", piece.path, accept_status=(404,))
    except PermissionDenied as exc:
        raise refused(piece, exc) from exc
    if response.status == 404:
        return None
    key = piece.path[0][1:]
    found = response.json({f"{key}s": [{key: {"_meta": Maybe(dict)}}]})[f"{key}s"]
    return found[0][key] if found else None


def write(transport: Transport, piece: Piece, params: Optional[Mapping[str, Any]] = None) -> None:
    """Put a piece into the cluster. Raises as `ensure_template`, and when the engine does not take it."""
    try:
        transport.request("PUT", piece.path, params, body=piece.body)
    except PermissionDenied as exc:
        raise refused(piece, exc) from exc
    except RejectedQuery as exc:
        raise TemplateRefused(f"the cluster does not take the {piece.kind} {piece.name}: {exc.reason or exc}") from exc


def difference(compared: Compared) -> str:
    """Return the lines in which the cluster's and ours differ, as ``diff -u`` shows them."""
    piece, found = compared.piece, compared.found
    return "\n".join(
        difflib.unified_diff(
            [] if found is None else _lines(found),
            _lines(piece.body),
            "nothing" if found is None else f"{piece.kind} {piece.name} in the cluster",
            f"{piece.kind} {piece.name} of this product",
            lineterm="",
        )
    )


def refused(piece: Piece, exc: PermissionDenied) -> TemplateRefused:
    """Return the error for an account without the permission, with what to do."""
    return TemplateRefused(
        f"this account may not read or write the {piece.kind} {piece.name} ({exc.reason}). Ask the cluster's "
        "administrator to run aws-siem-bridge templates apply, or to send what aws-siem-bridge templates show prints, "
        "then load with --no-template"
    )


def _with_digest(body: Dict[str, Any]) -> Dict[str, Any]:
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    return {**body, "_meta": {**body.get("_meta", {}), DIGEST: digest}}


def _content(body: Dict[str, Any]) -> Dict[str, Any]:
    meta = {name: value for name, value in (body.get("_meta") or {}).items() if name != DIGEST}
    return {**body, "_meta": meta}


def _lines(body: Dict[str, Any]) -> List[str]:
    content = _content(body) if "_meta" in body else body
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False).splitlines()


def _json(text: str) -> Dict[str, Any]:
    return json.loads(text)
