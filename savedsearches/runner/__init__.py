"""Runs a strict subset of SPL without a Splunk: for tests of shipped searches, back-tests and the demo's prompt.

What is not in the subset is an error, never skipped. It is written after Splunk's Search Reference and was never
compared with a real Splunk: it shows that a search does what we mean, not what Splunk would do.

In the order a search travels: `macros` are put in, `pipeline` takes the text apart, `commands` has a module for each
group of commands, each of which turns rows into rows, and `run` leads them. ``expression`` (with ``functions``) is what
``eval`` and ``where`` read, `search_terms` what ``search`` reads, `aggregates` what ``stats`` computes.
"""
