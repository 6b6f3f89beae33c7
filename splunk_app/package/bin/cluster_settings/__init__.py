"""The app's settings: clusters, who may search them, and the way from splunkd's configuration to a running search.

Shared by the search command (`client`), the REST handler that answers it (`handler`) and the configuration pages
(`page`). Only the handler ever reads a stored secret; only a local process of Splunk's own user gets it from there.
What these ask of Splunk itself is in `splunk_host`.
"""
