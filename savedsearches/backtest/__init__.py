"""What detections would have raised on a real cluster, before anybody schedules them."""
