"""Flow log records out of Parquet files, in flat memory: the same records as from the text form of the same flows.

A batch of rows is turned into the texts that a line of the text form has and goes the same way from there. Columns may
be named either way (``account_id``, ``account-id``). Columns that only repeat the folders of the Hive layout are left
out. AWS: https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-path.html

Reading needs ``pyarrow`` (170 MB installed), which is imported when the first such file comes. AWS's row groups are
small; a row group is read in pieces all the same, since whoever rewrites files may make one group of all.
"""

from __future__ import annotations

from typing import Any, BinaryIO, Iterator, List, Tuple

from collectors.errors import CollectorError, DamagedFile, InvalidRecord, NotThisLog
from collectors.records.record import EXCERPT_BYTES, BadBefore, BadRecord, Context, Made
from collectors.records.shape import LONGEST_INDEXED
from collectors.sources.vpc_flow.columns import ABSENT, KNOWN, PARTITIONS, plain_name
from collectors.sources.vpc_flow.fast_path import FastNormaliser

#: Rows in memory at once, some 5 MB as Python objects; 8,192 gained no speed and cost 20 MB more (measured).
BATCH_ROWS = 2_048
#: Bytes that pyarrow reads ahead, instead of a whole column of a row group.
BUFFER_BYTES = 256 * 1024
#: Parquet has no line to quote and no place to name.
NO_OFFSET = -1


def records(file: BinaryIO, context: Context) -> Iterator[Made]:
    """Yield a `Record` or a `BadRecord` for each row of ``file``, which can be sought.

    Raises `NotThisLog` for a file without flow log columns, `DamagedFile` when it cannot be read on, and
    `CollectorError` where pyarrow is not installed.
    """
    arrow, parquet = _libraries()
    try:
        table = parquet.ParquetFile(file, buffer_size=BUFFER_BYTES, pre_buffer=False)
    except (arrow.ArrowException, OSError) as exc:
        raise DamagedFile(f"the Parquet file cannot be read: {exc}", 0) from exc
    if not table.metadata.num_rows:
        return
    schema = table.schema_arrow
    wanted = [name for name in schema.names if plain_name(name) not in PARTITIONS]
    columns = tuple(map(plain_name, wanted))
    if len(set(columns).intersection(KNOWN)) < 2:
        raise NotThisLog(f"the Parquet file has none of a flow log's columns: {', '.join(schema.names)[:200]}")
    normaliser = FastNormaliser(columns, context)
    number = 0
    bad_before = BadBefore()
    was_bad = False
    for batch in _batches(arrow, table, wanted, context.first_number):
        if isinstance(batch, int):  # rows that an earlier run has stored
            number += batch
            continue
        for values in zip(*[_texts(arrow, column) for column in batch.columns]):
            number += 1
            if number < context.first_number:
                continue
            if was_bad and values in bad_before:
                yield BadRecord(number, NO_OFFSET, bad_before[values], _excerpt(values))
                continue
            try:
                made = normaliser.record(list(values), number, max(map(len, values)) > LONGEST_INDEXED)
                was_bad = False
            except InvalidRecord as exc:
                was_bad = True
                if sum(map(len, values)) <= BadBefore.LONGEST:
                    bad_before.keep(values, str(exc))
                yield BadRecord(number, NO_OFFSET, str(exc), _excerpt(values))
                continue
            yield made


def _excerpt(values: Tuple[str, ...]) -> bytes:
    return " ".join(values).encode("utf-8", "replace")[:EXCERPT_BYTES]


def _batches(arrow: Any, table: Any, wanted: List[str], first_number: int) -> Iterator[Any]:
    """Yield the rows in batches, and the number of rows in place of those that all come before ``first_number``.

    Row group by row group: a batch that spans two would be lost with the second.
    """
    seen = 0
    for group in range(table.num_row_groups):
        rows = table.metadata.row_group(group).num_rows
        if seen + rows < first_number:
            seen += rows
            yield rows
            continue
        batches = table.iter_batches(BATCH_ROWS, row_groups=[group], columns=wanted, use_threads=False)
        while True:
            try:
                batch = next(batches, None)
            except (arrow.ArrowException, OSError) as exc:
                raise DamagedFile(f"the Parquet file cannot be read on after {seen:,} rows: {exc}", NO_OFFSET) from exc
            if batch is None:
                break
            seen += batch.num_rows
            yield batch if seen >= first_number else batch.num_rows


def _libraries() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as exc:
        raise CollectorError(
            "flow logs in Parquet need pyarrow, which is not installed: pip install '.[parquet]' in the clone"
        ) from exc
    return pyarrow, pyarrow.parquet


def _texts(arrow: Any, column: Any) -> List[str]:
    """Return the values of a column as the text form has them."""
    types = arrow.types
    if types.is_timestamp(column.type):  # written by a tool that knows what start and end are
        column = column.cast(arrow.timestamp("s"), safe=False).cast(arrow.int64())
    if types.is_integer(column.type):
        column = column.cast(arrow.string())
    values = column.to_pylist()
    if types.is_string(column.type):
        return [value or ABSENT for value in values]
    return [_text(value) for value in values]


def _text(value: Any) -> str:
    if value is None or value == "" or value != value:  # NaN is what pandas makes of a missing number
        return ABSENT
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace") or ABSENT
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
