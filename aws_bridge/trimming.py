"""botocore without the descriptions of services that nobody calls: 25 MB in whatever carries a copy of it.

The packer of the functions and the builder of the Splunk app share this, so it needs the standard library alone.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Collection

#: What botocore's own credential chain calls: assumed roles, web identity, SSO.
OF_CREDENTIALS = ("sso", "sso-oidc", "sts")


def trim_botocore(folder: Path, services: Collection[str] = ()) -> None:
    """Leave of botocore below ``folder`` the ``services`` that are called, and those that credentials come from."""
    kept = {*services, *OF_CREDENTIALS}
    for service in (folder / "botocore" / "data").iterdir():
        if service.is_dir() and service.name not in kept:
            shutil.rmtree(service)
