"""CloudTrail: management events, S3 data events and Insights, from the files AWS writes to S3."""
