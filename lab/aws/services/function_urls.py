"""The URLs of Lambda functions: moto keeps one a function and does not list them.

https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html
"""

from __future__ import annotations

from typing import Any, Dict

from lab.aws.services.contract import INVALID, Refused, Request, answers

INVALID["lambda"] = ("InvalidParameterValueException", "Value does not fit: {}")


@answers("lambda", "ListFunctionUrlConfigs")
def list_function_url_configs(request: Request) -> Dict[str, Any]:
    """At most one, as moto has no aliases.

    https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctionUrlConfigs.html
    """
    from moto.awslambda.utils import get_backend

    backend = get_backend(request.account, request.region)
    name = request.given["FunctionName"]
    try:
        function = backend.get_function(name)
    except Exception:
        raise Refused("ResourceNotFoundException", f"Function not found: {name}") from None
    if function.url_config is None:
        return {"FunctionUrlConfigs": []}
    kept = {name: value for name, value in function.url_config.to_dict().items() if value is not None}
    return {"FunctionUrlConfigs": [{**kept, "InvokeMode": str(kept.get("InvokeMode", "BUFFERED")).upper()}]}
