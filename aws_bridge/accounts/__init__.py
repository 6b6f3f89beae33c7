"""Calls of AWS in many accounts and regions, as an input inside Splunk makes them: by botocore alone.

An `Account` says how to get in, an `AwsSession` signs in and makes clients, a `Caller` makes one call and says what a
refusal means. Nothing here is a boto3 client: Splunk's Python has botocore only.
"""
