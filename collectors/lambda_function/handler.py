"""Entry point of the loader as a Lambda function behind SQS, with partial batch responses.

The mapping needs ``FunctionResponseTypes: [ReportBatchItemFailures]`` and the queue a visibility timeout of six times
the function's. The function sends the rest of large objects to its own queue, so its recursion control must be
``Allow``: Lambda would otherwise stop a chain after about 16 runs
(https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html). `work.MAX_HOPS` bounds it here.
"""

from __future__ import annotations

from typing import Any, Dict

from collectors.lambda_function.batch import messages_of
from collectors.lambda_function.loader import loader


def handler(event: Dict[str, Any], context: Any) -> Dict[str, Any]:
    """Load the objects a batch of messages names; return which messages failed.

    Nothing is read or connected to before the first event. Raises when the function as a whole is set up wrongly
    (settings, secret): then every message of the batch fails.
    """
    return loader().run(messages_of(event), context)
