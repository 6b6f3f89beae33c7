"""What fields the documents of a pattern have: types, where they are indexed, how many documents have them, values.

::

    summary.py       the question, in the order it is asked
    capabilities.py  what the mappings know: types, searchable, aggregatable
    documents.py     what some whole documents show: fields that no mapping has, members of objects, values of texts
    aggregates.py    what the engine counts: documents that have a field, its values
"""

#: Most frequent values of a field, where nobody says how many, and at most.
DEFAULT_TOP = 5
MOST_TOP = 1_000
#: Matching documents up to which all are counted, where nobody says how many.
DEFAULT_SAMPLE_DOCS = 100_000
