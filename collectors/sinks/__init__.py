"""Where records go: one folder or module a sink, each with an answer for every record (`collectors.sinks.contract`)."""
