"""Splunk Web, as far as an app's own pages need it."""
