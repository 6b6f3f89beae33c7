"""The sink of a modular input: events in XML on standard output, which splunkd reads."""
