"""The app's event collectors: what a stanza means, the test of one, and the REST handler of the tab Event collectors.

Inputs stand on `collectors`. What these ask of splunkd is in `splunk_host`, what they ask of HEC in `splunk_bridge`.
"""
