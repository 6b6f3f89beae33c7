"""Runs Splunk's checkers on the built app and keeps their reports in ``dist/reports``.

Both end with status 0 whatever they find; what counts is what they wrote. ``tests/splunk_app/builder/test_reports.py``
reads it, and knows which warnings are expected and why.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from splunk_app.builder.environment import BuildError, environment, run
from splunk_app.builder.fingerprint import is_stamped, of_files, write_stamp
from splunk_app.builder.places import BUILDER, DIST, ROOT, alone, archive

REPORTS = DIST / "reports"
STAMP = REPORTS / ".complete"
#: AppInspect finds libmagic only when pylibmagic, which carries it, is imported first.
APPINSPECT = "import sys, pylibmagic; from splunk_appinspect.main import execute; sys.exit(execute())"


def check() -> None:
    """Make the reports of the archive there is, unless they are there. Raises `BuildError`."""
    with alone("check-app"):
        lock = BUILDER / "checkers.lock"
        wanted = of_files([archive(), lock, BUILDER / "check.py"])
        if is_stamped(STAMP, wanted):
            return
        print(f"checking {archive().relative_to(ROOT)} ...", flush=True)
        python = environment("checkers", lock)
        shutil.rmtree(REPORTS, ignore_errors=True)
        REPORTS.mkdir()
        with tempfile.TemporaryDirectory() as home:  # slim keeps a copy of every app it has seen in its user's home
            environ = {**os.environ, "HOME": home, "PYTHONDONTWRITEBYTECODE": "1"}
            print("  slim validate ...", flush=True)
            slim = [str(python), "-m", "slim", "validate", str(archive())]
            (REPORTS / "slim.txt").write_text(run(slim, env=environ, cwd=Path(home)), "utf-8")
            print("  AppInspect, tag cloud ...", flush=True)
            report = REPORTS / "appinspect.json"
            inspect = ["inspect", str(archive()), "--mode", "precert", "--included-tags", "cloud"]
            run([str(python), "-c", APPINSPECT, *inspect, "--output-file", str(report)], env=environ, cwd=Path(home))
        summary = json.loads(report.read_text("utf-8"))["summary"]
        counts = ", ".join(f"{name} {summary[name]}" for name in ("error", "failure", "warning", "success"))
        print(f"  AppInspect: {counts}. Reports: {REPORTS.relative_to(ROOT)}", flush=True)
        write_stamp(STAMP, wanted)


if __name__ == "__main__":
    if sys.argv[1:]:
        sys.exit("usage: script/check-app")
    try:
        check()
    except (BuildError, OSError) as error:
        sys.exit(f"script/check-app: {error}")
    except KeyboardInterrupt:
        sys.exit("script/check-app: interrupted")
