"""Modular inputs: what AWS has detected, into Splunk. Started by splunkd, one process a stanza of inputs.conf.

`command` is what a script in ``bin`` calls. `kinds` says which inputs there are and which settings each has, `settings`
reads them, `accounts` finds how to get into AWS, `run` leads through the turns of a process, `health` says how it is.
"""
