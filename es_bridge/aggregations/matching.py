"""Which values of a list there are in the store, and what is counted of each: a hundred thousand in some requests.

The other way round than a lookup: the list goes to the engine as terms, some ten thousand in a request, and groups come
back only for what it has. No event is pulled.
"""

from __future__ import annotations

from typing import Dict, List, Mapping, Optional, Sequence

from es_bridge.aggregations.buckets import Ask
from es_bridge.aggregations.columns import Column
from es_bridge.aggregations.groups import Row
from es_bridge.aggregations.listed import Listed, Portion
from es_bridge.aggregations.request import StatsRequest
from es_bridge.aggregations.statistics import Statistics
from es_bridge.dialect import Dialect
from es_bridge.errors import QueryError
from es_bridge.limits import Ceilings
from es_bridge.query import Clause, SearchRequest
from es_bridge.time_field import TimeField
from es_bridge.transport import Transport


class Matching(Statistics):
    """A `Statistics` of the documents that hold one of ``values`` in the first field of ``stats.by``.

    A row has a value of the store there: every row's is one of the list's, or lies in one of its networks.
    """

    def __init__(
        self,
        transport: Transport,
        request: SearchRequest,
        stats: StatsRequest,
        values: Sequence[str],
        ceilings: Optional[Ceilings] = None,
        remembered: Optional[Dialect] = None,
    ) -> None:
        super().__init__(transport, request, stats, ceilings, remembered)
        self._values = values
        #: The list as the field can hold it; ``None`` before the field's type is known.
        self.listed: Optional[Listed] = None
        self._portion: Optional[Portion] = None

    def _rows(self, ask: Ask, time_field: TimeField, columns: Mapping[str, Column]) -> List[Row]:
        name = self.stats.by[0]
        column = columns[name]
        if column.family == "date":
            raise QueryError(
                f"{name!r} is a time: a list holds addresses, names or numbers. A range of time is what start_time= "
                "and end_time= are for"
            )
        self.listed = Listed(self._values, column)
        matched = 0
        rows: Dict[object, Row] = {}
        for portion in self.listed.portions() if column.path else ():
            self._portion = portion
            for row in super()._rows(ask, time_field, columns):
                # A document with several values brings groups of others, too; and a network may hold a listed address.
                if portion.covers(str(row.get(name, ""))):
                    rows.setdefault(tuple(str(row.get(each)) for each in self.stats.by), row)
            matched += self.matched or 0
        self.matched = matched
        return list(rows.values())

    def _narrow(self, columns: Mapping[str, Column]) -> Sequence[Clause]:
        narrow = list(super()._narrow(columns))
        return [*narrow, self._portion.clause] if self._portion else narrow
