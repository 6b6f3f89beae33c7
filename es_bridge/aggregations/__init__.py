"""Aggregating in the engine: what ``| stats`` would make of all documents that match, without moving them.

::

    measures.py    stats= and by= as the user writes them       condition.py, order.py, span.py   where=, sort=, span=
    columns.py     which field of the index each name stands for, and what its type does to its values
    values.py      an engine's keys and numbers as Splunk's texts
    top.py         which values are the best, for top=
    buckets.py     all buckets of a composite aggregation, page by page
    groups.py      what is known of each group, and its row
    statistics.py  one aggregation from its opening to its last row
"""
