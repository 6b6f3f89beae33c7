"""botocore without the descriptions of services that nobody calls: 25 MB in whatever carries a copy of it.

The packer of the functions, the builder of the Splunk app and `aws_bridge.service_models.renew` share this, so it needs
the standard library alone.
"""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from typing import Any, Collection, Dict

#: What botocore's own credential chain calls: assumed roles, web identity, SSO.
OF_CREDENTIALS = ("sso", "sso-oidc", "sts")
#: Of a service's description: what a client is made from. Its examples are for documentation.
PARTS = ("service-2", "endpoint-rule-set-1", "paginators-1", "paginators-1.sdk-extras", "waiters-2")


def trim_botocore(folder: Path, services: Collection[str] = ()) -> None:
    """Leave of botocore below ``folder`` the ``services`` that are called, and those that credentials come from."""
    kept = {*services, *OF_CREDENTIALS}
    for service in (folder / "botocore" / "data").iterdir():
        if service.is_dir() and service.name not in kept:
            shutil.rmtree(service)


def copy_service_models(data: Path, services: Collection[str], target: Path) -> None:
    """Copy of botocore's folder ``data`` the newest descriptions of ``services`` to ``target``, without their prose.

    Operations and shapes stay whole; of securityhub's 2 MB half are documentation. Raises FileNotFoundError for a
    service that is not there.
    """
    for service in services:
        newest = max((data / service).iterdir())
        folder = target / service / newest.name
        folder.mkdir(parents=True)
        for part in PARTS:
            for path in newest.glob(f"{part}.json*"):
                raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
                text = json.dumps(_without_prose(json.loads(raw)), separators=(",", ":"))
                # No time in its head: the same description, the same bytes.
                (folder / f"{part}.json.gz").write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def _without_prose(value: Any) -> Any:
    if isinstance(value, dict):
        # A member of a structure may be called documentation, too: that one is no text.
        return {
            key: _without_text(inner) if key == "clientContextParams" else _without_prose(inner)
            for key, inner in value.items()
            if not (key == "documentation" and isinstance(inner, str))
        }
    return [_without_prose(inner) for inner in value] if isinstance(value, list) else value


def _without_text(parameters: Dict[str, Any]) -> Dict[str, Any]:
    """botocore asks each of these for its documentation."""
    return {name: {**parameter, "documentation": ""} for name, parameter in parameters.items()}
