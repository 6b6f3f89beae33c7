"""What the pages promise exists: commands, options, files and links."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md")])
COMMANDS = ["search", "indices", "ping", "load", "lab", "lab engine", "lab splunkd", "lab story", "lab run", "lab demo"]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_paths_named_in_a_page_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    folders = "es_bridge|collectors|splunk_app|lab|tests|benchmarks|deploy|script"
    for path in re.findall(rf"`((?:{folders})/[\w./-]+)`", text):
        assert (ROOT / path).exists(), f"{page.name} names {path}"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_that_teaches(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "aws_siem_bridge", *command.split(), "--help"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "example" in done.stdout


@pytest.mark.parametrize("command", ["search", "indices", "ping", "load", "lab run"])
def test_every_command_is_in_the_pages(command: str) -> None:
    pages = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert f"aws-siem-bridge {command}" in pages


def test_options_of_the_search_command_are_documented() -> None:
    sys.path.insert(0, str(ROOT / "splunk_app" / "package" / "bin"))
    from search_command import options

    page = (ROOT / "docs" / "search_command.md").read_text(encoding="utf-8")
    for name in options.NAMES:
        assert f"`{name}`" in page, f"docs/search_command.md does not describe {name}="


def test_no_page_and_no_source_names_a_machine() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    here = re.compile(r"/r[o]ot/|/wor[k]/main|pyenv/versions/\d")
    for name in listed:
        if name.endswith((".py", ".md", ".json", ".toml", ".conf", ".spec", ".txt")) or name.startswith("script/"):
            text = (ROOT / name).read_text(encoding="utf-8")
            assert not here.search(text), f"{name} names a path of one machine"
