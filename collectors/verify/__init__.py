"""Whether everything is there: each record of each object, and CloudTrail's chain of digests."""
