"""The app's alert actions: each row of an alert is handed over to the response's functions on AWS.

`actions` is the one table of them; `run` is what splunkd starts, `replay` hands over later what could not be handed
over at once (``| awsresponsequeue``). Nothing is decided here about an instance: that is `start`'s, on the AWS side.
"""
