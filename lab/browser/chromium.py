"""A Chromium that comes as a package: fetched once, unpacked into the cache, started with its own libraries and fonts.

Its package (``@sparticuz/chromium``, for Linux on x86-64) holds the headless shell of Chromium and the few shared
libraries that a small machine lacks, so nothing has to be installed with the system's package manager.
``AWS_SIEM_BRIDGE_BROWSER`` names another Chromium or Chrome instead, where that package does not run.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Dict, Iterator

from lab.engine.cache import building, cache_dir
from lab.engine.progress import Progress, to_stderr
from lab.node import NodeUnavailable, install_packages, run_node

from .errors import BrowserUnavailable

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_HERE = Path(__file__).parent
#: No graphics card, and a container's /dev/shm is often too small for a page.
_ARGUMENTS = ("--disable-gpu", "--disable-dev-shm-usage")
# The one in the package names folders of AWS Lambda, and Chromium ends at once when it finds no font at all.
_FONTS_CONF = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{fonts}</dir><cachedir>{cache}</cachedir></fontconfig>
"""


@dataclass(frozen=True)
class Chromium:
    """A Chromium's program, and what its environment needs beyond ours."""

    program: Path
    environment: Dict[str, str] = field(default_factory=dict)


@contextlib.contextmanager
def open_browser(progress: Progress = to_stderr) -> Iterator[Browser]:
    """Yield a running headless browser (Playwright's synchronous ``Browser``). Raise BrowserUnavailable.

    One at a time in a thread: Playwright's synchronous interface cannot be nested.
    """
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError as error:
        raise BrowserUnavailable(
            "The browser is driven by playwright: pip install playwright, or run script/setup"
        ) from error
    found = find_chromium(progress)
    environment: Dict[str, str] = {**os.environ, **found.environment}
    with sync_playwright() as playwright:
        try:
            # Chromium's own sandbox does not start as root, as which CI often runs; it only ever sees our pages.
            browser = playwright.chromium.launch(
                executable_path=found.program, args=list(_ARGUMENTS), env=dict(environment), chromium_sandbox=False
            )
        except Error as error:
            raise BrowserUnavailable(
                f"{found.program} does not start: {error.message.splitlines()[0]}. "
                "Name another Chromium or Chrome in AWS_SIEM_BRIDGE_BROWSER."
            ) from error
        try:
            yield browser
        finally:
            browser.close()


def find_chromium(progress: Progress = to_stderr) -> Chromium:
    """Return the Chromium to use, fetching it when the cache does not have it. Raise BrowserUnavailable."""
    chosen = os.environ.get("AWS_SIEM_BRIDGE_BROWSER")
    if chosen:
        program = Path(chosen).expanduser()
        if not os.access(program, os.X_OK):
            raise BrowserUnavailable(f"AWS_SIEM_BRIDGE_BROWSER={chosen} is no program")
        return Chromium(program)
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise BrowserUnavailable(
            f"The packaged browser is for Linux on x86-64, this is {sys.platform} on {platform.machine()}. "
            "Name a Chromium or Chrome of this machine in AWS_SIEM_BRIDGE_BROWSER."
        )
    home = cache_dir() / "browser" / f"chromium-{_digest()}"
    if not home.is_dir():
        progress(f"browser: downloading Chromium, 70 MB (once; kept in {cache_dir()})", 0, 0)
        try:
            _prepare(home)
        except NodeUnavailable as error:
            raise BrowserUnavailable(str(error)) from error
    libraries = [str(home / "al2023" / "lib"), os.environ.get("LD_LIBRARY_PATH", "")]
    environment = {"LD_LIBRARY_PATH": ":".join(filter(None, libraries)), "FONTCONFIG_PATH": str(home / "fonts")}
    return Chromium(home / "chromium", environment)


def _prepare(home: Path) -> None:
    with building(home) as draft:
        install_packages(_HERE, draft)
        script = Path(shutil.copy(_HERE / "unpack.mjs", draft))  # where its import finds the package
        space = f"{home.parent} needs 400 MB of free space."
        run_node(script, cwd=draft, environment={"TMPDIR": str(draft)}, hint=space)
        shutil.rmtree(draft / "node_modules")
        fonts = _FONTS_CONF.format(fonts=home / "fonts" / "fonts", cache=home / "fonts" / "cache")
        (draft / "fonts" / "fonts.conf").write_text(fonts, "utf-8")


def _digest() -> str:
    """Return a short digest of what a prepared browser depends on."""
    digest = hashlib.sha256()
    for source in ("package-lock.json", "unpack.mjs", "chromium.py"):
        digest.update((_HERE / source).read_bytes())
    return digest.hexdigest()[:12]
