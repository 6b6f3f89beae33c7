"""The other tests rely on this: what goes wrong on a page without showing is noticed."""

import json
import shutil
from pathlib import Path
from typing import Any

from lab.splunkd import SplunkdStandIn


def test_a_description_that_the_page_calls_invalid_is_a_fault(built_app: Path, tmp_path: Path, visit: Any) -> None:
    app = tmp_path / built_app.name
    shutil.copytree(built_app, app, ignore=shutil.ignore_patterns("lib", "__pycache__"))
    description = app / "appserver" / "static" / "js" / "build" / "globalConfig.json"
    content = json.loads(description.read_text("utf-8"))
    content["pages"]["configuration"]["tabs"][0]["entity"][0]["unknown_key"] = True
    description.write_text(json.dumps(content), "utf-8")
    with SplunkdStandIn(app, web=True) as splunkd:
        page = visit(splunkd, faultless=False).load()
        page.page.get_by_role("heading", name="Something went wrong").wait_for()  # without lib/ no handler answers
        page.page.wait_for_load_state("networkidle")
        faults = page.watch.faults()
    assert any("Invalid globalConfig.json" in fault and "unknown_key" in fault for fault in faults), faults
    assert any("was answered 500" in fault for fault in faults), faults
