"""``aws-siem-bridge respond``."""
