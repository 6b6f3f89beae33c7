"""What happens after an alert: an instance is isolated, its evidence kept, and all of it undone again.

`core` decides and calls nothing, `aws` reads and changes AWS, `actions` puts the two together. See docs/response.md.
"""
