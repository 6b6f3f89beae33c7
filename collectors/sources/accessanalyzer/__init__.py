"""IAM Access Analyzer: access from outside, and access that nobody uses."""
