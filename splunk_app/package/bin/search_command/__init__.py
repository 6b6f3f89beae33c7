"""The search command ``| elasticsearch``: everything that knows Splunk. The search itself is in `es_bridge`."""
