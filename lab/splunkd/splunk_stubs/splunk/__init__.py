"""Stub of the package ``splunk`` that Splunk brings for its scripts, for children of the stand-in splunkd.

Written from what solnlib 7, splunktaucclib 8 and published scripts use of it. What is missing or different:

- modules: only ``admin``, ``rest``, ``util``, ``persistconn.application``, ``clilib.cli_common``,
  ``clilib.bundle_paths``, and of each only what is defined here;
- the processes are started and spoken to in the stand-in's own way (frames of JSON on stdin and stdout), not in
  splunkd's: neither the packets of a persistent process nor the XML of an external handler exist here;
- `handle` of a persistent script gets text; requests are answered one after the other by one process, where splunkd
  starts more of them; `handleStream` and `done` are never called;
- ``admin``: after a create or edit the list action is not called by itself; sorting, paging and filtering are left to
  the handler; no custom actions but what the path says; ``readConf`` and ``writeConf`` go through REST;
- ``rest.simpleRequest`` knows neither cookies nor proxies, and no retries;
- errors that splunkd logs with a stack go to ``var/log/splunk/splunkd.log`` as the child's stderr.
"""

_defaults = {}


class RESTException(Exception):
    """An answer of splunkd with an error status."""

    def __init__(self, statusCode, msg=None, messages=None):
        self.statusCode = statusCode
        self.msg = msg
        self.extendedMessages = messages
        super().__init__(f"[HTTP {statusCode}] {msg}")

    def get_message_text(self):
        """Return the message."""
        return str(self.msg)

    def get_extended_message_text(self):
        """Return what else was said."""
        return str(self.extendedMessages or self.msg)


class SplunkdConnectionException(Exception):
    """splunkd did not answer."""


class AuthenticationFailed(RESTException):
    """401."""

    def __init__(self, msg="Client is not authenticated", messages=None):
        super().__init__(401, msg, messages)


class AuthorizationFailed(RESTException):
    """403."""

    def __init__(self, msg="Client is not authorized to perform requested action", messages=None):
        super().__init__(403, msg, messages)


class ResourceNotFound(RESTException):
    """404."""

    def __init__(self, msg="Resource not found", messages=None):
        super().__init__(404, msg, messages)


def setDefault(name, value):
    """Set a value for the whole process."""
    _defaults[name] = value


def getDefault(name):
    """Return a value of the process, or None."""
    return _defaults.get(name)


def getSessionKey():
    """Return the session key this process was started for, or None."""
    return getDefault("sessionKey")
