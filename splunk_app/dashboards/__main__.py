"""``python -m splunk_app.dashboards``: checks the pages, and writes what is rendered of them."""

from __future__ import annotations

import sys

from savedsearches.content.reading import ContentError
from splunk_app.dashboards.checks import problems_of
from splunk_app.dashboards.reading import read_pages
from splunk_app.dashboards.render import write


def main() -> int:
    """Return the exit status: 0 written, 1 with all problems on standard error."""
    try:
        problems = problems_of(*read_pages())
    except ContentError as exc:
        problems = exc.problems
    if problems:
        sys.stderr.write("\n".join(problems) + "\n")
        return 1
    for path in write():
        sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
