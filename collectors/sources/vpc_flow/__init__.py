"""VPC Flow Logs, text and Parquet, every version and custom formats."""
