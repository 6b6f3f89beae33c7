"""``aws-siem-bridge report``: the page Monthly report as CSV files that Excel opens, also in Korean."""

from __future__ import annotations

import argparse
import csv
import io
import re
from pathlib import Path
from typing import Callable, Iterator, List, Mapping, NamedTuple, Sequence
from urllib.parse import quote

from es_bridge.cli.reporting import DONE, FAILED, UsageError, run_reported, say, tell
from savedsearches.cli.splunk import add_splunk_arguments, splunkd_from
from splunk_app.dashboards.definition import ANY, APP, chain_of, headings, with_words
from splunk_app.dashboards.reading import LANGUAGES, read_pages
from splunk_app.dashboards.tokens import filled
from splunk_bridge.rest import RestError, Splunkd

PAGE = "report"
_EXAMPLES = """\
examples:
  aws-siem-bridge report --to october --splunk https://splunk.example:8089 --username me
  aws-siem-bridge report --to q3 --earliest=-3mon@mon --language ko --splunk https://splunk.example:8089 --username me

Writes a file for each table of the page, with a byte order mark, by which Excel knows that it is UTF-8. Without a range
it is the month before, in the time zone of the user in Splunk. A cell that Excel would take for a formula begins with
an apostrophe.
Exit status: 0 done; 1 it could not be done; 2 wrong usage.
"""
#: Rows that splunkd gives in one answer.
_PAGE_ROWS = 1000
#: What a cell begins with that a spreadsheet computes. An attacker may have chosen the text.
_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")

#: Runs a search from and until a time of Splunk, and returns its rows.
RowsOf = Callable[[str, str, str], List[Mapping[str, object]]]


class Table(NamedTuple):
    """One table of the page. Rows are texts in the order of the columns."""

    name: str
    columns: List[str]
    rows: List[List[str]]


def tables(rows_of: RowsOf, language: str, account: str = ANY, earliest: str = "", latest: str = "") -> Iterator[Table]:
    """Yield the tables of the page in a language; each is one search. Raises what ``rows_of`` raises."""
    pages, words = read_pages()
    page = pages[PAGE]
    for panel in page.panels:
        if not panel.search:
            continue
        search = f"{with_words(page.searches[panel.search], words, language).strip()}\n" + chain_of(
            PAGE, page, panel, words, language
        )
        found = rows_of(filled(search, {"account": account}), earliest or page.earliest, latest or page.latest)
        columns = list(headings(PAGE, page, panel, words, language).values())
        yield Table(panel.id, columns, [[_text(row.get(column)) for column in columns] for row in found])


def csv_of(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    """Return a CSV file for spreadsheets: UTF-8 with a byte order mark, no cell a formula."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(columns)
    writer.writerows([[_cell(text) for text in row] for row in rows])
    return file.getvalue().encode("utf-8-sig")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``report``."""
    parser.epilog = _EXAMPLES
    parser.add_argument("--to", required=True, metavar="FOLDER", help="where the files are written; made if need be")
    parser.add_argument("--language", choices=LANGUAGES, default=LANGUAGES[0], help="of the headings; default: en")
    parser.add_argument("--account", default=ANY, metavar="ID", help="one AWS account; default: all")
    parser.add_argument("--earliest", default="", metavar="TIME", help="as in Splunk, such as -3mon@mon")
    parser.add_argument("--latest", default="", metavar="TIME", help="as in Splunk, such as @mon")
    add_splunk_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the files; return the exit status."""
    return run_reported(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    if not re.fullmatch(r"\*|[0-9]{12}", arguments.account):
        raise UsageError(f"--account {arguments.account}: write the twelve digits of an account")
    folder = Path(arguments.to)
    try:
        splunkd = splunkd_from(arguments)
        folder.mkdir(parents=True, exist_ok=True)
        found = tables(
            lambda *search: _rows(splunkd, *search),
            arguments.language,
            arguments.account,
            arguments.earliest,
            arguments.latest,
        )
        for table in found:
            path = folder / f"{table.name}.csv"
            path.write_bytes(csv_of(table.columns, table.rows))
            tell(f"{path}: {len(table.rows)} rows")
    except (RestError, OSError) as exc:
        say(str(exc))
        return FAILED
    return DONE


def _rows(splunkd: Splunkd, search: str, earliest: str, latest: str) -> List[Mapping[str, object]]:
    """Return all rows of a search. Raises `RestError`, also where the search failed."""
    text = search if search.startswith("|") else f"search {search}"
    job = splunkd.wait(splunkd.start(text, earliest_time=earliest, latest_time=latest, namespace=APP))
    if job.is_failed:
        raise RestError(f"the search failed: {'; '.join(job.texts('FATAL', 'ERROR')) or job.state}")
    rows: List[Mapping[str, object]] = []
    while True:
        path = f"/services/search/jobs/{quote(job.sid, safe='')}/results"
        query = [("count", str(_PAGE_ROWS)), ("offset", str(len(rows)))]
        part = list(splunkd.request("GET", path, query=query).get("results", []))
        rows += part
        if len(part) < _PAGE_ROWS:
            return rows


def _text(value: object) -> str:
    return "; ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)


def _cell(text: str) -> str:
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text
