"""The views and the navigation as files of the package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List
from xml.sax.saxutils import escape

from savedsearches.content.files import write_changed
from splunk_app.dashboards.definitions import definitions
from splunk_app.dashboards.reading import HERE, LANGUAGES, read_pages

ROOT = Path(__file__).resolve().parents[2]
UI = Path("splunk_app/package/default/data/ui")
#: In the order of the navigation; a new user's first page comes first.
ORDER = (
    "home", "security", "triage", "response", "guardduty", "compliance", "waf", "vpc_flow", "dns", "cloudtrail",
    "ingestion", "report",
)  # fmt: skip
#: Pages that UCC makes: for administrators.
CONFIGURATION = ("inputs", "configuration")


def view_xml(made: Dict[str, Any]) -> str:
    """Return a view of Dashboard Studio."""
    text = json.dumps(made, ensure_ascii=False, indent=1).replace("]]>", "]]\\u003e")
    return (
        '<dashboard version="2" theme="light">\n'
        f"  <label>{escape(made['title'])}</label>\n"
        f"  <description>{escape(made['description'])}</description>\n"
        f"  <definition><![CDATA[\n{text}\n]]></definition>\n"
        "</dashboard>\n"
    )


def nav_xml(pages: List[str]) -> str:
    """Return the navigation: the pages, those in Korean, the search, and the administrators' pages."""
    ordered = sorted(pages, key=ORDER.index)
    lines = [f'  <view name="{name}"{" default=" + chr(34) + "true" + chr(34) if not n else ""} />'
             for n, name in enumerate(ordered[:1])]  # fmt: skip
    lines += ['  <collection label="Dashboards">', *(f'    <view name="{name}" />' for name in ordered[1:])]
    lines += ["  </collection>", '  <collection label="한국어">']
    lines += [f'    <view name="{name}_{LANGUAGES[1]}" />' for name in ordered]
    lines += ["  </collection>", '  <view name="search" />', *(f'  <view name="{name}" />' for name in CONFIGURATION)]
    return "<nav>\n" + "\n".join(lines) + "\n</nav>\n"


def rendered() -> Dict[Path, str]:
    """Return file, relative to the repository -> its text."""
    found = {UI / "views" / f"{each.name}.xml": view_xml(each.definition) for each in definitions()}
    pages, _ = read_pages(HERE)
    found[UI / "nav" / "default.xml"] = nav_xml(list(pages))
    return found


def write() -> List[Path]:
    """Write all files, take away views that are no more; return those that changed."""
    wanted = rendered()
    changed = []
    for path in sorted((ROOT / UI / "views").glob("*.xml")):
        if path.relative_to(ROOT) not in wanted:
            path.unlink()
            changed.append(path.relative_to(ROOT))
    return changed + write_changed(ROOT, wanted)
