"""Base of external REST handlers (``handlertype = python``): one request, one process, one answer."""

import sys
import traceback

import __main__
import splunk
from splunk import rest
from splunk._child import Connection

ACTION_CREATE = 1
ACTION_LIST = 2
ACTION_EDIT = 4
ACTION_REMOVE = 8
ACTION_RELOAD = 32

CONTEXT_NONE = 1
CONTEXT_APP_ONLY = 2

EAI_ENTRY_ACL = "eai:acl"

_ACTIONS = {
    "create": (ACTION_CREATE, "handleCreate"),
    "list": (ACTION_LIST, "handleList"),
    "edit": (ACTION_EDIT, "handleEdit"),
    "remove": (ACTION_REMOVE, "handleRemove"),
    "reload": (ACTION_RELOAD, "handleReload"),
}


class AdminManagerException(Exception):
    """What a handler says to its user; ``status`` is the HTTP status splunkd answers with."""

    status = 500


class ArgValidationException(AdminManagerException):
    """An argument is missing, unknown or wrong."""

    status = 400


class BadActionException(AdminManagerException):
    """This handler has no such action."""

    status = 405


class NotFoundException(AdminManagerException):
    """No object of that name."""

    status = 404


class CallerArgs:
    """``id``: the object's name or None; ``data``: argument -> list of values."""

    def __init__(self, name, data):
        self.id = name
        self.data = data

    def __getitem__(self, key):
        return self.data[key]

    def __contains__(self, key):
        return key in self.data

    def get(self, key, default=None):
        """Return an argument's values."""
        return self.data.get(key, default)


class SupportedArgs:
    """What a handler takes."""

    def __init__(self):
        self.required = set()
        self.optional = set()
        self.takes_any = False

    def addReqArg(self, name):
        """Demand an argument."""
        self.required.add(name)

    def addOptArg(self, name):
        """Allow an argument."""
        if name == "*":
            self.takes_any = True
        self.optional.add(name)

    def check(self, given):
        """Raise `ArgValidationException` for a missing or an unknown argument."""
        missing = sorted(self.required - set(given))
        if missing:
            raise ArgValidationException("The following required arguments are missing: {}.".format(", ".join(missing)))
        unknown = [] if self.takes_any else sorted(set(given) - self.required - self.optional)
        if unknown:
            raise ArgValidationException('Argument "{}" is not supported by this handler.'.format('", "'.join(unknown)))


class ConfigItem(dict):
    """One entry of an answer: its keys, and metadata such as its access list."""

    def __init__(self):
        super().__init__()
        self.metadata = {}
        self.actions = None

    def append(self, key, value):
        """Add a value to a key."""
        self.setdefault(key, []).append(value)

    def setMetadata(self, key, value):
        """Set metadata."""
        self.metadata[key] = value


class ConfigInfo(dict):
    """The answer: entries by name, each made when first asked for."""

    def __missing__(self, name):
        self[name] = ConfigItem()
        return self[name]

    def addWarnMsg(self, message):
        """Log: the stand-in's answers carry no warnings."""
        sys.stderr.write(f"WARN {message}\n")

    addInfoMsg = addErrorMsg = addWarnMsg


class MConfigHandler:
    """A handler overrides `setup` and the ``handle...`` methods."""

    def __init__(self, request, ctxInfo):
        self.callerArgs = CallerArgs(request["id"], request["data"])
        self.requestedAction = _ACTIONS[request["action"]][0]
        self.customAction = ""
        self.supportedArgs = SupportedArgs()
        self.context = ctxInfo
        self.appName = request["app"]
        self.userName = request["user"]
        self.sortByKey, self.posCount, self.posOffset, self.sortAscending = "name", 0, 0, True
        self._session_key = request["session_key"]

    def getSessionKey(self):
        """Return the session key of the user who asks."""
        return self._session_key

    def setup(self):
        """Say which arguments the requested action takes."""

    def readConf(self, conf):
        """Return the stanzas of a conf file."""
        path = f"/servicesNS/nobody/{self.appName}/configs/conf-{conf}"
        _, body = rest.simpleRequest(path, self._session_key, {"output_mode": "json", "count": "0"})
        return {
            entry["name"]: {key: value for key, value in entry["content"].items() if not key.startswith("eai:")}
            for entry in rest.json.loads(body)["entry"]
        }

    def writeConf(self, conf, stanza, settings):
        """Set keys of a stanza, and make it if it is not there."""
        path = "/servicesNS/nobody/{}/properties/{}/{}".format(self.appName, conf, rest.urllib.parse.quote(stanza, ""))
        rest.simpleRequest(path, self._session_key, postargs=settings, raiseAllErrors=True)

    def handleList(self, confInfo):
        """Answer GET."""
        raise BadActionException("This handler claims to support this action (2), but has not implemented it.")

    def handleCreate(self, confInfo):
        """Answer POST to the collection."""
        raise BadActionException("This handler claims to support this action (1), but has not implemented it.")

    def handleEdit(self, confInfo):
        """Answer POST to an object."""
        raise BadActionException("This handler claims to support this action (4), but has not implemented it.")

    def handleRemove(self, confInfo):
        """Answer DELETE."""
        raise BadActionException("This handler claims to support this action (8), but has not implemented it.")

    def handleReload(self, confInfo=None):
        """Answer ``_reload``."""


def init(handler, ctxInfo=CONTEXT_NONE):
    """Answer the one request this process was started for with a handler of this class."""
    connection = Connection()
    request = connection.receive()
    splunk.setDefault("sessionKey", request["session_key"])
    __main__.___sessionKey = request["session_key"]
    try:
        connection.send({"entries": _answer(handler, ctxInfo, request)})
    except AdminManagerException as exc:
        # splunkd names the handler before the text of an exception it knows.
        text = f"In handler '{_name()}': {exc}"
        connection.send({"error": {"status": exc.status, "text": text}})
    except Exception as exc:
        traceback.print_exc()
        text = (
            f'Unexpected error "{type(exc)}" from python handler: "{exc}". See splunkd.log/python.log for more details.'
        )
        connection.send({"error": {"status": 500, "text": text}})


def _answer(handler, ctxInfo, request):
    one = handler(request, ctxInfo)
    one.setup()
    if request["action"] != "reload":
        one.supportedArgs.check(request["data"])
    info = ConfigInfo()
    getattr(one, _ACTIONS[request["action"]][1])(info)
    return [
        {"name": str(name), "content": {key: _plain(value) for key, value in item.items()}, "metadata": item.metadata}
        for name, item in info.items()
    ]


def _plain(value):
    if value is None or isinstance(value, (str, list, tuple)):
        return value
    return str(value)


def _name():
    return getattr(__main__, "__file__", "").rpartition("/")[2].rpartition(".")[0]
