"""Which parts of a query can match nothing: a search that finds nothing for that reason must not look like a quiet day.

`check` asks beside a search and says what comes of it, `look` is one look at the query. What is looked at, by subject:
`fields` and values, `words` that look like mistakes, `members` of objects indexed as a whole.
"""

#: What becomes of such a part: a warning, an error, or nothing, for it is not looked for.
UNKNOWN_FIELDS = ("warn", "fail", "ignore")
