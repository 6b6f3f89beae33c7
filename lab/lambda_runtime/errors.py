"""What can go wrong around the runtime.

LambdaRuntimeUnavailable     the runtime cannot be set up or started here
MappingRefused               AWS would not accept such an event source mapping
"""


class LambdaRuntimeUnavailable(Exception):
    """The runtime cannot be set up or started here. The message says why and what would be needed."""


class MappingRefused(Exception):
    """AWS would not accept an event source mapping like this. The message says why."""
