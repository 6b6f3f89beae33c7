"""Lambda functions in their real runtime, without AWS: the runtime interface emulator and ``awslambdaric``.

`emulator` fetches AWS's emulator, `package` lays out a function's code as the deployment does, `environment` is one
execution environment, a process of its own, `function` what a function is and its environments, `front` is Invoke over
HTTP, `poller` runs the event source mapping of an SQS queue, `batches` has the rules for what goes into an event and
what its answer means.

What is not as on AWS: the account in a function's ARN is 012345678912; there is no X-Amz-Function-Error header (the
answer is recognised by its body); memory is looked at 20 times a second, and only Linux tells it.
"""

from .deployment import Deployment
from .environment import Answer, ExecutionEnvironment
from .errors import LambdaRuntimeUnavailable, MappingRefused
from .front import LambdaFront
from .function import Environments, Function
from .package import lay_out_built, lay_out_package
from .poller import Poller, create_mapping

__all__ = [
    "Answer",
    "Deployment",
    "Environments",
    "ExecutionEnvironment",
    "Function",
    "LambdaFront",
    "LambdaRuntimeUnavailable",
    "MappingRefused",
    "Poller",
    "create_mapping",
    "lay_out_built",
    "lay_out_package",
]
