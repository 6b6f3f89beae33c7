"""The sink of who needs more than a modular input's standard output: HEC with indexer acknowledgement."""
