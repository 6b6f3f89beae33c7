"""The end of the demo's story: an alert, and the whole response to it, in AWS's stand-in."""
