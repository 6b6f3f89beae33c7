"""What detections know beside the records: AWS's published ranges, and the KV store where it is kept."""
