"""Rules of Sigma become detections: read by pySigma, at import time and never inside Splunk."""
