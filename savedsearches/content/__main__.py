"""``python -m savedsearches.content``: checks the detections, and writes what is rendered of them."""

from __future__ import annotations

import sys

from savedsearches.content.checks import problems_of
from savedsearches.content.coverage import unknown_techniques
from savedsearches.content.reading import FOLDER, ContentError, read_detections
from savedsearches.content.render import write
from savedsearches.content.versions import LOCK, lock_text, problems_with, read_lock


def main() -> int:
    """Return the exit status: 0 written, 1 with all problems on standard error."""
    try:
        detections = read_detections()
    except ContentError as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    problems = problems_of({FOLDER / f"{each.name}.yml": each for each in detections})
    problems += problems_with(detections, read_lock()) + unknown_techniques(detections)
    if problems:
        sys.stderr.write("\n".join(problems) + "\n")
        return 1
    for path in write(detections):
        sys.stdout.write(f"{path}\n")
    LOCK.write_text(lock_text(detections), "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
