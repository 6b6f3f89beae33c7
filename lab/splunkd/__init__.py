"""A stand-in for splunkd's REST interface, for tests and for people without a Splunk."""

from .clusters import add_cluster
from .server import SplunkdStandIn
from .users import Role, User

__all__ = ["Role", "SplunkdStandIn", "User", "add_cluster"]
