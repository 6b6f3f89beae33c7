"""The record, and how AWS's text becomes one. Pure: no network, no store."""
