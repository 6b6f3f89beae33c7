"""Base class of persistent scripts."""


class PersistentServerConnectionApplication:
    """A script's class overrides `handle`."""

    def __init__(self, command_line=None, command_arg=None):
        pass

    def handle(self, in_string):
        """Return the answer to a request: a dict with payload, status and headers, or text."""
        raise NotImplementedError("PersistentServerConnectionApplication.handle")

    def handleStream(self, handle, in_string):
        """Not called by the stand-in."""
        raise NotImplementedError("PersistentServerConnectionApplication.handleStream")

    def done(self):
        """Not called by the stand-in."""
