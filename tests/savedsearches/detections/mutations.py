"""Wrong searches made of a detection's search: each has one filter, threshold, grouping or window changed.

Of a search that is right in every clause, at least one case notices each. What no case notices is a clause that is not
tried, or that does nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Iterator, List

from savedsearches.content.detection import Detection, Schedule


@dataclass(frozen=True)
class Mutation:
    """One change: what kind it is, what was written, and the detection with it."""

    kind: str
    what: str
    detection: Detection

    @property
    def id(self) -> str:
        return f"{self.detection.name}: {self.kind} {' '.join(self.what.split())[:80]}"


_TERM = re.compile(r'(NOT\s+)?(?:[\w.@]+:(?:"(?:[^"\\]|\\.)*"|\([^()]*\)|\[[^\]]*\]|\{[^}]*\}|[^\s()"]+))')
_NUMBER = re.compile(r"(>=|<=|>|<|=)\s*([0-9]+(?:\.[0-9]+)?)")


def mutations_of(detection: Detection) -> List[Mutation]:
    """Return the mutations of a detection, in the order of its text; no two give the same search."""
    found: List[Mutation] = []
    body, _, end = detection.search.strip().rpartition("\n")
    seen = {body}
    for kind, what, changed in [*_queries(body), *_numbers(body), *_groupings(body), *_lines(body)]:
        if changed not in seen:
            seen.add(changed)
            found.append(Mutation(kind, what, detection.model_copy(update={"search": f"{changed}\n{end}"})))
    reads_a_window = detection.data != ["lookups"]
    return [*found, *(_windows(detection) if reads_a_window else ())]


def _queries(body: str) -> Iterator[tuple[str, str, str]]:
    """Yield the search without one term of a query, and with a term turned round."""
    for match in re.finditer(r'query="((?:[^"\\]|\\.)*)"', body):
        query = match.group(1)
        for term in _TERM.finditer(query.replace('\\"', "\0\0")):
            start, stop = term.span()
            text = query[start:stop]
            turned = text[len(term.group(1)) :] if term.group(1) else f"NOT {text}"
            yield "filter dropped", text, _put(body, match, query[:start] + "_exists_:event.dataset" + query[stop:])
            yield "filter turned", text, _put(body, match, query[:start] + f"({turned})" + query[stop:])


def _put(body: str, match: re.Match[str], query: str) -> str:
    return body[: match.start(1)] + query + body[match.end(1) :]


def _numbers(body: str) -> Iterator[tuple[str, str, str]]:
    """Yield the search with a threshold one step lower or higher, or of another sign."""
    for command in re.finditer(r'where="((?:[^"\\]|\\.)*)"|\|\s*(?:where|search)\s+([^|\n]*)', body):
        group = 1 if command.group(1) is not None else 2
        text = command.group(group)
        for number in _NUMBER.finditer(text):
            value = float(number.group(2))
            for step in (-1.0, 1.0) if value.is_integer() else (value * -0.2, value * 0.2):
                new = f"{value + step:.12g}"
                changed = text[: number.start(2)] + new + text[number.end(2) :]
                yield (
                    "threshold",
                    f"{number.group()} to {new}",
                    body[: command.start(group)] + changed + body[command.end(group) :],
                )


def _groupings(body: str) -> Iterator[tuple[str, str, str]]:
    """Yield the search without one field of a grouping that has several."""
    for match in re.finditer(r'by="([^"]*)"', body):
        names = [each for each in re.split(r"[,\s]+", match.group(1)) if each]
        for name in names if len(names) > 1 else ():
            rest = ", ".join(each for each in names if each != name)
            yield "grouping", name, body[: match.start(1)] + rest + body[match.end(1) :]


def _lines(body: str) -> Iterator[tuple[str, str, str]]:
    """Yield the search without one command that filters."""
    lines = body.splitlines()
    for number, line in enumerate(lines):
        if re.match(r"\s*\|\s*(where|search|dedup)\b", line):
            yield "command dropped", line.strip(), "\n".join(lines[:number] + lines[number + 1 :])


def _windows(detection: Detection) -> Iterator[Mutation]:
    """Yield the detection with a window twice as long, and a fifth as long."""
    minutes = re.fullmatch(r"([0-9]+)([mhd])", detection.schedule.window)
    assert minutes is not None
    size = int(minutes.group(1)) * {"m": 1, "h": 60, "d": 1440}[minutes.group(2)]
    for factor, kind in ((2.0, "window doubled"), (0.2, "window shortened")):
        window = f"{max(1, int(size * factor))}m"
        schedule = Schedule.model_construct(**{**detection.schedule.model_dump(), "window": window})
        yield Mutation(
            kind, f"{detection.schedule.window} to {window}", detection.model_copy(update={"schedule": schedule})
        )
