"""A stand-in for splunkd's REST interface, for tests and for people without a Splunk."""

from .clusters import add_cluster
from .inputs import InputFailed, ModularInput, RunningInput
from .server import SplunkdStandIn
from .users import Role, User

__all__ = ["InputFailed", "ModularInput", "Role", "RunningInput", "SplunkdStandIn", "User", "add_cluster"]
