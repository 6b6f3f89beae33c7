"""Route 53 Resolver query logs out of the files AWS writes to S3: one JSON object on each line.

https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resolver-query-logs-format.html

There is no identity in a record and its time has whole seconds, so equal lines are legitimate: a document's id is the
object and the number of the record in it.
"""

from __future__ import annotations

from typing import Iterable, Iterator

from collectors.records.json_record import json_records
from collectors.records.lines import Lines
from collectors.records.record import Context, Made
from collectors.sources.route53_resolver.fast_path import normalise


def records(pieces: Iterable[bytes], context: Context) -> Iterator[Made]:
    """Yield the records of one object whose unpacked content arrives in ``pieces``, and its bad ones.

    Raises `collectors.errors.DamagedFile` after every complete line before the damage.
    """
    return json_records(Lines(pieces, context.first_number), context, normalise)
