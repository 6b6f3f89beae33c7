"""What can go wrong around the stand-in."""


class AwsUnavailable(Exception):
    """The stand-in cannot start here. The message says why and what would be needed."""
