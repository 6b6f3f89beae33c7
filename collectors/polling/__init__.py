"""Findings that have to be asked for: what to ask next, what is new in the answer, and where a restart goes on.

`reader` leads through the pages of a window, `memory` knows what was written, `position` is what a restart needs and
`checkpoint` keeps it, `budget` and `counts` hold the licence, `poller` puts them together for one account and region.
"""
