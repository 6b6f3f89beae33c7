"""Detections as data, and what executes SPL where no Splunk is."""
