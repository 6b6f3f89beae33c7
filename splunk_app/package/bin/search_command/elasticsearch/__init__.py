"""``| elasticsearch``: the documents of a cluster as events, newest first."""
