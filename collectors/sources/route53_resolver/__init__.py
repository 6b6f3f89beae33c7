"""Route 53 Resolver query logs: the DNS questions asked in VPCs and their answers, from the files AWS writes to S3."""
