"""Scripts that answer request after request."""
