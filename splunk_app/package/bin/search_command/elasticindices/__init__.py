"""``| elasticindices``: the indices that may be read. Imports nothing at its start that asks a cluster."""
