"""What the pages promise exists: commands, options, files and links."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Iterator, List, Set, Tuple

import pytest

from splunk_app.verify.checks import CHECKS

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md")])
INDEX = ROOT / "docs" / "README.md"
COMMANDS = [
    "search", "stats", "indices", "fields", "ping", "load", "audit", "dlq", "digest", "templates", "completion",
    "lab", "lab engine", "lab splunkd", "lab aws", "lab story", "lab run", "lab demo",
]  # fmt: skip


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_into_a_page_lead_to_a_heading(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert anchor in anchors(page.parent / target if target else page), f"{page.name}: {target}#{anchor}"


def anchors(page: Path) -> Set[str]:
    """Return the anchors GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_leads_to_the_index_and_the_index_to_every_page() -> None:
    assert f"({INDEX.relative_to(ROOT)})" in (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[([^\]]+)\]\(([^)]+)\) \| (\S.*) \|$", INDEX.read_text(encoding="utf-8"), re.MULTILINE)
    assert all(name == target for name, target, _ in rows)
    assert sorted(name for name, _, _ in rows) == sorted(
        page.name for page in ROOT.glob("docs/*.md") if page != INDEX
    ), "each page stands in docs/README.md once"


def test_the_index_is_by_what_a_reader_wants() -> None:
    headings = re.findall(r"^## (.+)$", INDEX.read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == ["Search", "Load", "Findings", "Detections", "Respond", "Operate"]


def test_pages_named_in_messages_forms_and_the_app_exist() -> None:
    """A message that says where to read on must stay right, so pages stay where they are."""
    search = ["git", "grep", "-ohIE", r"docs/[a-z0-9_]+\.md(#[a-z0-9-]+)?", "--", ".", ":!docs", ":!tests"]
    found = subprocess.run(search, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert len(set(found)) > 30
    for page, _, anchor in sorted({each.partition("#") for each in found}):
        assert (ROOT / page).exists(), f"{page} is named, see git grep -n {page}"
        assert not anchor or anchor in anchors(ROOT / page), f"git grep -n {page}#{anchor}"


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


@pytest.mark.parametrize("command", [command for command in COMMANDS if not command.startswith("lab")] + ["lab run"])
def test_every_command_is_in_the_pages(command: str) -> None:
    pages = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert f"aws-siem-bridge {command}" in pages


def test_options_of_the_search_command_are_documented() -> None:
    sys.path.insert(0, str(ROOT / "splunk_app" / "package" / "bin"))
    from search_command.elasticsearch import options

    page = (ROOT / "docs" / "search_command.md").read_text(encoding="utf-8")
    for name in options.NAMES:
        assert f"`{name}`" in page, f"docs/search_command.md does not describe {name}="


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_searches_in_a_page_use_options_there_are(page: Path) -> None:
    sys.path.insert(0, str(ROOT / "splunk_app" / "package" / "bin"))
    for command, line in spl_lines(page):
        options = importlib.import_module(f"search_command.{command}.options")
        # What the 40-line command took, and one that is wrong on purpose.
        for name in re.findall(r" (\w+)=", " " + re.sub(r'"(?:[^"\\]|\\.)*"', '""', line)):
            assert name in (*options.NAMES, "siez"), f"{page.name}: {line}"


def spl_lines(page: Path) -> Iterator[Tuple[str, str]]:
    """Yield (command, what stands behind it up to the next one) of each call of a command of ours in a page's code."""
    text = page.read_text(encoding="utf-8").replace("\\|", "|")
    for code in re.findall(r"`([^`\n]+)`", text) + re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for command, call in re.findall(r"\| (elastic[a-z]+) (.*)", code):
            yield command, re.split(r" \| (?=[a-z])|\]", call)[0]


def test_fields_of_the_configuration_pages_are_called_as_on_the_pages() -> None:
    tabs = json.loads((ROOT / "splunk_app" / "globalConfig.json").read_text(encoding="utf-8"))["pages"]["configuration"]
    labels = {field["label"] for tab in tabs["tabs"] for field in tab.get("entity", [])}
    page = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    named = [name for table in page.split("| field | value |\n| --- | --- |\n")[1:] for name in first_column(table)]
    assert len(named) > 5
    assert set(named) <= labels


def test_tabs_of_the_configuration_pages_are_called_as_on_the_pages() -> None:
    config: Any = json.loads((ROOT / "splunk_app" / "globalConfig.json").read_text(encoding="utf-8"))
    titles = {tab["title"] for tab in config["pages"]["configuration"]["tabs"]}
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for name in re.findall(r"\b(?:the|app's) ([A-Z]\w+) page\b|\btab (AWS \w+|Event \w+|[A-Z]\w+)", text):
            assert "".join(name) in titles, f"{page.name} names a page {''.join(name)}"


def test_settings_of_the_functions_that_respond_are_in_the_pages() -> None:
    rows = re.findall(r"^\| (`.+?) \| (.+)$", (ROOT / "docs" / "workflow.md").read_text(encoding="utf-8"), re.MULTILINE)
    of_function = {name: row for first, row in rows for name in re.findall(r"`(\w+)`", first)}
    found = 0
    for path in sorted(ROOT.glob("response/handlers/*.py")):
        required = getattr(importlib.import_module(f"response.handlers.{path.stem}"), "REQUIRED", None)
        if required is not None:
            found += 1
            row = of_function[path.stem]
            assert [name for name in required if f"`{name}`" not in row] == [], f"docs/workflow.md, {path.stem}"
    assert found > 15
    page = "\n".join(path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("response/**/*.py")))
    named = set(re.findall(r'variables\.(?:text|number|several)\("([A-Z0-9_]+)"', page))
    text = (ROOT / "docs" / "workflow.md").read_text(encoding="utf-8")
    assert len(named) > 30
    assert [name for name in sorted(named) if f"`{name}`" not in text] == []


def first_column(table: str) -> List[str]:
    """Return the first cells of the rows a text begins with."""
    rows = table.partition("\n\n")[0].splitlines()
    return [row.split("|")[1].strip() for row in rows]


def test_conf_files_named_in_a_page_are_the_apps() -> None:
    default = ROOT / "splunk_app" / "package" / "default"
    for page in PAGES:
        for name in re.findall(r"aws_siem_bridge_\w+\.conf\b", page.read_text(encoding="utf-8")):
            assert (default / name).exists(), f"{page.name} names {name}"


def test_no_page_and_no_source_names_a_machine() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    here = re.compile(r"/r[o]ot/|/wor[k]/main|pyenv/versions/\d")
    for name in listed:
        if name.endswith((".py", ".md", ".json", ".toml", ".conf", ".spec", ".txt")) or name.startswith("script/"):
            text = (ROOT / name).read_text(encoding="utf-8")
            assert not here.search(text), f"{name} names a path of one machine"


@pytest.mark.parametrize("page", ["verify_on_splunk.md", "verify_on_aws.md"])
def test_a_check_has_a_number_of_its_own(page: str) -> None:
    numbers = re.findall(
        r"^\| \**([A-Z]+[0-9]+)\** \|", (ROOT / "docs" / page).read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(numbers) > 50
    assert [number for number, times in Counter(numbers).items() if times > 1] == []


def test_each_check_that_rest_can_make_stands_on_the_page() -> None:
    page = (ROOT / "docs" / "verify_on_splunk.md").read_text(encoding="utf-8")
    assert [number for number in CHECKS if f"\n| {number} |" not in page] == []
