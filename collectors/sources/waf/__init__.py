"""AWS WAF: every request a web ACL looked at, from the files AWS or Firehose writes to S3."""
