"""``| elasticmatch``: a list of values on its way through a search, and what the store has of them."""
