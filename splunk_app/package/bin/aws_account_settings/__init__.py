"""The app's AWS accounts: what a stanza means, the test of one, and the REST handler of the page AWS accounts.

Inputs stand on `accounts`. What these ask of Splunk itself is in `splunk_host`, what they ask of AWS in `aws_bridge`.
"""
