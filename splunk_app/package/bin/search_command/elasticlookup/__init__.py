"""``| elasticlookup``: events on their way through a search, and what the store has of each."""
