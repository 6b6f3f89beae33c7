"""Amazon Macie: sensitive data in S3, and buckets that are open."""
