"""A stand-in for splunkd's REST interface, for tests and for people without a Splunk."""

from .clusters import add_cluster
from .server import SplunkdStandIn
from .state import User

__all__ = ["SplunkdStandIn", "User", "add_cluster"]
