"""Index templates (``deploy/opensearch``) in the cluster, before the first document is written.

Without its template an index is mapped by the first document, wrongly and for good. A template is written when it is
missing or when this product's has changed; one that a user edited in the cluster stays as it is until then, because
what is compared is a digest of our own text, kept in the template's ``_meta``.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Dict

from collectors.errors import TemplateRefused
from es_bridge.errors import PermissionDenied
from es_bridge.transport import Transport

FOLDER = Path(__file__).resolve().parent.parent / "deploy" / "opensearch"
DIGEST = "sha256"

#: Dataset -> (name in the cluster, file). The same text is accepted by OpenSearch 2 and 3 and Elasticsearch 7.10 to 9.
TEMPLATES = {"cloudtrail": ("aws-cloudtrail", "cloudtrail.json")}


def template(dataset: str) -> Dict[str, Any]:
    """Return the index template of ``dataset`` as it is sent, with the digest of its own text in ``_meta``."""
    text = (FOLDER / TEMPLATES[dataset][1]).read_bytes()
    body = json.loads(text)
    body["_meta"] = {**body.get("_meta", {}), DIGEST: hashlib.sha256(text).hexdigest()}
    return body


def ensure_template(transport: Transport, dataset: str) -> bool:
    """Write the template of ``dataset`` if it is missing or older than ours; return whether it was written.

    Raises `TemplateRefused` when the account may not, and the errors of `es_bridge`.
    """
    name = TEMPLATES[dataset][0]
    path = ["_index_template", name]
    ours = template(dataset)
    try:
        response = transport.request("GET", path, accept_status=(404,))
        if response.status == 200:
            found = response.json()["index_templates"][0]["index_template"]
            if found.get("_meta", {}).get(DIGEST) == ours["_meta"][DIGEST]:
                return False
        transport.request("PUT", path, body=ours)
    except PermissionDenied as exc:
        raise TemplateRefused(
            f"this account may not read or write the index template {name} ({exc.reason}). Ask the cluster's "
            f"administrator to put {FOLDER.name}/{TEMPLATES[dataset][1]} of this product's deploy folder into the "
            "cluster (PUT _index_template/" + name + "), then load with --no-template"
        ) from exc
    return True
