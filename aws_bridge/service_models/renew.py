"""``python -m aws_bridge.service_models.renew``: makes the descriptions of the services anew from ``botocore.lock``."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from aws_bridge.service_models import FOLDER, SERVICES
from aws_bridge.trimming import copy_service_models

LOCK = Path(__file__).with_name("botocore.lock")
#: Any that the locked botocore supports: no code of it is run.
PYTHON_VERSION = "3.13"


def renew(folder: Path = FOLDER) -> None:
    """Replace ``folder``. Raises `subprocess.CalledProcessError` when pip cannot get the locked botocore."""
    with tempfile.TemporaryDirectory() as work:
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes",
             "--only-binary=:all:", "--python-version", PYTHON_VERSION, "--dest", work, "-r", str(LOCK)],
            check=True,
        )  # fmt: skip
        (wheel,) = Path(work).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(work)
        made = Path(work, "made")
        copy_service_models(Path(work, "botocore", "data"), SERVICES, made)
        (notice,) = Path(work).glob("botocore-*.dist-info/NOTICE")
        shutil.copyfile(notice, made / "NOTICE")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(made, folder)


if __name__ == "__main__":
    renew()
