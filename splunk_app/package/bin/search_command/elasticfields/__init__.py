"""``| elasticfields``: the fields of a pattern. Imports nothing at its start that asks a cluster."""
