"""``| elasticstats``: aggregates in the cluster and returns one row a group, as ``| stats`` would."""
