"""Splunk's protocols, spoken from outside Splunk.

`chunked` is the driving side of the chunked protocol: it starts a search command as splunkd does and reads what it
answers. `command_line` takes a command's line apart as splunkd does before it starts it. `rest` signs
in to a splunkd and runs searches as jobs.

It knows nothing of the app: which script is started, and what it logs, is the caller's business.
"""
