"""Detections: what a file may say, what is checked, and what Splunk reads of it."""
