"""The logs: one folder each. Everything that is particular to a log is in its folder."""
