"""One page, as its YAML file says it. The schema is strict, and all errors of a file come at once."""

from __future__ import annotations

import re
from typing import Dict, List, Literal, Optional

from pydantic import BaseModel, ConfigDict, Field, model_validator

from splunk_app.dashboards.tokens import tokens_of

#: What starts when a page is opened: a user may run few searches at once, and so may our cluster.
MOST_SEARCHES = 3
#: Inputs beside the time range -> whether any value is chosen at first.
Input = Literal["account", "region", "cluster", "what"]
Kind = Literal["table", "single", "column", "line", "bar", "text"]
#: Columns of a page.
COLUMNS = 12
HEIGHTS = {"table": 360, "single": 110, "column": 280, "line": 280, "bar": 280, "text": 80}
NAME = re.compile(r"[a-z][a-z0-9_]*")
ROW = re.compile(r"row\.([\w.-]+)\.value")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Link(_Strict):
    """Where a click on a row leads: one of a search, another page, this page's inputs, or an address outside."""

    search: str = ""
    page: str = ""
    #: Input of the other page -> what it is set to.
    inputs: Dict[Input, str] = {}
    #: The range of the search instead of the page's own.
    earliest: str = ""
    url: str = ""

    @model_validator(mode="after")
    def _one(self) -> Link:
        if sum(map(bool, (self.search, self.page, self.url))) != 1:
            raise ValueError("one of search, page and url")
        if self.inputs and not self.page:
            raise ValueError("inputs are those of another page")
        return self

    @property
    def row_fields(self) -> List[str]:
        """The columns that it takes from a row."""
        texts = (*self.inputs.values(), self.url, self.search)
        found = [ROW.fullmatch(token.name) for text in texts for token in tokens_of(text)]
        return list(dict.fromkeys(match.group(1) for match in found if match))


class Panel(_Strict):
    """One panel: the rows of a search of the page, and what is made of them."""

    id: str
    kind: Kind
    width: int = Field(ge=2, le=COLUMNS)
    height: int = Field(default=0, ge=0)
    search: str = ""
    chain: str = ""
    #: Which text of the catalogue says why it may have no rows, and what to do then.
    empty: str = ""
    link: Optional[Link] = None
    #: Columns of the table that a link needs and nobody reads.
    hidden: List[str] = []
    #: Options of the visualization, as Dashboard Studio has them.
    options: Dict[str, object] = {}

    @model_validator(mode="after")
    def _whole(self) -> Panel:
        if not NAME.fullmatch(self.id):
            raise ValueError(f"id {self.id!r}: small letters, digits and _")
        if (self.kind == "text") == bool(self.search):
            raise ValueError("a text has no search, every other panel has one")
        if self.search and not self.empty:
            raise ValueError("empty: name the text that says what to do where there are no rows")
        return self


class Page(_Strict):
    """A page."""

    earliest: str
    latest: str = "now"
    inputs: List[Input] = []
    #: What is started when the page is opened, by name; panels continue these.
    searches: Dict[str, str] = Field(max_length=MOST_SEARCHES)
    panels: List[Panel] = Field(min_length=1)

    @model_validator(mode="after")
    def _names(self) -> Page:
        problems = [
            f"search {name!r}: small letters, digits and _" for name in self.searches if not NAME.fullmatch(name)
        ]
        ids = [panel.id for panel in self.panels]
        problems += [f"two panels are called {name}" for name in sorted({name for name in ids if ids.count(name) > 1})]
        used = {panel.search for panel in self.panels if panel.search}
        problems += [f"no search {name!r}" for name in sorted(used - set(self.searches))]
        problems += [f"no panel shows the search {name!r}" for name in sorted(set(self.searches) - used)]
        if len(set(self.inputs)) != len(self.inputs):
            problems.append("an input is there twice")
        if problems:
            raise ValueError("; ".join(problems))
        return self
