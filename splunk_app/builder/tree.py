"""The unpacked app: ucc-gen makes it from a copy of the source, the rest is put right here.

ucc-gen writes into its source (the version, migrations of globalConfig.json), so it never sees the real one.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Dict

from splunk_app.builder import alert_actions, docs, input_pages, lib, pages
from splunk_app.builder.environment import BuildError, for_tools, run
from splunk_app.builder.fingerprint import source_files
from splunk_app.builder.places import APP, BUILDER, PACKAGE, ROOT, SOURCE, version

#: Conf files that ucc-gen generates and we have, too. It would keep ours only.
MERGED = ("restmap.conf",)
PIP_VERSION = "25.3"
#: Pure Python for every Splunk: the oldest Python decides the versions, no wheel for one platform is taken. pip takes
#: the hashes from the lock file; splunk-sdk has no wheel, and is built with the setuptools of tools.lock.
PIP_FLAGS = (
    "--no-compile --ignore-installed --require-hashes --no-deps --no-build-isolation "
    "--python-version 3.9 --implementation py --abi none --platform any"
)


def make(work: Path, python: Path) -> Path:
    """Return the built tree, in the empty folder ``work``; ``python`` is one that has ucc-gen."""
    source = work / "source"
    ours = _stage(source)
    run(
        [str(python), "-m", "splunk_add_on_ucc_framework.main", "build",
         "--source", str(source / "package"), "--ta-version", version(), "-o", str(work / "out"),
         "--python-binary-name", str(python), "--pip-version", PIP_VERSION, "--pip-custom-flag", PIP_FLAGS],
        cwd=work,
        env={**for_tools(python), "SOURCE_DATE_EPOCH": "315532800"},
    )  # fmt: skip
    tree = work / "out" / APP
    if not (tree / "default" / "app.conf").is_file():
        raise BuildError("ucc-gen ended well and built nothing")
    for name, text in ours.items():
        generated = (tree / "default" / name).read_text("utf-8").rstrip()
        (tree / "default" / name).write_text(f"{generated}\n\n{text}", "utf-8")
    # ucc-gen lists the keys of all tabs in the spec of a conf file that there is only with a tab called account.
    (tree / "README" / f"{APP}_account.conf.spec").unlink(missing_ok=True)
    alert_actions.add(tree)
    lib.trim(tree / "lib")
    lib.add_rooms(tree / "lib")
    docs.add(tree)
    pages.use_our_words(tree)
    _fix_build_number(tree)
    return tree


def _stage(source: Path) -> Dict[str, str]:
    """Copy what ucc-gen reads to ``source``, without the files of `MERGED`; return the texts of these."""
    for path in source_files(PACKAGE):
        target = source / "package" / path.relative_to(PACKAGE)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    (source / "globalConfig.json").write_text(_global_config(), "utf-8")
    shutil.copyfile(BUILDER / "lib.lock", source / "package" / "lib" / "requirements.txt")
    (source / "package" / "LICENSES").mkdir()
    shutil.copyfile(ROOT / "LICENSE", source / "package" / "LICENSES" / "Apache-2.0.txt")
    ours = {}
    for name in MERGED:
        path = source / "package" / "default" / name
        ours[name] = path.read_text("utf-8")
        path.unlink()
    return ours


def _global_config() -> str:
    """Return globalConfig.json with the page Inputs, and the version where the page shows it.

    UCC's footer, which has it, too, is left out (``showFooter``): it takes the build number for a time, starts a search
    for it at each visit, and would say 1970.
    """
    config = json.loads((SOURCE / "globalConfig.json").read_text("utf-8"))
    page = config["pages"]["configuration"]
    page["description"] += f" Version {version()}."
    config["pages"]["inputs"] = input_pages.page()
    return json.dumps(config, indent=2, ensure_ascii=False) + "\n"


def _fix_build_number(tree: Path) -> None:
    """Put a number that follows from the version where ucc-gen writes the time: the same source, the same bytes.

    Splunk wants an integer that every release changes: app.conf.spec, ``[install] build``.
    """
    major, minor, patch = (int(part) for part in version().split("."))
    number = str(major * 1_000_000 + minor * 1_000 + patch)
    conf = tree / "default" / "app.conf"
    found = re.search(r"^build = (\d+)$", conf.read_text("utf-8"), re.MULTILINE)
    if not found:
        raise BuildError(f"{conf} has no build number to replace: has ucc-gen changed?")
    for path in (conf, tree / "appserver" / "templates" / "base.html"):
        path.write_text(path.read_text("utf-8").replace(found.group(1), number), "utf-8")
