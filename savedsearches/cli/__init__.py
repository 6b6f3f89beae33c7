"""``aws-siem-bridge detections``."""
